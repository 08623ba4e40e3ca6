// How room.js learns that its link is dead or alive, what it refuses to do, and whom it tells.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connect } from '../../proxy/web/room.js';
import { FakeSocket, Page, at, settled } from './fakes.mjs';

const NEW = { ts: 1, 'dedupe-count': 100, 'dedupe-age': 300_000 };

/** What a browser tells of its window and its document. */
class FakeTarget {
  visibilityState = 'visible';
  #listeners = [];

  addEventListener = (name, run) => { this.#listeners.push([name, run]); };

  removeEventListener = (name, run) => {
    this.#listeners = this.#listeners.filter(([known, its]) => known !== name || its !== run);
  };

  tell(wanted) { for (const [name, run] of this.#listeners) if (name === wanted) run(); }

  get listeners() { return this.#listeners.length; }
}

describe('in a browser', () => {
  let target;
  beforeEach(() => {
    target = new FakeTarget();
    globalThis.addEventListener = target.addEventListener;
    globalThis.removeEventListener = target.removeEventListener;
    globalThis.document = target;
  });
  afterEach(() => {
    for (const name of ['addEventListener', 'removeEventListener', 'document']) delete globalThis[name];
  });

  for (const event of ['visibilitychange', 'online', 'pageshow']) {
    test(`after ${event} a dead link is noticed within seconds`, async () => {
      const page = new Page();
      await page.enter(at(0), NEW);
      await page.clock.advance(10_000);
      page.socket.take();
      target.tell(event);
      assert.deepEqual(page.socket.take(), [{ event: 'heartbeat', message: 'ping' }]);
      await page.clock.advance(2900);
      assert.equal(page.sockets.length, 1);
      await page.clock.advance(100);
      assert.equal(page.sockets.length, 2, 'another connection, at once');
      page.room.close();
    });

    test(`after ${event} a link that answers is kept`, async () => {
      const page = new Page();
      await page.enter(at(0), NEW);
      target.tell(event);
      await page.clock.advance(2900);
      page.socket.push({ event: 'pong', ts: 5 });
      await page.clock.advance(40_000);
      assert.deepEqual([page.sockets.length, page.room.state], [1, 'online']);
      assert.deepEqual(page.told('event'), [], 'it is not for the page');
      page.room.close();
    });
  }

  test('an older server, which would not answer, is not asked', async () => {
    const page = new Page();
    await page.enter();
    page.socket.take();
    target.tell('online');
    await page.clock.advance(10_000);
    assert.deepEqual([page.socket.take('heartbeat'), page.room.state], [[], 'online']);
    page.room.close();
  });

  test('a hidden page asks nothing', async () => {
    const page = new Page();
    await page.enter(at(0), NEW);
    page.socket.take();
    target.visibilityState = 'hidden';
    target.tell('visibilitychange');
    assert.deepEqual(page.socket.take(), []);
    page.room.close();
  });

  test('a connection that is being made for long is begun anew when the network is back', async () => {
    const page = new Page();
    await settled();
    await page.clock.advance(1000);
    target.tell('online');
    assert.equal(page.sockets.length, 1, 'not one that was begun just now');
    await page.clock.advance(5000);
    target.tell('online');
    assert.equal(page.sockets.length, 2);
    page.room.close();
  });

  test('that has no network is offline at once', async () => {
    const page = new Page();
    await page.enter(at(0), NEW);
    target.tell('offline');
    assert.deepEqual([page.room.state, page.room.reason.code], ['offline', 'OFFLINE']);
    target.tell('online');
    assert.equal(page.sockets.length, 2);
    page.room.close();
  });

  test('a page that goes confirms what it has handled; a closed room listens to nothing any more', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    await settled();
    page.socket.take();
    target.tell('pagehide');
    assert.deepEqual(page.socket.take().map((event) => event.position), [at(1)]);
    page.room.close();
    assert.equal(target.listeners, 0);
  });
});

test('a clock that is put back by a minute hides a dead link for no minute', async () => {
  const page = new Page({ deadAfter: 50_000 });
  await page.enter();
  page.clock.jump(-60_000);
  await page.clock.advance(49_999);
  assert.equal(page.room.state, 'online');
  await page.clock.advance(1);
  assert.equal(page.room.state, 'offline');
});

test('a state has its reason', async () => {
  const page = new Page();
  const reasons = [];
  page.room.on('state', (state, reason) => { reasons.push([state, reason?.code, reason?.close]); });
  await page.enter();
  page.socket.end(4000, 'the server stops; connect again');
  assert.deepEqual(page.room.reason, { code: 'CLOSE', message: 'the server stops; connect again', close: 4000 });
  await page.clock.advance(16_000);
  await page.enter(at(0));
  await page.clock.advance(50_000);
  page.room.retryNow();
  page.room.close();
  assert.deepEqual(reasons, [
    ['online', undefined, undefined], ['offline', 'CLOSE', 4000], ['connecting', 'CLOSE', 4000], ['online', undefined, undefined],
    ['offline', 'SILENT', undefined], ['connecting', 'SILENT', undefined], ['closed', 'ENDED', undefined],
  ]);
});

describe('what makes no sense is refused at once', () => {
  const options = { url: 'ws://server/ws', WebSocket: FakeSocket, roomid: 'lobby', uid: 'ann' };

  for (const wrong of [undefined, null, Number.NaN, {}, true]) {
    test(`${String(wrong)} is nobody, and no room`, () => {
      assert.throws(() => connect({ ...options, uid: wrong }), TypeError);
      assert.throws(() => connect({ ...options, roomid: wrong }), TypeError);
      const { roomid: _, ...many } = options;
      assert.throws(() => connect(many).room(wrong), TypeError);
    });
  }

  test('a program without a WebSocket', (t) => {
    const native = globalThis.WebSocket;
    delete globalThis.WebSocket;
    t.after(() => { if (native) globalThis.WebSocket = native; });
    assert.throws(() => connect({ url: 'ws://server/ws', uid: 'ann' }), /no WebSocket here/);
  });

  test('a signal under a name of the server’s', async () => {
    const page = new Page();
    await page.enter();
    page.socket.take();
    for (const name of ['message', 'login', 'logout', 'leave', 'heartbeat', 'ack', 'members', 'refresh', 'history', 'pong', 'sent',
      'synced', 'lost', 'reset', 'kicked', 'error', 'presence', 'position', 'closing', '']) {
      assert.throws(() => page.room.signal(name), TypeError, name);
    }
    assert.deepEqual(page.socket.take(), []);
    assert.equal(page.room.signal('typing'), true);
  });
});

test('errors that nobody listens to are on the console', async (t) => {
  const said = t.mock.method(console, 'error', () => {});
  const page = new Page({ untold: ['error'] });
  await page.enter();
  page.socket.push({ event: 'error', code: 'NORIGHT', message: 'no right to signal', of: 'typing', roomid: 'lobby' });
  assert.deepEqual(said.mock.calls.map((call) => call.arguments[0]), ['roomcast: NORIGHT: no right to signal']);
});
