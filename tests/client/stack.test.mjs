// room.js in Node against the real servers: tabs with two rooms on one connection that they lose, stalls, reloads, crashes,
// handlers that are slow or fail, and a proxy that is killed. Whatever happens, every tab's page sees every message once, in
// one order, and each sender's in the order it was written.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../proxy/web/room.js';
import { Relay, Stack, becomes, eventually } from './stack.mjs';
import { Tab, browser, randomOf } from './tab.mjs';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const STEPS = Number(process.env.STEPS ?? 150);
const ROOMS = ['storm', 'second'];
let stack;

before(async () => {
  stack = await Stack.start({ proxy: ['--heartbeat', '1s', '--dead-after', '3s'] });
  // Two tabs of one uid: what the one has read is kept for the other.
  await stack.redis('CONFIG', 'SET', 'room.keep', '1000000');
});

after(async () => { await stack?.stop(); });

/** What the page in a tab has processed and written in each room, over all its lives. */
class Reader {
  seen = new Map(ROOMS.map((id) => [id, []]));
  written = new Map(ROOMS.map((id) => [id, 0]));
  trouble = [];
  #tab;

  constructor(name, uid, relay, shared, pause) {
    Object.assign(this, { name, uid, relay, pause });
    this.#tab = new Tab(shared);
    this.load();
  }

  /** The page is loaded, or loaded anew. */
  load() {
    const { options, ifAlive } = this.#tab.load();
    const url = `ws://127.0.0.1:${this.relay.port}/ws`;
    this.connection = connect({ uid: this.uid, url, deadAfter: 4000, answerWithin: 3000, ...options });
    this.rooms = ROOMS.map((id) => this.#open(id, ifAlive));
  }

  #open(id, ifAlive) {
    const room = this.connection.room(id);
    room.on('message', ifAlive(async (event) => {
      await this.pause();
      ifAlive(() => this.seen.get(id).push({ seq: event.seq, text: event.message }))();
    }));
    // That a handler fails is part of the storm.
    room.on('stuck', () => {});
    for (const name of ['lost', 'reset', 'kicked', 'logout', 'error']) {
      room.on(name, (event) => { if (event.of !== 'login') this.trouble.push([name, event]); });
    }
    return room;
  }

  write(id) {
    this.written.set(id, this.written.get(id) + 1);
    this.rooms[ROOMS.indexOf(id)].send(`${this.name}${this.written.get(id)}`);
  }

  get isOnline() { return this.rooms.every((room) => room.state === 'online'); }
}

const range = (to) => Array.from({ length: to }, (_, i) => i + 1);

const totalOf = (tabs, id) => tabs.reduce((sum, tab) => sum + tab.written.get(id), 0);

function judge(tabs, id) {
  for (const tab of tabs) {
    const seen = tab.seen.get(id);
    assert.deepEqual(tab.trouble, [], `${tab.name} was told of trouble`);
    assert.deepEqual(seen.map((message) => message.seq), range(totalOf(tabs, id)), `${tab.name} saw each message of ${id} once, in order`);
    assert.deepEqual(seen, tabs[0].seen.get(id), `${tab.name} saw what the others saw in ${id}`);
    const own = seen.map((message) => message.text).filter((text) => text.startsWith(tab.name));
    assert.deepEqual(own, range(tab.written.get(id)).map((n) => `${tab.name}${n}`), `what ${tab.name} wrote to ${id}, in its order`);
  }
}

test(`a storm (SEED=${SEED} STEPS=${STEPS})`, { timeout: 180_000 }, async () => {
  const random = randomOf(SEED);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
  // Some handlers take longer than a reconnect: what they work on comes again meanwhile.
  const pause = () => {
    const dice = random();
    if (dice < 0.02) throw new Error('a handler fails');
    if (dice < 0.7) return undefined;
    return sleep(dice < 0.95 ? random() * 30 : random() * 500);
  };
  const shared = browser();
  const relays = [];
  const tabs = [];
  for (const [name, uid] of [['a', 'ann'], ['b', 'ann'], ['c', 'ben'], ['d', 'cleo']]) {
    relays.push(await Relay.start(stack.port));
    tabs.push(new Reader(name, uid, relays.at(-1), shared, pause));
  }
  try {
    for (const tab of tabs) await eventually(`${tab.name} is online`, () => tab.isOnline);
    for (let step = 0; step < STEPS; step += 1) {
      const tab = pick(tabs);
      const dice = random();
      if (dice < 0.6) tab.write(pick(ROOMS));
      else if (dice < 0.7) tab.relay.cut();
      else if (dice < 0.85) tab.relay.mend();
      else if (dice < 0.9) tab.relay.stall();
      else if (dice < 0.97) tab.load();
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
        tab.connection.retryNow();
        return tab.isOnline && tab.rooms.every((room) => room.outbox.length === 0);
      };
      await eventually(`${tab.name} has sent everything`, isDone, 60_000);
    }
    for (const id of ROOMS) {
      const total = totalOf(tabs, id);
      for (const tab of tabs) await becomes(`${tab.name} has seen everything`, () => tab.seen.get(id).length, total).catch(() => {});
      judge(tabs, id);
      await stack.waiting(id, 'ann', 0);
    }
  } catch (error) {
    console.error(stack.logs());
    throw error;
  } finally {
    for (const tab of tabs) tab.connection.close();
    for (const relay of relays) await relay.stop();
  }
});
