// What counts as read: what a handler took, and nothing else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Page, at, settled } from './fakes.mjs';

/** A page without a handler of messages. */
class Deaf extends Page {
  stops = [];

  constructor(options) {
    super({ ...options, deaf: true });
  }

  listen(handler) {
    const texts = [];
    const stop = this.room.on('message', (event) => {
      texts.push(event.message);
      return handler?.(event);
    });
    return { texts, stop };
  }
}

const acks = (page) => page.socket.take('ack').map((event) => event.position);

test('a page that has nothing begins where it is synced, whatever follows that at once', async () => {
  const page = new Page();
  const presence = { event: 'presence', roomid: 'lobby', total: 3, num: 2, ts: 1 };
  await page.enter(at(4), { synced: false, new: false });
  page.socket.push(presence);
  page.synced(at(4));
  page.socket.push(presence);
  await settled();
  assert.equal(page.room.position, at(4));
  assert.equal((await page.breakAndReturn(at(4), { new: false })).since, at(4));
});

describe('without a handler of messages', () => {
  test('nothing is confirmed; what came waits for the handler', async () => {
    const page = new Deaf();
    await page.enter();
    for (const seq of [1, 2, 3]) page.message(seq);
    await page.clock.advance(2000);
    assert.deepEqual([acks(page), page.room.position], [[], at(0)]);
    const { texts } = page.listen();
    await page.clock.advance(2000);
    assert.deepEqual(texts, ['a1', 'a2', 'a3']);
    assert.deepEqual([acks(page), page.room.position], [[at(3)], at(3)]);
  });

  test('losses wait with them; other events pass', async () => {
    const page = new Deaf();
    await page.enter(at(0), { synced: false });
    page.message(1);
    page.socket.push({ event: 'lost', roomid: 'lobby', from: 2, to: 4, reason: 'trim', position: at(4) });
    page.synced(at(4));
    page.socket.push({ event: 'presence', roomid: 'lobby', total: 3, num: 2, ts: 1 });
    page.socket.push({ event: 'typing', roomid: 'lobby', uid: 'bob' });
    await settled();
    assert.deepEqual(['lost', 'synced', 'presence', 'event'].map((name) => page.told(name).length), [0, 1, 1, 1]);
    const { texts } = page.listen();
    await settled();
    assert.deepEqual([texts, page.told('lost').length, page.room.position], [['a1'], 1, at(4)]);
  });

  test('a hundred wait; the rest is read from the log when there is a handler', async () => {
    const page = new Deaf();
    await page.enter();
    for (let seq = 1; seq <= 250; seq += 1) page.message(seq);
    page.socket.push({ event: 'typing', roomid: 'lobby', uid: 'bob' });
    await settled();
    assert.equal(page.room.state, 'online');
    assert.equal(page.told('event').length, 1);
    const { texts } = page.listen();
    await page.clock.advance(16_000);
    assert.deepEqual(texts, Array.from({ length: 100 }, (_, i) => `a${i + 1}`));
    assert.equal((await page.enter(at(100), { synced: false })).since, at(100));
    for (let seq = 101; seq <= 250; seq += 1) page.message(seq);
    await settled();
    assert.deepEqual(texts, Array.from({ length: 250 }, (_, i) => `a${i + 1}`));
  });

  test('the console says so, once, after a while', async (t) => {
    const warned = t.mock.method(console, 'warn', () => {});
    const page = new Deaf();
    await page.enter();
    page.message(1);
    await page.clock.advance(4900);
    assert.equal(warned.mock.callCount(), 0);
    await page.clock.advance(10_000);
    page.message(2);
    await page.clock.advance(10_000);
    assert.equal(warned.mock.callCount(), 1);
    assert.match(String(warned.mock.calls[0].arguments[0]), /'lobby'.*handler/);
  });
});

