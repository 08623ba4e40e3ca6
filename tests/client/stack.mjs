// A redis-server with the module and a proxy beside it, on free ports, for one test file. Ended by pid.
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

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Waits until `check` gives something true. */
export async function eventually(what, check, ms = 15_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((done) => { setTimeout(done, 20); });
  }
}

const answers = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); done(true); });
  socket.once('error', () => done(false));
});

export class Stack {
  #children = [];
  #dir = mkdtempSync(join(tmpdir(), 'roomcast-'));

  static async start() {
    for (const [path, how] of [[MODULE, 'cargo build --release'], [PROXY, 'cargo build --release']]) {
      if (!existsSync(path)) throw new Error(`${path} is missing: ${how}`);
    }
    const stack = new Stack();
    stack.redisPort = await freePort();
    stack.port = await freePort();
    const redis = ['--port', stack.redisPort, '--bind', '127.0.0.1', '--save', '', '--dir', stack.#dir,
      '--logfile', join(stack.#dir, 'redis.log'), '--loadmodule', MODULE];
    stack.#spawn('redis-server', redis.map(String));
    await eventually('redis-server answers', () => answers(stack.redisPort));
    stack.#spawn(PROXY, ['--listen', `127.0.0.1:${stack.port}`, '--redis', `redis://127.0.0.1:${stack.redisPort}`]);
    await eventually('the proxy answers', () => answers(stack.port));
    stack.url = `http://127.0.0.1:${stack.port}`;
    return stack;
  }

  #spawn(program, args) {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    child.log = '';
    child.stdout.on('data', (text) => { child.log += text; });
    child.stderr.on('data', (text) => { child.log += text; });
    child.on('error', (error) => { child.log += `${program}: ${error.message}\n`; });
    this.#children.push(child);
  }

  /** What redis-cli answers, line by line. */
  async redis(...args) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(this.redisPort), ...args]);
    return stdout.trimEnd().split('\n');
  }

  /** Waits until nothing waits for a uid any more. */
  async caughtUp(room, uid) {
    await eventually(`nothing waits for ${uid}`, async () => {
      const lines = await this.redis('ROOM.PENDING', `room:${room}`, uid);
      return lines[lines.indexOf('pending') + 1] === '0';
    });
  }

  /** What the servers wrote, for a failed test. */
  logs() {
    const log = join(this.#dir, 'redis.log');
    const redis = existsSync(log) ? readFileSync(log, 'utf8') : '';
    return [redis, ...this.#children.map((child) => child.log)].join('\n');
  }

  async stop() {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || !child.pid) continue;
      child.kill('SIGTERM');
      await new Promise((done) => { child.once('exit', done); });
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** A TCP relay in front of a port, which can be cut: then nothing passes and nothing connects. */
export class Relay {
  #pairs = new Set();
  #cut = false;

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
    this.#pairs.add(near).add(far);
    const end = () => { near.destroy(); far.destroy(); this.#pairs.delete(near); this.#pairs.delete(far); };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.pipe(far);
    far.pipe(near);
  }

  cut() {
    this.#cut = true;
    for (const socket of this.#pairs) socket.destroy();
  }

  mend() {
    this.#cut = false;
  }

  async stop() {
    this.cut();
    await new Promise((done) => { this.server.close(done); });
  }
}
