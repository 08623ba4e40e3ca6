// The browser client of Roomcast: one ES module, no dependency. Its types and promises are described in room.d.ts.
//
// What it takes care of, so that a page need not: connecting again, resuming where it left off, dropping repeats,
// acknowledging what the page has processed, and sending each message once and in order, also over a reload.
//
//   Room      the connection, what comes in, what goes out
//   Progress  how far this tab has read, and the last positions, to tell repeats from another history
//   Outbox    what the server has not confirmed, kept in the browser's storage and owned by one tab

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;
/** The server may ask for longer waits, up to this. */
const LONGEST_ASKED = 300_000;
/** A connection that held for so long was a good one: the next wait is short again. */
const GOOD_AFTER = 5000;
const ACK_EVERY = 200;
/** After the server said that this connection does too much, signals are held back for so long. */
const SLOW_FOR = 5000;
/** Events that may wait for a slow handler before the connection is given back to the server's log. */
const MAX_INBOX = 10_000;
const REMEMBERED = 512;
const REMEMBERED_OVER_RELOAD = 64;
/** An outbox whose tab is gone is taken over when it was found so twice: a tab that reloads is gone for a moment too. */
const SECOND_LOOK = 2000;
const LOOK_EVERY = 30_000;

/** Errors of a login that the same login would get again. */
const FINAL = new Set([
  'BADEVENT', 'BADFIELD', 'BADJSON', 'BADTOKEN', 'BADUID', 'BANNED', 'LIMIT', 'NOPERM', 'NORIGHT', 'NOTOKEN', 'OTHERUID',
  'WRONGTYPE',
]);
/** Errors of the server's state, not of the message: the same message may be taken later. */
const PASSING = new Set([
  'BUSY', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'MISCONF', 'NOREPLICAS', 'OOM', 'READONLY', 'TOOFAST', 'TRYAGAIN',
  'UNAVAILABLE',
]);
/** The server does not know this session (any more): another login helps, but only once for a message. */
const NO_SESSION = new Set(['NOLOGIN', 'NOMEMBER', 'NOROOM']);
const TOO_BIG = 4101;

/** Opens a room. See `Options` in room.d.ts. */
export function connect(options) {
  return new Room(options);
}

class Room {
  #options;
  #handlers = new Map();
  #unwatch = () => {};
  #state = 'connecting';
  #socket = null;
  #timers = {};
  #wait = FIRST_WAIT;
  /** The server asked not to come back for so long. */
  #asked = 0;
  #onlineSince = 0;
  #heard = 0;
  #loggedIn = false;
  #synced = false;
  #inbox = [];
  #handling = false;
  #progress;
  #acked = null;
  /** Where a message came that does not follow: doubted once, then believed. */
  #doubted = null;
  #outbox;
  /** The id of the message that waits for its confirmation. */
  #inFlight = null;
  #loggedInAgainFor = null;

