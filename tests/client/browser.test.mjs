// The demo page in headless Chromium, against a real Redis and a real proxy.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Relay, Stack, eventually } from './stack.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PICTURES = process.env.PICTURES;
let stack;
let browser;

before(async () => {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: apt-get install chromium, or set CHROMIUM`);
  stack = await Stack.start();
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
});

after(async () => {
  await browser?.close();
  await stack?.stop();
});

/** Runs a story; prints the servers' logs if it fails. */
function story(name, run) {
  test(name, { timeout: 60_000 }, async () => {
    try {
      await run();
    } catch (error) {
      console.error(stack.logs());
      throw error;
    }
  });
}

/** Opens the demo page as somebody. With `socketPort` the page's WebSocket goes there, the page itself does not. */
async function open(uid, room, { socketPort, size = { width: 1000, height: 640 }, context } = {}) {
  const own = context ?? await browser.newContext({ viewport: size });
  const page = await own.newPage();
  if (socketPort) await redirectSocket(page, socketPort);
  await page.goto(`${stack.url}/?uid=${uid}&name=${uid}&room=${room}`);
  return page;
}

const redirectSocket = (page, port) => page.addInitScript((to) => {
  const Native = globalThis.WebSocket;
  globalThis.WebSocket = class extends Native {
    constructor(url) { super(String(url).replace(/:\d+\//, `:${to}/`)); }
  };
}, port);

const texts = (page) => page.$$eval('#log .message .text', (all) => all.map((node) => node.textContent));
const rows = (page) => page.$$eval('#log > *', (all) => all.map((node) =>
  (node.classList.contains('message') ? node.querySelector('.text').textContent : `-- ${node.textContent} --`)));
const state = (page, wanted) => page.waitForSelector(`#state[data-state=${wanted}]`);
const say = async (page, text) => { await page.fill('#text', text); await page.press('#text', 'Enter'); };
const sees = (page, expected) => eventually(`the page shows ${JSON.stringify(expected)}`, async () => {
  const shown = await rows(page);
  return JSON.stringify(shown) === JSON.stringify(expected);
}).catch(async (error) => { assert.deepEqual(await rows(page), expected, error.message); });
const picture = async (page, name) => {
  if (!PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: `${PICTURES}/${name}.png` });
};

story('two people talk, one drops out, the other writes, the first comes back and reads what was missed', async () => {
  const alice = await open('alice', 'lobby');
  const bob = await open('bob', 'lobby');
  await state(alice, 'online');
  await state(bob, 'online');
  await alice.waitForSelector('#online [data-uid=bob]');
  await bob.waitForSelector('#online [data-uid=alice]');
  await say(alice, 'Hello Bob');
  await say(bob, 'Hi Alice!');
  await sees(bob, ['Hello Bob', 'Hi Alice!']);
  await sees(alice, ['Hello Bob', 'Hi Alice!']);

  await stack.caughtUp('lobby', 'bob');
  await bob.close();
  for (const text of ['one', 'two', 'three']) await say(alice, text);
  await sees(alice, ['Hello Bob', 'Hi Alice!', 'one', 'two', 'three']);

  const back = await open('bob', 'lobby');
  await sees(back, ['-- While you were away --', 'one', 'two', 'three']);
  await say(alice, 'welcome back');
  await sees(back, ['-- While you were away --', 'one', 'two', 'three', 'welcome back']);
  await picture(back, 'desktop');
  // The page acknowledges what it showed; then a third one has nothing to catch up with.
  await stack.caughtUp('lobby', 'bob');
  await back.close();
  const third = await open('bob', 'lobby', { size: { width: 360, height: 640 } });
  await state(third, 'online');
  await say(alice, 'and again');
  await eventually('the third page shows the last message', async () => (await texts(third)).includes('and again'));
  assert.deepEqual(await rows(third), ['and again']);
  await picture(third, 'phone');
  const width = await third.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `the page is ${width} pixels wide on a phone of 360`);
});

story('what is written in a tab without connection survives a reload and reaches both tabs once, in order', async () => {
  const relay = await Relay.start(stack.port);
  const context = await browser.newContext({ viewport: { width: 1000, height: 640 } });
  const good = await open('carol', 'tabs', { context });
  const cut = await open('carol', 'tabs', { context, socketPort: relay.port });
  await state(good, 'online');
  await state(cut, 'online');
  await say(good, 'before');
  await sees(cut, ['before']);

  relay.cut();
  await state(cut, 'offline');
  await say(cut, 'first');
  await say(cut, 'second');
  await cut.waitForSelector('.message[data-state=pending]');
  await cut.reload();
  await say(cut, 'third');
  await say(good, 'meanwhile');
  await sees(good, ['before', 'meanwhile']);
  relay.mend();
  await sees(good, ['before', 'meanwhile', 'first', 'second', 'third']);
  await eventually('nothing is pending', async () => !(await cut.$('.message[data-state=pending]')));
  await sees(cut, ['-- While you were away --', 'meanwhile', 'first', 'second', 'third']);
  await relay.stop();
});
