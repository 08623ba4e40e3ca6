// A redis-server with the module and a proxy beside it, on free ports, for one test file. Ended by pid.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const target = resolve(dirname(fileURLToPath(import.meta.url)), '../../target/release');
const MODULE = process.env.ROOMCAST_MODULE ?? join(target, 'libroomcast.so');
const PROXY = process.env.ROOMCAST_PROXY ?? join(target, 'roomcast-proxy');
const REDIS = process.env.REDIS_SERVER ?? 'redis-server';
/** Another program took the port that was free a moment ago. */
const PORT_ATTEMPTS = 5;

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => { server.once('listening', done); });
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}

/** Waits until `check` gives something true. */
export async function eventually(what, check, ms = 20_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

/** Waits until `get` gives the expected value; shows the difference if it never does. */
export async function becomes(what, get, expected) {
  let last;
  const isEqual = async () => {
    last = await get();
    try {
      assert.deepEqual(last, expected);
      return true;
    } catch {
      return false;
    }
  };
  await eventually(what, isEqual).catch((error) => assert.deepEqual(last, expected, error.message));
}

const answers = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); done(true); });
  socket.once('error', () => done(false));
});

/** The end of a log. */
function tail(log, lines = 15, width = 400) {
  return log.trimEnd().split('\n').slice(-lines).map((line) => line.slice(0, width)).join('\n');
}

/** A program, what it prints, and its end. */
class Program {
  log = '';
  #child;
  #ended;

  constructor(path, args) {
    this.#child = spawn(path, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on('data', (text) => { this.log += text; });
    this.#ended = new Promise((done) => {
      this.#child.once('error', (error) => { this.log += `${path} cannot be started: ${error.message}\n`; this.over = true; done(); });
      this.#child.once('exit', () => { this.over = true; done(); });
    });
  }

  async end(signal = 'SIGTERM') {
    if (!this.over) this.#child.kill(signal);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await this.#ended;
    clearTimeout(late);
  }
}

export class Stack {
  #dir = mkdtempSync(join(tmpdir(), 'roomcast-'));
  #redis;
  #proxy;
  #options;
  #others = [];
  #gone = [];

  /** `proxy` are more options of the proxy. */
  static async start({ proxy = [] } = {}) {
    for (const path of [MODULE, PROXY]) {
      if (!existsSync(path)) throw new Error(`${path} is missing; build it: cargo build --release`);
    }
    const stack = new Stack();
    stack.#options = proxy;
    try {
      await stack.#startRedis();
      await stack.startProxy();
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** Starts a program on a port of its own, until one is really free. */
  async #start(name, path, argsOf, fixedPort) {
    let program;
    for (let attempt = 0; attempt < (fixedPort ? 1 : PORT_ATTEMPTS); attempt += 1) {
      const port = fixedPort ?? await freePort();
      program = new Program(path, argsOf(port));
      await eventually(`${name} answers or ends`, async () => program.over || answers(port));
      if (!program.over) return [program, port];
    }
    throw new Error(`${name} did not start:\n${tail(program.log)}\n${tail(this.#redisLog())}`);
  }

  async #startRedis() {
    const args = (port) => ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', this.#dir,
      '--logfile', join(this.#dir, 'redis.log'), '--enable-debug-command', 'yes', '--loadmodule', MODULE,
      // A minute would be long in tests.
      'device-grace', '300'];
    [this.#redis, this.redisPort] = await this.#start('redis-server', REDIS, args);
  }

  /** Starts the proxy, again at the same address if it was killed. */
  async startProxy() {
    const args = (port) => ['--listen', `127.0.0.1:${port}`, '--redis', `redis://127.0.0.1:${this.redisPort}`, ...this.#options];
    [this.#proxy, this.port] = await this.#start('the proxy', PROXY, args, this.port);
    this.url = `http://127.0.0.1:${this.port}`;
  }

  /** Starts another proxy, which finds Redis at this port; the one that it listens at. */
  async anotherProxy(redisPort) {
    const args = (port) => ['--listen', `127.0.0.1:${port}`, '--redis', `redis://127.0.0.1:${redisPort}`];
    const [program, port] = await this.#start('another proxy', PROXY, args);
    this.#others.push(program);
    return port;
  }

  async killProxy() {
    await this.#proxy.end('SIGKILL');
    this.#gone.push(this.#proxy);
  }

  /** What redis-cli answers, line by line. */
  async redis(...args) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(this.redisPort), ...args]);
    return stdout.trimEnd().split('\n');
  }

