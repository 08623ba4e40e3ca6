// One connection, many rooms: room.js against a scripted server.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Desk } from './desk.mjs';
import { at, settled } from './fakes.mjs';

describe('rooms of a connection', () => {
  test('that are opened together go in together, each with its own options', async () => {
    const desk = new Desk({ name: 'Ann', token: 'secret', history: 5 });
    desk.room('a');
    desk.room('b', { history: 20 });
    desk.room('c', { as: 'guest', history: 0 });
    assert.deepEqual(await desk.open(), [{
      event: 'login', uid: 'ann', name: 'Ann', token: 'secret', ack: 'client', v: 1,
      rooms: [{ roomid: 'a', history: 5 }, { roomid: 'b', history: 20 }, { roomid: 'c', as: 'guest' }],
    }]);
    assert.equal(desk.sockets.length, 1);
    desk.room('d');
    desk.room('e');
    desk.welcome('a');
    await settled();
    assert.deepEqual(desk.socket.take('login').map((login) => login.rooms.map((entry) => entry.roomid)), [['d', 'e']]);
  });

  test('a single one logs in as ever', async () => {
    const desk = new Desk();
    desk.room('a');
    assert.deepEqual(await desk.open(), [{ event: 'login', roomid: 'a', uid: 'ann', ack: 'client', v: 1 }]);
  });

  test('of more than a login may name are divided', async () => {
    const desk = new Desk();
    for (let i = 0; i < 250; i += 1) desk.room(`r${i}`);
    assert.deepEqual((await desk.open()).map((login) => login.rooms.length), [100, 100, 50]);
  });

  test('without any there is no connection', async () => {
    const desk = new Desk();
    await desk.clock.advance(60_000);
    assert.deepEqual([desk.sockets.length, desk.clock.waiting], [0, 0]);
  });

  test('have their own states, messages, outboxes and confirmations', async () => {
    const desk = new Desk();
    const [a, b] = [desk.room('a'), desk.room('b')];
    await desk.open();
    desk.welcome('b');
    await settled();
    assert.deepEqual([desk.connection.state, ...desk.states(a, b)], ['online', 'connecting', 'online']);
    desk.welcome('a', at(7));
    desk.message('a', 8);
    desk.message('b', 1);
    a.send('to a');
    b.send('to b');
    await desk.clock.advance(1000);
    const sent = desk.socket.take();
    const of = (name) => sent.filter(({ event }) => event === name);
    assert.deepEqual(of('message').map(({ message, roomid }) => [message, roomid]), [['to a', 'a'], ['to b', 'b']]);
    assert.deepEqual(of('ack').map(({ roomid, position }) => [roomid, position]).sort(), [['a', at(8)], ['b', at(1)]]);
    desk.socket.push({ event: 'sent', roomid: 'a', id: of('message')[0].id, seq: 9, position: at(9), duplicate: false });
    assert.deepEqual([a.outbox.length, b.outbox.length], [0, 1]);
    assert.deepEqual(desk.told.filter((line) => /\d$/.test(line)).sort(), ['a a8', 'b b1']);
  });

  test('a handler that is stuck in one holds up no other', async (t) => {
    t.mock.method(console, 'error', () => {});
    const desk = new Desk();
    const [a, b] = await desk.enter('a', 'b');
    a.on('message', () => { throw new Error('never'); });
    desk.message('a', 1);
    desk.message('b', 1);
    desk.message('b', 2);
    await settled();
    assert.deepEqual([a.position, b.position], [at(0), at(2)]);
  });

  test('come back each with its own position', async () => {
    const desk = new Desk();
    await desk.enter('a', 'b');
    desk.message('a', 1);
    desk.message('b', 1);
    desk.message('b', 2);
    await settled();
    desk.socket.end();
    assert.deepEqual(desk.told.slice(-3).sort(), ['a offline', 'b offline', 'connection offline']);
    await desk.clock.advance(200);
    const [login] = await desk.open();
    assert.deepEqual(login.rooms, [{ roomid: 'a', since: at(1) }, { roomid: 'b', since: at(2) }]);
  });

  test('one whose message does not follow reads the log anew; the others stay', async () => {
    const desk = new Desk();
    const [a, b] = await desk.enter('a', 'b');
    desk.message('a', 1);
    desk.message('a', 3);
    await settled();
    assert.deepEqual(desk.states(a, b), ['offline', 'online']);
    await desk.clock.advance(200);
    assert.deepEqual(desk.socket.take('login').map(({ roomid, since }) => [roomid, since]), [['a', at(1)]]);
    desk.message('a', 4);
    desk.welcome('a', at(1));
    for (const seq of [2, 3, 4]) desk.message('a', seq);
    await settled();
    assert.deepEqual([desk.sockets.length, desk.told.filter((line) => /\d$/.test(line))], [1, ['a a1', 'a a2', 'a a3', 'a a4']]);
  });
});

