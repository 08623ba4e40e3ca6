// room.js in Node against the real servers: older messages, what a server remembers, and pings.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { connect } from '../../proxy/web/room.js';
import { FakeLocks, FakeStorage } from './fakes.mjs';
import { Relay, Stack, becomes, eventually } from './stack.mjs';

let stack;
const open = [];

before(async () => {
  stack = await Stack.start();
  await stack.redis('CONFIG', 'SET', 'room.keep', '1000000');
});

after(async () => {
  for (const connection of open) connection.close();
  await stack?.stop();
});

/** A connection that notes what its sockets send and hear. */
function join(uid, more = {}) {
  const frames = [];
  let isMute = false;
  const connection = connect({
    uid,
    url: `ws://127.0.0.1:${stack.port}/ws`,
    WebSocket: class extends WebSocket {
      constructor(url) {
        super(url);
        this.on('message', (data) => frames.push(JSON.parse(data)));
      }

      emit(name, ...more) { return isMute && name === 'message' ? true : super.emit(name, ...more); }

      send(data) {
        frames.push({ ...JSON.parse(data), isOurs: true });
        super.send(data);
      }
    },
    ...more,
  });
  open.push(connection);
  return { connection, frames, mute: () => { isMute = true; } };
}

function enter(connection, id, options) {
  const room = connection.room(id, options);
  const texts = [];
  room.on('message', (event) => { texts.push(event.message); });
  return { room, texts };
}

const sent = (room) => eventually('everything is sent', () => room.outbox.length === 0);
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('older messages are read page by page, apart from those that come', { timeout: 60_000 }, async () => {
  const { connection } = join('writer');
  const { room } = enter(connection, 'pages');
  for (const n of numbers(1, 250)) room.send(n);
  await sent(room);

  const late = join('reader');
  const { room: reader, texts } = enter(late.connection, 'pages');
  await eventually('the reader is in', () => reader.state === 'online');
  room.send(251);
  await becomes('the reader hears what is new', () => texts, [251]);
  const pages = [await reader.history(), await reader.history(), await reader.history()];
  assert.deepEqual(pages.map(({ messages }) => messages.map((event) => event.message)), [numbers(151, 250), numbers(51, 150), numbers(1, 50)]);
  assert.deepEqual(pages.map(({ more, gone }) => [more, gone]), [[true, 0], [true, 0], [false, 0]]);
  assert.deepEqual(texts, [251]);
  const [message] = pages[0].messages;
  assert.deepEqual([message.event, message.uid, message.roomid, message.seq], ['message', 'writer', 'pages', 151]);

  await stack.redis('ROOM.TRIM', 'room:pages', 'MAXLEN', '120');
  const trimmed = await reader.history({ until: pages[0].after });
  assert.deepEqual([trimmed.messages.length, trimmed.more, trimmed.gone], [19, false, 131]);

  await stack.redis('DEL', 'room:pages');
  await assert.rejects(reader.history({ until: pages[0].after }), { code: 'BADPOS' });
});

test('a message that was stored but never confirmed is not stored twice by the tab that takes it over', { timeout: 60_000 }, async () => {
  await stack.redis('CONFIG', 'SET', 'room.dedupe-count', '5');
  try {
    const browser = { storage: new FakeStorage(), locks: new FakeLocks() };
    const locks = browser.locks.tab();
    const first = join('twice', { storage: browser.storage, tabStorage: new FakeStorage(), locks });
    const { room } = enter(first.connection, 'twice');
    await eventually('the first tab is in', () => room.state === 'online');
    first.mute();
    room.send('once');
    await eventually('it is stored', async () => (await stack.redis('ROOM.RANGE', 'room:twice', '1', '10')).join().includes('once'));
    assert.equal(room.outbox.length, 1, 'but the tab does not know');
    locks.crash();
    const other = join('twice', { tabStorage: new FakeStorage() });
    const talk = enter(other.connection, 'twice');
    for (const n of numbers(1, 20)) talk.room.send(`later ${n}`);
    await sent(talk.room);
    const heir = join('twice', { storage: browser.storage, tabStorage: new FakeStorage(), locks: browser.locks.tab() });
    const { room: taken } = enter(heir.connection, 'twice');
    const fates = [];
    taken.on('outbox', (entry) => fates.push(entry.state));
    // It reads its uid's log from where the slowest tab is, so it learns that the message is there.
    await becomes('it is taken over, and found in the log', () => fates, ['pending', 'sent']);
    const stored = (await stack.redis('ROOM.RANGE', 'room:twice', '1', '100')).filter((line) => line.includes('"once"'));
    assert.equal(stored.length, 1);
  } finally {
    await stack.redis('CONFIG', 'SET', 'room.dedupe-count', '100');
  }
});

