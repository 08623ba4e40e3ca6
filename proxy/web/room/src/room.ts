// One room: what comes in, what goes out.
import type { Settings } from './defaults.js';
import { Delivery, type Wire } from './delivery.js';
import { coded, endsLogin, endsMessage, isNoSession, isNotStored, isPassing, isServers } from './errors.js';
import type { Handler } from './handlers.js';
import { here } from './surroundings.js';
import type { Line, Seat } from './line.js';
import { Outbox } from './outbox.js';
import { Pages } from './pages.js';
import { Progress, seqOf } from './progress.js';
import { Reading } from './reading.js';
import { Timers } from './timers.js';
import type { Entry, Events, Failure, Page, Reason, Room as PublicRoom, RoomOptions, State } from './types.js';

const ACK_EVERY = 200;
/** Before another login on the same connection. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;

export class Room implements PublicRoom {
  readonly roomid: string;
  #settings: Settings;
  #options: RoomOptions;
  #line: Line;
  #seat: Seat;
  #timers: Timers;
  #delivery: Delivery;
  #progress: Progress;
  #reading: Reading;
  #outbox: Outbox;
  #pages: Pages;
  #state: State = 'connecting';
  #reason: Reason | null = null;
  #wait = FIRST_WAIT;
  #synced = false;
  /** More came than can be held: what the log has is ignored until the next login. */
  #isFull = false;
  #acked: string | null = null;
  /** Where a message came that does not follow: doubted once, then believed. */
  #doubted: string | null = null;
  /** The id of the message that waits for its confirmation, and whether it was sent before. */
  #inFlight: string | null = null;
  #isFirstTry = false;
  #loggedInAgainFor: string | null = null;

  constructor(settings: Settings, roomid: string, options: RoomOptions, lineOf: (seat: Seat) => Line) {
    this.roomid = roomid;
    this.#settings = settings;
    this.#options = options;
    const name = `roomcast:${encodeURIComponent(roomid)}:${encodeURIComponent(settings.uid)}`;
    this.#timers = new Timers(settings);
    this.#progress = new Progress(settings.tabStorage, `${name}:progress`);
    this.#reading = new Reading(settings);
    this.#pages = new Pages((event) => this.#askHistory(event));
    this.#delivery = new Delivery(settings, roomid, {
      handle: (event) => this.#handle(event),
      ends: (event) => this.#isEnd(event),
      stuck: (stuck) => this.#beStuck(stuck),
      full: () => { this.#isFull = true; },
      idle: () => this.#beIdle(),
      failed: (error) => this.#fail({ code: 'BADEVENT', message: String(error) }),
    });
    this.#outbox = new Outbox(settings, name, {
      adopted: (entries) => this.#adopted(entries),
      unsaved: (error) => this.#fail({ code: 'STORAGE', message: `kept in memory only: ${error.message}` }),
    });
    this.#seat = this.#makeSeat();
    this.#line = lineOf(this.#seat);
  }

  get state() { return this.#state; }
  get reason() { return this.#reason; }
  get uid() { return this.#settings.uid; }
  get position() { return this.#progress.position; }
  get outbox() { return this.#outbox.entries.map((entry) => ({ ...entry })); }

  on<K extends keyof Events>(name: K, handler: (value: Events[K], reason?: Reason | null) => unknown): () => void {
    return this.#delivery.handlers.on(name, handler as Handler);
  }

  send(message: unknown, fields: Record<string, unknown> = {}): Entry {
    if (this.#state === 'closed') throw new Error('the room is closed');
    return this.#added(this.#outbox.add(this.#copied(message, fields), this.#reading.known));
  }

  retry(id: string): Entry | undefined {
    const entry = this.#outbox.renew(id, this.#reading.known);
    return entry && this.#added(entry);
  }

  discard(id: string): boolean {
    // One that is on its way may be stored at any moment: its fate is not the page's any more.
    return id !== this.#inFlight && this.#outbox.remove(id);
  }

  skip(): boolean { return this.#delivery.skip(); }

  signal(event: string, fields: Record<string, unknown> = {}): boolean {
    if (!event || isServers(event)) throw new TypeError(`'${event}' is no name for an event of one's own: the server uses it`);
    return !this.#line.isSlow && this.#write({ ...fields, event });
  }

  members(cursor = '0'): boolean { return this.#write({ event: 'members', cursor }); }

  async history(which: { until?: string; limit?: number } = {}): Promise<Page> {
    if (this.#state === 'closed') throw coded('CLOSED', 'the room is closed');
    return this.#pages.read(which);
  }

  retryNow(): void {
    this.#timers.cancel('again');
    this.#line.enter(this.#seat);
    this.#line.retryNow();
  }

  reconnect(): void { this.retryNow(); }

  leave(): boolean { return this.#write({ event: 'leave' }); }

  close(): void { if (this.#state !== 'closed') this.#line.release(this.#seat); }

  // ---- the connection ----

  #makeSeat(): Seat {
    return {
      roomid: this.roomid,
      login: 'out',
      // What came before is handled first, so that the login can say how far that is.
      isReady: () => this.#state !== 'closed' && this.#delivery.isEmpty && !this.#timers.has('again'),
      entry: () => this.#entry(),
      receive: (event) => this.#receive(event),
      connecting: () => this.#enter('connecting', this.#reason),
      offline: (reason) => this.#offline(reason),
      confirm: () => this.#ack(),
      end: (reason, byItself) => this.#end(reason, byItself),
      fail: (error) => this.#tell('error', error),
      tooBig: (message) => {
        this.#seat.login = 'out';
        if (this.#inFlight) this.#settle(this.#inFlight, 'failed', { code: 'TOOLONG', error: message });
      },
    };
  }

  #entry(): Wire {
    const { history, as } = this.#options;
    const since = this.position ?? undefined;
    return { event: 'login', roomid: this.roomid, since, history: !since && history ? history : undefined, as };
  }

  #enter(state: State, reason: Reason | null): void {
    if (this.#state === 'closed') return;
    this.#reason = reason;
    if (this.#state === state) return;
    this.#state = state;
    this.#delivery.handlers.tell('state', state, reason);
  }

  /** Whether somebody listened. */
  #tell(name: string, value: unknown): boolean {
    const listens = this.#delivery.handlers.of(name).length > 0;
    this.#delivery.handlers.tell(name, value);
    return listens;
  }

  #fail(error: Failure): void { if (!this.#tell('error', error)) this.#line.fail({ ...error, roomid: this.roomid }); }

  #write(event: Wire): boolean { return this.#seat.login === 'in' && this.#line.write({ ...event, roomid: this.roomid }); }

  /** Neither in nor sure of what was sent. */
  #out(): void {
    this.#seat.login = 'out';
    this.#synced = false;
    this.#inFlight = null;
    this.#timers.cancelAll();
    this.#delivery.disconnected();
    this.#pages.disconnected();
  }

  #offline(reason: Reason): void {
    this.#out();
    this.#enter('offline', reason);
  }

  /** Another login is needed: on another connection if nobody else needs this one. */
  #again(code: string, message: string): void {
    const reason = { code, message };
    this.#out();
    if (this.#line.again(reason)) return;
    this.#enter('offline', reason);
    this.#timers.after('again', 100 + this.#settings.random() * this.#wait, () => this.#line.enter(this.#seat));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #beIdle(): void {
    if (this.#seat.login === 'out') this.#line.enter(this.#seat);
    else if (this.#isFull) this.#again('AGAIN', 'what was left in the log is read');
  }

  #end(reason: Reason, byItself = false): void {
    if (this.#state === 'closed') return;
    if (byItself && this.#seat.login === 'in') {
      this.#ack();
      this.#write({ event: 'logout' });
    }
    this.#delivery.stop();
    this.#out();
    this.#enter('closed', reason);
    this.#outbox.release();
    this.#pages.stop(coded('CLOSED', 'the room is closed'));
    this.#line.leave(this.#seat);
  }

  // ---- what comes in ----

  #isMine(event: Wire): boolean { return event.uid === this.uid; }

  #isEnd(event: Wire): boolean { return event.event === 'kicked' || (event.event === 'logout' && this.#isMine(event)); }

  #receive(event: Wire): void {
    const { login } = this.#seat;
    // What concerns the connection and the outbox does not wait for the page's handlers.
    switch (event.event) {
      case 'sent':
        this.#reading.exists(event.seq);
        this.#settle(event.id, 'sent', { seq: event.seq, duplicate: event.duplicate });
        return;
      case 'error': this.#failed(event); return;
      case 'history': this.#older(event); return;
      case 'login':
        if (!event.position) break;
        if (login === 'asked') this.#welcomed(event);
        break;
      default:
    }
    if (this.#seat.login !== 'in') {
      // A logout that comes behind our login is of the session before.
      if (event.event === 'kicked' || (login === 'out' && this.#isEnd(event))) this.#handle(event);
      return;
    }
    this.#read(event);
    if (this.#isFull && event.position && /^(message|lost|reset)$/.test(event.event)) return;
    this.#delivery.push(event);
  }

  /** What the log has, as soon as it is here: handlers may take their time. */
  #read(event: Wire): void {
    const { position } = event;
    switch (event.event) {
      case 'message':
        if (!position) return;
        this.#reading.message(seqOf(position), this.#isMine(event) ? event.id : undefined);
        this.#settleOwn(event);
        return;
      case 'lost': this.#reading.jumps(position); return;
      case 'reset':
        this.#reading.restarts(position);
        this.#outbox.moved(seqOf(position));
        this.#pages.resets(position);
        return;
      case 'synced':
        this.#synced = true;
        this.#wait = FIRST_WAIT;
        this.#sendNext();
        return;
      default:
    }
  }

  #settleOwn(event: Wire): void {
    if (this.#isMine(event) && event.id) this.#settle(event.id, 'sent', { seq: event.seq });
  }

  #welcomed(event: Wire): void {
    this.#seat.login = 'in';
    this.#isFull = false;
    this.#timers.cancel('again');
    this.#reading.begins(event.position, event.pending, {
      ts: event['dedupe-count'] === undefined ? undefined : event.ts, count: event['dedupe-count'], age: event['dedupe-age'],
    });
    this.#pages.begins(event.position);
    this.#enter('online', null);
    this.#sendNext();
    this.#pages.askNext();
  }

  #handle(event: Wire): Promise<unknown> | undefined | void {
    const { handlers } = this.#delivery;
    switch (event.event) {
      // Without its position it is nothing that the room has stored.
      case 'message': return event.position ? this.#message(event) : handlers.tell('event', event);
      case 'login':
        if (!event.position) return handlers.tell('presence', { ...event, online: true });
        if (!this.position) this.#progress.moveTo(event.position);
        return handlers.tell('login', event);
      case 'logout': return this.#isMine(event) ? this.#ended(event) : handlers.tell('presence', { ...event, online: false });
      case 'kicked': return this.#ended(event);
      case 'lost':
      case 'reset': return this.#moved(event);
      case 'presence':
      case 'synced':
      case 'members': return handlers.tell(event.event, event);
      default: return handlers.tell('event', event);
    }
  }

  async #message(event: Wire): Promise<void> {
    const verdict = this.#progress.judge(event.position);
    if (verdict === 'doubt' && this.#doubted !== this.position) {
      // The server knows better what follows: asked with our position, it gives that, or says what happened.
      this.#doubted = this.position;
      this.#again('AGAIN', 'a message did not follow the one before');
      return;
    }
    if (verdict === 'doubt' && !await this.#admitGap(event)) return;
    if (verdict !== 'repeat' && await this.#delivery.hand('message', event) === false) return;
    this.#progress.take(event.position, verdict);
    this.#ackSoon();
  }

  /** What follows continues at another place. A second time it is no news: it came before a reconnect already. */
  async #moved(event: Wire): Promise<void> {
    if (event.position === this.position) return;
    if (await this.#delivery.hand(event.event, event) === false) return;
    this.#progress.moveTo(event.position);
    this.#ackSoon();
  }

  /** The server insists. It must not happen, but it must not be silent either. */
  async #admitGap(event: Wire): Promise<boolean> {
    const { roomid, seq, position } = event;
    const from = this.#progress.seq + 1;
    const told = seq > from
      ? { event: 'lost', roomid, from, to: seq - 1, reason: 'unknown', position }
      : { event: 'reset', roomid, since: this.position, position };
    return await this.#delivery.hand(told.event, told) !== false;
  }

  #ended(event: Wire): Promise<unknown> | undefined {
    // Who is no member any more has no place in the room's history; another login begins anew.
    if (event.event === 'logout') this.#progress.forget();
    const told = this.#delivery.handlers.tell(event.event, event);
    this.#seat.login = 'out';
    this.#end({ code: 'ENDED', message: event.reason || `the server ended the session: ${event.event}` });
    return told;
  }

  #beStuck(stuck: Events['stuck']): void {
    if (this.#tell('stuck', stuck)) return;
    const { event, retryIn } = stuck;
    here.console.error(`roomcast: a handler of '${event.position}' failed; it gets it again in ${retryIn} ms:`, stuck.error);
  }

  #ackSoon(): void {
    if (this.#state !== 'closed' && !this.#timers.has('ack')) this.#timers.after('ack', ACK_EVERY, () => this.#ack());
  }

  #ack(): void {
    this.#timers.cancel('ack');
    if (this.position === this.#acked) return;
    if (this.#write({ event: 'ack', position: this.position })) this.#acked = this.position;
  }

  #askHistory(event: Wire): boolean {
    if (this.#seat.login !== 'in') return false;
    if (!this.#line.isNew) {
      const message = 'this server is too old to be asked for history';
      here.queueMicrotask(() => this.#pages.refused({ event: 'error', code: 'UNSUPPORTED', message }));
      return true;
    }
    this.#expectAnswer('page');
    return this.#write(event);
  }

  #older(event: Wire): void {
    this.#timers.cancel('page');
    for (const message of event.messages) this.#settleOwn(message);
    this.#pages.answered(event);
  }

  // ---- what goes out ----

  /** What goes over the wire, by value: what the page does with its objects later changes nothing. */
  #copied(message: unknown, fields: Record<string, unknown>): Pick<Entry, 'id' | 'message' | 'fields'> {
    const id = this.#outbox.newId();
    const text = this.#line.encode({ ...fields, event: 'message', message, id, roomid: this.roomid });
    const { message: copy, id: _, event: __, roomid: ___, ...rest } = JSON.parse(text);
    if (copy === undefined) throw new TypeError('the message has no form in JSON');
    return { id, message: copy, fields: rest };
  }

  #added(entry: Entry): Entry {
    this.#tell('outbox', { ...entry });
    this.#sendNext();
    return { ...entry };
  }

  #adopted(entries: Entry[]): void {
    for (const entry of entries) {
      this.#tell('outbox', { ...entry });
      const seq = this.#reading.brought(entry.id);
      if (seq !== undefined) this.#settle(entry.id, 'sent', { seq });
    }
    this.#sendNext();
  }

  /** One message at a time: the next one leaves when the one before is confirmed, so their order holds. */
  #sendNext(): void {
    while (this.#seat.login === 'in' && this.#inFlight === null) {
      const entry = this.#outbox.next();
      // One that was tried may be in the log: then the missed messages bring it, and it need not be sent again.
      if (!entry || (entry.tried > 0 && !this.#synced)) return;
      this.#isFirstTry = entry.tried === 0;
      if (!this.#isFirstTry && !this.#reading.mayRepeat(entry)) {
        this.#settle(entry.id, 'unknown');
        continue;
      }
      this.#inFlight = entry.id;
      this.#outbox.tried(entry, this.#reading.known);
      this.#expectAnswer('answer');
      this.#write({ ...entry.fields, event: 'message', message: entry.message, id: entry.id });
    }
  }

  /** A link that carries what the server says, but not what we say, is dead too. */
  #expectAnswer(name: string): void {
    this.#timers.after(name, this.#settings.answerWithin, () => {
      this.#line.drop({ code: 'SILENT', message: `the server did not answer for ${this.#settings.answerWithin} ms` });
    });
  }

  #settle(id: string, state: Entry['state'], more: Partial<Entry> = {}): void {
    const entry = this.#outbox.settle(id, state);
    if (id === this.#inFlight) {
      this.#inFlight = null;
      this.#timers.cancel('answer');
      this.#timers.cancel('retry');
    }
    if (entry) this.#tell('outbox', { ...entry, ...more });
    this.#sendNext();
  }

  #failed(event: Wire): void {
    const { of, id, code } = event;
    // An acknowledgement that a reset has overtaken; the next one will be right.
    if (of === 'ack') return;
    if (of === 'history') {
      this.#timers.cancel('page');
      this.#pages.refused(event);
      return;
    }
    // What is tried again anyway is no news.
    if (of !== 'message' || !id || !(isPassing(code) || isNoSession(code))) this.#fail(event as Wire & Failure);
    if (of === 'login') this.#refused(event);
    else if (of === 'refresh') this.#end({ code, message: event.message });
    else if (of === 'message' && id && id === this.#inFlight) this.#notTaken(event);
    else if (isNoSession(code)) this.#again(code, event.message);
  }

  #refused({ code, message }: Wire): void {
    if (endsLogin(code)) {
      this.#seat.login = 'out';
      this.#end({ code, message });
      return;
    }
    // Our own position was not understood: the server's memory of this uid must do.
    if (code === 'BADPOS') this.#progress.forget();
    this.#again('REFUSED', `${code}: ${message}`);
  }

  #notTaken({ id, code, message }: Wire): void {
    if (endsMessage(code) || (code === 'NOROOM' && this.#loggedInAgainFor === id)) {
      this.#settle(id, 'failed', { code, error: message });
    } else if (isNoSession(code)) {
      this.#loggedInAgainFor = id;
      this.#again(code, message);
    } else {
      if (this.#isFirstTry && isNotStored(code)) this.#outbox.untried(id);
      this.#timers.cancel('answer');
      this.#timers.after('retry', 500 + this.#settings.random() * 1500, () => {
        this.#inFlight = null;
        this.#sendNext();
      });
    }
  }
}