describe('what ends one room ends no other', () => {
  test('a refused login', async () => {
    const desk = new Desk();
    const [a, b] = [desk.room('a'), desk.room('b')];
    await desk.open();
    desk.error('NORIGHT', { of: 'login', roomid: 'a' });
    desk.welcome('b');
    await desk.clock.advance(40_000);
    assert.deepEqual(desk.states(a, b), ['closed', 'online']);
    assert.deepEqual([a.reason.code, desk.told.includes('a error NORIGHT')], ['NORIGHT', true]);
    assert.notEqual(desk.connection.room('a'), a, 'opened again it is tried again');
    await settled();
    assert.equal(desk.socket.take('login')[0].roomid, 'a');
  });

  test('a login that is refused in passing is tried again, later and later, without the others', async () => {
    const desk = new Desk({ random: () => 0.9999, deadAfter: 1e9 });
    const [a, b] = [desk.room('a'), desk.room('b')];
    await desk.open();
    desk.welcome('b');
    const waits = [];
    for (let i = 0; i < 6; i += 1) {
      desk.error('UNAVAILABLE', { of: 'login', roomid: 'a' });
      assert.deepEqual(desk.states(a, b), ['offline', 'online']);
      const from = desk.clock.time;
      while (desk.socket.take('login').length === 0) await desk.clock.advance(10);
      waits.push(desk.clock.time - from);
    }
    assert.deepEqual(waits, [1100, 2100, 4100, 8100, 15_100, 15_100]);
    desk.welcome('a');
    assert.deepEqual([...desk.states(a, b), desk.sockets.length], ['online', 'online', 1]);
  });

  test('a kick, a ban, a leave, a lost right', async () => {
    const ends = {
      kicked: { event: 'kicked', uid: 'ann', roomid: 'a', reason: 'enough' },
      logout: { event: 'logout', uid: 'ann', roomid: 'a', reason: 'left' },
      right: { event: 'error', of: 'refresh', code: 'NORIGHT', message: 'the new token says nothing of it', roomid: 'a' },
    };
    for (const [name, end] of Object.entries(ends)) {
      const desk = new Desk();
      const [a, b] = await desk.enter('a', 'b');
      desk.socket.push(end);
      await settled();
      assert.deepEqual([desk.connection.state, ...desk.states(a, b)], ['online', 'closed', 'online'], name);
      desk.message('b', 1);
      await settled();
      assert.equal(b.position, at(1));
      assert.deepEqual(desk.socket.take('login'), []);
    }
  });

  test('an error that no room listens to goes to the connection', async () => {
    const desk = new Desk();
    desk.connection.room('quiet');
    await desk.open();
    desk.error('NORIGHT', { of: 'login', roomid: 'quiet' });
    await settled();
    assert.ok(desk.told.includes('connection error NORIGHT'));
  });

  test('but what the server says of the connection ends all', async () => {
    const desk = new Desk();
    const rooms = await desk.enter('a', 'b');
    desk.socket.end(4100, 'too much');
    assert.deepEqual([desk.connection.state, ...desk.states(...rooms)], ['closed', 'closed', 'closed']);
    assert.deepEqual(desk.told.filter((line) => line.includes('error')), ['connection error CLOSED']);
    assert.throws(() => desk.connection.room('c'), { code: 'CLOSED' });
    assert.equal(desk.clock.waiting, 0);
  });

  test('a login of many that is refused as a whole is refused for each', async () => {
    const desk = new Desk();
    const rooms = [desk.room('a'), desk.room('b')];
    await desk.open();
    desk.error('BADUID', { of: 'login' });
    assert.deepEqual(desk.states(...rooms), ['closed', 'closed']);
  });
});

