// Reading older messages, which room.js keeps apart from those that come.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Page, at, settled } from './fakes.mjs';

const NEW = { ts: 1, 'dedupe-count': 100, 'dedupe-age': 300_000 };

const row = (seq, more) => ({ event: 'message', message: `a${seq}`, uid: 'bob', roomid: 'lobby', seq, position: at(seq), ts: 1, total: 1, num: 1, ...more });
const rows = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => row(from + i));

/** The server answers with messages `from` to `to`. */
function answer(page, from, to, more) {
  const event = { event: 'history', roomid: 'lobby', messages: rows(from, to), after: at(from - 1), more: from > 1, gone: 0, ...more };
  page.socket.push(event);
  return settled();
}

const seqs = ({ messages }) => messages.map(({ seq }) => seq);

async function online(position = at(200), more = {}) {
  const page = new Page();
  await page.enter(position, { ...NEW, ...more });
  page.socket.take();
  return page;
}

describe('history', () => {
  test('is what lies before where this page began, page by page', async () => {
    const page = await online();
    page.message(201);
    const first = page.room.history({ limit: 2 });
    assert.deepEqual(page.socket.take('history'), [{ event: 'history', roomid: 'lobby', until: at(200), limit: 2 }]);
    await answer(page, 199, 200);
    assert.deepEqual(await first, { messages: rows(199, 200), after: at(198), more: true, gone: 0 });
    const second = page.room.history();
    assert.deepEqual(page.socket.take('history'), [{ event: 'history', roomid: 'lobby', until: at(198) }]);
    await answer(page, 99, 198);
    assert.equal((await second).messages.length, 100);
    assert.deepEqual([page.texts, page.room.position], [['a201'], at(201)], 'it moves nothing');
  });

  test('also after a reconnect: what came by `message` is not in it', async () => {
    const page = await online();
    for (const seq of [201, 202, 203]) page.message(seq);
    await page.breakAndReturn(at(203), NEW);
    page.room.history();
    assert.equal(page.socket.take('history')[0].until, at(200));
    const asked = page.room.history({ until: at(203) });
    await answer(page, 150, 200);
    assert.equal(page.socket.take('history')[0].until, at(203));
    await answer(page, 198, 203);
    assert.deepEqual(seqs(await asked), [198, 199, 200], 'shown once');
  });

  test('is asked for one page at a time, and again after a reconnect', async () => {
    const page = new Page();
    const both = Promise.all([page.room.history(), page.room.history()]);
    await page.enter(at(200), NEW);
    assert.equal(page.socket.take('history').length, 1);
    await page.breakAndReturn(at(200), NEW);
    assert.deepEqual(page.socket.take('history').map(({ until }) => until), [at(200)]);
    await answer(page, 101, 200);
    assert.deepEqual(page.socket.take('history').map(({ until }) => until), [at(100)]);
    await answer(page, 1, 100, { more: false, gone: 0 });
    assert.deepEqual((await both).map(({ messages }) => messages.length), [100, 100]);
  });

  test('of another history is refused, and begins anew', async () => {
    const page = await online();
    const read = page.room.history();
    await answer(page, 101, 200);
    await read;
    const refused = page.room.history();
    page.socket.take();
    page.socket.push({ event: 'error', of: 'history', code: 'BADPOS', message: 'another history', roomid: 'lobby' });
    await assert.rejects(refused, { code: 'BADPOS', message: 'another history' });
    const anew = page.room.history();
    assert.deepEqual(page.socket.take('history'), [{ event: 'history', roomid: 'lobby' }], 'from where the server says that it began');
    await answer(page, 8, 9);
    assert.deepEqual(seqs(await anew), [8, 9]);
    assert.deepEqual(page.told('error'), [], 'whoever asked is told');
  });

  test('ends, after a reset, where the histories part', async () => {
    const page = await online();
    const read = page.room.history();
    await answer(page, 101, 200);
    await read;
    page.socket.push({ event: 'reset', roomid: 'lobby', since: at(200), position: at(150) });
    await settled();
    page.room.history();
    assert.equal(page.socket.take('history').at(-1).until, at(150));
  });

  test('confirms what it brings of one’s own', async () => {
    const page = await online(at(200), { synced: false });
    const { id } = page.room.send('mine');
    page.room.history();
    await answer(page, 200, 200, { messages: [row(200, { uid: 'ann', id })] });
    assert.deepEqual(page.room.outbox, []);
  });

  test('that is refused in passing is asked for again', async () => {
    const page = await online();
    const asked = page.room.history();
    for (const code of ['UNAVAILABLE', 'NOLOGIN', 'TOOFAST']) {
      assert.equal(page.socket.take('history').length, 1);
      page.socket.push({ event: 'error', of: 'history', code, message: 'later', roomid: 'lobby' });
      assert.deepEqual(page.socket.take('history'), []);
      await page.clock.advance(1000);
    }
    await answer(page, 101, 200);
    assert.equal((await asked).messages.length, 100);
    assert.deepEqual(page.told('error'), []);
  });

  test('that was answered or refused leaves no timer behind', async () => {
    const page = await online();
    const asked = page.room.history();
    await answer(page, 101, 200);
    await asked;
    const refused = page.room.history();
    page.socket.push({ event: 'error', of: 'history', code: 'NORIGHT', message: 'no', roomid: 'lobby' });
    await assert.rejects(refused, { code: 'NORIGHT' });
    await page.clock.advance(40_000);
    assert.equal(page.room.state, 'online');
  });

  test('is not asked of an older server, which would tell everybody', async () => {
    const page = new Page();
    await page.enter();
    await assert.rejects(page.room.history(), { code: 'UNSUPPORTED' });
    assert.deepEqual(page.socket.take('history'), []);
  });

  test('that is not answered ends the connection; a closed room has none', async () => {
    const page = await online();
    const asked = page.room.history();
    await page.clock.advance(20_000);
    assert.equal(page.room.state, 'offline');
    page.room.close();
    await assert.rejects(asked, { code: 'CLOSED' });
    await assert.rejects(page.room.history(), { code: 'CLOSED' });
  });
});
