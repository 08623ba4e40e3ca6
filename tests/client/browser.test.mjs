// The demo page in headless Chromium, against a real Redis and a real proxy.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { PHONE } from './pages.mjs';
import { becomes, eventually } from './stack.mjs';
import { as, stories } from './stories.mjs';

const demo = stories();
const { story } = demo;

story('two people talk, one loses the connection, the other writes, the first comes back and reads what was missed', async ({ open, relay }) => {
  const cable = await relay();
  const alice = await open(as('alice', 'lobby'));
  const bob = await open(as('bob', 'lobby'), { socketPort: cable.port });
  await alice.state('online');
  await bob.state('online');
  await becomes('alice sees both', () => alice.people('online'), ['alice', 'bob']);
  await becomes('bob sees both', () => bob.people('online'), ['alice', 'bob']);
  await alice.say('Hello Bob');
  await bob.shows('Hello Bob');
  await bob.say('Hi Alice!');
  await alice.shows('Hello Bob', 'Hi Alice!');
  await demo.stack.waiting('lobby', 'bob', 0);

  cable.cut();
  await bob.state('offline');
  await demo.stack.presence('lobby', 'bob', false);
  await alice.say('one', 'two', 'three');
  await alice.shows('Hello Bob', 'Hi Alice!', 'one', 'two', 'three');
  await alice.nothingWaits();
  await becomes('alice sees that bob is away', () => alice.people('away'), ['bob']);
  await eventually('alice sees what waits for him', async () =>
    (await alice.page.textContent('#away [data-uid=bob]')).includes('3 waiting'));
  await demo.stack.waiting('lobby', 'bob', 3);
  await bob.shows('Hello Bob', 'Hi Alice!');

  cable.mend();
  await bob.shows('Hello Bob', 'Hi Alice!', '-- While you were away · 3 messages --', 'one', 'two', 'three');
  await alice.say('welcome back');
  await bob.shows('Hello Bob', 'Hi Alice!', '-- While you were away · 3 messages --', 'one', 'two', 'three', 'welcome back');
  await bob.picture('desk');

  // The page acknowledges what it showed: a third connection has nothing to catch up with.
  await demo.stack.waiting('lobby', 'bob', 0);
  await bob.close();
  const third = await open(as('bob', 'lobby'), { size: PHONE });
  await third.state('online');
  await alice.say('and again');
  await third.shows('Hello Bob', 'Hi Alice!', 'one', 'two', 'three', 'welcome back', 'and again');
  await third.picture('phone');
});

story('who closes the page and comes back in another browser reads what was missed, below what was read', async ({ open }) => {
  const dora = await open(as('dora', 'closed'));
  const first = await open(as('emil', 'closed'));
  await first.state('online');
  await dora.say('before');
  await first.shows('before');
  await demo.stack.waiting('closed', 'emil', 0);
  await first.close();
  await demo.stack.presence('closed', 'emil', false);
  await dora.say('one', 'two', 'three');
  await dora.shows('before', 'one', 'two', 'three');
  const second = await open(as('emil', 'closed'));
  await second.shows('before', '-- While you were away · 3 messages --', 'one', 'two', 'three');
});

story('what is written in a tab without connection survives a reload and reaches both tabs once, in order', async ({ open, relay }) => {
  const cable = await relay();
  const good = await open(as('carol', 'tabs'));
  const cut = await open(as('carol', 'tabs'), { context: good.context, socketPort: cable.port });
  await good.state('online');
  await cut.state('online');
  await good.say('before');
  await cut.shows('before');

  cable.cut();
  await cut.state('offline');
  await cut.say('first', 'second');
  assert.equal((await cut.page.$$('.message[data-state=pending]')).length, 2);
  await cut.page.reload();
  await cut.shows('first', 'second');
  await cut.say('third');
  await good.say('meanwhile');
  await good.shows('before', 'meanwhile');
  await cut.picture('offline');

  cable.mend();
  await good.shows('before', 'meanwhile', 'first', 'second', 'third');
  await cut.shows('before', '-- While you were away · 1 message --', 'meanwhile', 'first', 'second', 'third');
  await cut.nothingWaits();
});

