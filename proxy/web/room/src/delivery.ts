// What came for the page's handlers, in its order, one after the other, however long they take.
//
// `message`, `lost` and `reset` are kept until a handler took them: they wait while there is no handler of `message`, and one
// that fails gets the same again. Everything else is told to whoever listens.
import type { Settings } from './defaults.js';
import { type Handler, Handlers, blame } from './handlers.js';
import { here } from './surroundings.js';
import { Timers } from './timers.js';

/** Events that may wait for a slow handler, and without one, before the rest is left in the server's log. */
const MAX_INBOX = 10_000;
const MAX_UNHEARD = 100;
/** A handler that is taken away may be on its way back. */
const AWAY_FOR = 1000;
const COMPLAIN_AFTER = 5000;
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 30_000;

export interface Wire { event: string; [field: string]: any }

/** What the room does with an event, before and after the handlers. */
export interface Judge {
  handle(event: Wire): Promise<unknown> | undefined | void;
  /** Whether it ends the session: then nothing waits for a handler that fails. */
  ends(event: Wire): boolean;
  stuck(stuck: { event: any; error: unknown; attempt: number; retryIn: number }): void;
  /** No more can be held: what comes is left in the server's log until `idle`. */
  full(): void;
  idle(): void;
  failed(error: unknown): void;
}

/** The handlers that failed, and with what. */
type Failed = Map<Handler, unknown>;

const isKept = ({ event, position }: Wire) => Boolean(position) && /^(message|lost|reset)$/.test(event);

export class Delivery {
  readonly handlers: Handlers;
  #settings: Settings;
  #judge: Judge;
  #timers: Timers;
  #roomid: string;
  #queue: Wire[] = [];
  #running = false;
  /** Kept events wait because nobody listens to messages. */
  #unheard = false;
  #stuck = false;
  #skipped = false;
  #stopped = false;
  /** When the last handler of a name was taken away. */
  #left = new Map<string, number>();
  /** Goes on with what waits for handlers. */
  #wake = () => {};

  constructor(settings: Settings, roomid: string, judge: Judge) {
    this.#settings = settings;
    this.#roomid = roomid;
    this.#judge = judge;
    this.#timers = new Timers(settings);
    this.handlers = new Handlers((name, added) => {
      if (!added && this.handlers.of(name).length === 0) this.#left.set(name, settings.ticks());
      this.#wake();
      if (this.#unheard) this.#passOthers();
    });
  }

  get isEmpty(): boolean { return this.#queue.length === 0; }

  push(event: Wire): void {
    if (this.#stuck && this.#judge.ends(event)) {
      this.#judge.handle(event);
      return;
    }
    this.#queue.push(event);
    if (this.#unheard) this.#passOthers();
    if (this.#queue.length >= (this.#listens() ? MAX_INBOX : MAX_UNHEARD)) this.#judge.full();
    if (!this.#running) this.#run();
  }

  /** What nobody was told yet comes again. What cannot be held any more is not asked for before the rest is handled. */
  disconnected(): void {
    if (this.#queue.length < MAX_INBOX) this.#queue = [];
  }

  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#timers.cancelAll();
    this.#wake();
  }

  skip(): boolean {
    if (!this.#stuck) return false;
    this.#skipped = true;
    this.#wake();
    return true;
  }

  /** Gives a kept event to all handlers that did not take it yet, until each has. False if it was not taken in the end. */
  hand(name: string, value: unknown): Promise<boolean> | undefined {
    const taken = new Set<Handler>();
    const failed = this.#give(name, value, taken);
    const isDone = failed instanceof Map && failed.size === 0 && (taken.size > 0 || name !== 'message');
    return isDone ? undefined : this.#insist(name, value, taken, failed);
  }

  #listens(): boolean { return this.handlers.of('message').length > 0; }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) {
      const [event] = this.#queue as [Wire];
      try {
        if (isKept(event) && !this.#listens()) {
          await this.#untilHeard();
          continue;
        }
        if (this.#isAway(event)) {
          await this.#untilChanged(AWAY_FOR);
          continue;
        }
        this.#queue.shift();
        const done = this.#judge.handle(event);
        if (done) await done;
      } catch (error) {
        // An event that cannot be understood must not hold up those behind it.
        this.#judge.failed(error);
      }
    }
    this.#running = false;
    if (!this.#stopped) this.#judge.idle();
  }

  /** Whether its only handler was taken away a moment ago. */
  #isAway({ event }: Wire): boolean {
    const left = this.#left.get(event);
    return left !== undefined && this.handlers.of(event).length === 0 && this.#settings.ticks() - left < AWAY_FOR;
  }

  async #untilHeard(): Promise<void> {
    this.#unheard = true;
    this.#timers.after('complain', COMPLAIN_AFTER, () => {
      here.console.warn(`roomcast: messages of room '${this.#roomid}' wait for a handler: room.on('message', …)`);
    });
    this.#passOthers();
    while (!this.#listens()) await this.#untilChanged();
    this.#timers.cancel('complain');
    this.#unheard = false;
  }

  /** What does not have to wait for a handler of messages. */
  #passOthers(): void {
    const waits = (event: Wire) => isKept(event) || this.#isAway(event);
    const others = this.#queue.filter((event) => !waits(event));
    this.#queue = this.#queue.filter(waits);
    if (this.#queue.some((event) => !isKept(event))) this.#timers.after('away', AWAY_FOR, () => this.#passOthers());
    for (const event of others) {
      try {
        this.#judge.handle(event);
      } catch (error) {
        this.#judge.failed(error);
      }
    }
  }

  /** Until handlers come or go, something is skipped, or the time is over. */
  #untilChanged(ms?: number): Promise<void> {
    return new Promise((done) => {
      this.#wake = () => {
        this.#timers.cancel('wait');
        this.#wake = () => {};
        done();
      };
      if (ms !== undefined) this.#timers.after('wait', ms, () => this.#wake());
    });
  }

