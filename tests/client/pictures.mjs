// Makes the picture of the README anew, by playing the story that it shows: npm run pictures
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Window, launch } from './pages.mjs';
import { Relay, Stack, eventually } from './stack.mjs';

const PICTURE = join(fileURLToPath(new URL('../../docs', import.meta.url)), 'demo.png');
const ROOM = 'garden';
const address = (name) => `?uid=${name.toLowerCase()}&name=${name}&room=${ROOM}`;

const BEFORE = [
  ['ann', 'Who waters the tomatoes this week?'],
  ['ben', 'I can, until Friday.'],
  ['cleo', 'Then I take the weekend'],
  ['ann', 'Perfect, thank you both.'],
];
const MISSED = [
  ['ann', 'By the way, the rain barrel is full again.'],
  ['cleo', 'No need to water today then!'],
  ['ann', 'Ben, when you are back: could you bring the long hose? The short one does not reach the beans.'],
];

async function play(people, lines) {
  for (const [who, text] of lines) {
    await people[who].say(text);
    await people[who].nothingWaits();
    const shown = async (one) => (await one.rows()).includes(text);
    await eventually(`'${text}' is read`, async () => (await Promise.all([people.ann, people.cleo].map(shown))).every(Boolean));
  }
}

async function tell(stack, browser, cable) {
  const open = (name, more) => Window.open(stack, browser, address(name), more);
  const people = { ann: await open('Ann'), cleo: await open('Cleo'), ben: await open('Ben', { socketPort: cable.port }) };
  for (const one of Object.values(people)) await one.state('online');
  await play(people, BEFORE);
  cable.cut();
  await people.ben.state('offline');
  await stack.presence(ROOM, 'ben', false);
  await play(people, MISSED);
  cable.mend();
  await people.ben.state('online');
  await eventually('ben reads it', async () => (await people.ben.rows()).includes(MISSED.at(-1)[1]));
  await people.ben.say('I will bring the long hose', 'and the blue bucket, if I find it');
  await people.ben.nothingWaits();
  await people.cleo.close();
  await eventually('cleo is away', async () => (await people.ben.people('away')).includes('cleo'));
  await people.ann.page.type('#text', 'Wonderful');
  await eventually('ann is writing', () => people.ben.page.textContent('#typing'));
  await people.ben.page.screenshot({ path: PICTURE });
}

const stack = await Stack.start();
const browser = await launch();
const cable = await Relay.start(stack.port);
try {
  await tell(stack, browser, cable);
  console.log(PICTURE);
} finally {
  await browser.close();
  await cable.stop();
  await stack.stop();
}
