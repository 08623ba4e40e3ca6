// The outbox of room.js: each message once, in order, over lost connections, reloads, copied tabs and crashes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Browser, FakeClock, FakeStorage, Page, at, confirm, settled, waiting } from './fakes.mjs';

describe('sending', () => {
  test('one message at a time, in order', async () => {
    const page = new Page();
    page.room.send('one', { mood: 'good' });
    page.room.send({ two: 2 });
    assert.deepEqual(page.room.outbox.map((entry) => entry.state), ['pending', 'pending']);
    await page.enter();
    page.room.send('three');
    const [first, ...more] = page.socket.take('message');
    assert.deepEqual(more, []);
    assert.deepEqual({ ...first, id: undefined },
      { event: 'message', message: 'one', mood: 'good', roomid: 'lobby', id: undefined });
    page.socket.push({ event: 'sent', id: first.id, seq: 1, duplicate: false });
    assert.deepEqual(await confirm(page, 2), { two: 2 });
    assert.equal(await confirm(page, 3), 'three');
    assert.deepEqual(page.room.outbox, []);
    assert.deepEqual(page.told('outbox').slice(-1)[0].seq, 3);
  });

  test('its own message in the room confirms it as well as `sent` does', async () => {
    const page = new Page();
    await page.enter();
    page.room.send('one');
    page.room.send('two');
    const [{ id }] = page.socket.take('message');
    page.message(1, { uid: 'bob', id });
    assert.equal(waiting(page).length, 2, 'not if it is somebody else’s');
    page.message(2, { uid: 'ann', id });
    assert.deepEqual(waiting(page), ['two:pending']);
    assert.equal(await confirm(page, 3), 'two');
    page.socket.push({ event: 'sent', id, seq: 2 });
    assert.deepEqual(page.fates, ['one:pending', 'two:pending', 'one:sent', 'two:sent']);
  });

  test('what was not confirmed is sent again with the same id, unless the missed messages bring it', async () => {
    const page = new Page();
    await page.enter();
    page.room.send('one');
    page.room.send('two');
    const [{ id }] = page.socket.take('message');
    await page.breakAndReturn(at(0), { synced: false });
    assert.deepEqual(page.socket.take('message'), [], 'not before it is clear whether it was stored');
    page.synced(at(0));
    const [again] = page.socket.take('message');
    assert.deepEqual([again.id, again.message], [id, 'one']);
    await page.breakAndReturn(at(0), { synced: false });
    page.message(1, { uid: 'ann', id });
    page.synced(at(1));
    assert.equal(await confirm(page, 2), 'two');
  });

  test('a message that was never tried does not wait for the missed ones', async () => {
    const page = new Page();
    page.room.send('one');
    await page.enter(at(0), { synced: false });
    assert.equal(await confirm(page, 1), 'one');
  });

  test('what is too old to be sent again is shown as unknown, and the next ones go on', async () => {
    const page = new Page({ dedupeAge: 240_000 });
    await page.enter();
    page.room.send('one');
    page.room.send('two');
    page.socket.end();
    page.clock.sleep(240_001);
    await page.clock.advance(16_000);
    await page.enter(at(0));
    assert.deepEqual(waiting(page), ['one:unknown', 'two:pending']);
    assert.equal(await confirm(page, 5), 'two', 'it was never tried: however old, it can be sent');
    assert.deepEqual(waiting(page), ['one:unknown']);
    await page.breakAndReturn(at(0));
    assert.deepEqual(page.socket.take('message'), [], 'never again by itself');
    assert.deepEqual(page.fates, ['one:pending', 'two:pending', 'one:unknown', 'two:sent']);
  });

  test('with a clock that was put back nobody knows how old it is', async () => {
    const page = new Page({ dedupeAge: 240_000 });
    await page.enter();
    page.room.send('one');
    page.socket.end();
    page.clock.jump(-3_600_000);
    await page.clock.advance(16_000);
    await page.enter(at(0));
    assert.deepEqual(waiting(page), ['one:unknown']);
    assert.deepEqual(page.socket.take('message'), []);
  });

  test('an unknown one that shows up in the room was sent', async () => {
    const page = new Page({ dedupeAge: 1000 });
    await page.enter();
    const { id } = page.room.send('one');
    page.socket.end();
    await page.clock.advance(20_000);
    await page.enter(at(0));
    assert.deepEqual(waiting(page), ['one:unknown']);
    page.message(1, { uid: 'ann', id });
    assert.deepEqual([waiting(page), page.fates.at(-1)], [[], 'one:sent']);
  });

  test('a message that nobody confirms ends the connection', async () => {
    const page = new Page({ answerWithin: 20_000 });
    await page.enter();
    page.room.send('one');
    await page.clock.advance(19_999);
    page.socket.push({ event: 'heartbeat', message: 'ping' });
    assert.equal(page.room.state, 'online');
    await page.clock.advance(1);
    assert.equal(page.room.state, 'offline');
  });

  test('a refused one fails, and can be sent as a new one or forgotten', async () => {
    const page = new Page();
    await page.enter();
    const { id } = page.room.send('too big');
    page.room.send('fine');
    page.socket.take();
    page.socket.push({ event: 'error', code: 'TOOBIG', message: 'it is too big', of: 'message', id });
    assert.equal(await confirm(page, 1), 'fine');
    assert.deepEqual(waiting(page), ['too big:failed']);
    const failed = page.told('outbox').find((entry) => entry.state === 'failed');
    assert.deepEqual([failed.code, failed.error], ['TOOBIG', 'it is too big']);
    const again = page.room.retry(id);
    assert.notEqual(again.id, id);
    assert.equal(page.socket.take('message')[0].id, again.id);
    assert.equal(page.room.discard(again.id), false, 'it is on its way');
    page.socket.push({ event: 'error', code: 'TOOBIG', message: 'still', of: 'message', id: again.id });
    assert.equal(page.room.retry('nobody'), undefined);
    assert.equal(page.room.discard(again.id), true);
    assert.equal(page.room.discard(again.id), false);
    assert.deepEqual(page.room.outbox, []);
  });

  test('while the database is away it is tried again, with the same id, and not reported', async () => {
    const page = new Page();
    await page.enter();
    const { id } = page.room.send('one');
    // What the proxy itself would ask again, and what it says of its own: nothing was stored.
    const passing = [
      'BUSY', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'MISCONF', 'NOREPLICAS', 'OOM', 'READONLY', 'TRYAGAIN', 'TOOFAST',
    ];
    for (const code of passing) {
      assert.equal(page.socket.take('message')[0].id, id);
      page.socket.push({ event: 'error', code, message: 'away', of: 'message', id });
      page.room.send('another');
      await page.clock.advance(499);
      assert.deepEqual(page.socket.take('message'), [], 'not at once');
      await page.clock.advance(1501);
    }
    assert.equal(await confirm(page, 1), 'one');
    assert.deepEqual(page.told('error'), []);
  });

  test('when the database went before it answered, it is asked anew how the room stands', async () => {
    const page = new Page();
    await page.enter();
    const { id } = page.room.send('one');
    for (let times = 0; times < 3; times += 1) {
      assert.equal(page.socket.take('message')[0].id, id);
      page.socket.push({ event: 'error', code: 'UNAVAILABLE', message: 'away', of: 'message', id });
      assert.deepEqual([page.room.state, page.room.reason.code], ['offline', 'UNAVAILABLE']);
      await page.clock.advance(16_000);
      await page.enter(at(0), { synced: false });
      assert.deepEqual(page.socket.take('message'), [], 'the missed messages may hold it');
      page.synced(at(0));
    }
    assert.equal(await confirm(page, 1, true), 'one');
    assert.deepEqual(page.told('error'), []);
  });

  test('a session that the server forgot is renewed once for a message', async () => {
    const page = new Page();
    await page.enter();
    const { id } = page.room.send('one');
    page.socket.push({ event: 'error', code: 'NOROOM', message: 'gone', of: 'message', id });
    assert.equal(page.room.state, 'offline');
    await page.clock.advance(16_000);
    await page.enter();
    assert.equal(page.socket.take('message')[0].id, id);
    page.socket.push({ event: 'error', code: 'NOROOM', message: 'gone', of: 'message', id });
    assert.deepEqual([page.room.state, waiting(page)], ['online', ['one:failed']]);
  });

  test('one for which the server closed the connection is not sent again', async () => {
    const page = new Page();
    await page.enter();
    page.room.send('large');
    page.socket.end(4101, 'an event was larger than allowed');
    assert.deepEqual([page.room.state, waiting(page)], ['closed', ['large:failed']]);
  });

  test('what cannot be sent is refused at once', async () => {
    const page = new Page({ maxOutbox: 2, maxEvent: 1000 });
    assert.throws(() => page.room.send('x'.repeat(1000)), RangeError);
    assert.throws(() => page.room.send('€'.repeat(334)), RangeError, 'bytes count, not characters');
    assert.throws(() => page.room.send(undefined), TypeError);
    assert.throws(() => page.room.send(() => {}), TypeError);
    assert.deepEqual(page.room.outbox, []);
    page.room.send(null);
    page.room.send(0);
    assert.throws(() => page.room.send('one more'), RangeError);
    assert.deepEqual(waiting(page), ['null:pending', '0:pending']);
    await page.enter();
    assert.throws(() => page.room.signal('typing', { text: 'x'.repeat(1000) }), RangeError);
  });

  test('fields cannot turn a message into something else', async () => {
    const page = new Page();
    await page.enter();
    const fields = { event: 'leave', roomid: 'elsewhere', id: 'mine', message: 'other', n: 1 };
    const { id } = page.room.send('one', fields);
    fields.n = 2;
    assert.deepEqual(page.socket.take('message'), [{ event: 'message', message: 'one', roomid: 'lobby', id, n: 1 }]);
    page.room.signal('typing', { event: 'leave', roomid: 'elsewhere' });
    assert.deepEqual(page.socket.take(), [{ event: 'typing', roomid: 'lobby' }]);
  });

  test('events that are not kept need a connection', async () => {
    const page = new Page();
    assert.deepEqual([page.room.signal('typing'), page.room.members(), page.room.leave()], [false, false, false]);
    await page.enter();
    assert.deepEqual([page.room.signal('typing'), page.room.members('7'), page.room.leave()], [true, true, true]);
    assert.deepEqual(page.socket.take().map(({ event, cursor }) => [event, cursor]),
      [['typing', undefined], ['members', '7'], ['leave', undefined]]);
  });
});