story('what a tab could not send before it was closed is sent by another tab of the same browser', async ({ open, relay }) => {
  const cable = await relay();
  const stays = await open(as('frida', 'heirs'));
  const goes = await open(as('frida', 'heirs'), { context: stays.context, socketPort: cable.port });
  await stays.state('online');
  await goes.state('online');
  cable.cut();
  await goes.state('offline');
  await goes.say('my last', 'words');
  await goes.shows('my last', 'words');
  await goes.page.close();
  // Tabs look for what others left when they open, and every half a minute.
  const opened = await open(as('frida', 'heirs'), { context: stays.context });
  await stays.shows('my last', 'words');
  await opened.shows('my last', 'words');
  await opened.nothingWaits();
});

story('the proxy is killed and comes back: the page goes on as if nothing had happened', async ({ open }) => {
  const gina = await open(as('gina', 'restart'));
  const hans = await open(as('hans', 'restart'));
  await hans.state('online');
  await gina.say('before');
  await hans.shows('before');
  await demo.stack.killProxy();
  await hans.state('offline');
  await gina.say('during');
  await demo.stack.startProxy();
  await hans.state('online');
  await gina.nothingWaits();
  await hans.say('after');
  const texts = async (window) => (await window.rows()).filter((row) => !row.startsWith('--'));
  for (const window of [gina, hans]) await becomes('each message once', () => texts(window), ['before', 'during', 'after']);
});

story('a browser without network is offline at once, and back as soon as there is one', async ({ open }) => {
  const window = await open(as('oskar', 'network'));
  await window.state('online');
  await window.context.setOffline(true);
  await window.state('offline');
  await window.say('later');
  await window.context.setOffline(false);
  await window.state('online');
  await window.shows('later');
  await window.nothingWaits();
  // That there was no network is said by the browser too.
  window.complaints = window.complaints.filter((line) => !line.includes('ERR_INTERNET_DISCONNECTED'));
});

story('losses and another history are told', async ({ open, relay }) => {
  const cable = await relay();
  const ida = await open(as('ida', 'losses'));
  const jan = await open(as('jan', 'losses'), { socketPort: cable.port });
  await jan.state('online');
  await ida.say('one');
  await jan.shows('one');
  cable.cut();
  await jan.state('offline');
  await ida.say('two', 'three', 'four');
  await ida.nothingWaits();
  await demo.stack.redis('ROOM.TRIM', 'room:losses', 'MAXLEN', '1');
  cable.mend();
  await jan.shows('one', '-- 2 messages cannot be shown (the room’s limit: trim) --', '-- While you were away · 1 message --', 'four');

  await demo.stack.redis('DEL', 'room:losses');
  const reset = '-- The room’s history has changed: some messages above may not be in it any more --';
  await eventually('both are told', async () => [await ida.rows(), await jan.rows()].every((rows) => rows.includes(reset)));
  await ida.say('a new life');
  await eventually('jan reads it', async () => (await jan.rows()).at(-1) === 'a new life');
});

story('the entrance: by keyboard, remembered over a reload, left by the door', async ({ open }) => {
  const window = await open('', { size: PHONE, colorScheme: 'dark' });
  const { page } = window;
  assert.equal(await page.evaluate(() => document.activeElement.id), 'name');
  await page.keyboard.type('Käthe & <b>Karl</b>');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('entrance');
  await window.picture('entrance');
  await page.keyboard.press('Enter');
  await window.state('online');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
  const uid = await eventually('there is somebody', async () => (await window.people('online'))[0]);
  assert.match(uid, /^kathebkarlb-[a-z0-9]+$/);
  await becomes('with the name', () => page.textContent('#online .person'), 'Käthe & <b>Karl</b>');
  await page.reload();
  await window.state('online');
  await becomes('it is the same person', () => window.people('online'), [uid]);
  await page.click('#exit');
  await page.waitForSelector('#join:visible');
  await becomes('the name is remembered', () => page.inputValue('#name'), 'Käthe & <b>Karl</b>');
});

