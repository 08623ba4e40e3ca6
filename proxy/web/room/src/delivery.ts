// What came for the page's handlers, in its order, one after the other, however long they take.
//
// `message`, `lost` and `reset` are kept until a handler took them: they wait while there is no handler of `message`, and one
// that fails gets the same again. Everything else is told to whoever listens.
import type { Settings } from './defaults.js';
import { type Handler, Handlers, blame } from './handlers.js';
import { here } from './surroundings.js';
import { Timers } from './timers.js';
import { type Wire, isKept } from './wire.js';

/** Events that may wait for a slow handler, and without one, before the rest is left in the server's log. */
const MAX_INBOX = 10_000;
const MAX_UNHEARD = 100;
/** A handler that is taken away may be on its way back. */
const AWAY_FOR = 1000;
const COMPLAIN_AFTER = 5000;
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 30_000;

/** What the room does with an event, before and after the handlers. */
export interface Judge {
  handle(event: Wire): unknown;
  /** Which handlers are told of it. */
  nameOf(event: Wire): string;
  /** Whether it ends the session: then nothing waits for a handler that fails. */
  isEnd(event: Wire): boolean;
  stuck(stuck: { event: any; error: unknown; attempt: number; retryIn: number }): void;
  /** No more can be held: what comes is left in the server's log until `idle`. */
  full(): void;
  idle(): void;
  failed(error: unknown): void;
}

export class Delivery {
  readonly handlers: Handlers;
  #settings: Settings;
  #judge: Judge;
  #timers: Timers;
  #roomid: string;
  #queue: Wire[] = [];
  #isRunning = false;
  /** Handlers have a kept event, and are not done. */
  isAtWork = false;
  /** Kept events wait because nobody listens to messages. */
  #isUnheard = false;
  #isStuck = false;
  #isSkipped = false;
  #isStopped = false;
  /** When the handlers of a name changed last. */
  #changed = new Map<string, number>();
  /** Goes on with what waits for handlers. */
  #wake = () => {};

  constructor(settings: Settings, roomid: string, judge: Judge) {
    this.#settings = settings;
    this.#roomid = roomid;
    this.#judge = judge;
    this.#timers = new Timers(settings);
    this.handlers = new Handlers((name) => {
      this.#changed.set(name, settings.ticks());
      this.#wake();
      if (this.#isUnheard) this.#passOthers();
    });
  }

  get isEmpty(): boolean { return this.#queue.length === 0; }

  /** Something waits that moves the room's position. */
  get keeps(): boolean { return this.#queue.some(isKept); }

  push(event: Wire): void {
    if (this.#isStuck && this.#judge.isEnd(event)) {
      this.#judge.handle(event);
      return;
    }
    this.#queue.push(event);
    if (this.#isUnheard) this.#passOthers();
    if (this.#queue.length >= (this.#listens('message') ? MAX_INBOX : MAX_UNHEARD)) this.#judge.full();
    if (!this.#isRunning) this.#run();
  }

  /** What nobody was told yet comes again. What cannot be held any more is not asked for before the rest is handled. */
  disconnected(): void {
    if (this.#queue.length < MAX_INBOX) this.#queue = [];
  }

  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
    this.#timers.cancelAll();
    this.#wake();
  }

  skip(): boolean {
    this.#isSkipped = this.#isStuck;
    this.#wake();
    return this.#isStuck;
  }

  /** Gives a kept event to all handlers until each has taken it. False if it was not taken in the end. */
  async hand(name: string, event: Wire): Promise<boolean> {
    const taken = new Set<Handler>();
    for (let attempt = 1; ; attempt += 1) {
      // Those that failed may be gone meanwhile; then it is the others' word, or the next one's that comes.
      this.isAtWork = true;
      const failed = await this.handlers.give(name, taken, event);
      this.isAtWork = false;
      if (failed.size === 0 && (taken.size > 0 || (name !== 'message' && !this.#isAway(event)))) return true;
      if (failed.size > 0 && this.#settings.onHandlerError === 'skip') {
        failed.forEach(blame);
        return true;
      }
      if (this.#isStopped) return false;
      if (failed.size > 0) await this.#beStuck(name, event, failed, attempt);
      else await (name === 'message' ? this.#untilHeard() : this.#untilBack());
      if (this.#isStopped) return false;
      if (this.#isSkipped) return !(this.#isSkipped = false);
    }
  }

  #listens(name: string): boolean { return this.handlers.of(name).length > 0; }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#queue.length > 0) {
      const [event] = this.#queue as [Wire];
      if (isKept(event) && !this.#listens('message')) {
        await this.#untilHeard();
      } else if (this.#isAway(event)) {
        await this.#untilBack();
      } else {
        this.#queue.shift();
        await this.#handle(event);
      }
    }
    this.#isRunning = false;
    if (!this.#isStopped) this.#judge.idle();
  }

  async #handle(event: Wire): Promise<void> {
    try {
      await this.#judge.handle(event);
    } catch (error) {
      // An event that cannot be understood must not hold up those behind it.
      this.#judge.failed(error);
    }
  }

  /** Whether its only handler was taken away a moment ago. */
  #isAway(event: Wire): boolean {
    const name = this.#judge.nameOf(event);
    return !this.#listens(name) && this.#settings.ticks() - (this.#changed.get(name) ?? -AWAY_FOR) < AWAY_FOR;
  }

  #untilBack(): Promise<void> {
    this.#timers.after('away', AWAY_FOR, () => this.#wake());
    return this.#untilChanged();
  }

  async #untilHeard(): Promise<void> {
    this.#isUnheard = true;
    this.#timers.after('complain', COMPLAIN_AFTER, () => {
      here.console.warn(`roomcast: room '${this.#roomid}' has messages, but no handler`);
    });
    this.#passOthers();
    while (!this.#listens('message')) await this.#untilChanged();
    this.#timers.cancel('complain');
    this.#isUnheard = false;
  }

  /** What does not have to wait for a handler of messages. */
  #passOthers(): void {
    const waits = (event: Wire) => isKept(event) || this.#isAway(event);
    const others = this.#queue.filter((event) => !waits(event));
    this.#queue = this.#queue.filter(waits);
    if (!this.#queue.every(isKept)) this.#timers.after('away', AWAY_FOR, () => this.#passOthers());
    others.forEach((event) => this.#handle(event));
  }

  /** Until handlers come or go, something is skipped, or a time is over. */
  #untilChanged(): Promise<void> {
    return new Promise((done) => { this.#wake = done; });
  }

  /** Waits before the next attempt; not for handlers that are taken away meanwhile. */
  async #beStuck(name: string, event: Wire, failed: Map<Handler, unknown>, attempt: number): Promise<void> {
    const retryIn = Math.min(FIRST_RETRY * 2 ** (attempt - 1), LONGEST_RETRY);
    const [error] = failed.values();
    this.#isStuck = true;
    this.#timers.after('retry', retryIn, () => this.#wake());
    this.#judge.stuck({ event, error, attempt, retryIn });
    const end = this.#queue.find((waiting) => this.#judge.isEnd(waiting));
    if (end) this.#judge.handle(end);
    const waits = () => this.#timers.has('retry') && !this.#isSkipped && this.handlers.of(name).some((one) => failed.has(one));
    while (waits()) await this.#untilChanged();
    this.#timers.cancel('retry');
    this.#isStuck = false;
  }
}
