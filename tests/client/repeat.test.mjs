// When room.js may send a message again that was never confirmed: only while it cannot be stored twice.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Browser, FakeClock, Page, at, confirm, settled, waiting } from './fakes.mjs';

const T = 1_800_000_000_000;
/** What a server says at a login of what it remembers. */
const told = (more) => ({ ts: T, 'dedupe-count': 100, 'dedupe-age': 300_000, new: false, ...more });

/** A page with a message on its way, whose connection has ended. */
async function unconfirmed(clock = new FakeClock(), more = {}) {
  const page = new Page({ clock, ...more });
  await page.enter(at(0), told());
  page.room.send('one');
  const [{ id }] = page.socket.take('message');
  page.socket.end();
  return { page, id };
}

describe('a message that was never confirmed', () => {
  test('is not sent again by a tab that took it over and does not know what came meanwhile', async () => {
    const browser = new Browser();
    const one = browser.open();
    await one.enter(at(0), told());
    one.room.send('one');
    one.crash();
    // Another tab of the same uid sends 100 before anybody takes the message over; the server forgets the first id.
    const fresh = browser.open();
    await fresh.enter(at(101), told());
    await browser.clock.advance(10_000);
    assert.deepEqual([waiting(fresh), fresh.socket.take('message')], [['one:unknown'], []]);
  });

  test('is not sent again by a tab that has read it, however much came behind it', async () => {
    const browser = new Browser();
    const [one, two] = [browser.open(), browser.open(undefined, { deadAfter: 1e9 })];
    await one.enter(at(0), told());
    await two.enter(at(0), told());
    one.room.send('one');
    const [{ id }] = one.socket.take('message');
    one.crash();
    two.message(1, { uid: 'ann', id });
    for (let seq = 2; seq <= 101; seq += 1) two.message(seq, { uid: 'ann', id: `other-${seq}` });
    await browser.clock.advance(60_000);
    assert.deepEqual([two.room.outbox, two.socket.take('message')], [[], []]);
    assert.deepEqual(two.fates, ['one:pending', 'one:sent']);
  });

  test('is sent again by a tab that has read everything since, and it was not there', async () => {
    const browser = new Browser();
    const [one, two] = [browser.open(), browser.open(undefined, { deadAfter: 1e9 })];
    await one.enter(at(0), told());
    await two.enter(at(0), told());
    one.room.send('one');
    one.crash();
    for (let seq = 1; seq <= 150; seq += 1) two.message(seq);
    await browser.clock.advance(45_000);
    assert.equal(await confirm(two, 151), 'one');
  });

  for (const [behind, again] of [[99, true], [100, false]]) {
    test(`${behind} messages behind it were not read: it is ${again ? '' : 'not '}sent again`, async () => {
      const { page, id } = await unconfirmed();
      await page.clock.advance(16_000);
      await page.enter(at(0), told({ synced: false, pending: behind }));
      page.socket.push({ event: 'lost', roomid: 'lobby', from: 1, to: behind, reason: 'trim', position: at(behind) });
      page.synced(at(behind));
      await settled();
      assert.deepEqual(page.socket.take('message').map((event) => event.id), again ? [id] : []);
      assert.deepEqual(waiting(page), [again ? 'one:pending' : 'one:unknown']);
    });
  }

  test('is sent again when all that came behind it was read', async () => {
    const { page, id } = await unconfirmed();
    await page.clock.advance(16_000);
    await page.enter(at(0), told({ synced: false, pending: 300 }));
    for (let seq = 1; seq <= 300; seq += 1) page.message(seq);
    page.synced(at(300));
    await settled();
    assert.deepEqual(page.socket.take('message').map((event) => event.id), [id]);
  });

  for (const [behind, again] of [[99, true], [100, false]]) {
    test(`of which a proxy that lost its database knows nothing: with ${behind} behind it, it is ${again ? '' : 'not '}sent again`, async () => {
      const page = new Page();
      await page.enter(at(0), told());
      page.room.send('one');
      const [{ id }] = page.socket.take('message');
      page.socket.push({ event: 'error', code: 'UNAVAILABLE', message: 'away', of: 'message', roomid: 'lobby', id });
      await page.clock.advance(2000);
      // Another tab of the uid sent these by another proxy; this one has not read them yet.
      assert.deepEqual(page.sockets.flatMap((socket) => socket.take('message')), [], 'not before it is known how the room stands');
      await page.enter(at(0), told({ synced: false, pending: behind }));
      page.socket.push({ event: 'lost', roomid: 'lobby', from: 1, to: behind, reason: 'trim', position: at(behind) });
      page.synced(at(behind));
      await settled();
      assert.deepEqual(page.socket.take('message').map((event) => event.id), again ? [id] : []);
      assert.deepEqual(waiting(page), [again ? 'one:pending' : 'one:unknown']);
      assert.deepEqual(page.told('error'), [], 'it passes');
    });
  }

  test('the server says how many it remembers', async () => {
    const { page } = await unconfirmed();
    await page.clock.advance(16_000);
    await page.enter(at(0), told({ synced: false, pending: 5, 'dedupe-count': 5 }));
    page.socket.push({ event: 'lost', roomid: 'lobby', from: 1, to: 5, reason: 'trim', position: at(5) });
    page.synced(at(5));
    assert.deepEqual(waiting(page), ['one:unknown']);
  });

  test('its age goes by the server’s clock: a clock put back here does not make it young', async () => {
    const { page } = await unconfirmed();
    page.clock.sleep(600_000);
    page.clock.jump(-600_000);
    await page.clock.advance(16_000);
    await page.enter(at(0), told({ ts: T + 616_000 }));
    assert.deepEqual([waiting(page), page.socket.take('message')], [['one:unknown'], []]);
  });

  test('its age goes by the server’s clock: a clock put forward here does not make it old', async () => {
    const { page, id } = await unconfirmed();
    page.clock.jump(3_600_000);
    await page.clock.advance(16_000);
    await page.enter(at(0), told({ ts: T + 16_000 }));
    assert.deepEqual(page.socket.take('message').map((event) => event.id), [id]);
  });

  for (const [age, again] of [[279_000, true], [281_000, false]]) {
    test(`${age} ms old, with time for its way to a server that remembers 300000 ms, it is ${again ? '' : 'not '}sent again`, async () => {
      const { page, id } = await unconfirmed();
      await page.clock.advance(16_000);
      await page.enter(at(0), told({ ts: T + age }));
      assert.deepEqual(page.socket.take('message').map((event) => event.id), again ? [id] : []);
    });
  }

  test('the server says for how long it remembers', async () => {
    const { page } = await unconfirmed();
    await page.clock.advance(16_000);
    await page.enter(at(0), told({ ts: T + 16_000, 'dedupe-age': 15_000 }));
    assert.deepEqual(waiting(page), ['one:unknown']);
  });

  test('its age is kept over a reload', async () => {
    const browser = new Browser();
    let page = browser.open();
    await page.enter(at(0), told());
    page.room.send('one');
    browser.clock.sleep(200_000);
    page = await browser.reload(page);
    await page.enter(at(0), told({ ts: T + 200_000 }));
    assert.equal(page.socket.take('message').length, 1, 'still young');
    browser.clock.sleep(200_000);
    page = await browser.reload(page);
    await page.enter(at(0), told({ ts: T + 400_000 }));
    assert.deepEqual(waiting(page), ['one:unknown']);
  });

  test('after a reset it may be anywhere behind what both histories share', async () => {
    const page = new Page();
    await page.enter(at(500), told());
    page.room.send('one');
    await page.breakAndReturn(at(300), told({ synced: false, pending: 200 }));
    page.socket.push({ event: 'reset', roomid: 'lobby', since: at(500), position: at(300) });
    page.socket.push({ event: 'lost', roomid: 'lobby', from: 301, to: 500, reason: 'trim', position: at(500, 'b') });
    page.synced(at(500, 'b'));
    await settled();
    assert.deepEqual([waiting(page), page.socket.take('message')], [['one:unknown'], []]);
  });
});