test('a message whose answer was lost between Redis and its proxy is not stored twice, though others wrote much meanwhile', { timeout: 60_000 }, async () => {
  const relay = await Relay.start(stack.redisPort);
  await stack.redis('CONFIG', 'SET', 'room.dedupe-count', '5');
  try {
    const port = await stack.anotherProxy(relay.port);
    // It tries again after half a second.
    const cut = join('cut', { url: `ws://127.0.0.1:${port}/ws`, tabStorage: new FakeStorage(), random: () => 0 });
    const { room } = enter(cut.connection, 'hole');
    await eventually('it is in', () => room.state === 'online');
    const fates = [];
    room.on('outbox', (entry) => fates.push(entry.state));
    relay.muteAt('ROOM.PUBLISH');
    room.send('once');
    const stored = async () => (await stack.redis('ROOM.RANGE', 'room:hole', '1', '100')).filter((line) => line.includes('"once"')).length;
    await eventually('it is stored', stored);
    // Nothing gets through any more: its proxy hears of nothing that happens now.
    relay.cut();
    await eventually('the page is told so', () => cut.frames.some((frame) => frame.code === 'UNAVAILABLE' && frame.of === 'message'));
    // By the other proxy the same person writes so much that Redis forgets the id.
    const other = join('cut', { tabStorage: new FakeStorage() });
    const talk = enter(other.connection, 'hole');
    for (const n of numbers(1, 20)) talk.room.send(`later ${n}`);
    await sent(talk.room);
    // What it asks about the room reaches Redis again, before it hears an answer.
    relay.muteAt('room:hole');
    relay.mend();
    // Longer than the link and the next try of a message wait.
    await new Promise((done) => { setTimeout(done, 2500); });
    relay.muteAt();
    relay.cut();
    relay.mend();
    await becomes('the login brings it', () => fates, ['pending', 'sent']);
    await eventually('it hears what was said meanwhile', () => room.position === talk.room.position);
    assert.equal(await stored(), 1);
    const tries = cut.frames.filter((frame) => frame.isOurs && frame.message === 'once');
    assert.equal(tries.length, 1, 'it did not have to ask with the message');
  } finally {
    await stack.redis('CONFIG', 'SET', 'room.dedupe-count', '100');
    await relay.stop();
  }
});

test('a ping is answered, and confirms nothing', { timeout: 60_000 }, async () => {
  const listeners = [];
  globalThis.addEventListener = (name, run) => { if (name === 'online') listeners.push(run); };
  globalThis.removeEventListener = () => {};
  const { connection, frames } = join('pinger');
  const { room } = enter(connection, 'pings');
  delete globalThis.addEventListener;
  delete globalThis.removeEventListener;
  await eventually('it is in', () => room.state === 'online');
  for (const run of listeners) run();
  await eventually('there is a pong', () => frames.some((frame) => frame.event === 'pong'));
  assert.equal(frames.filter((frame) => frame.isOurs && frame.event === 'heartbeat' && frame.message === 'ping').length, 1);
  assert.equal(typeof frames.find((frame) => frame.event === 'pong').ts, 'number');
  assert.equal(room.state, 'online');
});
