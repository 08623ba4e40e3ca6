// One room: what comes in, and what its page is told of it.
import type { Settings } from './defaults.js';
import { Delivery } from './delivery.js';
import { coded, isFinal, isNoSession, isPassing, isServers } from './errors.js';
import { type Handler, blame } from './handlers.js';
import type { Line, Seat } from './line.js';
import { Pages } from './pages.js';
import { Progress, seqOf } from './progress.js';
import { Reading } from './reading.js';
import { Sending } from './sending.js';
import { Timers } from './timers.js';
import type { Entry, Events, Failure, Page, Reason, Room as PublicRoom, RoomOptions, State } from './types.js';
import { type Wire, isKept } from './wire.js';

const ACK_EVERY = 200;
/** Before another login on the same connection. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;
const TOO_BIG = 4101;
const GONE = () => coded('CLOSED', 'it is closed');

export class Room implements PublicRoom {
  readonly roomid: string;
  #settings: Settings;
  #options: RoomOptions;
  #line: Line;
  /** How its connection sees it. For the connection only, which makes the room. */
  readonly seat: Seat;
  #timers: Timers;
  #delivery: Delivery;
  #progress: Progress;
  #reading: Reading;
  #sending: Sending;
  #pages: Pages;
  #state: State = 'connecting';
  #reason: Reason | null = null;
  #wait = FIRST_WAIT;
  /** More came than can be held: what the log has is ignored until the next login. */
  #isFull = false;
  #acked: string | null = null;
  /** The last `lost` or `reset` that was taken. */
  #moves = '';
  /** Where a message came that does not follow: doubted once, then believed. */
  #doubted: string | null = null;

  constructor(settings: Settings, roomid: string, options: RoomOptions, line: Line) {
    this.roomid = roomid;
    this.#settings = settings;
    this.#options = options;
    this.#line = line;
    const name = `roomcast:${encodeURIComponent(roomid)}:${encodeURIComponent(settings.uid)}`;
    this.#timers = new Timers(settings);
    this.#progress = new Progress(settings.tabStorage, `${name}:progress`);
    this.#reading = new Reading(settings);
    this.#pages = new Pages((event) => this.#askHistory(event));
    this.#delivery = new Delivery(settings, roomid, {
      nameOf: (event) => this.#nameOf(event),
      handle: (event) => this.#handle(event),
      isEnd: (event) => this.#isEnd(event),
      stuck: (stuck) => this.#beStuck(stuck),
      full: () => { this.#isFull = true; },
      idle: () => this.#beIdle(),
      failed: (error) => this.#fail({ code: 'BADEVENT', message: String(error) }),
    });
    this.#sending = new Sending(settings, name, this.#reading, {
      write: (event) => this.#write(event),
      tell: (entry) => {
        this.#progress.expect(entry.position);
        this.#tell('outbox', entry);
      },
      unsaved: (error) => this.#fail({ code: 'STORAGE', message: `only in memory: ${error.message}` }),
      again: (code, message) => this.#again(code, message),
      late: line.late,
    });
    this.seat = {
      roomid,
      room: this,
      users: 0,
      login: 'out',
      // What came before is handled first, so that the login can say how far that is.
      isReady: () => this.seat.login === 'out' && this.#delivery.isEmpty && !this.#timers.has('again'),
      isAtWork: () => this.#delivery.isAtWork,
      entry: () => this.#entry(),
      receive: (event) => this.#receive(event),
      turn: (reason) => {
        if (reason) this.#out();
        this.#enter(reason ? 'offline' : 'connecting', reason ?? this.#reason);
      },
      confirm: () => this.#ack(),
      end: (reason) => this.#end(reason),
      fail: (error) => this.#tell('error', error),
    };
  }

  get state() { return this.#state; }
  get reason() { return this.#reason; }
  get uid() { return this.#settings.uid; }
  get position() { return this.#progress.position; }
  get outbox() { return this.#sending.outbox.entries.map((entry) => ({ ...entry })); }

  on<K extends keyof Events>(name: K, handler: (value: Events[K], reason?: Reason | null) => unknown): () => void {
    return this.#delivery.handlers.on(name, handler as Handler);
  }

  send(message: unknown, fields: Record<string, unknown> = {}): Entry {
    if (this.#state === 'closed') throw GONE();
    return this.#sending.send(this.roomid, message, fields);
  }

  retry(id: string): Entry | undefined { return this.#sending.retry(id); }

  discard(id: string): boolean { return this.#sending.discard(id); }

  skip(): boolean { return this.#delivery.skip(); }

  signal(event: string, fields: Record<string, unknown> = {}): boolean {
    if (isServers(event)) throw new TypeError(`'${event}' is a name of the server's`);
    return !this.#line.isSlow && this.#write({ ...fields, event });
  }

  members(cursor = '0'): boolean { return this.#write({ event: 'members', cursor }); }

  async history(which: { until?: string; limit?: number } = {}): Promise<Page> {
    if (this.#state === 'closed') throw GONE();
    return this.#pages.read(which);
  }

  retryNow(): void {
    this.#timers.cancel('again');
    this.#line.enter(true);
  }

  reconnect(): void { this.retryNow(); }

  leave(): boolean { return this.#write({ event: 'leave' }); }

  close(): void { this.#line.release(this.seat); }

  // ---- the connection ----

  #entry() {
    const { history, as } = this.#options;
    const since = this.position || undefined;
    return { roomid: this.roomid, since, history: (!since && history) || undefined, as };
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
    const { handlers } = this.#delivery;
    handlers.tell(name, value);
    return handlers.of(name).length > 0;
  }

  #fail(error: Failure): void { if (!this.#tell('error', error)) this.#line.fail({ ...error, roomid: this.roomid }); }

  #write(event: Wire): boolean { return this.seat.login === 'in' && this.#line.write({ ...event, roomid: this.roomid }); }

  /** Neither in nor sure of what was sent. */
  #out(): void {
    this.seat.login = 'out';
    this.#timers.cancelAll();
    this.#sending.out();
    this.#delivery.disconnected();
    this.#pages.disconnected();
  }

  /** Another login is needed: on another connection if nobody else needs this one. */
  #again(code: string, message: string): void {
    const reason = { code, message };
    this.#out();
    if (this.#line.again(reason)) return;
    this.#enter('offline', reason);
    this.#timers.after('again', 100 + this.#settings.random() * this.#wait, () => this.#line.enter());
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #beIdle(): void {
    if (this.seat.login === 'out') this.#line.enter();
    else if (this.#isFull) this.#again('AGAIN', 'the page is full');
  }

  #end(reason: Reason): void {
    if (this.#state === 'closed') return;
    this.#ack();
    this.#write({ event: 'logout' });
    if (reason.close === TOO_BIG) this.#sending.tooBig(reason.message);
    this.#delivery.stop();
    this.#out();
    this.#enter('closed', reason);
    this.#sending.outbox.release();
    this.#pages.stop(GONE());
    this.#line.leave(this.seat);
  }

  // ---- what comes in ----

  #isMine(event: Wire): boolean { return event.uid === this.uid; }

  #isEnd(event: Wire): boolean { return /^(kicked|logout)$/.test(this.#nameOf(event)); }

  #receive(event: Wire): void {
    const { login } = this.seat;
    // What concerns the connection and the outbox does not wait for the page's handlers.
    switch (event.event) {
      case 'sent':
        this.#reading.exists(event.seq);
        this.#sent(event);
        return;
      case 'error': this.#failed(event); return;
      case 'history': this.#older(event); return;
      case 'login': if (event.position && login === 'asked') this.#welcomed(event); break;
    }
    if (this.seat.login !== 'in') {
      // A logout that comes behind our login is of the session before.
      if (login === 'out' ? this.#isEnd(event) : event.event === 'kicked') this.#handle(event);
      return;
    }
    this.#read(event);
    if (!this.#isFull || !isKept(event)) this.#delivery.push(event);
  }

  /** What the log has, as soon as it is here: handlers may take their time. */
  #read(event: Wire): void {
    const { position } = event;
    switch (event.event) {
      case 'message':
        if (!position) return;
        this.#reading.message(position, this.#isMine(event) ? event.id : undefined);
        this.#settleOwn(event);
        return;
      case 'lost': this.#reading.jumps(position); return;
      case 'reset':
        this.#reading.restarts(position);
        this.#sending.outbox.moved(seqOf(position));
        this.#pages.resets(position);
        return;
      case 'synced':
        this.#wait = FIRST_WAIT;
        this.#sending.isSynced = true;
        this.#sending.sendNext();
        return;
    }
  }

  #settleOwn(event: Wire): void { if (this.#isMine(event)) this.#sent(event); }

  #sent({ id, seq, position, duplicate }: Wire): void { this.#sending.settle(id, 'sent', { seq, position, duplicate }); }

  #welcomed(event: Wire): void {
    const { position, pending } = event;
    this.seat.login = 'in';
    this.#isFull = false;
    this.#reading.begins(event);
    // The room is shorter than an own message was said to make it. Where it is another one than ours, the server says so.
    const since = this.#progress.awaited.find((own) => seqOf(own) > seqOf(position) + pending);
    if (since && position === (this.position ?? position)) {
      this.#delivery.push({ event: 'reset', roomid: this.roomid, since, position });
    }
    this.#pages.begins(position);
    this.#enter('online', null);
    this.#sending.in();
    this.#pages.askNext();
  }

  /** Under which name the page is told of it. */
  #nameOf(event: Wire): string {
    const { event: name, position } = event;
    // Without its position it is nothing that the room has stored.
    if (name === 'message' && !position) return 'event';
    if (name === 'login' ? !position : name === 'logout' && !this.#isMine(event)) return 'presence';
    return /^(message|login|logout|kicked|lost|reset|presence|synced|members)$/.test(name) ? name : 'event';
  }

  #handle(event: Wire): unknown {
    const name = this.#nameOf(event);
    switch (name) {
      case 'message': return this.#message(event);
      case 'lost':
      case 'reset': return this.#moved(event);
      case 'logout':
      case 'kicked': return this.#ended(event);
      case 'synced':
        // That of the login may lie behind a loss that was not taken yet.
        if (!this.#delivery.keeps && !this.position) this.#progress.moveTo(event.position);
        break;
    }
    const isChange = name === 'presence' && event.event !== name;
    return this.#delivery.handlers.tell(name, isChange ? { ...event, online: event.event === 'login' } : event);
  }

  async #message(event: Wire): Promise<void> {
    const verdict = this.#progress.judge(event.position);
    if (verdict === 'doubt' && this.#doubted !== this.position) {
      // The server knows better what follows: asked with our position, it gives that, or says what happened.
      this.#doubted = this.position;
      this.#again('AGAIN', 'a gap');
      return;
    }
    if (verdict === 'doubt' && !await this.#admitGap(event)) return;
    // Another one is where an own message was said to be.
    const since = this.#progress.awaited.find((own) => seqOf(own) === event.seq && own !== event.position);
    if (since) {
      await this.#moved({ event: 'reset', roomid: this.roomid, since, position: this.position });
    }
    if (verdict !== 'repeat' && !await this.#delivery.hand('message', event)) return;
    this.#progress.take(event.position, verdict);
    this.#ackSoon();
  }

  /** What follows continues at another place. A second time it is no news, if nothing led away from there. */
  async #moved(event: Wire): Promise<void> {
    const what = `${event.since ?? event.from} ${event.position}`;
    if ((what === this.#moves && event.position === this.position) || !await this.#delivery.hand(event.event, event)) return;
    this.#moves = what;
    if (event.event === 'reset') this.#progress.awaited = [];
    this.#progress.moveTo(event.position);
    this.#ackSoon();
  }

  /** The server insists. It must not happen, but it must not be silent either. */
  #admitGap({ roomid, seq, position }: Wire): Promise<boolean> {
    const from = this.#progress.seq + 1;
    const told = seq > from
      ? { event: 'lost', roomid, from, to: seq - 1, reason: 'unknown', position }
      : { event: 'reset', roomid, since: this.position, position };
    return this.#delivery.hand(told.event, told);
  }

  #ended(event: Wire): Promise<unknown> {
    // Who is no member any more has no place in the room's history; another login begins anew.
    if (event.event === 'logout') this.#progress.forget();
    this.seat.login = 'out';
    const told = this.#delivery.handlers.tell(event.event, event);
    this.#end({ code: 'ENDED', message: event.reason || event.event });
    return told;
  }

  #beStuck(stuck: Events['stuck']): void {
    if (!this.#tell('stuck', stuck)) blame(stuck.error);
  }

  #ackSoon(): void {
    if (this.#state !== 'closed' && !this.#timers.has('ack')) this.#timers.after('ack', ACK_EVERY, () => this.#ack());
  }

  #ack(): void {
    this.#timers.cancel('ack');
    if (this.#acked === this.position) return;
    if (this.#write({ event: 'ack', position: this.position })) this.#acked = this.position;
  }

  #askHistory(event: Wire): boolean {
    if (this.seat.login !== 'in') return false;
    if (!this.#line.isNew) {
      this.#pages.refused('UNSUPPORTED', 'the server is too old');
      return false;
    }
    this.#timers.after('page', this.#settings.answerWithin, this.#line.late);
    return this.#write(event);
  }

  #older(event: Wire): void {
    this.#timers.cancel('page');
    event.messages?.forEach((message: Wire) => this.#settleOwn(message));
    this.#pages.answered(event);
  }

  #failed(event: Wire): void {
    const { of, id, code, message } = event;
    // An acknowledgement that a reset has overtaken; the next one will be right.
    if (of === 'ack') return;
    const passes = isPassing(code) || isNoSession(code);
    if (of === 'history') {
      this.#timers.cancel('page');
      this.#pages.disconnected();
      if (passes) this.#timers.after('page', FIRST_WAIT, () => this.#pages.askNext());
      else this.#pages.refused(code, message);
      return;
    }
    const isOfMessage = of === 'message' && id;
    // What is tried again anyway is no news.
    if (!isOfMessage || !passes) this.#fail(event as Wire & Failure);
    if (of === 'login') this.#refused(code, message);
    else if (of === 'refresh') this.#end({ code, message });
    else if (isOfMessage) this.#sending.refused(event);
    else if (isNoSession(code)) this.#again(code, message);
  }

  #refused(code: string, message: string): void {
    if (isFinal(code)) {
      this.#end({ code, message });
      return;
    }
    // Our own position was not understood: the server's memory of this uid must do.
    if (code === 'BADPOS') this.#progress.forget();
    this.#again('REFUSED', `${code}: ${message}`);
  }
}
