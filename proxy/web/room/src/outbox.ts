// Messages that the server has not confirmed, oldest first.
import type { Settings } from './defaults.js';
import { Home } from './home.js';
import { allowed } from './storage.js';
import type { Entry } from './types.js';

/** What the room hears of it. */
export interface Told {
  adopted(entries: Entry[]): void;
  unsaved(error: Error): void;
}

export type Known = Entry['known'];

export class Outbox {
  entries: Entry[] = [];
  #settings: Settings;
  #told: Told;
  #home: Home;
  #unsaved = false;

  constructor(settings: Settings, name: string, told: Told) {
    this.#settings = settings;
    this.#told = told;
    this.#home = new Home(settings, name, this.newId(), (text) => this.#adopt(text));
    const { text, inOrder } = this.#home.own();
    this.entries = parse(text);
    if (!inOrder) for (const entry of this.entries) entry.tried ||= entry.created;
  }

  newId(): string {
    const part = () => Math.floor(this.#settings.random() * 2 ** 32).toString(36);
    return `${this.#settings.now().toString(36)}-${part()}${part()}`;
  }

  add({ id, message, fields }: Pick<Entry, 'id' | 'message' | 'fields'>, known: Known): Entry {
    const { maxOutbox, now } = this.#settings;
    if (this.entries.length >= maxOutbox) throw new RangeError(`${maxOutbox} messages wait already: maxOutbox`);
    const entry: Entry = { id, message, fields, state: 'pending', created: now(), tried: 0, known };
    this.entries.push(entry);
    this.#save();
    return entry;
  }

  next(): Entry | undefined {
    return this.entries.find((entry) => entry.state === 'pending');
  }

  /** Written down before the message leaves: a page that crashes in between must know. */
  tried(entry: Entry, known: Known): void {
    if (entry.tried > 0) return;
    entry.tried = this.#settings.now();
    entry.known = known;
    // What is kept must not say that it was never sent: rather nothing is kept, which is told.
    if (!this.#save()) this.#home.save(null);
  }

  /** It was refused without being stored, and was not sent before: it is as if it had not been. */
  untried(id: string): void {
    const entry = this.#find(id);
    if (!entry) return;
    entry.tried = 0;
    this.#save();
  }

  /** The room's history is another one behind `seq`: what was tried may be stored anywhere behind that. */
  moved(seq: number): void {
    for (const { known } of this.entries) if (known) known.seq = Math.min(known.seq, seq);
    this.#save();
  }

  settle(id: string, state: Entry['state']): Entry | undefined {
    const entry = this.#find(id);
    if (!entry) return undefined;
    entry.state = state;
    if (state === 'sent') this.remove(id);
    else this.#save();
    return entry;
  }

  /** One that was given up becomes a new message. */
  renew(id: string, known: Known): Entry | undefined {
    const old = this.#find(id);
    if (!old || old.state === 'pending') return undefined;
    this.remove(id);
    return this.add({ ...old, id: this.newId() }, known);
  }

  remove(id: string): boolean {
    const found = this.#find(id);
    this.entries = this.entries.filter((entry) => entry !== found);
    if (found) this.#save();
    return Boolean(found);
  }

  release(): void { this.#home.release(); }

  #find(id: string): Entry | undefined { return this.entries.find((entry) => entry.id === id); }

  #save(): boolean {
    const error = this.#home.save(this.entries.length > 0 ? JSON.stringify(this.entries) : null);
    if (error && !this.#unsaved) this.#told.unsaved(error);
    this.#unsaved = Boolean(error);
    return !error;
  }

  #adopt(text: string | null | undefined): boolean {
    const mine = new Set(this.entries.map((entry) => entry.id));
    const adopted = parse(text).filter((entry) => !mine.has(entry.id));
    // They are older, whatever the clock says.
    this.entries = [...adopted, ...this.entries];
    const isSaved = this.#save();
    if (adopted.length > 0) this.#told.adopted(adopted);
    return isSaved;
  }
}

/** What is stored may have been written by anybody: entries that make no sense are left out. */
function parse(text: string | null | undefined): Entry[] {
  const entries: unknown = allowed(() => JSON.parse(text ?? '[]'));
  const sound = (entry: Entry | null) =>
    typeof entry?.id === 'string' && Number.isFinite(entry.created) && Number.isFinite(entry.tried);
  return Array.isArray(entries) ? entries.filter(sound) : [];
}
