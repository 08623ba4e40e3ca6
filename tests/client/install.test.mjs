// The package as others get it: packed, installed, built into applications, checked by the tools that know how packages break.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import WebSocket from 'ws';
import { launch } from './pages.mjs';
import { Stack, becomes } from './stack.mjs';
import { fits } from './types.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const source = resolve(here, '../../proxy/web/room');
const served = resolve(source, '..');
const bin = (name) => join(here, 'node_modules/.bin', name);
let apps;
let tarball;
let stack;
let browser;

/** Runs a program to its end; what it printed is told if it fails. */
async function run(program, args, options) {
  try {
    return (await promisify(execFile)(program, args, { timeout: 120_000, ...options })).stdout;
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

before(async () => {
  if (!existsSync(join(source, 'node_modules/esbuild'))) throw new Error('what builds the client is missing: (cd proxy/web/room && npm ci)');
  // Within this folder, so that what applications need beside the package is found in its node_modules.
  apps = await mkdtemp(join(here, '.apps-'));
  const packed = JSON.parse(await run('npm', ['pack', '--json', '--pack-destination', apps], { cwd: source }));
  tarball = join(apps, packed[0].filename);
  [stack, browser] = await Promise.all([Stack.start(), launch()]);
}, { timeout: 180_000 });

after(async () => {
  await browser?.close();
  await stack?.stop();
  if (apps) await rm(apps, { recursive: true, force: true });
});

/** An application with the packed package installed. */
async function application(name, files) {
  const folder = join(apps, name);
  await mkdir(folder, { recursive: true });
  const manifest = { name, private: true, version: '1.0.0', type: 'module' };
  for (const [file, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', tarball], { cwd: folder });
  return folder;
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** Serves a folder on a port of its own: another origin than the proxy's. */
async function serve(folder) {
  const server = createServer(async (request, response) => {
    const path = join(folder, request.url === '/' ? 'index.html' : request.url.split('?')[0]);
    const content = await readFile(path).catch(() => null);
    response.writeHead(content ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain' });
    response.end(content);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => { server.once('listening', done); });
  return { url: `http://localhost:${server.address().port}/`, stop: () => server.close() };
}

/**
 * Opens a served folder; what it shows as its list must become `expected`, without a complaint. `more` are steps: what is done
 * then, and what it must show after that.
 */
async function shows(folder, expected, ...more) {
  const site = await serve(folder);
  const page = await browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error' && !message.location().url.endsWith('favicon.ico')) complaints.push(message.text()); });
  try {
    await page.goto(site.url);
    for (const [act, wanted] of [[() => {}, expected], ...more]) {
      await act();
      await becomes('the page shows the messages', () => page.$$eval('li', (all) => all.map((one) => one.textContent)), wanted);
    }
    assert.deepEqual(complaints, []);
  } finally {
    await page.close();
    site.stop();
  }
}

const socketUrl = () => `${stack.url.replace('http', 'ws')}/ws`;

const PAGE = { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], jsx: 'react-jsx' };

const MAIN = (url) => `
import { type Message, type Room, connect } from 'roomcast';

interface Note { text: string }

const connection = connect({ url: '${url}', uid: 'vera', name: 'Vera' });
const room: Room<Note> = connection.room<Note>('vite');
room.on('message', (event: Message<Note>) => {
  const item = document.createElement('li');
  item.textContent = event.message.text.toUpperCase();
  document.querySelector('ul')!.append(item);
});
room.send({ text: 'one' });
room.send({ text: 'two' });
// @ts-expect-error: not what this room's messages are
if (Math.random() < 0) room.send('three');
`;

const CHAT = (url) => `
import { StrictMode, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from 'roomcast';
import { useRoom } from 'roomcast/react';

const connection = connect({ url: '${url}', uid: 'rita' });

function Chat() {
  const { room, state, messages, outbox, send } = useRoom<string>(connection, 'react');
  useEffect(() => { if (state === 'online' && messages.length === 0 && outbox.length === 0) { send('one'); send('two'); } });
  return <><p data-state={state}>{room?.roomid}</p><ul>{messages.map((event) => <li key={event.position}>{event.message}</li>)}</ul></>;
}

createRoot(document.getElementById('root')!).render(<StrictMode><Chat /></StrictMode>);
`;

const html = (script) => `<!doctype html><html lang="en"><title>.</title><body><ul></ul><div id="root"></div>${script}</body></html>`;

test('a Vite application in TypeScript', { timeout: 90_000 }, async () => {
  const folder = await application('vite-app', {
    'index.html': html('<script type="module" src="/src/main.ts"></script>'),
    'src/main.ts': MAIN(socketUrl()),
  });
  fits(folder, 'src/main.ts', PAGE);
  await run(bin('vite'), ['build', '--logLevel', 'warn'], { cwd: folder });
  await shows(join(folder, 'dist'), ['ONE', 'TWO']);
});

test('a React application, in strict mode', { timeout: 90_000 }, async () => {
  const folder = await application('react-app', {
    'index.html': html('<script type="module" src="/src/main.tsx"></script>'),
    'src/main.tsx': CHAT(socketUrl()),
    'tsconfig.json': '{ "compilerOptions": { "jsx": "react-jsx" } }',
  });
  fits(folder, 'src/main.tsx', PAGE);
  // As it runs while it is developed: effects twice.
  await run(bin('vite'), ['build', '--logLevel', 'warn', '--mode', 'development'], { cwd: folder, env: { ...process.env, NODE_ENV: 'development' } });
  // Another device of this uid, which is slow: after a change of the room's history all is sent again from where it is.
  const slow = new WebSocket(socketUrl());
  slow.on('open', () => slow.send(JSON.stringify({ event: 'login', uid: 'rita', roomid: 'react', ack: 'client' })));
  await stack.presence('react', 'rita', true);
  const copy = (from, to) => stack.redis('COPY', from, to, 'REPLACE');
  await shows(join(folder, 'dist'), ['one', 'two'],
    [() => copy('room:react', 'room:kept'), ['one', 'two']],
    [() => stack.publish('react', 'bot', ['taken back']), ['one', 'two', 'taken back']],
    [async () => { await copy('room:kept', 'room:react'); await stack.publish('react', 'bot', ['three']); }, ['one', 'two', 'three']]);
  slow.terminate();
});

test('a plain page of another origin, with what the proxy serves', { timeout: 60_000 }, async () => {
  const folder = join(apps, 'plain');
  await mkdir(folder);
  await writeFile(join(folder, 'index.html'), html(`<script type="module">
    import { connect } from '${stack.url}/room.js';
    const connection = connect({ url: '${socketUrl()}', uid: 'paul' });
    for (const id of ['plain-1', 'plain-2']) {
      const room = connection.room(id);
      room.on('message', (event) => {
        document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: event.message }));
        if (id === 'plain-1') connection.room('plain-2').send('two');
      });
      if (id === 'plain-1') room.send('one');
    }
  </script>`));
  await shows(folder, ['one', 'two']);
});

test('a program in Node', { timeout: 60_000 }, async () => {
  const folder = await application('node-app', {
    'main.mjs': `
      import { connect } from 'roomcast';
      import WebSocket from 'ws';
      const connection = connect({ WebSocket, url: '${socketUrl()}', uid: 'nora' });
      const room = connection.room('node');
      room.on('message', (event) => {
        console.log(event.message);
        if (event.message === 'two') setTimeout(() => connection.close(), 300);
      });
      room.send('one');
      room.send('two');`,
  });
  assert.equal(await run(process.execPath, ['main.mjs'], { cwd: folder }), 'one\ntwo\n');
});

const PROGRAM = `
import { connect, type Connection, type Entry, type Events, type Room } from 'roomcast';
import { useRoom, type RoomView } from 'roomcast/react';
import WebSocket from 'ws';
const connection: Connection = connect({ WebSocket, url: 'ws://127.0.0.1/ws', uid: 7, token: async () => 'token' });
const room: Room<{ n: number }> = connection.room<{ n: number }>('a', { as: 'guest' });
room.on('message', ({ message, seq }) => message.n + seq);
room.on('stuck', (stuck: Events['stuck']) => stuck.retryIn);
export const entry: Entry<{ n: number }> = room.send({ n: 1 });
export const single: Room<string> = connect<string>({ WebSocket, url: 'ws://127.0.0.1/ws', uid: 'a', roomid: 'b' });
export const page = room.history({ limit: 10 }).then(({ messages }) => messages[0]!.message.n);
export const view: () => RoomView<string> = () => useRoom<string>(connection, 'a');
// @ts-expect-error: a uid is needed
export const nobody = () => connect({ url: 'ws://127.0.0.1/ws' });
`;

describe('its types, for a program that knows no browser', () => {
  let folder;
  before(async () => {
    folder = await application('types-app', { 'src/main.ts': PROGRAM, 'dom/main.ts': `
      import { connect } from 'roomcast';
      export const room = connect({ WebSocket, storage: localStorage, tabStorage: sessionStorage, locks: navigator.locks, uid: 'a', roomid: 'b' });`,
      'own/main.ts': `
      import { connect } from 'roomcast';
      import { useRoom } from 'roomcast/react';
      export const both = [connect, useRoom];` });
  });

  for (const [module, moduleResolution] of [['esnext', 'node'], ['node16', 'node16'], ['esnext', 'bundler']]) {
    test(`are found by moduleResolution ${moduleResolution}`, () => {
      fits(folder, 'src/main.ts', { module, moduleResolution, lib: ['es2022'], types: ['node'], esModuleInterop: true });
    });
  }

  test('need no types but their own', () => {
    fits(folder, 'own/main.ts', { module: 'node16', moduleResolution: 'node16', lib: ['es2022'], skipLibCheck: false });
  });

  test('fit those of a browser', () => { fits(folder, 'dom/main.ts', PAGE); });
});

test('publint finds nothing', { timeout: 60_000 }, async () => {
  await run(bin('publint'), ['run', tarball, '--strict'], { cwd: apps });
});

test('arethetypeswrong finds nothing', { timeout: 60_000 }, async () => {
  // That it is ESM only is meant.
  await run(bin('attw'), [tarball, '--ignore-rules', 'cjs-resolves-to-esm'], { cwd: apps });
});

describe('what the proxy serves', () => {
  test('is what the sources give', { timeout: 60_000 }, async () => {
    const fresh = join(apps, 'fresh');
    await run(process.execPath, ['build.mjs', fresh], { cwd: source });
    for (const file of ['room.js', 'room.d.ts']) {
      const [is, shouldBe] = await Promise.all([served, fresh].map((folder) => readFile(join(folder, file), 'utf8')));
      assert.ok(is === shouldBe, `proxy/web/${file} is not what proxy/web/room/src gives: (cd proxy/web/room && npm ci && npm run build)`);
    }
  });

  test('has at most 9 KB for the wire, its name and its licence', async () => {
    const content = await readFile(join(served, 'room.js'));
    const size = gzipSync(content, { level: 9 }).length;
    assert.ok(size <= 9 * 1024, `${size} bytes`);
    assert.match(content.toString(), /^\/\*! roomcast \d+\.\d+\.\d+, MIT licence/);
  });

  test('has types that need no others', { timeout: 60_000 }, async () => {
    const folder = join(apps, 'served-types');
    await mkdir(folder);
    await copyFile(join(served, 'room.d.ts'), join(folder, 'room.d.ts'));
    await writeFile(join(folder, 'use.ts'), "import { connect } from './room.js';\nexport const room = connect<string>({ uid: 'a', roomid: 'b' });\nroom.send('hello');\n");
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    fits(folder, 'use.ts', { module: 'node16', moduleResolution: 'node16', lib: ['es2022'], skipLibCheck: false });
  });
});
