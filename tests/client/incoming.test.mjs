// room.js against a scripted server: what comes in, in which order, and how often.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock, FakeStorage, Page, at, settled } from './fakes.mjs';

describe('what comes in', () => {
  test('reaches the page in order, one after the other', async () => {
    const page = new Page();
    await page.enter();
    const running = [];
    const release = [];
    page.room.on('message', (event) => {
      running.push(event.seq);
      return new Promise((done) => { release.push(done); });
    });
    page.message(1);
    page.message(2);
    page.socket.push({ event: 'presence', total: 3, num: 2 });
    await settled();
    assert.deepEqual(running, [1]);
    assert.equal(page.room.position, at(0), 'not processed yet');
    release[0]();
    await settled();
    assert.deepEqual([running, page.room.position], [[1, 2], at(1)]);
    assert.equal(page.told('presence').length, 0);
    release[1]();
    await settled();
    assert.equal(page.room.position, at(2));
    assert.equal(page.told('presence').length, 1);
  });

  test('a handler that fails does not stop the others, if it may be skipped', async (t) => {
    const blamed = t.mock.method(console, 'error', () => {});
    const page = new Page({ onHandlerError: 'skip' });
    page.room.on('message', () => { throw new Error('mistake'); });
    page.room.on('message', () => Promise.reject(new Error('mistake')));
    await page.enter();
    page.message(1);
    page.message(2);
    await settled();
    assert.deepEqual(page.texts, ['a1', 'a2']);
    assert.equal(page.room.position, at(2));
    assert.equal(blamed.mock.callCount(), 4);
  });

  test('is acknowledged after it was processed, together with what came shortly after', async () => {
    const page = new Page();
    await page.enter();
    let release;
    page.room.on('message', (event) => event.seq === 3 && new Promise((done) => { release = done; }));
    page.socket.take();
    for (let seq = 1; seq <= 3; seq += 1) page.message(seq);
    await page.clock.advance(1000);
    assert.deepEqual(page.socket.take('ack'), [{ event: 'ack', position: at(2), roomid: 'lobby' }]);
    release();
    await page.clock.advance(1000);
    assert.deepEqual(page.socket.take('ack').map((event) => event.position), [at(3)]);
    await page.clock.advance(10_000);
    assert.deepEqual(page.socket.take('ack'), [], 'nothing new, nothing said');
  });

  test('comes once, though the server sends it again after a reconnect', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    page.message(2);
    await settled();
    const login = await page.breakAndReturn(at(2), { resumed: true, new: false });
    assert.equal(login.since, at(2));
    assert.equal(login.history, undefined);
    page.message(1);
    page.message(2);
    page.message(3);
    await settled();
    assert.deepEqual(page.texts, ['a1', 'a2', 'a3']);
  });

  test('comes once, though the connection broke while a handler was at it', async () => {
    const page = new Page();
    await page.enter();
    const release = [];
    page.room.on('message', () => new Promise((done) => { release.push(done); }));
    page.message(1);
    page.message(2);
    await settled();
    page.socket.end();
    await page.clock.advance(16_000);
    page.socket.open();
    assert.equal(page.socket.take('login')[0].since, at(0));
    page.socket.push({ event: 'login', uid: 'ann', roomid: 'lobby', position: at(0), pending: 2, resumed: true });
    page.message(1);
    page.message(2);
    release[0]();
    await settled();
    release[1]();
    await settled();
    assert.deepEqual(page.texts, ['a1', 'a2']);
    assert.equal(page.room.position, at(2));
  });

  test('resumes over a reload where the tab left off', async () => {
    const tabStorage = new FakeStorage();
    const before = new Page({ tabStorage });
    await before.enter();
    before.message(1);
    await settled();
    const page = new Page({ tabStorage });
    assert.equal((await page.enter(at(1))).since, at(1));
    page.message(1);
    page.message(2);
    await settled();
    assert.deepEqual(page.texts, ['a2']);
    const other = new Page({ tabStorage, roomid: 'other' });
    assert.equal((await other.enter()).since, undefined, 'another room, another position');
  });

  test('a message that does not follow is asked for again; what then comes is taken', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    page.message(3);
    page.message(4);
    await settled();
    assert.deepEqual(page.texts, ['a1']);
    assert.equal(page.room.state, 'offline');
    await page.clock.advance(16_000);
    assert.equal((await page.enter(at(1))).since, at(1));
    for (const seq of [2, 3, 4]) page.message(seq);
    await settled();
    assert.deepEqual(page.texts, ['a1', 'a2', 'a3', 'a4']);
    assert.deepEqual(page.told('lost'), []);
  });

  test('a gap that the server insists on is told, not skipped', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    page.message(4);
    await settled();
    await page.clock.advance(16_000);
    await page.enter(at(1));
    page.message(4);
    page.message(5);
    await settled();
    assert.deepEqual(page.told('lost').map(({ from, to, reason }) => [from, to, reason]), [[2, 3, 'unknown']]);
    assert.deepEqual(page.texts, ['a1', 'a4', 'a5']);
  });

  test('a number that repeats with another tag is not taken for a repeat', async () => {
    const page = new Page();
    await page.enter();
    for (const seq of [1, 2, 3]) page.message(seq);
    await settled();
    page.message(3, { life: 'b' });
    await settled();
    assert.equal(page.room.state, 'offline', 'it asks');
    await page.clock.advance(16_000);
    await page.enter(at(1), { synced: false });
    page.socket.push({ event: 'reset', roomid: 'lobby', since: at(3), position: at(1) });
    page.message(2);
    page.message(3, { life: 'b' });
    page.synced(at(3, 'b'));
    await settled();
    assert.deepEqual(page.told('reset').map(({ since, position }) => [since, position]), [[at(3), at(1)]]);
    assert.deepEqual(page.texts, ['a1', 'a2', 'a3', 'b3'], '2 is the one that was seen');
    assert.equal(page.room.position, at(3, 'b'));
  });

  test('after a reset the known messages lead on and are acknowledged, without being shown again', async () => {
    const tabStorage = new FakeStorage();
    const before = new Page({ tabStorage });
    await before.enter();
    for (const seq of [1, 2, 3]) before.message(seq);
    await settled();
    const page = new Page({ tabStorage });
    await page.enter(at(0), { synced: false });
    page.socket.push({ event: 'reset', roomid: 'lobby', since: at(3), position: at(0) });
    page.message(1);
    page.message(2);
    await page.clock.advance(1000);
    assert.deepEqual(page.texts, [], 'the tab remembers them over the reload');
    assert.equal(page.room.position, at(2));
    assert.equal(page.socket.take('ack').at(-1).position, at(2));
  });

  test('that an own message is not in the history after all is told, wherever the page is', async () => {
    const page = new Page();
    await page.enter(at(10));
    page.room.send('mine');
    const [{ id }] = page.socket.take('message');
    page.socket.push({ event: 'sent', roomid: 'lobby', id, seq: 11, position: at(11) });
    for (let times = 0; times < 2; times += 1) page.socket.push({ event: 'reset', roomid: 'lobby', since: at(11), position: at(10) });
    await settled();
    assert.deepEqual(page.told('reset').map(({ since, position }) => [since, position]), [[at(11), at(10)]], 'once');
    page.message(11, { life: 'b' });
    await settled();
    assert.deepEqual(page.texts, ['b11']);
  });

  test('that a confirmed message is not in the history is told also to who lost the connection before it came back to them', async () => {
    const page = new Page();
    await page.enter(at(10));
    page.room.send('mine');
    const [{ id }] = page.socket.take('message');
    page.socket.push({ event: 'sent', roomid: 'lobby', id, seq: 12, position: at(12) });
    await page.breakAndReturn(at(10), { synced: false, pending: 2 });
    // What is confirmed now, at a lower number, does not make it forget that one.
    page.room.send('another');
    const [next] = page.socket.take('message');
    page.socket.push({ event: 'sent', roomid: 'lobby', id: next.id, seq: 11, position: at(11, 'b') });
    page.message(11, { life: 'b' });
    page.message(12, { life: 'b' });
    page.synced(at(12, 'b'));
    await settled();
    assert.deepEqual(page.told('reset').map(({ since, position }) => [since, position]), [[at(12), at(11, 'b')]]);
    assert.deepEqual(page.texts, ['b11', 'b12']);
    assert.equal(page.room.position, at(12, 'b'));
  });

  test('after a reset to where a slower device is, what was shown long ago is not shown again', async () => {
    const page = new Page();
    await page.enter(at(0));
    for (let seq = 1; seq <= 2000; seq += 1) page.message(seq);
    await settled();
    await page.breakAndReturn(at(0), { synced: false, pending: 1999 });
    page.socket.push({ event: 'reset', roomid: 'lobby', since: at(2000), position: at(0) });
    for (let seq = 1; seq <= 1999; seq += 1) page.message(seq);
    page.message(2000, { life: 'b' });
    await settled();
    assert.deepEqual([page.texts.length, page.texts.at(-1)], [2001, 'b2000']);
  });

  test('a loss is told, and what follows it is taken', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    page.socket.push({ event: 'lost', roomid: 'lobby', from: 2, to: 9, reason: 'maxlen', position: at(9) });
    page.message(10);
    await settled();
    assert.equal(page.told('lost')[0].reason, 'maxlen');
    assert.deepEqual(page.texts, ['a1', 'a10']);
  });

  test('presence, members, and the events of others are told as what they are', async () => {
    const page = new Page();
    await page.enter();
    page.socket.push({ event: 'login', uid: 'bob', roomid: 'lobby', total: 2, num: 2, ts: 1 });
    page.socket.push({ event: 'logout', uid: 'bob', roomid: 'lobby', total: 2, num: 1, ts: 2 });
    page.socket.push({ event: 'members', roomid: 'lobby', members: [], cursor: '0' });
    page.socket.push({ event: 'typing', uid: 'bob', roomid: 'lobby' });
    page.socket.push('not JSON');
    page.socket.push('null');
    page.socket.push('7');
    await settled();
    assert.deepEqual(page.told('presence').map(({ uid, online }) => [uid, online]), [['bob', true], ['bob', false]]);
    assert.equal(page.told('members').length, 1);
    assert.deepEqual(page.told('event').map((event) => event.event), ['typing']);
    assert.equal(page.room.state, 'online');
  });

  test('a page that is too slow for the room gives the rest back to the server, and gets it later', async () => {
    const page = new Page();
    await page.enter();
    const release = [];
    const stop = page.room.on('message', () => new Promise((done) => { release.push(done); }));
    for (let seq = 1; seq <= 20_000; seq += 1) page.sockets[0].readyState === 1 && page.message(seq);
    await page.clock.advance(60_000);
    assert.equal(page.sockets.length, 1, 'it does not come back before it has handled what it has');
    stop();
    release[0]();
    await page.clock.advance(16_000);
    const login = await page.enter(page.room.position);
    const had = Number(login.since.split('-')[0]);
    assert.ok(had >= 9_000 && had < 20_000, login.since);
    assert.deepEqual(page.texts, Array.from({ length: had }, (_, i) => `a${i + 1}`));
  });

  test('a position in the storage that makes no sense is not believed', async () => {
    for (const nonsense of ['', 'x', '7', '{"a":1}', 'NaN-0']) {
      const tabStorage = new FakeStorage();
      tabStorage.setItem('roomcast:lobby:ann:progress', nonsense);
      const page = new Page({ tabStorage });
      assert.equal((await page.enter()).since, undefined, nonsense);
    }
    const page = new Page();
    await page.enter(at(4));
    page.socket.end();
    await page.clock.advance(16_000);
    page.socket.open();
    page.socket.push({ event: 'error', code: 'BADPOS', message: 'no position', of: 'login' });
    await settled();
    await page.clock.advance(16_000);
    assert.equal((await page.enter()).since, undefined, 'the server did not understand it');
  });
});

test('a page without any storage works', async () => {
  const page = new Page({ tabStorage: undefined, storage: undefined, locks: undefined, clock: new FakeClock() });
  await page.enter();
  page.room.send('hello');
  const [message] = page.socket.take('message');
  page.socket.push({ event: 'sent', id: message.id, seq: 1, duplicate: false });
  page.message(1);
  await settled();
  assert.deepEqual(page.texts, ['a1']);
  assert.deepEqual(page.room.outbox, []);
});

test('what has no position is no message, and holds nothing up', async () => {
  const page = new Page();
  await page.enter();
  page.socket.push({ event: 'message', message: 'from nowhere', uid: 'bot', roomid: 'lobby' });
  page.message(1);
  await settled();
  assert.deepEqual(page.texts, ['a1']);
  assert.equal(page.told('event')[0].message, 'from nowhere');
});
