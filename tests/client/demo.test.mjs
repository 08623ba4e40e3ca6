// What the demo page promises beyond the main story: people, history, what was missed, words.
import assert from 'node:assert/strict';
import { becomes, eventually } from './stack.mjs';
import { as, stories } from './stories.mjs';

const demo = stories();
const { story } = demo;

const numbered = (count) => Array.from({ length: count }, (_, i) => `number ${i + 1}`);
/** What the page holds no more rows than. */
const MAX_ROWS = 300;

/** Scrolls until a row is there, and gives all that were seen on the way, in order. */
async function readAll(window, direction, end, ms = 60_000) {
  const seen = [];
  await eventually(`all is read ${direction}`, async () => {
    const rows = await window.rows();
    assert.ok(rows.length <= MAX_ROWS, `${rows.length} rows are on the page`);
    const isNew = (row) => !seen.includes(row);
    if (direction === 'up') seen.unshift(...rows.filter(isNew));
    else seen.push(...rows.filter(isNew));
    await window.page.$eval('#log', (node, pages) => node.scrollBy(0, pages * node.clientHeight), direction === 'up' ? -3 : 3);
    return seen.includes(end);
  }, ms);
  return seen;
}

/** Somebody who is away, while 2,000 messages come. Returns the address of the page and the line above what was missed. */
async function missMany(open, uid, room) {
  const address = as(uid, room);
  const first = await open(address);
  await first.state('online');
  await demo.stack.redis('ROOM.LIMITS', `room:${room}`, 'keep', '10000');
  await demo.stack.publish(room, 'bot', ['before']);
  await first.shows('before');
  await demo.stack.waiting(room, uid, 0);
  await first.close();
  await demo.stack.presence(room, uid, false);
  await demo.stack.publish(room, 'bot', numbered(2000));
  return [address, '-- While you were away · 2,000 messages --'];
}

/** Each of them can be read, from the line on. */
async function readMissed(window, line, ms) {
  await eventually('all are counted', async () => (await window.rows()).includes(line), ms);
  const all = await readAll(window, 'down', 'number 2000', ms);
  assert.deepEqual(all, ['before', line, ...numbered(2000)]);
}

story('the icon is where browsers look for it, whatever the page says', async () => {
  for (const path of ['icon.svg', 'favicon.ico']) {
    const answer = await fetch(`${demo.stack.url}/${path}`);
    assert.equal(answer.headers.get('content-type'), 'image/svg+xml', path);
    assert.match(await answer.text(), /^<svg/);
  }
});

story('two names in one browser are two people, and a name that is known is that person again', async ({ open }) => {
  const ann = await open('');
  await ann.enter('Ann', 'two');
  const ben = await open('', { context: ann.context });
  await ben.enter('Ben', 'two');
  await ben.say('Hello Ann');
  await ann.shows('Hello Ann');
  await ann.say('Hello Ben');
  await ben.shows('Hello Ann', 'Hello Ben');
  const names = () => ann.page.$$eval('#online .person', (all) => all.map((node) => node.textContent));
  await becomes('two people are here', names, ['Ann', 'Ben']);
  const again = await open('', { context: ann.context });
  await again.enter('Ann', 'two');
  await again.shows('Hello Ann', 'Hello Ben');
  assert.equal(await again.page.textContent('.message.own .text'), 'Hello Ben');
  await becomes('two people are here still', names, ['Ann', 'Ben']);
});

story('where the browser forbids storage the page works, and a reload is the same person', async ({ open }) => {
  const window = await open('', { before: () => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(globalThis, name, { get() { throw new DOMException('forbidden', 'SecurityError'); } });
    }
  } });
  await window.enter('Blocked', 'forbidden');
  await window.say('I am here');
  await window.shows('I am here');
  await window.nothingWaits();
  const [uid] = await window.people('online');
  await window.page.reload();
  await window.state('online');
  await becomes('the same person', () => window.people('online'), [uid]);
  await window.shows('I am here');
});