story('what others write is text and nothing else; names and typing are shown', async ({ open }) => {
  const nasty = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const lena = await open(`?uid=lena&room=text&name=${encodeURIComponent(nasty)}`);
  const mats = await open('?uid=mats&room=text&name=Mats', { size: PHONE });
  await lena.state('online');
  await mats.state('online');
  await becomes('mats knows lena’s name before she speaks', () => mats.page.$eval('#online [data-uid=lena] .person', (node) => node.textContent).catch(() => ''), nasty);
  await lena.page.type('#text', 'hm');
  await eventually('mats sees that somebody writes', async () => (await mats.page.textContent('#typing')).endsWith('is writing'));
  const long = 'a'.repeat(300);
  await lena.say(nasty, long);
  await mats.shows(nasty, long);
  assert.equal(await mats.page.textContent('#typing'), '');
  await demo.stack.redis('ROOM.PUBLISH', 'room:text', 'bot', 'no JSON at all');
  await demo.stack.redis('ROOM.PUBLISH', 'room:text', 'bot', '{"event":"message","message":{"a":[1]}}');
  await mats.shows(nasty, long, 'no JSON at all', '{"a":[1]}');
  assert.equal(await mats.page.$('#log img, #log script, #people img'), null);
  assert.equal(await mats.overflow(), 0, 'nothing is wider than the phone');
});

story('a refused message says why, does not hold up the next one, and can be sent again or forgotten', async ({ open }) => {
  const { 1: limit } = await demo.stack.redis('CONFIG', 'GET', 'room.max-payload');
  const olga = await open(as('olga', 'refused'));
  await olga.state('online');
  await demo.stack.redis('CONFIG', 'SET', 'room.max-payload', '100');
  try {
    await olga.say('long '.repeat(30), 'also long '.repeat(20), 'short');
    const failed = () => olga.page.$$eval('[data-state=failed] .word', (all) => all.map((node) => node.textContent));
    await eventually('two are refused', async () => (await failed()).length === 2);
    for (const why of await failed()) assert.match(why, /^not sent: .*100/);
    await olga.picture('refused');
  } finally {
    await demo.stack.redis('CONFIG', 'SET', 'room.max-payload', limit);
  }
  await olga.shows('short', 'long '.repeat(30).trim(), 'also long '.repeat(20).trim());
  await olga.page.click('[data-state=failed] >> nth=0 >> text=Send again');
  await olga.page.click('[data-state=failed] >> text=Forget');
  await olga.shows('short', 'long '.repeat(30).trim());
  await olga.nothingWaits();
  await olga.page.reload();
  await olga.shows('short', 'long '.repeat(30).trim());
  await olga.nothingWaits();
});

story('on a phone the people come and go over the messages', async ({ open }) => {
  const { page, ...window } = await open(as('nora', 'phone'), { size: PHONE });
  await page.waitForSelector('#state[data-state=online]');
  assert.equal(await page.isVisible('#people'), false);
  const expanded = () => page.getAttribute('#people-button', 'aria-expanded');
  assert.equal(await expanded(), 'false');
  await page.click('#people-button');
  await page.waitForSelector('#people:visible');
  assert.equal(await expanded(), 'true');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#people', { state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'people-button');
  await page.click('#people-button');
  await page.click('#log', { position: { x: 20, y: 200 } });
  await page.waitForSelector('#people', { state: 'hidden' });
  assert.deepEqual(window.complaints, []);
});

test("the README's page works from another port of this machine", { timeout: 60_000 }, async () => {
  const script = `
    import { connect } from '${demo.stack.url}/room.js';
    const connection = connect({ url: '${demo.stack.url.replace('http', 'ws')}/ws', uid: 'u-17', name: 'Ann' });
    const room = connection.room('elsewhere');
    room.on('message', (event) => { document.title = event.message; });
    room.send('Hello');`;
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><script type="module">${script}</script>`);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((done) => { server.once('listening', done); });
  const page = await demo.browser.newPage();
  try {
    await page.goto(`http://localhost:${server.address().port}/`);
    await eventually('its message comes back', async () => await page.title() === 'Hello');
  } finally {
    await page.close();
    server.close();
  }
});