describe('a handler that fails', () => {
  const stuck = (page) => page.told('stuck').map(({ event, error, attempt, retryIn }) => [event.seq, error.message, attempt, retryIn]);

  test('gets the same message again, later and later, and nothing behind it before', async () => {
    const page = new Page({ deadAfter: 1e9 });
    await page.enter();
    const times = [];
    let works = false;
    page.room.on('message', (event) => {
      if (event.seq === 1) times.push(page.clock.time);
      if (!works) throw new Error('the disk is full');
    });
    page.message(1);
    page.message(2);
    page.socket.push({ event: 'presence', roomid: 'lobby', total: 1, num: 1, ts: 1 });
    await page.clock.advance(100_000);
    assert.deepEqual(times.map((time, i) => time - (times[i - 1] ?? time)), [0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    assert.deepEqual(stuck(page)[1], [1, 'the disk is full', 2, 2000]);
    assert.deepEqual([acks(page), page.room.position], [[], at(0)]);
    assert.deepEqual([page.texts, page.told('presence').length], [['a1'], 0], 'others have it once, and nothing behind it');
    works = true;
    await page.clock.advance(31_000);
    assert.deepEqual([page.texts, page.room.position, page.told('presence').length], [['a1', 'a2'], at(2), 1]);
    assert.deepEqual(acks(page), [at(2)]);
  });

  test('or whose promise is rejected, is alone in getting it again', async () => {
    const page = new Page();
    await page.enter();
    const got = { good: [], slow: [], bad: [] };
    page.room.on('message', (event) => { got.good.push(event.seq); });
    page.room.on('message', async (event) => { await null; got.slow.push(event.seq); });
    page.room.on('message', async (event) => {
      got.bad.push(event.seq);
      if (got.bad.length < 3) throw new Error('not now');
    });
    page.message(1);
    page.message(2);
    await page.clock.advance(10_000);
    assert.deepEqual(got, { good: [1, 2], slow: [1, 2], bad: [1, 1, 1, 2] });
    assert.equal(page.room.position, at(2));
  });

  test('may be skipped', async () => {
    const page = new Page();
    await page.enter();
    assert.equal(page.room.skip(), false, 'nothing is stuck');
    const stop = page.room.on('message', () => { throw new Error('never'); });
    page.message(1);
    await settled();
    assert.equal(page.room.skip(), true);
    await settled();
    assert.deepEqual([page.room.position, page.room.skip()], [at(1), false]);
    page.message(2);
    await settled();
    stop();
    await settled();
    assert.deepEqual(page.texts, ['a1', 'a2']);
    assert.equal(page.room.position, at(2), 'the other handler took it');
  });

  test('and is replaced: the next one gets it at once', async () => {
    const page = new Deaf();
    await page.enter();
    const { stop } = page.listen(() => { throw new Error('old code'); });
    page.message(1);
    await settled();
    stop();
    await settled();
    assert.equal(page.room.position, at(0), 'nobody took it');
    const { texts } = page.listen();
    await settled();
    assert.deepEqual([texts, page.room.position], [['a1'], at(1)]);
  });

  test('stays at its message over a reconnect; others do not get it twice', async () => {
    const page = new Page();
    await page.enter();
    let works = false;
    page.room.on('message', () => { if (!works) throw new Error('not yet'); });
    page.message(1);
    page.message(2);
    await settled();
    const login = await page.breakAndReturn(at(0));
    assert.equal(login.since, at(0));
    for (const seq of [1, 2, 3]) page.message(seq);
    works = true;
    await page.clock.advance(31_000);
    assert.deepEqual([page.texts, page.room.position], [['a1', 'a2', 'a3'], at(3)]);
  });

  test('does the same with losses, which are told once over a reconnect', async () => {
    const page = new Page();
    await page.enter();
    let works = false;
    const lost = [];
    page.room.on('lost', (event) => {
      if (!works) throw new Error('not yet');
      lost.push(event.to);
    });
    const tell = () => page.socket.push({ event: 'lost', roomid: 'lobby', from: 1, to: 4, reason: 'trim', position: at(4) });
    tell();
    await page.clock.advance(500);
    assert.deepEqual([page.room.position, acks(page)], [at(0), []]);
    await page.breakAndReturn(at(0));
    tell();
    page.message(5);
    works = true;
    await page.clock.advance(31_000);
    assert.deepEqual([lost, page.told('lost').length, page.texts], [[4], 1, ['a5']]);
  });

  test('does not hold up the end of the session', async () => {
    for (const late of [true, false]) {
      const page = new Page();
      await page.enter();
      page.room.on('message', () => { throw new Error('never'); });
      page.message(1);
      if (late) await settled();
      page.socket.push({ event: 'kicked', uid: 'ann', roomid: 'lobby', reason: 'enough' });
      await settled();
      assert.deepEqual([page.told('kicked').length, page.room.state, page.room.position], [1, 'closed', at(0)]);
      assert.equal(page.clock.waiting, 0, 'no timer is left');
    }
  });

  test('is said on the console where nobody listens to `stuck`', async (t) => {
    const said = t.mock.method(console, 'error', () => {});
    const page = new Page({ deaf: true, untold: ['stuck'] });
    await page.enter();
    page.room.on('message', () => { throw new Error('a mistake'); });
    page.message(1);
    await settled();
    assert.match(said.mock.calls.map((call) => call.arguments.join(' ')).join('\n'), /a handler failed.*a mistake/);
  });
});

describe('handlers that are removed and added again within a second', () => {
  test('miss no message', async () => {
    const page = new Deaf();
    await page.enter();
    const first = page.listen();
    page.message(1);
    await settled();
    first.stop();
    page.message(2);
    await page.clock.advance(500);
    const second = page.listen();
    page.message(3);
    await settled();
    assert.deepEqual([first.texts, second.texts], [['a1'], ['a2', 'a3']]);
  });

  test('miss no other event', async () => {
    const page = new Page({ untold: ['event', 'synced'] });
    await page.enter();
    const seen = [];
    const on = () => page.room.on('event', (event) => { seen.push(event.n); });
    const type = (n) => page.socket.push({ event: 'typing', roomid: 'lobby', uid: 'bob', n });
    const stop = on();
    type(1);
    await settled();
    stop();
    type(2);
    await page.clock.advance(500);
    const stopAgain = on();
    type(3);
    await settled();
    assert.deepEqual(seen, [1, 2, 3]);
    stopAgain();
    type(4);
    page.message(1);
    await page.clock.advance(1100);
    assert.deepEqual(page.texts, ['a1'], 'longer than that nothing waits for them');
    on();
    type(5);
    await settled();
    assert.deepEqual(seen, [1, 2, 3, 5]);
  });

  test('miss no loss, though the one before failed at it', async (t) => {
    t.mock.method(console, 'error', () => {});
    const page = new Page({ untold: ['lost', 'stuck'] });
    await page.enter(at(4), { synced: false, new: false });
    const stop = page.room.on('lost', () => { throw new Error('a mistake'); });
    page.socket.push({ event: 'lost', roomid: 'lobby', from: 1, to: 4, reason: 'trim', position: at(4) });
    await settled();
    stop();
    await page.clock.advance(500);
    assert.equal(page.room.position, null, 'nobody took it');
    const lost = [];
    page.room.on('lost', ({ from, to }) => { lost.push([from, to]); });
    await page.clock.advance(1000);
    assert.deepEqual([lost, page.room.position], [[[1, 4]], at(4)]);
  });

  test('are told again what a page without a position did not take', async (t) => {
    t.mock.method(console, 'error', () => {});
    const page = new Page({ untold: ['lost', 'stuck'] });
    const lost = [];
    let works = false;
    page.room.on('lost', ({ from, to }) => {
      if (!works) throw new Error('not yet');
      lost.push([from, to]);
    });
    const login = { synced: false, new: false };
    const tell = () => {
      page.socket.push({ event: 'lost', roomid: 'lobby', from: 1, to: 4, reason: 'trim', position: at(4) });
      page.synced(at(4));
    };
    await page.enter(at(4), login);
    assert.equal((await page.breakAndReturn(at(4), login)).since, undefined, 'nothing came behind the login');
    tell();
    await settled();
    assert.equal((await page.breakAndReturn(at(4), login)).since, undefined, 'its handler did not take it');
    tell();
    works = true;
    await page.clock.advance(31_000);
    assert.deepEqual([lost, page.room.position], [[[1, 4]], at(4)]);
    assert.equal((await page.breakAndReturn(at(4), { resumed: true, new: false })).since, at(4));
  });

  test('miss nothing when all of them are away together', async () => {
    const page = new Page({ deaf: true, untold: ['event', 'synced'] });
    await page.enter();
    const seen = [];
    const mount = () => ['message', 'event'].map((name) => page.room.on(name, (event) => { seen.push(event.n ?? event.message); }));
    for (const stop of mount()) stop();
    page.message(1);
    page.socket.push({ event: 'typing', roomid: 'lobby', uid: 'bob', n: 7 });
    await page.clock.advance(500);
    mount();
    await settled();
    assert.deepEqual(seen.sort(), [7, 'a1']);
  });
});