story('a reload shows the last page, then what was missed under one line; scrolling up reads what is older', async ({ open }) => {
  const reader = await open(as('reader', 'older'));
  await reader.state('online');
  await demo.stack.redis('ROOM.LIMITS', 'room:older', 'keep', '1000');
  await demo.stack.publish('older', 'bot', numbered(250));
  await eventually('all came', async () => (await reader.rows()).at(-1) === 'number 250');
  await demo.stack.waiting('older', 'reader', 0);
  const { page } = reader;
  const address = page.url();
  await page.goto('about:blank');
  await demo.stack.presence('older', 'reader', false);
  await demo.stack.publish('older', 'bot', ['missed one', 'missed two']);
  await page.goto(address);
  const line = '-- While you were away · 2 messages --';
  const expected = [...numbered(250).slice(150), line, 'missed one', 'missed two'];
  await eventually('the last page', async () => (await reader.rows()).includes('number 151'));
  assert.deepEqual((await reader.rows()).slice(-expected.length), expected);
  await reader.picture('missed');
  const all = await readAll(reader, 'up', 'number 1');
  assert.deepEqual(all, [...numbered(250), line, 'missed one', 'missed two']);
  await page.reload();
  await eventually('nothing was missed any more', async () => (await reader.rows()).at(-1) === 'missed two');
  assert.equal((await reader.rows()).includes(line), false);
});

story('of 2,000 missed messages each one can be read, from the line on, and the page stays small', async ({ open }) => {
  const [address, line] = await missMany(open, 'late', 'many');
  const late = await open(address);
  await eventually('all are counted', async () => (await late.rows()).includes(line), 60_000);
  await late.picture('many');
  const isSeen = await late.page.$eval('.divider', (node) => node.getBoundingClientRect().top < innerHeight);
  assert.equal(isSeen, true, 'the line is on the screen');
  assert.match(await late.page.textContent('#jump'), /new messages/);
  await readMissed(late, line, 60_000);
  await late.page.press('#log', 'End');
  await late.page.waitForSelector('#jump', { state: 'hidden' });
  await demo.stack.publish('many', 'bot', ['live']);
  await eventually('what comes is shown', async () => (await late.rows()).at(-1) === 'live');
  const back = await readAll(late, 'up', 'before');
  assert.deepEqual(back, ['before', line, ...numbered(2000), 'live']);
  await late.page.click('#jump');
  await eventually('one click leads to the newest', async () => (await late.rows()).at(-1) === 'live');
});

for (const [what, planted] of [
  ['drops what is beyond 500', { words: 'add(item) {', instead: 'add(item) { if (this.#items.length >= 500) return;' }],
  ['forgets the rows that it takes off the page', {
    words: "this.#node[atBeginning ? 'firstElementChild' : 'lastElementChild'].remove();",
    instead: "if (!atBeginning) this.#items.pop(); this.#node[atBeginning ? 'firstElementChild' : 'lastElementChild'].remove();",
  }],
  ['forgets one of them', { words: 'add(item) {', instead: "add(item) { if (item.text === 'number 1234') return;" }],
]) {
  story(`a page that ${what} is noticed by this`, async ({ open }) => {
    const room = what.replaceAll(' ', '-');
    const [address, line] = await missMany(open, 'late', room);
    const late = await open(address, { planted: { file: 'demo/log.js', ...planted } });
    await assert.rejects(readMissed(late, line, 10_000));
  });
}

story('more than the page can hold is not confirmed before there is room', async ({ open }) => {
  const address = as('slow', 'huge');
  const first = await open(address);
  await first.state('online');
  await first.close();
  await demo.stack.presence('huge', 'slow', false);
  await demo.stack.publish('huge', 'bot', numbered(10_200));
  const slow = await open(address);
  await eventually('as many as it holds are here', async () => (await slow.rows()).some((row) => row.includes('9,900')), 60_000);
  // The line and a message that waits for room are the rest.
  await demo.stack.waiting('huge', 'slow', 201);
  await slow.page.click('#jump');
  await eventually('the rest comes', async () => (await slow.rows()).at(-1) === 'number 10200');
  await demo.stack.waiting('huge', 'slow', 0);
});

story('addresses are links, texts run as they are written, and Shift and Enter begin a line', async ({ open }) => {
  const ann = await open(as('ann', 'texts'));
  await ann.state('online');
  const text = 'See (https://example.com/a?b=c), not javascript:alert(1) or <a href="https://example.org">this</a>.';
  await ann.say(text, 'שלום לכולם');
  await ann.shows(text, 'שלום לכולם');
  const links = await ann.page.$$eval('.text a', (all) => all.map(({ href, rel }) => [href, rel.includes('noopener')]));
  assert.deepEqual(links, [['https://example.com/a?b=c', true], ['https://example.org/', true]]);
  const direction = (n) => ann.page.$$eval('.text', (all, i) => getComputedStyle(all[i]).direction, n);
  assert.deepEqual([await direction(0), await direction(1)], ['ltr', 'rtl']);
  await ann.page.keyboard.type('first line');
  const height = () => ann.page.$eval('#text', (node) => node.offsetHeight);
  const before = await height();
  await ann.page.keyboard.press('Shift+Enter');
  await ann.page.keyboard.type('second line');
  assert.ok(await height() > before, 'the box grows');
  await ann.page.keyboard.press('Enter');
  await eventually('both lines are one message', async () => (await ann.rows()).at(-1) === 'first line\nsecond line');
  assert.equal(await height(), before);
});