  /** One attempt. Who failed and why, or a promise of it. */
  #give(name: string, value: unknown, taken: Set<Handler>): Failed | Promise<Failed> {
    const failed: Failed = new Map();
    const promises: Promise<unknown>[] = [];
    for (const handler of this.handlers.of(name).filter((one) => !taken.has(one))) {
      try {
        const result = handler(value) as Promise<unknown> | undefined;
        if (typeof result?.then === 'function') {
          promises.push(Promise.resolve(result).then(() => taken.add(handler), (error) => failed.set(handler, error)));
        } else {
          taken.add(handler);
        }
      } catch (error) {
        failed.set(handler, error);
      }
    }
    return promises.length > 0 ? Promise.all(promises).then(() => failed) : failed;
  }

  async #insist(name: string, value: unknown, taken: Set<Handler>, first: Failed | Promise<Failed>): Promise<boolean> {
    let failed = await first;
    for (let attempt = 1; failed.size > 0 || (taken.size === 0 && name === 'message'); attempt += 1) {
      if (this.#stopped) return false;
      if (failed.size > 0 && this.#settings.onHandlerError === 'skip') {
        failed.forEach(blame);
        return true;
      }
      if (failed.size > 0) await this.#beStuck(name, value, failed, attempt);
      else await this.#untilHeard();
      if (this.#stopped) return false;
      if (this.#skipped) {
        this.#skipped = false;
        return true;
      }
      // Those that failed may be gone; then it is the others' word, or the next one's that comes.
      failed = await this.#give(name, value, taken);
    }
    return true;
  }

  /** Waits before the next attempt; not for handlers that are taken away meanwhile. */
  async #beStuck(name: string, event: unknown, failed: Failed, attempt: number): Promise<void> {
    const retryIn = Math.min(FIRST_RETRY * 2 ** (attempt - 1), LONGEST_RETRY);
    const [error] = failed.values();
    let isOver = false;
    this.#stuck = true;
    this.#judge.stuck({ event, error, attempt, retryIn });
    const end = this.#queue.find((waiting) => this.#judge.ends(waiting));
    if (end) this.#judge.handle(end);
    this.#timers.after('retry', retryIn, () => {
      isOver = true;
      this.#wake();
    });
    const waits = () => !isOver && !this.#skipped && !this.#stopped && this.handlers.of(name).some((one) => failed.has(one));
    while (waits()) await this.#untilChanged();
    this.#timers.cancel('retry');
    this.#stuck = false;
  }
}