describe('a refusal', () => {
  const refuse = (page, code) => {
    const [{ id }] = page.socket.take('message');
    page.socket.push({ event: 'error', code, message: 'no', of: 'message', roomid: 'lobby', id });
    return id;
  };

  test('that passes is waited for, however long, and nothing overtakes the message', async () => {
    const page = new Page();
    await page.enter(at(0), told());
    page.room.send('one');
    page.room.send('two');
    const ids = new Set();
    for (let i = 0; i < 300; i += 1) {
      ids.add(refuse(page, 'NOREPLICAS'));
      await page.clock.advance(1000);
      page.socket.push({ event: 'heartbeat', message: 'ping' });
      await page.clock.advance(1000);
    }
    assert.equal(ids.size, 1);
    assert.deepEqual(waiting(page), ['one:pending', 'two:pending'], 'ten minutes later');
    assert.deepEqual([await confirm(page, 1), await confirm(page, 2)], ['one', 'two']);
  });

  test('with a code that nobody knows is told, and the message is tried again', async (t) => {
    t.mock.method(console, 'error', () => {});
    const page = new Page();
    await page.enter(at(0), told());
    page.room.send('one');
    page.room.send('two');
    const id = refuse(page, 'SOMETHINGNEW');
    assert.deepEqual(waiting(page), ['one:pending', 'two:pending']);
    assert.deepEqual(page.told('error').map((error) => error.code), ['SOMETHINGNEW']);
    await page.clock.advance(2000);
    await page.enter(at(0), told());
    assert.equal(page.socket.take('message')[0].id, id);
  });

  for (const code of ['BADFIELD', 'BADID', 'BANNED', 'LIMIT', 'NORIGHT', 'TOOBIG']) {
    test(`${code} is final`, async () => {
      const page = new Page();
      await page.enter(at(0), told());
      page.room.send('one');
      refuse(page, code);
      assert.deepEqual(waiting(page), ['one:failed']);
    });
  }
});

test('the place where messages were kept is emptied only after they are saved elsewhere', async () => {
  const browser = new Browser();
  const page = browser.open();
  page.room.send('one');
  const stored = () => Array.from({ length: browser.storage.length }, (_, i) => browser.storage.getItem(browser.storage.key(i)));
  await settled();
  browser.storage.full = true;
  const again = await browser.reload(page);
  assert.deepEqual(waiting(again), ['one:pending']);
  assert.ok(stored().some((text) => text.includes('"one"')), 'a crash now would lose nothing');
  await browser.clock.advance(120_000);
  assert.ok(stored().some((text) => text.includes('"one"')), 'nor later');
  browser.storage.full = false;
  again.room.send('two');
  assert.deepEqual(stored().filter((text) => text.includes('"one"')).length, 1, 'it is in one place');
  // Its attempts have been in vain all the time.
  again.room.retryNow();
  await again.enter(at(0), told());
  assert.deepEqual([await confirm(again, 1), await confirm(again, 2)], ['one', 'two']);
  assert.equal(browser.storage.length, 0);
});
