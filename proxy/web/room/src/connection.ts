// One socket, the rooms that it carries, and when it is made again.
import { type Settings, textOf } from './defaults.js';
import { coded, isFinal, isOfToken } from './errors.js';
import { type Handler, Handlers } from './handlers.js';
import type { Line, Seat } from './line.js';
import { Room } from './room.js';
import { here } from './surroundings.js';
import { Timers } from './timers.js';
import { Token } from './token.js';
import type {
  Connection as PublicConnection, Failure, Reason, Room as PublicRoom, RoomOptions, SocketLike, State,
} from './types.js';
import { watch } from './watch.js';
import { type Wire, encode } from './wire.js';

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15_000;
/** The server may ask for longer waits, up to this. */
const LONGEST_ASKED = 300_000;
/** A connection that held for so long was a good one: the next wait is short again. */
const GOOD_AFTER = 5000;
/** After the server said that this connection does too much, signals are held back for so long. */
const SLOW_FOR = 5000;
/** Rooms that one login may name. */
const MAX_ROOMS = 100;
/** A room that nobody uses any more may be wanted again at once. */
const LINGER = 1000;
/** A page that is looked at again does not wait long to learn whether its link is alive. */
const PROBE_WITHIN = 3000;
const BY_ITSELF: Reason = { code: 'ENDED', message: 'closed here' };

type ServerError = Wire & Failure & { roomid?: string };