describe('an outbox and its tab', () => {
  test('messages written offline survive a reload, before later ones, and are sent once', async () => {
    const browser = new Browser();
    let page = browser.open();
    page.room.send('one');
    page.room.send('two');
    page = await browser.reload(page);
    assert.deepEqual(page.fates, ['one:pending', 'two:pending']);
    page.room.send('three');
    page = await browser.reload(await browser.reload(page));
    await page.enter();
    const sent = [await confirm(page, 1), await confirm(page, 2), await confirm(page, 3)];
    assert.deepEqual(sent, ['one', 'two', 'three']);
    assert.equal(browser.storage.length, 0, 'nothing is left behind');
    page = await browser.reload(page);
    assert.deepEqual(page.room.outbox, []);
  });

  test('a message that was on its way keeps its id and age over a reload', async () => {
    const browser = new Browser();
    let page = browser.open();
    await page.enter();
    const { id } = page.room.send('one');
    page = await browser.reload(page);
    await page.enter(at(0), { synced: false });
    assert.deepEqual(page.socket.take('message'), []);
    page.synced(at(0));
    assert.equal(page.socket.take('message')[0].id, id);
    browser.clock.sleep(240_001);
    page = await browser.reload(page);
    await page.enter(at(0));
    assert.deepEqual(waiting(page), ['one:unknown']);
    page = await browser.reload(page);
    assert.deepEqual(waiting(page), ['one:unknown'], 'and it stays so');
  });

  test('a copied tab does not send what the original sends', async () => {
    const browser = new Browser();
    const original = browser.open();
    original.room.send('one');
    await settled();
    const copy = browser.open(original.tabStorage.copy());
    await copy.enter();
    await browser.clock.advance(120_000);
    assert.deepEqual([copy.room.outbox, copy.socket.take('message')], [[], []]);
    assert.deepEqual(waiting(original), ['one:pending']);
  });

  test('another tab sends what a crashed tab left, and only then', async () => {
    const browser = new Browser();
    const [one, two] = [browser.open(), browser.open(undefined, { deadAfter: 1e9 })];
    one.room.send('one');
    two.room.send('two');
    await two.enter();
    assert.equal(await confirm(two, 1), 'two');
    await browser.clock.advance(120_000);
    assert.deepEqual(two.room.outbox, []);
    one.crash();
    await browser.clock.advance(5000);
    assert.equal(await confirm(two, 2), 'one');
    assert.equal(browser.storage.length, 0);
    assert.deepEqual(two.fates, ['two:pending', 'two:sent', 'one:pending', 'one:sent']);
  });

  test('a tab that reloads slowly is not robbed', async () => {
    const browser = new Browser();
    const one = browser.open();
    const two = browser.open();
    one.room.send('one');
    await browser.clock.advance(31_000);
    one.crash();
    await browser.clock.advance(1900);
    const again = browser.open(one.tabStorage);
    await browser.clock.advance(120_000);
    assert.deepEqual([waiting(again), waiting(two)], [['one:pending'], []]);
  });

  test('a new tab takes over what a closed one left', async () => {
    const browser = new Browser();
    const left = browser.open();
    left.room.send('one');
    await settled();
    left.crash();
    const page = browser.open();
    const others = [browser.open(undefined, { uid: 'eve' }), browser.open(undefined, { roomid: 'other' })];
    await browser.clock.advance(3000);
    assert.deepEqual(waiting(page), ['one:pending']);
    for (const other of others) assert.deepEqual(waiting(other), []);
  });

  test('what is taken over goes first, each in its order', async () => {
    const browser = new Browser();
    const [one, two] = [browser.open(), browser.open()];
    for (const [page, text] of [[one, 'first'], [two, 'second'], [one, 'third']]) {
      page.room.send(text);
      await browser.clock.advance(10);
    }
    one.crash();
    await browser.clock.advance(60_000);
    assert.deepEqual(waiting(two), ['first:pending', 'third:pending', 'second:pending']);
  });

  test('a room that is closed and opened again in one page keeps its outbox', async () => {
    const browser = new Browser();
    const page = browser.open();
    page.room.send('one');
    page.room.close();
    const again = browser.open(page.tabStorage);
    await settled();
    assert.deepEqual(waiting(again), ['one:pending']);
  });

  test('a full storage is said once, and the messages are sent all the same', async () => {
    const browser = new Browser();
    const page = browser.open();
    browser.storage.full = true;
    page.room.send('one');
    page.room.send('two');
    assert.deepEqual(page.told('error').map((error) => error.code), ['STORAGE']);
    await page.enter();
    assert.deepEqual([await confirm(page, 1), await confirm(page, 2)], ['one', 'two']);
  });

  test('what somebody else wrote into the storage does no harm', async () => {
    for (const nonsense of ['', '{', 'null', '{"a":1}', '[1,null,{"id":7}]', '[{"id":"x","created":"now","tried":0}]']) {
      const browser = new Browser();
      browser.storage.setItem('roomcast:lobby:ann:outbox:gone', nonsense);
      const page = browser.open();
      await browser.clock.advance(3000);
      page.room.send('one');
      assert.deepEqual(waiting(page), ['one:pending'], nonsense);
    }
  });
});

