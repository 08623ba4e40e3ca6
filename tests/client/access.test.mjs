// The demo page for people who use a keyboard, a screen reader, a phone, or need contrast.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PHONE } from './pages.mjs';
import { becomes, eventually } from './stack.mjs';
import { as, stories } from './stories.mjs';

const demo = stories();
const { story } = demo;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** CSS pixels of what a finger hits. */
const TARGET = 44;

/** What the checker calls serious or worse. */
async function finds(page) {
  // Half a second long a message that is being sent looks like one that is sent.
  await page.waitForFunction(() => document.getAnimations().length === 0);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** What is too small to hit, of what is seen. Links within a text are as high as the text. */
function tooSmall(page) {
  return page.$$eval('button, input:not([type=checkbox]), textarea, label.choice', (all, least) => all
    .filter((node) => node.checkVisibility())
    .map((node) => ({ name: node.id || node.textContent, box: node.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.height < least || box.width < least))
    .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`), TARGET);
}

async function isFit(window, where) {
  assert.deepEqual(await finds(window.page), [], where);
  assert.deepEqual(await tooSmall(window.page), [], where);
  assert.equal(await window.overflow(), 0, `${where}: nothing is wider than the page`);
}

for (const [size, colorScheme] of [[undefined, 'light'], [undefined, 'dark'], [PHONE, 'light'], [PHONE, 'dark']]) {
  const look = `${size ? 'phone' : 'desk'}, ${colorScheme}`;
  story(`each view can be read, hit and seen whole: ${look}`, async ({ open, relay }) => {
    const room = look.replace(/\W/g, '');
    const { stack } = demo;
    const entrance = await open('', { size, colorScheme });
    await entrance.page.waitForSelector('#join:visible');
    await isFit(entrance, 'the entrance');
    const cable = await relay();
    const ann = await open(as('ann', room), { size, colorScheme, socketPort: cable.port });
    const ben = await open(as('ben', room));
    await ann.state('online');
    await ben.say('Hello', 'a'.repeat(200), `https://example.com/${'b'.repeat(200)}`);
    await eventually('ann reads it', async () => (await ann.rows()).length === 3);
    await ann.say('Good morning');
    await ann.nothingWaits();
    await isFit(ann, 'the room');
    if (size) {
      await ann.page.click('#people-button');
      await ann.page.waitForSelector('#people:visible');
      await isFit(ann, 'the people');
      await ann.page.keyboard.press('Escape');
      await ann.page.waitForSelector('#people', { state: 'hidden' });
    }
    await ben.page.click('#exit');
    await becomes('ben is away', () => ann.people('away'), ['ben']);

    cable.cut();
    await ann.state('offline');
    await ann.say('I am offline');
    await isFit(ann, 'without a connection');
    await ann.picture(`offline-${room}`);
    await stack.presence(room, 'ann', false);
    await stack.publish(room, 'ben', ['one', 'two', 'three']);
    const { 1: limit } = await stack.redis('CONFIG', 'GET', 'room.max-payload');
    await stack.redis('CONFIG', 'SET', 'room.max-payload', '60');
    try {
      cable.mend();
      await ann.state('online');
      await ann.page.waitForSelector('[data-state=failed]');
      assert.equal(await ann.page.isVisible('[data-state=failed] >> text=Forget'), true);
    } finally {
      await stack.redis('CONFIG', 'SET', 'room.max-payload', limit);
    }
    await eventually('the line is there', async () => (await ann.rows()).includes('-- While you were away · 3 messages --'));
    await isFit(ann, 'what was missed, and refused');
    await ann.picture(`missed-${room}`);
    await stack.redis('ROOM.KICK', `room:${room}`, 'ann', 'too loud');
    await ann.page.waitForSelector('#end:visible');
    await isFit(ann, 'after a kick');
    await ann.picture(`kicked-${room}`);
  });
}

story('everything can be done by keyboard', async ({ open, relay }) => {
  const cable = await relay();
  const ben = await open(as('ben', 'keys'));
  await ben.state('online');
  const ann = await open('', { socketPort: cable.port });
  const { page } = ann;
  const { keyboard } = page;
  /** Tab by tab to an element. */
  const reach = async (id, key = 'Tab') => eventually(`${key} reaches ${id}`, async () => {
    if (await page.evaluate(() => document.activeElement.id) === id) return true;
    await keyboard.press(key);
    return false;
  });
  await keyboard.type('Ann');
  await reach('room');
  await keyboard.press('ControlOrMeta+A');
  await keyboard.type('keys');
  await reach('guest');
  await keyboard.press('Space');
  await keyboard.press('Space');
  await keyboard.press('Enter');
  await ann.state('online');
  await keyboard.type('one');
  await keyboard.press('Shift+Enter');
  await keyboard.type('two');
  await keyboard.press('Enter');
  await ben.shows('one\ntwo');
  await demo.stack.publish('keys', 'ben', Array.from({ length: 60 }, (_, i) => `number ${i + 1}`));
  await eventually('all came', async () => (await ann.rows()).at(-1) === 'number 60');
  await reach('log', 'Shift+Tab');
  const top = () => page.$eval('#log', (node) => node.scrollTop);
  await keyboard.press('Home');
  await eventually('the log is scrolled up', async () => await top() < 50);
  await reach('jump');
  await keyboard.press('Enter');
  await eventually('and down', async () => await top() > 1000);
  await reach('people-button', 'Shift+Tab');
  await keyboard.press('Enter');
  await page.waitForSelector('#people', { state: 'hidden' });
  cable.cut();
  await ann.state('offline');
  await reach('again');
  cable.mend();
  await keyboard.press('Enter');
  await ann.state('online');
  await reach('exit');
  await keyboard.press('Enter');
  await page.waitForSelector('#join:visible');
});

story('a screen reader is told who wrote each message, who is here, who is away, and what is new', async ({ open }) => {
  const ann = await open(as('ann', 'heard'));
  const ben = await open(as('ben', 'heard'));
  await ann.state('online');
  await ben.state('online');
  await ben.say('first', 'second');
  await ann.shows('first', 'second');
  await ann.say('third');
  await ann.shows('first', 'second', 'third');
  await ann.nothingWaits();
  const tree = (id) => ann.page.locator(id).ariaSnapshot();
  const log = await tree('#log');
  assert.match(log, /article:\s+- text: Ben\s+- time: .*\s+- text: first/);
  assert.match(log, /article:\s+- text: Ben\s+- time: .*\s+- text: second/);
  assert.match(log, /article:\s+- text: You third\s+- time: .*\s+- text: ✓ sent/);
  assert.match(await tree('#heard'), /Ben: second/);
  await eventually('both are here', async () => /Ann you online[^]*Ben online/.test(await tree('#people')));
  await ben.close();
  await eventually('ben is away', async () => /heading "Away 1"[^]*Ben offline/.test(await tree('#people')));
  const text = ann.page.getByRole('textbox', { name: 'Message' });
  assert.equal(await text.count(), 1);
  for (const name of ['Send', 'Leave the page; messages wait for you']) {
    assert.equal(await ann.page.getByRole('button', { name }).count(), 1, name);
  }
});
