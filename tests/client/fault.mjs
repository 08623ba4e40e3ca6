// A browser of one person for the fault checker (tests/fault/browser.rs): tabs with the npm package in one room. What its
// pages meet is told by lines of JSON on stdout; lines on stdin say what is done to it. It ends when stdin ends.
//
// usage: node fault.mjs '{"uid": "ann", "devices": ["left", "right"], "ports": [8080], "room": "r", "pace": [5, 60],
//        "home": 0, "seed": 1, "locks": true, "forget": null}'
//
// `forget` is a defect: nothing is kept under keys with this in their name.
import { createInterface } from 'node:readline';
import { connect } from '../../proxy/web/room/dist/index.js';
import { Tab, browser, randomOf } from './tab.mjs';

/** The package's timers run so many times as fast: a run takes seconds. */
const SPEED = 5;
/** Real milliseconds, as other clients of the fault tests have them. */
const DEAD_AFTER = 3000;
const ANSWERS_WITHIN = 1500;
const LOOK_EVERY = 5;
/** Messages of a page that may wait to be confirmed. */
const OUTBOX = 3;
/** What a page does by itself while people talk, once in so many milliseconds. */
const RELOADS = 3000;
const REPLACED = 8000;
const CLOSES = 4000;
/** How far the wall clock jumps with a reload. */
const JUMP = 3_600_000;

const told = JSON.parse(process.argv[2]);
const { uid, devices, ports, room: roomid, pace } = told;
const random = randomOf(told.seed);
const below = (n) => Math.floor(random() * n);
const once = (every) => random() < LOOK_EVERY / every;
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const shared = browser();
let isTalking = false;

/** What a handler of the page does with an event before it takes it. */
async function work() {
  const dice = random();
  if (dice < 0.003) throw new Error('a handler throws');
  if (dice < 0.05) await sleep(random() * 30);
  else if (dice < 0.052) await sleep(random() * 500);
  else if (dice < 0.055) {
    await sleep(random() * 30);
    throw new Error('a handler rejects');
  }
}

class Person {
  #number;
  #name;
  #device;
  #tab;
  #lives = 0;
  #written = 0;
  #home = told.home;
  #crawl = 0;
  #next = 0;
  #wrong = 0;
  #working = 0;
  #isSynced = false;
  #isClosed = false;
  #ends = [];
  #state = '';

  constructor(number, name) {
    this.#number = number;
    this.#name = this.#device = name;
    this.#tab = new Tab(shared);
    this.load();
  }

  /** The page is loaded, or loaded anew. */
  load() {
    const urlOf = () => `ws://127.0.0.1:${ports[this.#home % ports.length]}/ws`;
    const { options, ifAlive } = this.#tab.load({ urlOf, speed: SPEED });
    // A browser that does not let go of its storage has no locks either.
    if (!told.locks) options.locks = undefined;
    for (const storage of [options.storage, options.tabStorage]) {
      const { setItem } = storage;
      storage.setItem = (key, value) => { if (!told.forget || !key.includes(told.forget)) setItem(key, value); };
    }
    const wrong = this.#wrong;
    this.connection = connect({
      ...options, uid, url: 'ws://any', deadAfter: DEAD_AFTER, answerWithin: ANSWERS_WITHIN * SPEED, now: () => Date.now() + wrong,
    });
    this.ifAlive = ifAlive;
    this.#working = 0;
    this.open();
  }

