// room.js in Node against the real servers: tabs that lose their connection, stall, reload, crash and read slowly, and a
// proxy that is killed. Whatever happens, every tab's page sees every message once, in one order, and each sender's in the
// order it was written.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { connect } from '../../proxy/web/room.js';
import { FakeLocks, FakeStorage } from './fakes.mjs';
import { Relay, Stack, becomes, eventually } from './stack.mjs';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const STEPS = Number(process.env.STEPS ?? 150);
let stack;

before(async () => {
  stack = await Stack.start({ proxy: ['--heartbeat', '1s', '--dead-after', '3s'] });
  // Two tabs of one uid: what the one has read is kept for the other.
  await stack.redis('CONFIG', 'SET', 'room.keep', '1000000');
});

after(async () => { await stack?.stop(); });

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A tab of a browser: what its page has processed and written, over all its lives. */
class Tab {
  seen = [];
  written = 0;
  trouble = [];
  #life = null;
  #tabStorage = new FakeStorage();

  constructor(name, uid, relay, browser, pause) {
    Object.assign(this, { name, uid, relay, browser, pause });
    this.load();
  }

  load() {
    const life = { alive: true, sockets: [], timers: new Set(), locks: this.browser.locks.tab() };
    this.#life = life;
    // A page that is gone does nothing any more, and writes nothing.
    const ifAlive = (run) => (...args) => (life.alive ? run(...args) : undefined);
    const view = (storage) => ({
      get length() { return storage.length; },
      key: (index) => storage.key(index),
      getItem: (key) => storage.getItem(key),
      setItem: ifAlive((key, value) => storage.setItem(key, value)),
      removeItem: ifAlive((key) => storage.removeItem(key)),
    });
    this.room = connect({
      roomid: 'storm',
      uid: this.uid,
      url: `ws://127.0.0.1:${this.relay.port}/ws`,
      storage: view(this.browser.storage),
      tabStorage: view(this.#tabStorage),
      locks: life.locks,
      setTimeout: (run, ms) => {
        const timer = setTimeout(ifAlive(run), ms);
        life.timers.add(timer);
        return timer;
      },
      deadAfter: 4000,
      answerWithin: 3000,
      WebSocket: class extends WebSocket {
        constructor(url) {
          super(url);
          life.sockets.push(this);
        }
      },
    });
    this.room.on('message', ifAlive(async (event) => {
      await this.pause();
      if (life.alive) this.seen.push({ seq: event.seq, text: event.message });
    }));
    for (const name of ['lost', 'reset', 'kicked', 'logout', 'error']) {
      this.room.on(name, (event) => { if (event.of !== 'login') this.trouble.push([name, event]); });
    }
  }

  write() {
    this.written += 1;
    this.room.send(`${this.name}${this.written}`);
  }

  reload() {
    const life = this.#life;
    life.alive = false;
    life.locks.crash();
    life.timers.forEach(clearTimeout);
    for (const socket of life.sockets) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.terminate();
    }
    this.load();
  }
}

const range = (to) => Array.from({ length: to }, (_, i) => i + 1);

function judge(tabs) {
  const total = tabs.reduce((sum, tab) => sum + tab.written, 0);
  for (const tab of tabs) {
    assert.deepEqual(tab.trouble, [], `${tab.name} was told of trouble`);
    assert.deepEqual(tab.seen.map((message) => message.seq), range(total), `${tab.name} saw each message once, in order`);
    assert.deepEqual(tab.seen, tabs[0].seen, `${tab.name} saw what the others saw`);
    const own = tab.seen.map((message) => message.text).filter((text) => text.startsWith(tab.name));
    assert.deepEqual(own, range(tab.written).map((n) => `${tab.name}${n}`), `what ${tab.name} wrote, in its order`);
  }
}

test(`a storm (SEED=${SEED} STEPS=${STEPS})`, { timeout: 180_000 }, async () => {
  const random = randomOf(SEED);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
  // Some handlers take longer than a reconnect: what they work on comes again meanwhile.
  const pause = () => {
    const dice = random();
    if (dice < 0.7) return undefined;
    return sleep(dice < 0.95 ? random() * 30 : random() * 500);
  };
  const browser = { storage: new FakeStorage(), locks: new FakeLocks() };
  const relays = [];
  const tabs = [];
  for (const [name, uid] of [['a', 'ann'], ['b', 'ann'], ['c', 'ben'], ['d', 'cleo']]) {
    relays.push(await Relay.start(stack.port));
    tabs.push(new Tab(name, uid, relays.at(-1), browser, pause));
  }
  try {
    for (const tab of tabs) await eventually(`${tab.name} is online`, () => tab.room.state === 'online');
    for (let step = 0; step < STEPS; step += 1) {
      const tab = pick(tabs);
      const dice = random();
      if (dice < 0.6) tab.write();
      else if (dice < 0.7) tab.relay.cut();
      else if (dice < 0.85) tab.relay.mend();
      else if (dice < 0.9) tab.relay.stall();
      else if (dice < 0.97) tab.reload();
      else if (dice < 0.98) await stack.redis('DEBUG', 'RELOAD');
      else {
        await stack.killProxy();
        await stack.startProxy();
      }
      await sleep(random() * 60); // The storm's own pace, part of the schedule; nothing waits for it.
    }
    for (const tab of tabs) tab.relay.mend();
    for (const tab of tabs) {
      const isDone = () => {
        tab.room.reconnect();
        return tab.room.state === 'online' && tab.room.outbox.length === 0;
      };
      await eventually(`${tab.name} has sent everything`, isDone, 60_000);
    }
    const total = tabs.reduce((sum, tab) => sum + tab.written, 0);
    for (const tab of tabs) await becomes(`${tab.name} has seen everything`, () => tab.seen.length, total).catch(() => {});
    judge(tabs);
    await stack.waiting('storm', 'ann', 0);
  } catch (error) {
    console.error(stack.logs());
    throw error;
  } finally {
    for (const tab of tabs) tab.room.close();
    for (const relay of relays) await relay.stop();
  }
});
