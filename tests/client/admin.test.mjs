// The admin page in Chromium: what it shows, that names are text whatever they look like, keyboard, phone, both colour schemes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PHONE, PICTURES, launch } from './pages.mjs';
import { Stack, becomes, eventually, freePort } from './stack.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ODD_ROOM = '<img src=x onerror=document.title=1>';
const ODD_UID = '<script>document.title=2</script>&amp;"\'';
const DESK = { width: 1100, height: 760 };

let stack;
let browser;
let url;

before(async () => {
  const port = await freePort();
  stack = await Stack.start({ proxy: ['--admin-listen', `127.0.0.1:${port}`] });
  url = `http://localhost:${port}/`;
  browser = await launch();
  for (const [room, many] of [['garden', 40], ['kitchen', 7], ['long-room-name-without-any-blank-in-it-that-has-to-be-broken-somewhere', 3]]) {
    await stack.redis('ROOM.INVITE', `room:${room}`, 'ann', 'ben', 'cleo');
    await stack.publish(room, 'ann', Array.from({ length: many }, (_, i) => `number ${i}`));
  }
  await stack.redis('ROOM.INVITE', `room:${ODD_ROOM}`, ODD_UID);
  for (let i = 0; i < 5; i += 1) await stack.redis('ROOM.PUBLISH', `room:${ODD_ROOM}`, ODD_UID.slice(0, 20), '{}');
  await stack.redis('XADD', 'roomcast:bans', '*', 'uid', ODD_UID, 'room', ODD_ROOM, 'reason', '<b>spam</b>');
  await stack.redis('XADD', 'roomcast:bans', '*', 'uid', 'mallory', 'until', '1895630000000');
});

after(async () => {
  await browser?.close();
  await stack?.stop();
});

/** A window that complains about errors, and about requests to elsewhere. */
async function open(hash, { size = DESK, scheme = 'light', fails = [] } = {}) {
  const context = await browser.newContext({ viewport: size, colorScheme: scheme });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack}`));
  page.on('console', (message) => {
    const isExpected = fails.some((part) => message.text().includes(part));
    if (['error', 'warning'].includes(message.type()) && !isExpected) complaints.push(message.text());
  });
  page.on('request', (request) => { if (!request.url().startsWith(url)) complaints.push(`a request to ${request.url()}`); });
  await page.goto(url + hash);
  const done = async () => {
    assert.deepEqual(complaints, []);
    await context.close();
  };
  return [page, done];
}

/** The cells of the first column of a table. */
const firsts = (page, label) => page.$$eval(`table[aria-label="${label}"] tbody tr`, (rows) => rows.map((row) => row.cells[0].textContent));
const story = (name, run) => test(name, { timeout: 90_000 }, () => run().catch((error) => { console.error(stack.logs()); throw error; }));

async function wholeWalk(page) {
  await eventually('the walk is at its end', () => page.textContent('#said').then((said) => said.includes('4 rooms')));
}

async function picture(page, name) {
  await page.screenshot({ path: join(PICTURES, `admin-${name}.png`) });
}

story('rooms by lag and members by backlog, and a way from each to what waits', async () => {
  const [page, done] = await open('');
  await wholeWalk(page);
  const rooms = await firsts(page, 'Rooms by lag');
  assert.deepEqual([rooms[0], rooms[1], rooms.length], ['garden', 'kitchen', 4]);
  await page.click('nav >> text=Members');
  await becomes('members', async () => (await firsts(page, 'Members by backlog')).slice(0, 3).sort(), ['ann', 'ben', 'cleo']);
  await page.click('table >> text=ben');
  await page.waitForSelector('table[aria-label="Queue"]');
  assert.equal((await firsts(page, 'Queue')).length, 40);
  assert.match(await page.textContent('#content'), /Waiting40/);
  assert.doesNotMatch(await page.textContent('#content'), /number 1/, 'what is said is not shown');
  await page.click('table[aria-label="Queue"] >> text="2"');
  await becomes('the fate of a message', () => page.textContent('#fate').catch(() => ''), 'Message 2 for ben: waiting');
  await page.fill('[name=seq]', '99');
  await page.click('text=Look >> visible=true >> nth=-1');
  await becomes('another', () => page.textContent('#fate').catch(() => ''), 'Message 99 for ben: not published');
  await page.goBack();
  await becomes('the one before', () => page.textContent('#fate').catch(() => ''), 'Message 2 for ben: waiting');
  await done();
});

story('names are text, whatever they look like', async () => {
  const [page, done] = await open('');
  await wholeWalk(page);
  assert.ok((await firsts(page, 'Rooms by lag')).includes(ODD_ROOM));
  await page.click('nav >> text=Members');
  await becomes('the uid is shown', async () => (await firsts(page, 'Members by backlog')).includes(ODD_UID), true);
  await page.click(`a:has-text(${JSON.stringify(ODD_UID)})`);
  await page.waitForSelector('table[aria-label="Queue"]');
  assert.ok((await page.textContent('#content')).includes(ODD_ROOM));
  await page.click('nav >> text=Bans');
  await becomes('bans', () => firsts(page, 'Bans'), ['mallory', ODD_UID]);
  for (const tag of ['img', 'script', 'b', 'iframe']) assert.equal(await page.$(`#content ${tag}`), null, tag);
  assert.equal(await page.title(), 'Bans · Roomcast admin');
  await done();
});

