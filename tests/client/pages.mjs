// The demo page in headless Chromium, as a test sees and uses it.
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { becomes } from './stack.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Where screenshots go. */
export const PICTURES = process.env.PICTURES ?? mkdtempSync(join(tmpdir(), 'roomcast-pictures-'));
const DESK = { width: 1000, height: 680 };
export const PHONE = { width: 390, height: 680 };

export async function launch() {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`${CHROMIUM} is missing: apt-get install -y --no-install-recommends chromium, or set CHROMIUM`);
  }
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

/** A window on the demo page. */
export class Window {
  /** What must not happen on any page: errors in its console, requests to elsewhere. */
  complaints = [];
  #stack;

  constructor(stack, page) {
    this.#stack = stack;
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.stack}`));
    page.on('console', (message) => {
      // A browser says by itself that a connection broke.
      const isExpected = message.text().startsWith('WebSocket connection to');
      if (['error', 'warning'].includes(message.type()) && !isExpected) this.complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(stack.url)) this.complaints.push(`a request to ${request.url()}`);
    });
  }

  /**
   * With `socketPort` the page's WebSocket goes there, the page itself does not. `before` runs in the page before its scripts.
   * `planted` is a defect: in this `file` of the page, other words.
   */
  static async open(stack, browser, address, { socketPort, before, planted, size = DESK, context, ...more } = {}) {
    const own = context ?? await browser.newContext({ viewport: size, ...more });
    const window = new Window(stack, await own.newPage());
    window.context = own;
    if (before) await window.page.addInitScript(before);
    if (planted) await window.page.route(`**/${planted.file}`, (route) => plant(route, planted));
    if (socketPort) {
      await window.page.addInitScript(redirectSocket, socketPort);
      // The page may speak to its own proxy only, not to what stands between them here.
      const devtools = await own.newCDPSession(window.page);
      await devtools.send('Page.setBypassCSP', { enabled: true });
    }
    await window.page.goto(`${stack.url}/${address}`);
    return window;
  }

  /** What the log shows: texts of messages, `-- what stands between them --`. */
  rows() {
    return this.page.$$eval('#log > *', (all) => all.map((node) =>
      (node.classList.contains('message') ? node.querySelector('.text').textContent : `-- ${node.textContent} --`)));
  }

  shows(...expected) {
    return becomes('the page shows what it should', () => this.rows(), expected);
  }

  /** Uids in the list of those who are `online` or `away`. */
  people(list) {
    return this.page.$$eval(`#${list} li`, (all) => all.map((node) => node.dataset.uid));
  }

  state(wanted) {
    return this.page.waitForSelector(`#state[data-state=${wanted}]`);
  }

  async say(...texts) {
    for (const text of texts) {
      await this.page.fill('#text', text);
      await this.page.press('#text', 'Enter');
    }
  }

  nothingWaits() {
    return becomes('every message is sent', () => this.page.$$eval('.message:not([data-state=sent])', (all) => all.length), 0);
  }

  async picture(name) {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }

  /** Through the entrance, by keyboard. */
  async enter(name, room) {
    await this.page.fill('#name', name);
    await this.page.fill('#room', room);
    await this.page.press('#room', 'Enter');
    await this.state('online');
  }

  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }

  async close() {
    await this.context.close();
  }
}

async function plant(route, { words, instead }) {
  const response = await route.fetch();
  const text = await response.text();
  if (!text.includes(words)) throw new Error(`the page does not say '${words}' any more`);
  await route.fulfill({ response, body: text.replace(words, instead) });
}

function redirectSocket(port) {
  const Native = globalThis.WebSocket;
  globalThis.WebSocket = class extends Native {
    constructor(url) { super(String(url).replace(/:\d+\//, `:${port}/`)); }
  };
}