export class Connection implements PublicConnection {
  #settings: Settings;
  /** The one room of a connection that was made for it, and ends with it. */
  #sole: Seat | undefined;
  #handlers = new Handlers();
  #rooms = new Map<string, Seat>();
  #timers: Timers;
  /** Of rooms that nobody uses any more. */
  #lingering: Timers;
  #token: Token;
  #unwatch: (() => void) | undefined;
  #state: State = 'connecting';
  #reason: Reason | null = null;
  #socket: SocketLike | null = null;
  #wait = FIRST_WAIT;
  /** The server asked not to come back for so long. */
  #asked = 0;
  #openedAt = 0;
  #onlineSince = 0;
  #heard = 0;
  #isOpen = false;
  #isEntering = false;
  #line: Line = {
    isSlow: false,
    isNew: false,
    write: (event) => this.#transmit(event),
    enter: (now) => {
      if (now) this.retryNow();
      this.#enterSoon();
    },
    again: (reason) => this.#again(reason),
    leave: (seat) => this.#left(seat),
    release: (seat) => this.#release(seat),
    late: () => this.#beSilent(this.#settings.answerWithin),
    fail: (error) => { this.#fail(error); },
  };

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#timers = new Timers(settings);
    this.#lingering = new Timers(settings);
    this.#token = new Token(settings);
  }

  get state() { return this.#state; }
  get reason() { return this.#reason; }
  get uid() { return this.#settings.uid; }

  on(name: string, handler: Handler): () => void { return this.#handlers.on(name, handler); }

  room<Payload = unknown>(roomid: string | number, options: RoomOptions = {}): PublicRoom<Payload> {
    if (this.#state === 'closed') throw coded('CLOSED', 'it is closed');
    const id = textOf('roomid', roomid);
    const seat = this.#rooms.get(id) ?? this.#newSeat(id, options);
    seat.users += 1;
    this.#lingering.cancel(id);
    return seat.room as PublicRoom<Payload>;
  }

  /** The room of a connection that is made for one. */
  only(roomid: string | number): PublicRoom {
    const room = this.room(roomid);
    [this.#sole] = this.#seats();
    return room;
  }

  retryNow(): void { if (this.#state === 'offline' && !this.#timers.has('asked')) this.#open(); }

  close(): void { this.#stop(BY_ITSELF); }

  // ---- its rooms ----

  #newSeat(id: string, options: RoomOptions): Seat {
    const { history, as } = this.#settings;
    const seat = new Room(this.#settings, id, { history, as, ...options }, this.#line).seat;
    this.#rooms.set(id, seat);
    if (this.#isWaiting) seat.turn(this.#reason!);
    this.#unwatch ??= watch({
      back: () => this.#look(),
      offline: () => { if (this.#socket) this.#drop({ code: 'OFFLINE', message: 'no network' }); },
      away: () => { for (const one of this.#seats()) one.confirm(); },
    });
    // A handler that is added right after must not miss anything, and rooms of one moment go in together.
    this.#enterSoon();
    return seat;
  }

  /** The next attempt has its time. */
  get #isWaiting(): boolean { return this.#timers.has('reconnect') || this.#timers.has('asked'); }

  #seats(): Seat[] { return [...this.#rooms.values()]; }

  #enterSoon(): void {
    if (this.#isEntering) return;
    this.#isEntering = true;
    here.queueMicrotask(() => {
      this.#isEntering = false;
      if (this.#isOpen) this.#logIn();
      else if (!this.#isWaiting) this.#open();
    });
  }

  #again(reason: Reason): boolean {
    if (this.#seats().some(({ login }) => login !== 'out')) return false;
    if (this.#socket) this.#drop(reason);
    return true;
  }

  #release(seat: Seat): void {
    if (seat === this.#sole) seat.end(BY_ITSELF);
    else if (--seat.users === 0 && this.#rooms.get(seat.roomid) === seat) this.#linger(seat);
  }

  /** Who opens it again must not be given what a handler is still at. */
  #linger(seat: Seat): void {
    this.#lingering.after(seat.roomid, LINGER, () => { if (seat.isAtWork()) this.#linger(seat); else seat.end(BY_ITSELF); });
  }

  #left(seat: Seat): void {
    this.#rooms.delete(seat.roomid);
    this.#lingering.cancel(seat.roomid);
    if (seat === this.#sole) this.#stop(BY_ITSELF);
    else if (this.#rooms.size === 0) this.#rest();
  }

  /** Nobody needs the connection for now. */
  #rest(): void {
    const socket = this.#socket;
    if (socket) this.#disconnect();
    if (this.#state === 'closed') this.#timers.cancelAll();
    this.#unwatch?.();
    this.#unwatch = undefined;
    socket?.close(1000);
    this.#enter('offline', BY_ITSELF);
  }

  // ---- its state ----

  #enter(state: State, reason: Reason | null): void {
    if (this.#state === 'closed') return;
    this.#reason = reason;
    if (this.#state === state) return;
    this.#state = state;
    this.#handlers.tell('state', state, reason);
  }

  #fail<F extends Failure>(error: F & { roomid?: string }): F {
    if (this.#sole && error.roomid === undefined && this.#sole.fail(error)) return error;
    if (this.#handlers.of('error').length > 0) this.#handlers.tell('error', error);
    else here.console.error(`roomcast: ${error.code}: ${error.message}`);
    return error;
  }

  #open(): void {
    if (this.#state === 'closed' || this.#socket || !this.#seats().some((seat) => seat.isReady())) return;
    this.#timers.cancel('reconnect');
    this.#enter('connecting', this.#reason);
    for (const seat of this.#seats()) seat.turn();
    let socket: SocketLike;
    try {
      socket = new this.#settings.WebSocket(this.#settings.url);
    } catch (error) {
      this.#stop(this.#fail({ code: 'BADURL', message: (error as Error).message }));
      return;
    }
    this.#socket = socket;
    const mine = (run: (event: any) => void) => (event: any) => { if (socket === this.#socket) run(event); };
    socket.onopen = mine(() => this.#opened(socket));
    socket.onmessage = mine((event) => this.#receive(event.data));
    socket.onclose = mine((event) => this.#closed(event));
    socket.onerror = () => {}; // 'close' follows and says all there is to say.
    this.#heard = this.#openedAt = this.#settings.ticks();
    this.#checkAlive();
    this.#expectAnswer();
  }

  async #opened(socket: SocketLike): Promise<void> {
    try {
      if (this.#token.isAsked) await this.#token.ask();
    } catch (error) {
      const { message } = error as Error;
      if (socket === this.#socket) this.#drop(this.#fail({ code: 'TOKEN', message }));
    }
    if (socket !== this.#socket) return;
    this.#isOpen = true;
    this.#logIn();
  }

  /** All rooms that want in, together. */
  #logIn(): void {
    const seats = this.#seats().filter((seat) => seat.isReady());
    const { uid, name } = this.#settings;
    for (let i = 0; i < seats.length; i += MAX_ROOMS) {
      const some = seats.slice(i, i + MAX_ROOMS);
      const entries = some.map((seat) => seat.entry());
      const who = { event: 'login', uid, name, token: this.#token.current, ack: 'client', v: 1 };
      for (const seat of some) {
        seat.login = 'asked';
        seat.turn();
      }
      this.#transmit(entries.length === 1 ? { ...entries[0], ...who } : { ...who, rooms: entries });
      this.#expectAnswer();
    }
  }

  #transmit(event: Wire): boolean {
    const text = encode(event, this.#settings.maxEvent);
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  /** A link that is dead without saying so is given up after a silence: the server sends heartbeats. */
  #checkAlive(): void {
    const { deadAfter } = this.#settings;
    const left = this.#heard + deadAfter - this.#settings.ticks();
    if (left <= 0) this.#beSilent(deadAfter);
    else this.#timers.after('dead', left, () => this.#checkAlive());
  }

  #expectAnswer(): void { this.#timers.after('answer', this.#settings.answerWithin, this.#line.late); }

  #beSilent(ms: number): void { this.#drop({ code: 'SILENT', message: `the server was silent for ${ms} ms` }); }

  /** The network or the reader is back: look now, not when a timer says so. */
  #look(): void {
    this.retryNow();
    if (!this.#socket) return;
    this.#checkAlive();
    if (this.#onlineSince > 0) this.#probe();
    else if (this.#settings.ticks() - this.#openedAt > PROBE_WITHIN) this.#giveUp();
  }

  #probe(): void {
    if (!this.#line.isNew || this.#timers.has('probe')) return;
    this.#transmit({ event: 'heartbeat', message: 'ping' });
    this.#timers.after('probe', PROBE_WITHIN, () => this.#giveUp());
  }

  #giveUp(): void {
    this.#beSilent(PROBE_WITHIN);
    this.retryNow();
  }

  #drop(reason: Reason): void {
    const socket = this.#socket;
    this.#closed({ code: 1006 }, reason);
    socket?.close();
  }

  #closed({ code, reason: said }: { code: number; reason?: string }, why?: Reason): void {
    const held = this.#onlineSince > 0 && this.#settings.ticks() - this.#onlineSince >= GOOD_AFTER;
    this.#disconnect();
    if (this.#state === 'closed') return;
    const reason = why ?? { code: 'CLOSE', message: said || 'closed', close: code };
    if (code >= 4100 && code < 4200) {
      this.#stop(this.#fail({ ...reason, code: 'CLOSED' }));
      return;
    }
    for (const seat of this.#seats()) seat.turn(reason);
    this.#enter('offline', reason);
    if (held) this.#wait = FIRST_WAIT;
    // Anywhere in the wait: those who lost the same server must not all come back at the same moment.
    const wait = 100 + this.#settings.random() * this.#wait;
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    const comeBack = () => this.#timers.after('reconnect', wait, () => this.#open());
    // A timer and no time of the clock, which may be put back.
    if (this.#asked > 0) this.#timers.after('asked', this.#asked, comeBack);
    else comeBack();
    this.#asked = 0;
  }

  #disconnect(): void {
    this.#socket = null;
    this.#isOpen = false;
    this.#line.isNew = this.#line.isSlow = false;
    this.#onlineSince = 0;
    this.#timers.cancelAll();
  }

  #stop(reason: Reason): void {
    if (this.#state === 'closed') return;
    for (const seat of this.#seats()) seat.end(reason);
    this.#enter('closed', reason);
    this.#rest();
  }

  // ---- what comes in ----

  #receive(data: string): void {
    this.#heard = this.#settings.ticks();
    this.#timers.cancel('probe');
    let event: Wire;
    try {
      event = JSON.parse(data);
    } catch {
      return; // Not from our server; the next one may be.
    }
    switch (event?.event) {
      case undefined: return;
      case 'heartbeat': this.#transmit({ event: 'heartbeat', message: 'pong' }); return;
      case 'pong': return;
      case 'closing': this.#asked = Math.min(Number(event.after) || 0, LONGEST_ASKED); return;
      case 'refresh': this.#renewed(event); return;
      case 'login': if (event.position) this.#welcomed(event); break;
      case 'error': if (this.#refused(event)) return; break;
    }
    const { roomid } = event;
    const seat = roomid === undefined && this.#rooms.size === 1 ? this.#seats()[0] : this.#rooms.get(roomid);
    seat?.receive(event);
    if (!this.#seats().some(({ login }) => login === 'asked')) this.#timers.cancel('answer');
  }

  #welcomed(event: Wire): void {
    if (event['dedupe-count'] !== undefined) this.#line.isNew = true;
    if (this.#onlineSince === 0) this.#onlineSince = this.#settings.ticks();
    this.#token.accepted();
    if (event.expires && !this.#timers.has('refresh')) this.#renewed(event);
    this.#enter('online', null);
  }

  /** Whether it concerns the connection only. */
  #refused(event: Wire): boolean {
    const { of, code, message, roomid } = event as ServerError;
    if (code === 'SLOWDOWN') {
      this.#line.isSlow = true;
      this.#timers.after('slow', SLOW_FOR, () => { this.#line.isSlow = false; });
    }
    if ((of === 'login' || of === 'refresh') && isOfToken(code)) {
      if (isFinal(code) || this.#token.isStale()) this.#fail({ ...event as ServerError, roomid: undefined });
      if (of === 'login' && isFinal(code)) this.#stop({ code, message });
      else if (of === 'login') this.#drop({ code: 'TOKEN', message });
      return true;
    }
    if (roomid !== undefined || (this.#sole && of !== undefined)) return false;
    // A login of many that was refused as a whole, or what concerns no room.
    if (of === 'login') this.#seats().filter(({ login }) => login === 'asked').forEach((seat) => seat.receive(event));
    else this.#fail(event as ServerError);
    return true;
  }

  /** A token is good until a time: another one is asked for before. */
  #renewed({ ts, expires }: Wire): void {
    const socket = this.#socket;
    if (!this.#token.isAsked || !expires) return;
    const ends = this.#settings.ticks() + expires - ts;
    const again = () => this.#timers.after('refresh', this.#token.askIn(ends - this.#settings.ticks()), async () => {
      const isOther = await this.#token.ask().catch((error) => {
        this.#fail({ code: 'TOKEN', message: error.message });
        return false;
      });
      if (socket !== this.#socket) return;
      if (isOther) this.#transmit({ event: 'refresh', token: this.#token.current });
      if (this.#settings.ticks() < ends) again();
    });
    again();
  }
}