story('what is not there is said in a sentence, and markup cannot run even if it is put in', async () => {
  const [page, done] = await open(`#look?${new URLSearchParams({ room: ODD_ROOM.slice(1) })}`, { fails: ['404', 'Trusted', 'TrustedHTML'] });
  await becomes('no room', () => page.textContent('#problem'), 'There is no such room.');
  const put = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<p>x</p>';
      return 'put in';
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(put, 'TypeError');
  await done();
});

story('this proxy: its nodes and limits', async () => {
  const [page, done] = await open('#proxy');
  await becomes('nodes', () => page.$$eval('table[aria-label="Nodes"] td', (all) => all.map((cell) => cell.textContent).slice(1)), ['yes', 'all']);
  assert.ok((await firsts(page, 'Limits')).includes('--max-connections'));
  assert.equal(await page.getAttribute('#health', 'class'), 'good');
  await done();
});

story('with the keyboard alone', async () => {
  const [page, done] = await open('');
  await wholeWalk(page);
  const at = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press('Tab');
  assert.equal(await at(), 'To the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.keyboard.press('Tab');
  assert.equal(await at(), 'garden');
  // The list is made anew every two seconds; whoever is in it stays there.
  await page.waitForResponse((response) => response.url().endsWith('/data/scan'));
  await page.waitForResponse((response) => response.url().endsWith('/data/scan'));
  assert.equal(await at(), 'garden');
  await page.keyboard.press('Enter');
  await page.waitForSelector('table[aria-label="Furthest behind"]');
  await page.focus('[name=uid]');
  await page.keyboard.type('ben');
  await page.keyboard.press('Enter');
  await page.waitForSelector('table[aria-label="Queue"]');
  await done();
});

for (const scheme of ['light', 'dark']) {
  for (const [of, size] of [['desk', DESK], ['phone', PHONE]]) {
    story(`no serious finding of axe, nothing wider than the window: ${scheme}, ${of}`, async () => {
      for (const [hash, label] of [['#rooms', 'Rooms by lag'], ['#members', 'Members by backlog'], ['#look?room=garden&uid=ben&seq=2', 'Queue'], ['#proxy', 'Limits'], ['#bans', 'Bans']]) {
        const [page, done] = await open(hash, { size, scheme, fails: ['Trusted'] });
        await page.waitForSelector(`table[aria-label="${label}"]`);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= size.width, `${hash}: ${width}`);
        await picture(page, `${hash.slice(1).split('?')[0]}-${scheme}-${of}`);
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
        assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`), [], hash);
        await done();
      }
    });
  }
}