  open() {
    this.#isClosed = false;
    const room = this.connection.room(roomid);
    if (room !== this.room) this.#begin(room);
    this.#ends = [];
    const on = (name, run) => this.#ends.push(room.on(name, this.ifAlive(run)));
    on('message', (event) => this.#take(event, () => this.#tell('saw', { position: event.position, uid: event.uid, text: event.message })));
    on('lost', (event) => this.#take(event, () => this.#tell('lost', { from: event.from, to: event.to, reason: event.reason })));
    on('reset', (event) => this.#take(event, () => this.#tell('reset', { position: event.position })));
    on('stuck', () => {});
    on('error', () => {});
    on('login', (event) => this.#tell('login', { position: event.position, new: event.new }));
    on('synced', () => { this.#isSynced = room === this.room; });
  }

  /** What is told at once is heard for as long as the room is there. */
  #begin(room) {
    this.room = room;
    this.#isSynced = false;
    room.on('state', this.ifAlive((state) => {
      if (room !== this.room) return;
      if (state !== 'online') this.#isSynced = false;
      if (state === 'offline') this.#move();
    }));
    room.on('outbox', this.ifAlive((entry) => {
      if (entry.state === 'sent') this.#tell('confirmed', { text: entry.message });
      if (entry.state === 'unknown' || entry.state === 'failed') this.#tell('gave-up', { text: entry.message, why: entry.code ?? 'unknown' });
    }));
  }

  /** As behind a load balancer. */
  #move() { this.#home = below(ports.length); }

  async #take(event, take) {
    const { ifAlive } = this;
    this.#working += 1;
    try {
      await work();
      ifAlive(take)();
    } catch (error) {
      ifAlive(() => this.#tell('failed', { position: event.position }))();
      throw error;
    } finally {
      ifAlive(() => { this.#working -= 1; })();
    }
  }

  /** Another page in the same tab. */
  #reload() {
    this.#wrong = [-JUMP, 0, 0, JUMP][below(4)];
    this.#tell('reloaded');
    this.load();
  }

  /** The tab is gone for good, and somebody opens another one. */
  #replace() {
    this.#tell('gone');
    this.#tab.unload();
    this.#tab = new Tab(shared);
    this.#lives += 1;
    this.#device = `${this.#name}x${this.#lives}`;
    this.#written = 0;
    this.load();
  }

  /** The room is released, and taken again: within its second, or later. */
  async #close() {
    const { ifAlive, room } = this;
    this.#isClosed = true;
    this.#ends.forEach((end) => end());
    room.close();
    await sleep(random() * 500);
    ifAlive(() => this.open())();
  }

  #tell(event, more = {}) { say({ tab: this.#number, device: this.#device, event, ...more }); }

  /** Why it is not at rest; empty if it is. */
  get #restless() {
    if (this.#isClosed) return 'the room is closed';
    if (!this.#isSynced) return `not synced: ${this.room.state}`;
    if (this.#working > 0) return 'a handler works';
    if (this.#pending.length > 0) return 'a message is not confirmed';
    return isEmpty() ? '' : 'a message waits in storage';
  }

  get #pending() { return this.room.outbox.filter((entry) => entry.state === 'pending'); }

  look() {
    // Ended by the server.
    if (!this.#isClosed && this.room.state === 'closed') this.#reload();
    if (isTalking && !this.#isClosed) this.#live();
    const state = JSON.stringify({ position: this.#isClosed ? null : this.room.position, why: this.#restless });
    if (state !== this.#state) say({ tab: this.#number, state: JSON.parse(state) });
    this.#state = state;
    if (this.#crawl > 0) this.#tab.socket?.pause();
  }

  #live() {
    if (Date.now() >= this.#next && this.#pending.length < OUTBOX) {
      this.#next = Date.now() + pace[0] + below(pace[1]);
      this.#written += 1;
      const text = `${this.#device}-${this.#written}`;
      this.#tell('sent', { text });
      this.room.send(text);
    }
    if (once(RELOADS)) this.#reload();
    else if (once(CLOSES)) this.#close();
    // Without locks nobody takes over what it leaves.
    else if (told.locks && once(REPLACED)) this.#replace();
  }

  drop() { this.#tab.socket?.terminate(); }

  setHome(home) { this.#home = home; }

  /** Reads once in so many milliseconds. */
  async setCrawl(ms) {
    this.#crawl = ms;
    while (this.#crawl === ms && ms > 0) {
      this.#tab.socket?.resume();
      await sleep(ms);
    }
    this.#tab.socket?.resume();
  }
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Whether nothing is left to be sent, whoever left it. */
function isEmpty() {
  const keys = Array.from({ length: shared.storage.length }, (_, i) => shared.storage.key(i));
  const entries = keys.filter((key) => key.includes(':outbox:')).flatMap((key) => JSON.parse(shared.storage.getItem(key)));
  return entries.every(({ state }) => state !== 'pending');
}

const people = devices.map((device, number) => new Person(number, device));
setInterval(() => people.forEach((person) => person.look()), LOOK_EVERY);

createInterface({ input: process.stdin }).on('line', (line) => {
  const { talk, tab, drop, home, crawl } = JSON.parse(line);
  if (talk !== undefined) isTalking = talk;
  if (home !== undefined) people[tab].setHome(home);
  if (crawl !== undefined) people[tab].setCrawl(crawl);
  if (drop) people[tab].drop();
}).on('close', () => process.exit());
