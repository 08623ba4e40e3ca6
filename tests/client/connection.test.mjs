// room.js against a scripted server: its connection, how it is lost and made again, and what ends it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Page, at, settled } from './fakes.mjs';

describe('the connection', () => {
  test('logs in, and tells the page its states', async () => {
    const page = new Page({ name: 'Ann', history: 20, token: 'secret' });
    const login = await page.enter();
    assert.deepEqual(login, { event: 'login', roomid: 'lobby', uid: 'ann', name: 'Ann', token: 'secret', history: 20, ack: 'client', v: 1 });
    assert.equal(page.socket.url, 'ws://server/ws');
    assert.equal(page.room.state, 'online');
    assert.equal(page.told('synced').length, 1);
    page.socket.end();
    assert.equal(page.room.state, 'offline');
    await page.clock.advance(16_000);
    assert.equal(page.room.state, 'connecting');
    page.room.close();
    assert.deepEqual(page.states, ['online', 'offline', 'connecting', 'closed']);
  });

  test('says that it comes as a guest, and confirms as others do', async () => {
    const page = new Page({ as: 'guest' });
    const login = await page.enter();
    assert.equal(login.as, 'guest');
    assert.equal((await page.breakAndReturn(page.room.position)).as, 'guest');
  });

  test('comes back later and later, at random times, and at once after a good connection', async () => {
    const waits = async (random) => {
      const page = new Page({ random: () => random });
      const all = [];
      for (let i = 0; i < 7; i += 1) {
        await settled();
        page.socket.end();
        const from = page.clock.time;
        const known = page.sockets.length;
        while (page.sockets.length === known) await page.clock.advance(10);
        all.push(page.clock.time - from);
      }
      page.room.close();
      return all;
    };
    assert.deepEqual(await waits(0), [100, 100, 100, 100, 100, 100, 100]);
    assert.deepEqual(await waits(0.9999), [1100, 2100, 4100, 8100, 15100, 15100, 15100]);

    const page = new Page({ random: () => 0.9999 });
    for (let i = 0; i < 4; i += 1) {
      await settled();
      page.socket.end();
      await page.clock.advance(16_000);
    }
    await page.enter();
    await page.clock.advance(6000);
    page.socket.end();
    await page.clock.advance(1100);
    assert.equal(page.room.state, 'connecting');
  });

  for (const [code, again] of [[1000, true], [1001, true], [1006, true], [4000, true], [4001, true], [4005, true], [4099, true],
    [4100, false], [4102, false], [4199, false], [4200, true]]) {
    test(`close code ${code}: ${again ? 'connects again' : 'stays away'}`, async () => {
      const page = new Page();
      await page.enter();
      page.socket.end(code, 'because');
      await page.clock.advance(60_000);
      assert.equal(page.sockets.length > 1, again);
      assert.equal(page.room.state === 'closed', !again);
      if (again) return;
      assert.deepEqual(page.told('error'), [{ code: 'CLOSED', message: 'because', close: code }]);
      assert.equal(page.clock.waiting, 0, 'no timer is left');
    });
  }

  test('waits as long as the server asks before it comes back, whoever else wants it to', async () => {
    const page = new Page({ random: () => 0 });
    await page.enter();
    page.socket.push({ event: 'closing', after: 5000 });
    page.socket.end(4005);
    page.room.reconnect();
    await page.clock.advance(5090);
    assert.equal(page.sockets.length, 1);
    await page.clock.advance(10);
    assert.equal(page.sockets.length, 2);
    assert.deepEqual(page.told('event'), [], 'it is not for the page');
    await page.enter();
    await page.clock.advance(6000);
    page.socket.end(1006);
    page.room.reconnect();
    assert.equal(page.sockets.length, 3, 'the next time is as ever');
    page.room.close();
  });

  test('what the server asks for makes sense, or is not waited for', async () => {
    for (const [after, within] of [['soon', 100], [-5, 100], [null, 100], [1e12, 300_100]]) {
      const page = new Page({ random: () => 0 });
      await page.enter();
      page.socket.push({ event: 'closing', after });
      page.socket.end(4000);
      await page.clock.advance(within);
      assert.equal(page.sockets.length, 2, String(after));
      page.room.close();
    }
  });

  test('signals are held back for a while when the server wants less', async () => {
    const page = new Page();
    await page.enter();
    assert.equal(page.room.signal('typing'), true);
    page.socket.push({ event: 'error', code: 'SLOWDOWN', message: 'send less' });
    assert.equal(page.room.signal('typing'), false);
    assert.equal(page.room.state, 'online');
    page.room.send('a message is not held back');
    assert.equal(page.socket.take('message').length, 1);
    await page.clock.advance(5000);
    assert.equal(page.room.signal('typing'), true);
    page.room.close();
  });

  test('a clock that is put back holds nothing up', async () => {
    const page = new Page({ random: () => 0, deadAfter: 50_000 });
    await page.enter();
    page.socket.push({ event: 'error', code: 'SLOWDOWN', message: 'send less' });
    page.clock.jump(-3_600_000);
    await page.clock.advance(5000);
    assert.equal(page.room.signal('typing'), true, 'signals go again');
    page.socket.push({ event: 'closing', after: 5000 });
    page.clock.jump(-3_600_000);
    page.socket.end(4005);
    await page.clock.advance(5100);
    assert.equal(page.sockets.length, 2, 'it comes back');
    await page.enter();
    page.clock.jump(-3_600_000);
    await page.clock.advance(110_000);
    assert.ok(page.sockets.length > 2, 'a link that is silent is given up');
    page.room.close();
  });

  test('answers heartbeats, also while a handler is busy', async () => {
    const page = new Page();
    await page.enter();
    page.room.on('message', () => new Promise(() => {}));
    page.message(1);
    await settled();
    page.socket.take();
    page.socket.push({ event: 'heartbeat', message: 'ping' });
    assert.deepEqual(page.socket.take(), [{ event: 'heartbeat', message: 'pong' }]);
  });

  test('a link without heartbeats is given up; with them it is kept', async () => {
    const page = new Page({ deadAfter: 50_000 });
    await page.enter();
    for (let i = 0; i < 5; i += 1) {
      await page.clock.advance(45_000);
      page.socket.push({ event: 'heartbeat', message: 'ping' });
    }
    assert.equal(page.room.state, 'online');
    await page.clock.advance(49_999);
    assert.equal(page.room.state, 'online');
    await page.clock.advance(1);
    assert.equal(page.room.state, 'offline');
    assert.equal(page.sockets[0].readyState, 3);
  });

  test('a login that is not answered is given up', async () => {
    const page = new Page({ answerWithin: 20_000 });
    await settled();
    page.socket.open();
    await page.clock.advance(20_000);
    assert.equal(page.room.state, 'offline');
    assert.equal(page.sockets[0].readyState, 3);
    await page.breakAndReturn();
    assert.equal(page.room.state, 'online');
  });

  test('an old socket says nothing any more', async () => {
    const page = new Page();
    await page.enter();
    const [old] = page.sockets;
    await page.breakAndReturn();
    old.onmessage({ data: JSON.stringify({ event: 'message', message: 'old', seq: 1, position: at(1), uid: 'bob' }) });
    old.onclose({ code: 4100 });
    await settled();
    assert.deepEqual(page.texts, []);
    assert.equal(page.room.state, 'online');
  });

  test('an error of the login that would come again ends it, another one does not', async () => {
    for (const [code, state] of [['BADUID', 'closed'], ['BADTOKEN', 'closed'], ['BANNED', 'closed'], ['NORIGHT', 'closed'], ['NOTOKEN', 'closed'], ['EXPIRED', 'offline'],
      ['LIMIT', 'closed'], ['UNAVAILABLE', 'offline'], ['ERR', 'offline']]) {
      const page = new Page();
      await settled();
      page.socket.open();
      page.socket.push({ event: 'error', code, message: 'a sentence', of: 'login', roomid: 'lobby' });
      await settled();
      assert.equal(page.room.state, state, code);
      assert.equal(page.told('error')[0].code, code);
      page.room.close();
    }
  });

  test('a token may be renewed; one that cannot be had now is asked for again', async () => {
    let asked = 0;
    const token = async () => {
      asked += 1;
      if (asked === 1) throw new Error('not now');
      return `token ${asked}`;
    };
    const page = new Page({ token });
    await settled();
    page.socket.open();
    await settled();
    assert.deepEqual(page.told('error'), [{ code: 'TOKEN', message: 'not now' }]);
    await page.clock.advance(16_000);
    assert.equal((await page.enter()).token, 'token 2');
    assert.equal((await page.breakAndReturn(at(0))).token, 'token 3');
  });

  test('an address that makes no sense is said', async () => {
    const page = new Page({ WebSocket: class { constructor() { throw new SyntaxError('no such scheme'); } } });
    await settled();
    assert.deepEqual(page.told('error'), [{ code: 'BADURL', message: 'no such scheme' }]);
    assert.equal(page.room.state, 'closed');
  });

  test('kicked and logout end it; a logout forgets the position, a kick does not', async () => {
    for (const [event, position] of [['kicked', at(5)], ['logout', null]]) {
      const page = new Page();
      await page.enter(at(4));
      page.message(5);
      page.socket.push({ event, uid: 'ann', roomid: 'lobby', reason: 'why' });
      await settled();
      assert.equal(page.told(event)[0].reason, 'why');
      assert.equal(page.room.state, 'closed');
      assert.equal(page.room.position, position);
      assert.equal(page.socket.closedWith, 1000);
    }
  });

  test('close says what was read and logs out', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    await settled();
    page.socket.take();
    page.room.close();
    assert.deepEqual(page.socket.take().map((event) => event.event), ['ack', 'logout']);
    assert.throws(() => page.room.send('too late'), /closed/);
    await page.clock.advance(60_000);
    assert.equal(page.sockets.length, 1);
    assert.equal(page.clock.waiting, 0);
  });

  test('close says nothing that the server knows', async () => {
    const page = new Page();
    await page.enter();
    page.message(1);
    await page.clock.advance(1000);
    page.socket.take();
    page.room.close();
    assert.deepEqual(page.socket.take().map((event) => event.event), ['logout']);
  });

  test('waits for nothing when told to connect now', async () => {
    const page = new Page();
    await page.enter();
    page.socket.end();
    page.room.reconnect();
    assert.equal(page.sockets.length, 2);
    page.room.reconnect();
    await page.clock.advance(10_000);
    assert.equal(page.sockets.length, 2, 'and the timer does not open another one');
  });
});
