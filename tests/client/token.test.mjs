// Tokens: when room.js asks for one, and what follows when one is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Desk } from './desk.mjs';
import { at } from './fakes.mjs';

describe('a token', () => {
  const expires = (ms) => ({ ts: 1000, expires: 1000 + ms });

  test('from a function is renewed some time before it expires', async () => {
    for (const [random, share] of [[0, 0.5], [0.9999, 0.89]]) {
      let asked = 0;
      const desk = new Desk({ random: () => random, deadAfter: 1e9, token: async () => `token ${asked += 1}` });
      desk.room('a');
      assert.equal((await desk.open())[0].token, 'token 1');
      desk.welcome('a', at(0), expires(100_000));
      await desk.clock.advance(share * 100_000 - 100);
      assert.deepEqual(desk.socket.take('refresh'), []);
      await desk.clock.advance(2000);
      assert.deepEqual(desk.socket.take('refresh'), [{ event: 'refresh', token: 'token 2' }]);
      desk.socket.push({ event: 'refresh', ...expires(100_000) });
      await desk.clock.advance(share * 100_000 + 2000);
      assert.deepEqual(desk.socket.take('refresh'), [{ event: 'refresh', token: 'token 3' }]);
      assert.equal(desk.sockets.length, 1);
      desk.connection.close();
    }
  });

  test('that a cache gives again is not sent again, and not asked for in a loop', async () => {
    let asked = 0;
    const desk = new Desk({ deadAfter: 1e9, token: () => { asked += 1; return 'the same'; } });
    desk.room('a');
    await desk.open();
    desk.welcome('a', at(0), expires(100_000));
    await desk.clock.advance(200_000);
    assert.deepEqual(desk.socket.take('refresh'), []);
    assert.ok(asked >= 3 && asked < 15, `asked ${asked} times`);
    desk.connection.close();
  });

  test('that the server calls expired is asked for again with growing waits; the third time that is told', async () => {
    const desk = new Desk({ random: () => 0.9999, token: () => 'old' });
    desk.room('a');
    desk.room('b');
    const waits = [];
    for (let i = 0; i < 4; i += 1) {
      await desk.open();
      desk.error('EXPIRED', { of: 'login' });
      assert.deepEqual([desk.connection.state, desk.connection.reason.code], ['offline', 'TOKEN']);
      assert.equal(desk.told.filter((line) => line.includes('error')).length, i < 2 ? 0 : 1, `after ${i + 1}`);
      const from = desk.clock.time;
      const known = desk.sockets.length;
      while (desk.sockets.length === known) await desk.clock.advance(10);
      waits.push(desk.clock.time - from);
    }
    assert.deepEqual(waits, [1100, 2100, 4100, 8100]);
    await desk.open();
    desk.welcome('a');
    assert.equal(desk.connection.state, 'online');
  });

  test('that will never be good ends the connection', async () => {
    const desk = new Desk({ token: () => 'bad' });
    const a = desk.room('a');
    await desk.open();
    desk.error('BADTOKEN', { of: 'login', roomid: 'a' });
    assert.deepEqual([desk.connection.state, a.state], ['closed', 'closed']);
    assert.deepEqual(desk.told.filter((line) => line.includes('error')), ['connection error BADTOKEN']);
  });

  test('whose function fails is asked for again', async () => {
    let works = false;
    const desk = new Desk({ token: async () => { if (!works) throw new Error('503'); return 'good'; } });
    desk.room('a');
    await desk.open();
    assert.deepEqual([desk.connection.state, desk.connection.reason], ['offline', { code: 'TOKEN', message: '503' }]);
    works = true;
    await desk.clock.advance(200);
    assert.equal((await desk.open())[0].token, 'good');
  });
});
