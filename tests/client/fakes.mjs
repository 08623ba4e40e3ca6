// What room.js is given instead of a browser: sockets whose server is the test, a clock that the test moves, storage and
// locks in memory.
import assert from 'node:assert/strict';
import { connect } from '../../proxy/web/room.js';

/** Lets everything run that waits for promises only. */
export const settled = () => new Promise((done) => { setImmediate(done); });

export class FakeClock {
  time = 1_700_000_000_000;
  #timers = new Map();
  #last = 0;

  setTimeout = (run, ms) => {
    this.#last += 1;
    this.#timers.set(this.#last, { run, due: this.time + ms });
    return this.#last;
  };

  clearTimeout = (id) => { this.#timers.delete(id); };

  /** What the wall clock is wrong by. */
  #wrong = 0;

  now = () => this.time + this.#wrong;

  /** A clock that nobody can set. */
  ticks = () => this.time;

  /** Puts the wall clock forward or back; timers do not go by it. */
  jump(ms) { this.#wrong += ms; }

  /** Moves on, running each timer at its time. */
  async advance(ms) {
    const until = this.time + ms;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(([, timer]) => timer.due <= until).sort((a, b) => a[1].due - b[1].due)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].due);
      due[1].run();
    }
    this.time = until;
    await settled();
  }

  /** Jumps without running anything, as a sleeping machine does. */
  sleep(ms) { this.time += ms; }

  get waiting() { return this.#timers.size; }
}

export class FakeStorage {
  #items = new Map();
  full = false;