describe('an outbox without locks', () => {
  const open = (tabStorage, clock) => new Page({ tabStorage, clock, storage: new FakeStorage(), locks: undefined });

  test('is kept in its tab over a reload', async () => {
    const clock = new FakeClock();
    const before = open(new FakeStorage(), clock);
    before.room.send('one');
    const page = open(before.tabStorage, clock);
    await page.enter();
    assert.equal(await confirm(page, 1), 'one');
    assert.deepEqual(open(before.tabStorage, clock).room.outbox, []);
  });

  test('a copied tab does not send late what the original may have sent', async () => {
    const clock = new FakeClock();
    const before = open(new FakeStorage(), clock);
    before.room.send('one');
    const copy = open(before.tabStorage.copy(), clock);
    clock.sleep(240_001);
    await copy.enter();
    assert.deepEqual([waiting(copy), copy.socket.take('message')], [['one:unknown'], []]);
  });

  test('a browser whose locks do not work after all keeps what is written', async (t) => {
    t.mock.method(console, 'warn', () => {});
    const locks = { request: () => Promise.reject(new Error('not in this kind of page')) };
    const page = new Page({ storage: new FakeStorage(), locks });
    page.room.send('one');
    await page.enter();
    assert.equal(await confirm(page, 1), 'one');
  });
});
