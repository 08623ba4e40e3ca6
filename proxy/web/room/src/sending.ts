// What goes out of a room: one message at a time, each until it is known what became of it.
import type { Settings } from './defaults.js';
import { isFinal, isNoSession, isNotStored } from './errors.js';
import { Outbox, type Told } from './outbox.js';
import { seqOf } from './progress.js';
import type { Reading } from './reading.js';
import { Timers } from './timers.js';
import type { Entry } from './types.js';
import { type Wire, encode } from './wire.js';

/** What the room does for it. */
export interface Carrier extends Pick<Told, 'unsaved'> {
  /** False while the room is not in. */
  write(event: Wire): boolean;
  tell(entry: Entry): void;
  /** Another login is needed before anything is sent. */
  again(code: string, message: string): void;
  late(): void;
}

export class Sending {
  readonly outbox: Outbox;
  /** Whether all missed messages have come. */
  isSynced = false;
  #isIn = false;
  #settings: Settings;
  #reading: Reading;
  #carrier: Carrier;
  #timers: Timers;
  /** The id of the message that waits for its confirmation, and whether it was sent before. */
  #inFlight: string | null = null;
  #isFirstTry = false;
  #loggedInAgainFor: string | null = null;

  constructor(settings: Settings, name: string, reading: Reading, carrier: Carrier) {
    this.#settings = settings;
    this.#reading = reading;
    this.#carrier = carrier;
    this.#timers = new Timers(settings);
    this.outbox = new Outbox(settings, name, {
      adopted: (entries) => this.#adopted(entries),
      unsaved: carrier.unsaved,
    });
  }

  /** What goes over the wire is kept by value: what the page does with its objects later changes nothing. */
  send(roomid: string, message: unknown, more: Record<string, unknown>): Entry {
    const text = encode({ ...more, event: 'message', message, id: this.outbox.newId(), roomid }, this.#settings.maxEvent);
    const { message: copy, id, event: _, roomid: __, ...fields } = JSON.parse(text);
    if (copy === undefined) throw new TypeError('the message has no form in JSON');
    return this.#added(this.outbox.add({ id, message: copy, fields }, this.#reading.known));
  }

  retry(id: string): Entry | undefined {
    const entry = this.outbox.renew(id, this.#reading.known);
    return entry && this.#added(entry);
  }

  discard(id: string): boolean {
    // One that is on its way may be stored at any moment: its fate is not the page's any more.
    return id !== this.#inFlight && this.outbox.remove(id);
  }

  in(): void {
    this.#isIn = true;
    this.sendNext();
  }

  out(): void {
    this.#isIn = this.isSynced = false;
    this.#inFlight = null;
    this.#timers.cancelAll();
  }

  /** The connection was closed because of what was sent last. */
  tooBig(message: string): void {
    this.#isIn = false;
    if (this.#inFlight) this.settle(this.#inFlight, 'failed', { code: 'TOOLONG', error: message });
  }

  /** The next one leaves when the one before is confirmed, so their order holds. */
  sendNext(): void {
    while (this.#isIn && this.#inFlight === null) {
      const entry = this.outbox.next();
      // One that was tried may be in the log: then the missed messages bring it, and it need not be sent again.
      if (!entry || (entry.tried > 0 && !this.isSynced)) return;
      this.#isFirstTry = entry.tried === 0;
      if (!this.#isFirstTry && !this.#reading.mayRepeat(entry)) {
        this.settle(entry.id, 'unknown');
        continue;
      }
      this.#inFlight = entry.id;
      this.outbox.tried(entry, this.#reading.known);
      // A link that carries what the server says, but not what we say, is dead too.
      this.#timers.after('answer', this.#settings.answerWithin, this.#carrier.late);
      this.#carrier.write({ ...entry.fields, event: 'message', message: entry.message, id: entry.id });
    }
  }

  settle(id: string, state: Entry['state'], more: Partial<Entry> = {}): void {
    const entry = this.outbox.settle(id, state);
    if (id === this.#inFlight) {
      this.#inFlight = null;
      this.#timers.cancelAll();
    }
    if (entry) this.#carrier.tell({ ...entry, ...more });
    this.sendNext();
  }

  refused({ id, code, message }: Wire): void {
    if (id !== this.#inFlight) return;
    if (isFinal(code) || (code === 'NOROOM' && this.#loggedInAgainFor === id)) {
      this.settle(id, 'failed', { code, error: message });
    } else if (this.#isFirstTry && isNotStored(code)) {
      this.outbox.untried(id);
      this.#timers.cancel('answer');
      this.#timers.after('retry', 500 + this.#settings.random() * 1500, () => {
        this.#inFlight = null;
        this.sendNext();
      });
    } else {
      // It may be stored, and others may have written much since: another login tells how the room stands.
      if (isNoSession(code)) this.#loggedInAgainFor = id;
      this.#carrier.again(code, message);
    }
  }

  #added(entry: Entry): Entry {
    this.#carrier.tell({ ...entry });
    this.sendNext();
    return { ...entry };
  }

  #adopted(entries: Entry[]): void {
    for (const entry of entries) {
      this.#carrier.tell({ ...entry });
      const position = this.#reading.brought(entry.id);
      if (position) this.settle(entry.id, 'sent', { seq: seqOf(position), position });
    }
    this.sendNext();
  }
}