describe('a room that is opened more than once', () => {
  test('is one, and ends a second after the last one closed it', async () => {
    const desk = new Desk();
    const [a] = await desk.enter('a', 'b');
    assert.equal(desk.connection.room('a'), a);
    a.close();
    await desk.clock.advance(5000);
    assert.equal(a.state, 'online');
    a.close();
    await desk.clock.advance(900);
    assert.equal(a.state, 'online');
    assert.equal(desk.connection.room('a'), a, 'wanted again at once');
    await desk.clock.advance(5000);
    assert.deepEqual([a.state, desk.socket.take()], ['online', []]);
    a.close();
    await desk.clock.advance(1000);
    assert.deepEqual(desk.socket.take('logout'), [{ event: 'logout', roomid: 'a' }]);
    assert.deepEqual([a.state, desk.connection.state], ['closed', 'online']);
  });

  test('the answer to the logout of before does not end it', async () => {
    const desk = new Desk();
    const [a] = await desk.enter('a', 'b');
    a.close();
    await desk.clock.advance(1000);
    const again = desk.connection.room('a');
    await settled();
    assert.deepEqual(desk.socket.take().map(({ event }) => event).filter((name) => name !== 'ack'), ['logout', 'login']);
    desk.socket.push({ event: 'logout', uid: 'ann', roomid: 'a' });
    desk.welcome('a');
    await settled();
    assert.deepEqual([a.state, again.state], ['closed', 'online']);
  });

  test('ends not before its handler is done: who opens it again meanwhile does not get the same message', async () => {
    const desk = new Desk();
    const room = desk.connection.room('a');
    let done;
    const stop = room.on('message', () => new Promise((resolve) => { done = resolve; }));
    await desk.open();
    desk.welcome('a');
    desk.message('a', 1);
    desk.message('a', 2);
    await settled();
    stop();
    room.close();
    await desk.clock.advance(5000);
    assert.equal(desk.connection.room('a'), room);
    const seen = [];
    room.on('message', (event) => { seen.push(event.message); });
    await settled();
    assert.deepEqual(seen, [], 'one after the other');
    done();
    await settled();
    assert.deepEqual(seen, ['a2']);
    room.close();
    await desk.clock.advance(2000);
    assert.equal(room.state, 'closed');
  });

  test('that has ended is closed without harm to the one that came after it', async () => {
    const desk = new Desk();
    const [a] = await desk.enter('a', 'b');
    desk.socket.push({ event: 'kicked', uid: 'ann', roomid: 'a', reason: 'enough' });
    await settled();
    const again = desk.connection.room('a');
    await settled();
    desk.welcome('a');
    a.close();
    await desk.clock.advance(5000);
    assert.deepEqual([a.state, again.state], ['closed', 'online']);
  });

  test('with the last room the connection rests, and wakes with the next', async () => {
    const desk = new Desk();
    const [a] = await desk.enter('a');
    a.close();
    await desk.clock.advance(1000);
    assert.deepEqual([desk.socket.closedWith, desk.connection.state, desk.clock.waiting], [1000, 'offline', 0]);
    desk.room('b');
    await desk.open();
    desk.welcome('b');
    assert.deepEqual([desk.sockets.length, desk.connection.state], [2, 'online']);
  });

  test('closing the connection logs out of all', async () => {
    const desk = new Desk();
    const rooms = await desk.enter('a', 'b');
    desk.connection.close();
    assert.deepEqual(desk.socket.take('logout').map(({ roomid }) => roomid), ['a', 'b']);
    assert.deepEqual([desk.connection.state, ...desk.states(...rooms), desk.clock.waiting], ['closed', 'closed', 'closed', 0]);
  });
});

test('a server that asks to stay away is obeyed, also by a room that is opened meanwhile', async () => {
  const desk = new Desk();
  await desk.enter('a');
  desk.socket.push({ event: 'closing', after: 5000 });
  desk.socket.end(4005);
  const b = desk.room('b');
  desk.connection.retryNow();
  await desk.clock.advance(5090);
  assert.deepEqual([desk.sockets.length, b.state], [1, 'offline']);
  await desk.clock.advance(20);
  assert.equal(desk.sockets.length, 2);
});

test('retryNow connects at once', async () => {
  const desk = new Desk({ random: () => 0.9999 });
  await desk.enter('a');
  desk.socket.end();
  await desk.clock.advance(100);
  desk.connection.retryNow();
  assert.equal(desk.sockets.length, 2);
});