  get length() { return this.#items.size; }

  key(index) { return [...this.#items.keys()][index] ?? null; }

  getItem(key) { return this.#items.get(key) ?? null; }

  setItem(key, value) {
    if (this.full) throw new Error('the quota is exceeded');
    this.#items.set(key, String(value));
  }

  removeItem(key) { this.#items.delete(key); }

  /** What a duplicated tab begins with. */
  copy() {
    const copy = new FakeStorage();
    for (const [key, value] of this.#items) copy.setItem(key, value);
    return copy;
  }
}

/** Locks as navigator.locks has them, shared by the tabs of one browser. */
export class FakeLocks {
  #held = new Map();

  /** The view of one tab. `crash()` frees what it holds and forgets what it waits for. */
  tab() {
    const tab = { crashed: false, held: new Set() };
    return {
      request: (name, options, run) => this.#request(tab, name, options, run),
      crash: () => {
        tab.crashed = true;
        for (const name of [...tab.held]) this.#free(tab, name);
      },
    };
  }

  async #request(tab, name, { ifAvailable = false }, run) {
    await null; // A browser never calls back at once.
    if (tab.crashed) return undefined;
    if (this.#held.has(name)) {
      if (ifAvailable) return run(null);
      await new Promise((next) => { this.#held.get(name).push({ tab, next }); });
    } else {
      this.#held.set(name, []);
    }
    tab.held.add(name);
    await run({ name });
    if (!tab.crashed) this.#free(tab, name);
    return undefined;
  }

  #free(tab, name) {
    tab.held.delete(name);
    const waiting = this.#held.get(name);
    let next = waiting.shift();
    while (next?.tab.crashed) next = waiting.shift();
    if (next) next.next();
    else this.#held.delete(name);
  }
}

export class FakeSocket {
  readyState = 0;
  sent = [];
  #read = 0;

  constructor(url) { this.url = url; }

  send(text) { this.sent.push(JSON.parse(text)); }

  close(code) {
    if (this.readyState >= 2) return;
    this.readyState = 3;
    this.closedWith = code;
    queueMicrotask(() => this.onclose({ code: code ?? 1005, reason: '' }));
  }

  // ---- the server's side ----

  open() {
    this.readyState = 1;
    this.onopen({});
  }

  push(event) { this.onmessage({ data: typeof event === 'string' ? event : JSON.stringify(event) }); }

  end(code = 1006, reason = '') {
    this.readyState = 3;
    this.onclose({ code, reason });
  }

  /** What came since the last call; with a name, only those events. */
  take(name) {
    const news = this.sent.slice(this.#read);
    this.#read = this.sent.length;
    return name ? news.filter((event) => event.event === name) : news;
  }
}

/** Tags that differ from one life of a room to the next. */
export const at = (seq, life = 'a') => `${seq}-${life}${String(seq).padStart(7, '0')}`;

/** The page: a Room, the sockets it opened, and all that its handlers were told. */
export class Page {
  sockets = [];
  seen = [];

  constructor(options = {}) {
    const page = this;
    this.clock = options.clock ?? new FakeClock();
    this.tabStorage = options.tabStorage ?? new FakeStorage();
    this.room = connect({
      roomid: 'lobby',
      uid: 'ann',
      url: 'ws://server/ws',
      random: Math.random,
      WebSocket: class extends FakeSocket {
        constructor(url) {
          super(url);
          page.sockets.push(this);
        }
      },
      ...this.clock,
      tabStorage: this.tabStorage,
      ...options,
    });
    const { deaf, untold = deaf ? ['message'] : [] } = options;
    for (const name of ['state', 'login', 'message', 'synced', 'event', 'presence', 'outbox', 'members', 'lost', 'reset',
      'kicked', 'logout', 'error', 'stuck']) {
      if (untold.includes(name) || (deaf && name === 'message')) continue;
      this.room.on(name, (value) => { this.seen.push([name, value]); });
    }
  }

  get socket() { return this.sockets.at(-1); }

  told(name) { return this.seen.filter(([known]) => known === name).map(([, value]) => value); }

  get texts() { return this.told('message').map((event) => event.message); }

  get states() { return this.told('state'); }

  /** What became of each message, in order: `['hello:pending', 'hello:sent']`. */
  get fates() { return this.told('outbox').map((entry) => `${entry.message}:${entry.state}`); }

  /** The server lets this page in at a position, with nothing missed. Returns the login it sent. */
  async enter(position = at(0), { synced = true, ...more } = {}) {
    await settled();
    this.socket.open();
    await settled();
    const [login] = this.socket.take('login');
    this.socket.push({ event: 'login', uid: 'ann', roomid: 'lobby', position, pending: 0, resumed: false, new: true, total: 1, num: 1, ...more });
    if (synced) this.synced(position);
    await settled();
    return login;
  }

  synced(position) { this.socket.push({ event: 'synced', roomid: 'lobby', position }); }

  /** A stored message arrives. */
  message(seq, { life = 'a', uid = 'bob', message = `${life}${seq}`, ...more } = {}) {
    this.socket.push({ event: 'message', message, uid, roomid: 'lobby', seq, position: at(seq, life), ts: 1, total: 2, num: 2, ...more });
  }

  /** The connection breaks, and the wait for the next one passes. */
  async breakAndReturn(position, more) {
    this.socket.end();
    await this.clock.advance(16_000);
    return this.enter(position, more);
  }
}

/** A browser: storage and locks that its tabs share, and a clock. */
export class Browser {
  clock = new FakeClock();
  storage = new FakeStorage();
  #locks = new FakeLocks();

  open(tabStorage = new FakeStorage(), more = {}) {
    const locks = this.#locks.tab();
    const page = new Page({ clock: this.clock, storage: this.storage, tabStorage, locks, ...more });
    page.crash = () => {
      locks.crash();
      page.socket?.end();
      page.room.close = () => {};
    };
    return page;
  }

  /** The page is loaded anew in the same tab. */
  async reload(page) {
    page.crash();
    const next = this.open(page.tabStorage);
    await settled();
    return next;
  }
}

/** The server confirms the message that waits; returns its text. */
export async function confirm(page, seq, duplicate = false) {
  const [message, ...more] = page.socket.take('message');
  assert.ok(message, 'a message was sent');
  assert.deepEqual(more, [], 'one at a time');
  page.socket.push({ event: 'sent', roomid: 'lobby', id: message.id, seq, position: at(seq), duplicate });
  await settled();
  return message.message;
}

/** What the outbox holds: `['hello:pending']`. */
export const waiting = (page) => page.room.outbox.map((entry) => `${entry.message}:${entry.state}`);
