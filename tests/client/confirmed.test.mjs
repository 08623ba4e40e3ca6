// A message that was confirmed is stored, or its page is told of another history: whatever happened to page and connection.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Browser, FakeStorage, Page, at, settled } from './fakes.mjs';

/** What the page was told of other histories: `[[since, position]]`. */
const resets = (page) => page.told('reset').map(({ since, position }) => [since, position]);

/** Sends a message that the server confirms at `seq`; the message itself does not come. */
async function sendUnseen(page, seq) {
  page.room.send('mine');
  const [{ id }] = page.socket.take('message');
  page.socket.push({ event: 'sent', roomid: 'lobby', id, seq, position: at(seq) });
  await settled();
  return id;
}

describe('that a confirmed message is gone is told', () => {
  test('to a page that was loaded anew before it came', async () => {
    const browser = new Browser();
    let page = browser.open();
    await page.enter(at(10));
    await sendUnseen(page, 12);
    page = await browser.reload(page);
    await page.enter(at(10), { synced: false, pending: 2, new: false });
    page.message(11);
    page.message(12, { life: 'b' });
    page.message(13, { life: 'b' });
    await settled();
    assert.deepEqual(resets(page), [[at(12), at(11)]]);
    assert.deepEqual(page.texts, ['a11', 'b12', 'b13']);
  });

  test('to a page whose room was closed and opened again', async () => {
    const tabStorage = new FakeStorage();
    const before = new Page({ tabStorage });
    await before.enter(at(10));
    await sendUnseen(before, 11);
    before.room.close();
    const page = new Page({ tabStorage });
    await page.enter(at(10), { synced: false, pending: 1 });
    page.message(11, { life: 'b' });
    await settled();
    assert.deepEqual(resets(page), [[at(11), at(10)]]);
  });

  test('at the login where the room is shorter now, not when somebody says as much again; once', async () => {
    const page = new Page();
    await page.enter(at(10));
    await sendUnseen(page, 12);
    await page.breakAndReturn(at(10), { pending: 1, new: false });
    assert.deepEqual(resets(page), [[at(12), at(10)]]);
    page.message(11, { life: 'b' });
    page.message(12, { life: 'b' });
    await settled();
    await page.breakAndReturn(at(12, 'b'), { new: false });
    assert.deepEqual(resets(page), [[at(12), at(10)]]);
    assert.deepEqual(page.texts, ['b11', 'b12']);
  });

  test('where the first of several is gone, also after a reload', async () => {
    const browser = new Browser();
    let page = browser.open();
    await page.enter(at(10));
    for (const seq of [12, 14, 16]) await sendUnseen(page, seq);
    page = await browser.reload(page);
    await page.enter(at(10), { synced: false, pending: 6, new: false });
    for (const seq of [11, 12]) page.message(seq);
    for (const seq of [13, 14, 15, 16]) page.message(seq, { life: 'b' });
    await settled();
    assert.deepEqual(resets(page), [[at(14), at(13, 'b')]]);
  });

  test('not where the server tells of the other history itself', async () => {
    const page = new Page();
    await page.enter(at(10));
    page.message(11);
    await settled();
    await sendUnseen(page, 14);
    await page.breakAndReturn(at(9), { synced: false, pending: 1, new: false });
    page.socket.push({ event: 'reset', roomid: 'lobby', since: at(11), position: at(9) });
    for (const seq of [10, 11, 12, 13, 14]) page.message(seq, { life: 'b' });
    await settled();
    assert.deepEqual(resets(page), [[at(11), at(9)]]);
  });

  test('where it was confirmed by coming, while a handler held up those before it', async () => {
    const page = new Page({ untold: ['message'] });
    const texts = [];
    let finish;
    page.room.on('message', async ({ message }) => {
      if (message === 'a11') await new Promise((done) => { finish = done; });
      texts.push(message);
    });
    await page.enter(at(10));
    page.room.send('mine');
    const [{ id }] = page.socket.take('message');
    page.message(11);
    page.message(12, { uid: 'ann', id, message: 'mine' });
    await settled();
    assert.deepEqual(page.fates.slice(-1), ['mine:sent']);
    page.socket.end();
    finish();
    await page.clock.advance(16_000);
    await page.enter(at(11), { synced: false, pending: 1, new: false });
    page.message(12, { life: 'b' });
    await settled();
    assert.deepEqual(resets(page), [[at(12), at(11)]]);
    assert.deepEqual(texts, ['a11', 'b12']);
  });
});

test('of a confirmed message that came, or that is in the room, nothing is told', async () => {
  const browser = new Browser();
  let page = browser.open();
  await page.enter(at(10));
  const id = await sendUnseen(page, 12);
  page.message(11);
  page.message(12, { uid: 'ann', id, message: 'mine' });
  await settled();
  await sendUnseen(page, 13);
  page = await browser.reload(page);
  await page.enter(at(12), { pending: 1, new: false, synced: false });
  page.message(13);
  page.message(14);
  await settled();
  page = await browser.reload(page);
  await page.enter(at(14), { new: false });
  assert.deepEqual(resets(page), []);
});

test('a reset that comes a second time after the old messages led on again is taken', async () => {
  const page = new Page();
  await page.enter(at(0));
  for (let seq = 1; seq <= 9; seq += 1) page.message(seq);
  await settled();
  await page.breakAndReturn(at(3), { synced: false, pending: 6, new: false });
  const reset = { event: 'reset', roomid: 'lobby', since: at(9), position: at(3) };
  page.socket.push(reset);
  // A proxy that does not know of the failover yet has these; then it does.
  for (let seq = 4; seq <= 9; seq += 1) page.message(seq);
  page.socket.push(reset);
  for (let seq = 4; seq <= 5; seq += 1) page.message(seq);
  for (let seq = 6; seq <= 7; seq += 1) page.message(seq, { life: 'b' });
  page.synced(at(7, 'b'));
  await settled();
  assert.equal(page.sockets.length, 2, 'it does not have to ask');
  assert.equal(page.room.position, at(7, 'b'));
  assert.deepEqual(page.texts.slice(9), ['b6', 'b7']);
});