story('who goes on writing right after sending is seen to write', async ({ open }) => {
  const ann = await open(as('ann', 'typing'));
  const ben = await open(as('ben', 'typing'));
  await ann.state('online');
  await ben.state('online');
  await ann.page.type('#text', 'one');
  await eventually('ben sees it', () => ben.page.textContent('#typing'));
  await ann.page.keyboard.press('Enter');
  await ann.page.keyboard.type('two');
  await ben.shows('one');
  await becomes('ben sees that she goes on', () => ben.page.textContent('#typing'), 'Ann is writing');
});

story('who is away looks so, and without a connection nobody looks online; "try now" connects', async ({ open, relay }) => {
  const cable = await relay();
  const ann = await open(as('ann', 'here'), { socketPort: cable.port });
  const ben = await open(as('ben', 'here'));
  await ann.state('online');
  await ben.say('I am Ben');
  const here = () => ann.page.$$eval('#people .here', (all) => all.map((node) => node.dataset.uid));
  await becomes('both are here', here, ['ann', 'ben']);
  await ben.close();
  await becomes('ben is away', () => ann.people('away'), ['ben']);
  assert.equal(await ann.page.textContent('#away .person'), 'Ben');
  assert.deepEqual(await here(), ['ann']);

  // The page's timers are the test's: once they stand still, nothing is tried again by itself.
  await ann.page.clock.install();
  cable.cut();
  await ann.state('offline');
  await becomes('nobody looks online', here, []);
  await ann.page.clock.pauseAt(Date.now() + 60_000);
  await eventually('the page stands still offline', async () => await ann.page.getAttribute('#state', 'data-state') === 'offline');
  cable.mend();
  await ann.page.click('#again');
  await ann.state('online');
  assert.equal(await ann.page.isVisible('#banner'), false);
});

story('a kick, a ban and the end of a membership are explained, and one can come back', async ({ open }) => {
  const ann = await open(as('ann', 'ends'));
  const { page } = ann;
  await ann.state('online');
  const { redis } = demo.stack;
  const cli = redis.bind(demo.stack);
  await cli('ROOM.KICK', 'room:ends', 'ann', 'too loud');
  await page.waitForSelector('#end:visible');
  assert.match(await page.textContent('#end'), /Your visit was ended.*too loud.*Whether you may come back was not said.*still a member/s);
  assert.doesNotMatch(await page.textContent('#end'), /ban/, 'which it may be');
  assert.equal(await page.isVisible('#compose'), false);
  await page.click('#back');
  await ann.state('online');
  assert.equal(await page.isVisible('#end'), false);

  const until = Date.now() + 3_600_000;
  await cli('XADD', 'roomcast:bans', '*', 'uid', 'ann', 'room', 'ends', 'until', String(until), 'reason', 'far too loud');
  await page.waitForSelector('#end:visible');
  assert.match(await page.textContent('#end'), /You are banned until .*far too loud.*still a member/s);
  await page.click('#back');
  await page.waitForSelector('#state[data-state=closed]');
  assert.match(await page.textContent('#end'), /You are banned from this room/);
  await cli('XADD', 'roomcast:bans', '*', 'uid', 'ann', 'room', 'ends', 'until', '0');
  await eventually('the ban is taken back', async () => {
    await page.click('#back');
    return page.waitForSelector('#state[data-state=online]', { timeout: 1000 }).catch(() => null);
  });
  await cli('ROOM.LEAVE', 'room:ends', 'ann');
  await page.waitForSelector('#end:visible');
  assert.match(await page.textContent('#end'), /no longer a member/);
});

story('a guest sees and says what others do, and nothing waits for it', async ({ open }) => {
  const ann = await open(as('ann', 'guests'));
  await ann.state('online');
  await ann.say('before');
  await ann.shows('before');
  const guest = await open('');
  await guest.page.check('#guest');
  await guest.enter('Gil', 'guests');
  await guest.shows('before');
  await guest.say('I only look');
  await ann.shows('before', 'I only look');
  assert.equal(await ann.page.textContent('.message:not(.own) .author'), 'Gil');
  assert.match(await guest.page.textContent('#online'), /Gil.*you, a guest/);
  await becomes('it is no member', () => ann.people('online'), ['ann']);
  await guest.page.reload();
  await guest.state('online');
  assert.match(await guest.page.textContent('#online'), /you, a guest/);
});