  constructor(options) {
    this.#options = { ...defaults(), ...options, roomid: String(options.roomid), uid: String(options.uid) };
    const name = `roomcast:${encodeURIComponent(this.roomid)}:${encodeURIComponent(this.uid)}`;
    this.#progress = new Progress(this.#options.tabStorage, `${name}:progress`);
    this.#outbox = new Outbox(this.#options, name, {
      adopted: (entries) => {
        for (const entry of entries) this.#emit('outbox', { ...entry });
        this.#sendNext();
      },
      unsaved: (error) => this.#emit('error', { code: 'STORAGE', message: `kept in memory only: ${error.message}` }),
    });
    this.#watchPage(globalThis.addEventListener, globalThis.document?.addEventListener);
    // A handler that is added right after connect() must not miss anything.
    queueMicrotask(() => this.#open());
  }

  get state() { return this.#state; }
  get roomid() { return this.#options.roomid; }
  get uid() { return this.#options.uid; }
  get position() { return this.#progress.position; }
  get outbox() { return this.#outbox.entries.map((entry) => ({ ...entry })); }

  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
    this.#handlers.get(name).add(handler);
    return () => this.#handlers.get(name).delete(handler);
  }

  send(message, fields = {}) {
    if (this.#state === 'closed') throw new Error('the room is closed');
    const entry = this.#outbox.add(this.#copied(message, fields));
    this.#emit('outbox', { ...entry });
    this.#sendNext();
    return { ...entry };
  }

  signal(event, fields = {}) {
    if (this.#timers.slow) return false;
    return this.#write({ ...fields, event });
  }

  members(cursor = '0') {
    return this.#write({ event: 'members', cursor });
  }

  retry(id) {
    const entry = this.#outbox.renew(id);
    if (!entry) return undefined;
    this.#emit('outbox', { ...entry });
    this.#sendNext();
    return { ...entry };
  }

  discard(id) {
    // One that is on its way may be stored at any moment: its fate is not the page's any more.
    return id !== this.#inFlight && this.#outbox.remove(id);
  }

  reconnect() {
    if (this.#state === 'offline' && !this.#timers.asked) this.#open();
  }

  leave() {
    return this.#write({ event: 'leave' });
  }

  close() {
    if (this.#loggedIn) {
      this.#ack();
      this.#write({ event: 'logout' });
    }
    this.#stop();
  }

  #emit(name, value) {
    // A page's own mistake must not stop the flow of messages.
    const blame = (error) => console.error('roomcast: a handler failed:', error);
    const promises = [];
    for (const handler of this.#handlers.get(name) ?? []) {
      try {
        const result = handler(value);
        if (typeof result?.then === 'function') promises.push(Promise.resolve(result).catch(blame));
      } catch (error) {
        blame(error);
      }
    }
    return promises.length > 0 ? Promise.all(promises) : undefined;
  }

  #enter(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#emit('state', state);
  }

  #after(name, ms, run) {
    this.#options.clearTimeout(this.#timers[name]);
    this.#timers[name] = this.#options.setTimeout(() => {
      delete this.#timers[name];
      run();
    }, ms);
  }

  #cancel(name) {
    this.#options.clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }

  // ---- the connection ----

  /** The network or the reader is back: look now, not when a timer says so. And confirm before the page goes. */
  #watchPage(onWindow, onDocument) {
    const back = () => {
      this.reconnect();
      if (this.#socket) this.#checkAlive();
    };
    const away = () => this.#ack();
    onWindow?.call(globalThis, 'online', back);
    onWindow?.call(globalThis, 'pagehide', away);
    onDocument?.call(globalThis.document, 'visibilitychange', back);
    this.#unwatch = () => {
      globalThis.removeEventListener?.('online', back);
      globalThis.removeEventListener?.('pagehide', away);
      globalThis.document?.removeEventListener?.('visibilitychange', back);
    };
  }

  #open() {
    // What came before is handled first, so that the login can say how far that is.
    if (this.#state === 'closed' || this.#socket || this.#inbox.length > 0) return;
    this.#cancel('reconnect');
    this.#enter('connecting');
    let socket;
    try {
      socket = new this.#options.WebSocket(this.#options.url);
    } catch (error) {
      this.#emit('error', { code: 'BADURL', message: error.message });
      this.#stop();
      return;
    }
    this.#socket = socket;
    const mine = (run) => (event) => { if (socket === this.#socket) run(event); };
    socket.onopen = mine(() => this.#login(socket));
    socket.onmessage = mine((event) => this.#receive(event.data));
    socket.onclose = mine((event) => this.#closed(event));
    socket.onerror = () => {}; // 'close' follows and says all there is to say.
    this.#heard = this.#options.now();
    this.#checkAlive();
    this.#expectAnswer();
  }

  async #login(socket) {
    const { uid, name, history, as } = this.#options;
    let { token } = this.#options;
    try {
      if (typeof token === 'function') token = await token();
    } catch (error) {
      this.#emit('error', { code: 'TOKEN', message: error.message });
      if (socket === this.#socket) this.#drop();
      return;
    }
    if (socket !== this.#socket) return;
    const login = { event: 'login', uid, name, token, as, ack: 'client', v: 1 };
    if (this.position) login.since = this.position;
    else if (history > 0) login.history = history;
    this.#transmit(login);
  }

  #write(event) {
    return this.#loggedIn && this.#transmit(event);
  }

  #transmit(event) {
    const text = this.#encode(event);
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  /** The server would close the connection for a larger one. */
  #encode(event) {
    const text = JSON.stringify({ ...event, roomid: this.roomid });
    const { maxEvent } = this.#options;
    const bytes = text.length * 3 <= maxEvent ? 0 : new TextEncoder().encode(text).length;
    if (bytes > maxEvent) throw new RangeError(`the event has ${bytes} bytes; maxEvent is ${maxEvent}`);
    return text;
  }

  /** A link that is dead without saying so is given up after a silence: the server sends heartbeats. */
  #checkAlive() {
    const now = this.#options.now();
    // The clock was put back: what it said before is no measure.
    this.#heard = Math.min(this.#heard, now);
    const left = this.#heard + this.#options.deadAfter - now;
    if (left <= 0) this.#drop();
    else this.#after('dead', left, () => this.#checkAlive());
  }

  /** A link that carries what the server says, but not what we say, is dead too. */
  #expectAnswer() {
    this.#after('answer', this.#options.answerWithin, () => this.#drop());
  }

  #drop() {
    const socket = this.#socket;
    this.#closed({ code: 1006 });
    socket?.close();
  }

  #closed({ code, reason }) {
    const held = this.#loggedIn && this.#options.now() - this.#onlineSince >= GOOD_AFTER;
    this.#disconnect();
    if (this.#state === 'closed') return;
    // What was not handled yet comes again, because the next login says how far this page is.
    if (this.#inbox.length < MAX_INBOX) this.#inbox = [];
    if (code >= 4100 && code < 4200) {
      const message = reason || 'the server does not want this connection';
      if (code === TOO_BIG && this.#inFlight) this.#settle(this.#inFlight, 'failed', { code: 'TOOLONG', error: message });
      this.#emit('error', { code: 'CLOSED', message, close: code });
      this.#stop();
      return;
    }
    this.#inFlight = null;
    this.#enter('offline');
    if (held) this.#wait = FIRST_WAIT;
    // Anywhere in the wait: those who lost the same server must not all come back at the same moment.
    const wait = 100 + this.#options.random() * this.#wait;
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    const comeBack = () => this.#after('reconnect', wait, () => this.#open());
    // A timer and no time of the clock, which may be put back.
    if (this.#asked > 0) this.#after('asked', this.#asked, comeBack);
    else comeBack();
    this.#asked = 0;
  }

  #disconnect() {
    this.#socket = null;
    this.#loggedIn = false;
    this.#synced = false;
    for (const name of Object.keys(this.#timers)) this.#cancel(name);
  }

  #stop() {
    const socket = this.#socket;
    this.#disconnect();
    this.#inbox = [];
    this.#enter('closed');
    this.#unwatch();
    this.#outbox.release();
    socket?.close(1000);
  }

  // ---- what comes in ----

  #receive(data) {
    this.#heard = this.#options.now();
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return; // Not from our server; the next one may be.
    }
    // What concerns the connection and the outbox does not wait for the page's handlers.
    switch (event?.event) {
      case undefined: return;
      case 'heartbeat': this.#transmit({ event: 'heartbeat', message: 'pong' }); return;
      case 'sent': this.#settle(event.id, 'sent', { seq: event.seq, duplicate: event.duplicate }); return;
      case 'error': this.#failed(event); return;
      case 'closing': this.#asked = Math.min(Number(event.after) || 0, LONGEST_ASKED); return;
      case 'login': if (event.position) this.#welcomed(event); break;
      case 'message': if (event.uid === this.uid && event.id) this.#settle(event.id, 'sent', { seq: event.seq }); break;
      case 'synced': this.#synced = true; this.#sendNext(); break;
      default:
    }
    this.#inbox.push(event);
    // Slower than the room for long: the server keeps the rest, until this page is ready for it.
    if (this.#inbox.length >= MAX_INBOX) this.#drop();
    if (!this.#handling) this.#handleAll();
  }

  /** One after the other, however long the page takes for each. */
  async #handleAll() {
    this.#handling = true;
    while (this.#inbox.length > 0) {
      try {
        const done = this.#handle(this.#inbox.shift());
        if (done) await done;
      } catch (error) {
        // An event that cannot be understood must not hold up those behind it.
        this.#emit('error', { code: 'BADEVENT', message: String(error) });
      }
    }
    this.#handling = false;
    if (this.#state === 'offline' && !this.#timers.reconnect && !this.#timers.asked) this.#open();
  }

  #handle(event) {
    switch (event.event) {
      // Without its position it is nothing that the room has stored.
      case 'message': return event.position ? this.#message(event) : this.#emit('event', event);
      case 'login':
        if (!event.position) return this.#emit('presence', { ...event, online: true });
        if (!this.position) this.#progress.moveTo(event.position);
        return this.#emit('login', event);
      case 'logout': return event.uid === this.uid ? this.#ended(event) : this.#emit('presence', { ...event, online: false });
      case 'kicked': return this.#ended(event);
      case 'lost':
      case 'reset':
        this.#progress.moveTo(event.position);
        this.#ackSoon();
        return this.#emit(event.event, event);
      case 'presence':
      case 'synced':
      case 'members': return this.#emit(event.event, event);
      default: return this.#emit('event', event);
    }
  }

  async #message(event) {
    const verdict = this.#progress.judge(event.position);
    if (verdict === 'doubt' && this.#doubted !== this.position) {
      // The server knows better what follows: asked with our position, it gives that, or says what happened.
      this.#doubted = this.position;
      this.#drop();
      return;
    }
    if (verdict === 'doubt') await this.#admitGap(event);
    if (verdict !== 'repeat') await this.#emit('message', event);
    this.#progress.take(event.position, verdict);
    this.#ackSoon();
  }

  /** The server insists. It must not happen, but it must not be silent either. */
  #admitGap(event) {
    const { roomid, seq, position } = event;
    const from = this.#progress.seq + 1;
    return seq > from
      ? this.#emit('lost', { event: 'lost', roomid, from, to: seq - 1, reason: 'unknown', position })
      : this.#emit('reset', { event: 'reset', roomid, since: this.position, position });
  }

  #welcomed() {
    this.#loggedIn = true;
    this.#onlineSince = this.#options.now();
    this.#cancel('answer');
    this.#enter('online');
    this.#sendNext();
  }

  #ended(event) {
    // Who is no member any more has no place in the room's history; another login begins anew.
    if (event.event === 'logout') this.#progress.forget();
    const told = this.#emit(event.event, event);
    this.#stop();
    return told;
  }

  #ackSoon() {
    if (!this.#timers.ack) this.#after('ack', ACK_EVERY, () => this.#ack());
  }

  #ack() {
    this.#cancel('ack');
    if (this.position === this.#acked) return;
    if (this.#write({ event: 'ack', position: this.position })) this.#acked = this.position;
  }

  // ---- what goes out ----

  /** What goes over the wire, by value: what the page does with its objects later changes nothing. */
  #copied(message, fields) {
    const text = this.#encode({ ...fields, event: 'message', message, id: this.#outbox.newId() });
    const { message: copy, id, event: _, roomid: __, ...rest } = JSON.parse(text);
    if (copy === undefined) throw new TypeError('the message has no form in JSON');
    return { id, message: copy, fields: rest };
  }

  /** One message at a time: the next one leaves when the one before is confirmed, so their order holds. */
  #sendNext() {
    while (this.#loggedIn && this.#inFlight === null) {
      const entry = this.#outbox.next();
      // One that was tried may be in the log: then the missed messages bring it, and it need not be sent again.
      if (!entry || (entry.tried > 0 && !this.#synced)) return;
      if (this.#outbox.isTooOld(entry)) {
        this.#settle(entry.id, 'unknown');
        continue;
      }
      this.#inFlight = entry.id;
      this.#outbox.tried(entry);
      this.#expectAnswer();
      this.#write({ ...entry.fields, event: 'message', message: entry.message, id: entry.id });
    }
  }

  #settle(id, state, more = {}) {
    const entry = this.#outbox.settle(id, state);
    if (id === this.#inFlight) this.#landed();
    if (entry) this.#emit('outbox', { ...entry, ...more });
    this.#sendNext();
  }

  #landed() {
    this.#inFlight = null;
    this.#cancel('answer');
    this.#cancel('retry');
  }

  #failed(event) {
    const { of, id, code } = event;
    if (code === 'SLOWDOWN') this.#after('slow', SLOW_FOR, () => {});
    // An acknowledgement that a reset has overtaken; the next one will be right.
    if (of === 'ack') return;
    // What is tried again anyway is no news.
    if (of !== 'message' || !id || !(PASSING.has(code) || NO_SESSION.has(code))) this.#emit('error', event);
    if (of === 'login') this.#refused(event);
    else if (of === 'message' && id && id === this.#inFlight) this.#notTaken(event);
    else if (NO_SESSION.has(code)) this.#drop();
  }

  #refused({ code }) {
    if (FINAL.has(code)) {
      this.#stop();
      return;
    }
    // Our own position was not understood: the server's memory of this uid must do.
    if (code === 'BADPOS') this.#progress.forget();
    this.#drop();
  }

  #notTaken({ id, code, message }) {
    if (PASSING.has(code)) {
      this.#cancel('answer');
      const again = () => { this.#inFlight = null; this.#sendNext(); };
      this.#after('retry', 500 + this.#options.random() * 1500, again);
    } else if (NO_SESSION.has(code) && this.#loggedInAgainFor !== id) {
      this.#loggedInAgainFor = id;
      this.#drop();
    } else {
      this.#settle(id, 'failed', { code, error: message });
    }
  }
}

