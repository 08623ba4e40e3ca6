// Stories on the demo page: each with windows and relays of its own, the servers and the browser once for a test file.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Window, launch } from './pages.mjs';
import { Relay, Stack } from './stack.mjs';

/** Starts and ends what the stories of a file need. */
export function stories() {
  const here = { stack: undefined, browser: undefined };
  before(async () => {
    here.stack = await Stack.start();
    here.browser = await launch();
  });
  after(async () => {
    await here.browser?.close();
    await here.stack?.stop();
  });
  /** Prints the servers' logs if it fails. */
  here.story = (name, run) => test(name, { timeout: 90_000 }, () => tell(here, run));
  return here;
}

async function tell({ stack, browser }, run) {
  const windows = [];
  const relays = [];
  const open = async (address, options) => {
    const window = await Window.open(stack, browser, address, options);
    windows.push(window);
    return window;
  };
  const relay = async () => {
    relays.push(await Relay.start(stack.port));
    return relays.at(-1);
  };
  try {
    await run({ open, relay });
    assert.deepEqual(windows.flatMap((window) => window.complaints), [], 'no page complained');
  } catch (error) {
    for (const [i, window] of windows.entries()) {
      if (!window.page.isClosed()) await window.picture(`failed-${i}`).catch(() => {});
    }
    console.error(stack.logs());
    throw error;
  } finally {
    for (const window of windows) await window.close().catch(() => {});
    for (const one of relays) await one.stop();
  }
}

/** The address of a room as somebody. */
export const as = (uid, room) => `?uid=${uid}&name=${uid[0].toUpperCase()}${uid.slice(1)}&room=${room}`;
