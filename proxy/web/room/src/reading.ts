// What this page has read of the room's log since it was loaded, whether its handlers were told yet or not. From that follows
// whether a message that was never confirmed may be sent again.
import type { Settings } from './defaults.js';
import type { Known } from './outbox.js';
import { seqOf } from './progress.js';
import type { Entry } from './types.js';
import type { Wire } from './wire.js';

/** Ids of own messages that are remembered, for entries that are taken over after their message came. */
const OWN_IDS = 1000;

export class Reading {
  /** All messages behind `#from` and up to `#to` were read. */
  #from = 0;
  #to = 0;
  /** The newest message of the room that is known to exist. */
  #head = 0;
  #own = new Map<string, string>();
  /** Of own messages up to here the ids are forgotten. */
  #ownFrom = 0;
  #settings: Settings;
  /** The last login's answer, and when it came. */
  #login: Wire = { event: 'login' };
  #loginAt = 0;

  constructor(settings: Settings) { this.#settings = settings; }

  /** A login begins behind a position; so many messages follow. */
  begins(login: Wire): void {
    const seq = seqOf(login.position);
    if (seq < this.#from || seq > this.#to) this.jumps(login.position);
    this.#head = Math.max(this.#to, seq + (login.pending || 0));
    this.#login = login;
    this.#loginAt = this.#settings.ticks();
  }

  /** What follows continues this position; what is before it was not all read. */
  jumps(position: string): void {
    this.#from = this.#to = this.#ownFrom = seqOf(position);
    this.#head = Math.max(this.#head, this.#to);
    this.#own.clear();
  }

  /** The room has another history. */
  restarts(position: string): void {
    this.#head = 0;
    this.jumps(position);
  }

  message(position: string, ownId: string | undefined): void {
    const seq = seqOf(position);
    if (seq === this.#to + 1) this.#to = seq;
    else if (seq > this.#to) this.jumps(position);
    this.exists(seq);
    if (ownId === undefined) return;
    this.#own.set(ownId, position);
    if (this.#own.size <= OWN_IDS) return;
    const [[id, oldest]] = this.#own as unknown as [[string, string]];
    this.#own.delete(id);
    this.#ownFrom = Math.max(this.#ownFrom, seqOf(oldest));
  }

  exists(seq: number): void { this.#head = Math.max(this.#head, seq || 0); }

  brought(id: string): string | undefined { return this.#own.get(id); }

  /** How the room is known at this moment. */
  get known(): Known { return { seq: this.#head, ts: this.#serverTime() }; }

  /**
   * A message that was tried may be stored already. It may be sent again only while the server is sure to know its id: not
   * older than the ids that it remembers, and with fewer messages behind it; or with more, if all of them were read and it is
   * not among them.
   */
  mayRepeat({ tried, known: { seq, ts } = { seq: 0 } }: Entry): boolean {
    const { 'dedupe-count': count = 100, 'dedupe-age': age } = this.#login;
    const { dedupeAge, answerWithin, now } = this.#settings;
    const behind = this.#head - seq;
    const serverTime = this.#serverTime();
    // Some time is left for the way to the server.
    const most = age === undefined ? dedupeAge : age - Math.min(age / 5, answerWithin);
    const isYoung = serverTime === undefined || ts === undefined
      ? Math.abs(now() - tried) <= Math.min(most, dedupeAge)
      : Math.abs(serverTime - ts) <= most;
    const wasRead = seq >= Math.max(this.#from, this.#ownFrom) && this.#to >= this.#head;
    return isYoung && behind >= 0 && (behind < count || wasRead);
  }

  /** Where the server tells for how long it knows ids, it is asked what time it is, too. */
  #serverTime(): number | undefined {
    const { ts, 'dedupe-age': age } = this.#login;
    return age === undefined ? undefined : Math.round(ts + this.#settings.ticks() - this.#loginAt);
  }
}