/** How far this tab is. Numbers alone prove nothing (a reborn room repeats them): the tag beside each is compared too. */
class Progress {
  position = null;
  #storage;
  #key;
  #recent = new Map();

  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
    const [position, ...recent] = (read(storage, key) ?? '').split(' ');
    if (!/^\d+-[0-9a-f]+$/.test(position)) return;
    this.position = position;
    for (const known of recent) this.#remember(known);
  }

  static seqOf(position) { return Number(position.split('-')[0]); }

  get seq() { return Progress.seqOf(this.position); }

  /** 'next', 'repeat', or 'doubt': neither follows nor is known. */
  judge(position) {
    const seq = Progress.seqOf(position);
    if (this.position === position || this.#recent.get(seq) === position) return 'repeat';
    return !this.position || seq === this.seq + 1 ? 'next' : 'doubt';
  }

  /** The page has processed it. After a reset also a repeat leads on, from what is known to what is not. */
  take(position, verdict) {
    this.#remember(position);
    if (verdict !== 'repeat' || Progress.seqOf(position) > this.seq) this.moveTo(position);
  }

  #remember(position) {
    const seq = Progress.seqOf(position);
    this.#recent.delete(seq);
    this.#recent.set(seq, position);
    if (this.#recent.size > REMEMBERED) this.#recent.delete(this.#recent.keys().next().value);
  }

  /** What comes next follows this. */
  moveTo(position) {
    if (!position) return;
    this.position = position;
    const recent = [...this.#recent.values()].slice(-REMEMBERED_OVER_RELOAD);
    write(this.#storage, this.#key, [position, ...recent].join(' '));
  }

  forget() {
    this.position = null;
    write(this.#storage, this.#key, null);
  }
}

/**
 * Messages that the server has not confirmed, oldest first.
 *
 * They are kept where all tabs of the browser can read them, but only one tab may send each: the one that holds the lock
 * named after their outbox. A page takes a new outbox each time it is loaded, and takes over its own former one as soon
 * as that lock is free; what a tab leaves behind for good is taken over by any other one of the same uid and room.
 * Without locks, each tab keeps its own outbox in its own storage, over a reload.
 */
class Outbox {
  entries = [];
  #options;
  #on;
  #name;
  #tab;
  #inTab = false;
  #unsaved = false;
  #found = new Set();
  #timer;
  #released = false;
  #release = () => {};

  constructor(options, name, on) {
    this.#options = options;
    this.#on = on;
    this.#name = `${name}:outbox`;
    this.#tab = this.newId();
    if (options.locks && options.storage) this.#settleIn(`${name}:tab`);
    else this.#keepInTab();
  }

  newId() {
    const part = () => Math.floor(this.#options.random() * 2 ** 32).toString(36);
    return `${this.#options.now().toString(36)}-${part()}${part()}`;
  }

  // ---- the entries ----

  add({ id, message, fields }) {
    const { maxOutbox, now } = this.#options;
    if (this.entries.length >= maxOutbox) throw new RangeError(`${maxOutbox} messages wait already: maxOutbox`);
    const entry = { id, message, fields, state: 'pending', created: now(), tried: 0 };
    this.entries.push(entry);
    this.#save();
    return entry;
  }

  next() {
    return this.entries.find((entry) => entry.state === 'pending');
  }

  /** The server has forgotten its id by now: sent again, it might be stored twice. So it may be if the clock was put back. */
  isTooOld(entry) {
    return entry.tried > 0 && Math.abs(this.#options.now() - entry.tried) > this.#options.dedupeAge;
  }

  /** Written down before the message leaves: a page that crashes in between must know. */
  tried(entry) {
    if (entry.tried > 0) return;
    entry.tried = this.#options.now();
    this.#save();
  }

  settle(id, state) {
    const entry = this.entries.find((known) => known.id === id);
    if (!entry) return undefined;
    entry.state = state;
    if (state === 'sent') this.remove(id);
    else this.#save();
    return entry;
  }

  /** One that was given up becomes a new message. */
  renew(id) {
    const old = this.entries.find((entry) => entry.id === id && entry.state !== 'pending');
    if (!old) return undefined;
    this.remove(id);
    return this.add({ ...old, id: this.newId() });
  }

  remove(id) {
    const rest = this.entries.filter((entry) => entry.id !== id);
    const found = rest.length < this.entries.length;
    this.entries = rest;
    if (found) this.#save();
    return found;
  }

  #key(tab = this.#tab) { return `${this.#name}:${tab}`; }

  #save() {
    if (this.#released) return;
    const text = this.entries.length > 0 ? JSON.stringify(this.entries) : null;
    const { storage, tabStorage } = this.#options;
    const error = this.#inTab ? write(tabStorage, this.#name, text) : write(storage, this.#key(), text);
    if (error && !this.#unsaved) this.#on.unsaved(error);
    this.#unsaved = Boolean(error);
  }

  // ---- whose they are ----

  /** Without locks. A tab that was not left in order may be a copy of another one, which may have sent these already. */
  #keepInTab() {
    const { tabStorage } = this.#options;
    this.#inTab = true;
    this.entries = parse(read(tabStorage, this.#name));
    const inOrder = read(tabStorage, `${this.#name}:left`);
    write(tabStorage, `${this.#name}:left`, null);
    if (!inOrder) for (const entry of this.entries) entry.tried ||= entry.created;
    this.#release = () => write(tabStorage, `${this.#name}:left`, 'in order');
    globalThis.addEventListener?.('pagehide', this.#release);
  }

  #settleIn(tabKey) {
    const { tabStorage } = this.#options;
    const former = read(tabStorage, tabKey);
    write(tabStorage, tabKey, this.#tab);
    this.#lock(this.#tab, {}, () => this.#released || new Promise((release) => { this.#release = release; }));
    // A copied tab waits here for as long as the original lives.
    if (former) this.#lock(former, {}, () => this.#adopt(former));
    const look = () => {
      const others = this.#lookForOrphans(former);
      this.#timer = this.#options.setTimeout(look, others ? SECOND_LOOK : LOOK_EVERY);
    };
    look();
  }

  #lock(tab, options, run) {
    this.#options.locks.request(this.#key(tab), options, run).catch((error) => {
      // No locks in this kind of page after all: nothing is taken over, and what is ours is still kept.
      if (!this.#released) console.warn('roomcast: the outbox has no lock:', error);
    });
  }

  #lookForOrphans(former) {
    const prefix = this.#key('');
    const theirs = (key) => key.startsWith(prefix) && key !== this.#key() && key !== this.#key(former);
    const tabs = keys(this.#options.storage).filter(theirs).map((key) => key.slice(prefix.length));
    for (const tab of tabs) {
      const seen = this.#found.delete(tab);
      this.#lock(tab, { ifAvailable: true }, (free) => {
        if (free && seen) this.#adopt(tab);
        else if (free) this.#found.add(tab);
      });
    }
    return tabs.length > 0;
  }

  /** Its lock is held. Written here before it is deleted there: a crash in between leaves the same ids twice, not none. */
  #adopt(tab) {
    if (this.#released) return;
    const { storage } = this.#options;
    const mine = new Set(this.entries.map((entry) => entry.id));
    const adopted = parse(read(storage, this.#key(tab))).filter((entry) => !mine.has(entry.id));
    this.entries = [...adopted, ...this.entries].sort((a, b) => a.created - b.created);
    this.#save();
    write(storage, this.#key(tab), null);
    if (adopted.length > 0) this.#on.adopted(adopted);
  }

  /** From here the entries are anybody's who opens the room. */
  release() {
    this.#released = true;
    this.#options.clearTimeout(this.#timer);
    this.#release();
  }
}

function defaults() {
  const page = globalThis.location;
  return {
    url: page && `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}/ws`,
    WebSocket: globalThis.WebSocket,
    storage: allowed(() => globalThis.localStorage),
    tabStorage: allowed(() => globalThis.sessionStorage),
    locks: globalThis.navigator?.locks,
    setTimeout: (run, ms) => globalThis.setTimeout(run, ms),
    clearTimeout: (id) => globalThis.clearTimeout(id),
    now: () => Date.now(),
    random: () => Math.random(),
    history: 0,
    dedupeAge: 240_000,
    deadAfter: 50_000,
    answerWithin: 20_000,
    maxOutbox: 1000,
    maxEvent: 65_536,
  };
}

/** A browser may forbid storage: everything works then, but not over a reload. */
function allowed(get) {
  try {
    return get();
  } catch {
    return undefined;
  }
}

function read(storage, key) {
  return allowed(() => storage?.getItem(key));
}

/** The error if it could not be written (full, forbidden). */
function write(storage, key, value) {
  try {
    if (value === null) storage?.removeItem(key);
    else storage?.setItem(key, value);
    return undefined;
  } catch (error) {
    return error;
  }
}

function keys(storage) {
  return allowed(() => Array.from({ length: storage.length }, (_, i) => storage.key(i))) ?? [];
}

/** What is stored may have been written by anybody: entries that make no sense are left out. */
function parse(text) {
  const entries = allowed(() => JSON.parse(text ?? '[]'));
  const sound = (entry) => typeof entry?.id === 'string' && Number.isFinite(entry.created) && Number.isFinite(entry.tried);
  return Array.isArray(entries) ? entries.filter(sound) : [];
}