  /** Many messages of a uid at once. */
  async publish(room, uid, texts) {
    const lines = texts.map((message) => `ROOM.PUBLISH room:${room} ${uid} '${JSON.stringify({ event: 'message', message })}'\n`);
    const child = execFile('redis-cli', ['-p', String(this.redisPort)]);
    let said = '';
    child.stdout.on('data', (text) => { said += text; });
    child.stdin.end(lines.join(''));
    await new Promise((done) => { child.once('close', done); });
    assert.doesNotMatch(said, /^[A-Z]+ /m, 'all are taken');
  }

  /** Waits until as many messages as given wait for a uid. */
  async waiting(room, uid, count) {
    await becomes(`${count} messages wait for ${uid}`, async () => {
      const lines = await this.redis('ROOM.PENDING', `room:${room}`, uid);
      return Number(lines[lines.indexOf('pending') + 1]);
    }, count);
  }

  /** Waits until Redis counts a uid as here, or as away. */
  async presence(room, uid, isOnline) {
    await eventually(`${uid} is ${isOnline ? 'online' : 'away'}`, async () => {
      const lines = await this.redis('ROOM.MEMBERS', `room:${room}`, isOnline ? 'ONLINE' : 'OFFLINE');
      return lines.includes(uid);
    });
  }

  #redisLog() {
    const log = join(this.#dir, 'redis.log');
    return existsSync(log) ? readFileSync(log, 'utf8') : '';
  }

  /** What the servers wrote, for a failed test. */
  logs() {
    const proxies = [...this.#gone, this.#proxy, ...this.#others].filter(Boolean).map((program) => program.log).join('');
    return ['--- redis-server', tail(this.#redisLog()), '--- proxy', tail(proxies)].join('\n');
  }

  async stop() {
    for (const program of [this.#proxy, ...this.#others]) await program?.end();
    await this.#redis?.end();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/**
 * A TCP relay in front of a port, which can be cut (nothing connects), stalled (nothing passes, and nobody is told) or mute (only
 * what is asked passes).
 */
export class Relay {
  #pairs = new Set();
  #cut = false;
  #stalled = false;
  #word = undefined;

  static async start(target) {
    const relay = new Relay();
    relay.server = createServer((near) => relay.#join(near, target)).listen(0, '127.0.0.1');
    await new Promise((done) => { relay.server.once('listening', done); });
    relay.port = relay.server.address().port;
    return relay;
  }

  #join(near, target) {
    if (this.#cut) {
      near.destroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    const pair = [near, far];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    near.on('data', (data) => {
      if (!this.#word || !data.includes(this.#word)) return;
      far.unpipe(near);
      far.resume();
    });
    near.pipe(far);
    far.pipe(near);
    if (this.#stalled) this.#hold(pair);
  }

  #hold(pair) {
    for (const socket of pair) socket.unpipe().pause();
  }

  stall() {
    this.#stalled = true;
    for (const pair of this.#pairs) this.#hold(pair);
  }

  /** What is asked passes, what is answered does not: on connections on which this is said. */
  muteAt(word) { this.#word = word; }

  /** Ends what goes through; what comes is refused until `mend`. */
  cut() {
    this.#cut = true;
    for (const pair of [...this.#pairs]) for (const socket of pair) socket.destroy();
  }

  /** New connections pass again; stalled ones stay dead. */
  mend() {
    this.#cut = false;
    this.#stalled = false;
  }

  async stop() {
    this.cut();
    await new Promise((done) => { this.server.close(done); });
  }
}
