// The browser client of Roomcast: one ES module, no dependency. Its types and promises are described in room.d.ts.
//
// What it takes care of, so that a page need not: connecting again, resuming where it left off, dropping repeats,
// acknowledging what the page has processed, and sending each message once and in order, also over a reload.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const ACK_EVERY = 200;
const REMEMBERED = 512;
/** Errors of a login that the same login would get again. */
const FINAL = new Set(['BADUID', 'BADFIELD', 'BADPOS', 'BADJSON', 'LIMIT', 'WRONGTYPE', 'NOPERM', 'NOAUTH']);

/** Opens a room. See `Options` in room.d.ts. */
export function connect(options) {
  return new Room(options);
}

class Room {
  #options;
  #handlers = new Map();
  #socket = null;
  #state = 'connecting';
  #timers = {};
  #wait = FIRST_WAIT;
  #history;
  #outbox;
  #inbox = [];
  #handling = false;
  #loggedIn = false;
  #ackDue = false;

  constructor(options) {
    const page = globalThis.location;
    const scheme = page?.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#options = {
      url: page ? `${scheme}//${page.host}/ws` : undefined,
      WebSocket: globalThis.WebSocket,
      storage: sessionStorageOrNothing(),
      setTimeout: (...args) => globalThis.setTimeout(...args),
      clearTimeout: (id) => globalThis.clearTimeout(id),
      now: () => Date.now(),
      random: () => Math.random(),
      history: 0,
      dedupeAge: 240_000,
      deadAfter: 50_000,
      maxOutbox: 1000,
      ...options,
    };
    const name = `roomcast:${this.#options.roomid}:${this.#options.uid}`;
    this.#history = new History(this.#options.storage, `${name}:position`);
    this.#outbox = new Outbox(this.#options, `${name}:outbox`);
    globalThis.addEventListener?.('online', this.#online);
    // A handler that is added right after connect() must hear of the first state too.
    queueMicrotask(() => this.#open());
  }

  get state() { return this.#state; }
  get roomid() { return this.#options.roomid; }
  get uid() { return this.#options.uid; }
  /** Where the page is: everything up to here was handled. */
  get position() { return this.#history.position; }
  /** What was not confirmed yet, oldest first. */
  get outbox() { return this.#outbox.entries.map((entry) => ({ ...entry })); }

  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
    this.#handlers.get(name).add(handler);
    return () => this.#handlers.get(name).delete(handler);
  }

  /** Keeps a message until the server has confirmed it. Returns its entry; 'outbox' tells how it fares. */
  send(message, fields = {}) {
    const entry = this.#outbox.add(message, fields);
    this.#emit('outbox', { ...entry });
    this.#sendNext();
    return { ...entry };
  }

  /** Sends an event to those online; it is not kept. False if there is no connection. */
  signal(event, fields = {}) {
    return this.#loggedIn && this.#write({ ...fields, event });
  }

  /** Asks for a page of the members; the answer comes as 'members'. */
  members(cursor = '0') {
    return this.#loggedIn && this.#write({ event: 'members', cursor });
  }

  /** Takes an entry that was not confirmed out of the outbox: 'unknown' and 'failed' ones wait for that. */
  discard(id) {
    this.#outbox.remove(id);
    this.#sendNext();
  }

  /** Ends the membership. */
  leave() {
    if (this.#loggedIn) this.#write({ event: 'leave' });
  }

  /** Ends the session; the queue grows from here. */
  close() {
    if (this.#loggedIn) {
      this.#ack();
      this.#write({ event: 'logout' });
    }
    this.#stop();
  }

  #online = () => {
    if (this.#state === 'offline') this.#open();
  };

  #emit(name, value) {
    const results = [];
    for (const handler of this.#handlers.get(name) ?? []) {
      try {
        results.push(handler(value));
      } catch (error) {
        // A page's own mistake must not stop the flow of messages.
        console.error('roomcast:', error);
      }
    }
    return Promise.allSettled(results);
  }

  #enter(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#emit('state', state);
  }

  // ---- the connection ----

  #open() {
    if (this.#state === 'closed' || this.#socket) return;
    this.#options.clearTimeout(this.#timers.reconnect);
    this.#enter('connecting');
    const socket = new this.#options.WebSocket(this.#options.url);
    this.#socket = socket;
    socket.onopen = () => this.#login();
    socket.onmessage = (event) => { if (socket === this.#socket) this.#receive(event.data); };
    socket.onerror = () => {};
    socket.onclose = (event) => { if (socket === this.#socket) this.#closed(event); };
    this.#alive();
  }

  #login() {
    const { roomid, uid, name, token, history } = this.#options;
    const login = { event: 'login', roomid, uid, name, ack: 'client', v: 1 };
    if (token !== undefined) login.token = token;
    if (this.#history.position) login.since = this.#history.position;
    else if (history > 0) login.history = history;
    this.#write(login);
  }

  #write(event) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify({ roomid: this.#options.roomid, ...event }));
    return true;
  }

  /** A link that is dead without saying so is given up after a silence. */
  #alive() {
    this.#options.clearTimeout(this.#timers.dead);
    this.#timers.dead = this.#options.setTimeout(() => {
      const socket = this.#socket;
      this.#closed({ code: 1006 });
      socket?.close();
    }, this.#options.deadAfter);
  }

  #closed(event) {
    this.#socket = null;
    this.#loggedIn = false;
    this.#options.clearTimeout(this.#timers.dead);
    if (this.#state === 'closed') return;
    if (event.code >= 4100 && event.code < 4200) {
      this.#emit('error', { code: 'CLOSED', message: event.reason || 'the server does not want this connection' });
      this.#stop();
      return;
    }
    this.#enter('offline');
    const wait = this.#wait * (0.5 + this.#options.random() / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#timers.reconnect = this.#options.setTimeout(() => this.#open(), wait);
  }

  #stop() {
    this.#enter('closed');
    const socket = this.#socket;
    this.#socket = null;
    this.#loggedIn = false;
    for (const timer of Object.values(this.#timers)) this.#options.clearTimeout(timer);
    globalThis.removeEventListener?.('online', this.#online);
    socket?.close(1000);
  }

  // ---- what comes in ----

  #receive(data) {
    this.#alive();
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    if (event.event === 'heartbeat') {
      this.#write({ event: 'heartbeat', message: 'pong' });
      return;
    }
    // One after the other, however long the page takes for each.
    this.#inbox.push(event);
    if (!this.#handling) this.#handleAll();
  }

  async #handleAll() {
    this.#handling = true;
    while (this.#inbox.length > 0) await this.#handle(this.#inbox.shift());
    this.#handling = false;
  }

  async #handle(event) {
    switch (event.event) {
      case 'message': return this.#message(event);
      case 'login': return event.position ? this.#loggedin(event) : this.#emit('presence', { ...event, online: true });
      case 'logout': return event.uid === this.uid ? this.#ended('logout', event) : this.#emit('presence', { ...event, online: false });
      case 'presence': return this.#emit('presence', event);
      case 'sent': return this.#sent(event);
      case 'error': return this.#failed(event);
      case 'kicked': return this.#ended('kicked', event);
      case 'lost':
        this.#history.startAt(event.position);
        return this.#emit('lost', event);
      case 'reset':
        this.#history.startAt(event.position);
        return this.#emit('reset', event);
      case 'synced':
      case 'members': return this.#emit(event.event, event);
      default: return this.#emit('event', event);
    }
  }

  async #message(event) {
    if (!this.#history.isNew(event.position)) return;
    await this.#emit('message', event);
    this.#history.take(event.position);
    this.#ackSoon();
  }

  async #loggedin(event) {
    this.#wait = FIRST_WAIT;
    this.#loggedIn = true;
    this.#history.startIfNew(event.position);
    this.#enter('online');
    await this.#emit('login', event);
    this.#sendNext();
  }

  #ended(name, event) {
    if (this.#state === 'closed') return undefined;
    const told = this.#emit(name, event);
    this.#stop();
    return told;
  }

  #ackSoon() {
    if (this.#ackDue) return;
    this.#ackDue = true;
    this.#timers.ack = this.#options.setTimeout(() => this.#ack(), ACK_EVERY);
  }

  #ack() {
    this.#ackDue = false;
    if (this.#loggedIn && this.#history.position) this.#write({ event: 'ack', position: this.#history.position });
  }

  // ---- what goes out ----

  /** One message at a time: the next one leaves when the one before is confirmed, so their order holds. */
  #sendNext() {
    const entry = this.#outbox.next();
    if (!entry || !this.#loggedIn) return;
    if (this.#outbox.isTooOld(entry)) {
      this.#settle(entry.id, 'unknown');
      return;
    }
    this.#outbox.tried(entry);
    this.#write({ ...entry.fields, event: 'message', message: entry.message, id: entry.id });
  }

  #settle(id, state, more = {}) {
    const entry = this.#outbox.settle(id, state);
    if (entry) this.#emit('outbox', { ...entry, ...more, state });
    this.#sendNext();
  }

  #sent(event) {
    this.#settle(event.id, 'sent', { seq: event.seq, duplicate: event.duplicate });
  }

  #failed(event) {
    this.#emit('error', event);
    const retry = event.code === 'UNAVAILABLE' || event.code === 'OOM' || event.code === 'LOADING';
    if (event.of === 'login') {
      if (FINAL.has(event.code)) this.#stop();
      else this.#socket?.close();
    } else if (event.of === 'message' && event.id) {
      if (retry) this.#timers.retry = this.#options.setTimeout(() => this.#sendNext(), 1000);
      else if (event.code === 'NOLOGIN') this.#socket?.close();
      else this.#settle(event.id, 'failed', { code: event.code, error: event.message });
    }
  }
}

/** What the page has seen: a position, and the tags of the last messages to tell repeats from another history. */
class History {
  constructor(storage, key) {
    this.storage = storage;
    this.key = key;
    this.seen = new Map();
    this.position = storage?.getItem(key) ?? null;
  }

  static split(position) {
    const [seq, tag] = position.split('-');
    return [Number(seq), tag];
  }

  isNew(position) {
    const [seq, tag] = History.split(position);
    if (this.seen.get(seq) === tag) return false;
    return !this.position || seq > History.split(this.position)[0];
  }

  take(position) {
    const [seq, tag] = History.split(position);
    this.seen.delete(seq);
    this.seen.set(seq, tag);
    if (this.seen.size > REMEMBERED) this.seen.delete(this.seen.keys().next().value);
    this.save(position);
  }

  startIfNew(position) {
    if (!this.position) this.save(position);
  }

  /** After a loss or a reset: what comes next follows this. */
  startAt(position) {
    if (position) this.save(position);
  }

  save(position) {
    this.position = position;
    store(this.storage, this.key, position);
  }
}

/** Messages that the server has not confirmed, kept over a reload of this tab. */
class Outbox {
  constructor(options, key) {
    this.options = options;
    this.key = key;
    this.entries = JSON.parse(options.storage?.getItem(key) ?? '[]');
  }

  add(message, fields) {
    if (this.entries.length >= this.options.maxOutbox) {
      throw new RangeError(`${this.entries.length} messages wait already: maxOutbox`);
    }
    const entry = { id: this.newId(), message, fields, state: 'pending', created: this.options.now(), tried: 0 };
    this.entries.push(entry);
    this.save();
    return entry;
  }

  newId() {
    const part = () => Math.floor(this.options.random() * 2 ** 32).toString(36);
    return `${this.options.now().toString(36)}-${part()}${part()}`;
  }

  next() {
    return this.entries.find((entry) => entry.state === 'pending');
  }

  /** The server has forgotten its id by now: sent again, it might be stored twice. */
  isTooOld(entry) {
    return entry.tried > 0 && this.options.now() - entry.tried > this.options.dedupeAge;
  }

  tried(entry) {
    if (entry.tried === 0) {
      entry.tried = this.options.now();
      this.save();
    }
  }

  settle(id, state) {
    const entry = this.entries.find((known) => known.id === id && known.state === 'pending');
    if (!entry) return undefined;
    if (state === 'sent') this.remove(id);
    entry.state = state;
    this.save();
    return entry;
  }

  remove(id) {
    this.entries = this.entries.filter((entry) => entry.id !== id);
    this.save();
  }

  save() {
    store(this.options.storage, this.key, JSON.stringify(this.entries));
  }
}

function sessionStorageOrNothing() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // Forbidden by the browser's settings: everything works, but not over a reload.
  }
}

function store(storage, key, value) {
  try {
    storage?.setItem(key, value);
  } catch {
    // Full: the page goes on, a reload forgets.
  }
}
