// How far this tab is. Numbers alone prove nothing (a reborn room repeats them): the tag beside each is compared too.
import { read, write } from './storage.js';
import type { TabStorageLike } from './types.js';

/** As many come again where the room's history changes and another device of the uid is behind. */
const REMEMBERED = 4096;
const REMEMBERED_OVER_RELOAD = 512;

export const seqOf = (position: string | null | undefined): number => Number.parseInt(position || '0', 10);

export class Progress {
  position: string | null = null;
  /** Own messages that were confirmed and are not processed yet: they have to come. */
  awaited: string[] = [];
  #storage: TabStorageLike | undefined;
  #key: string;
  #recent = new Map<number, string>();

  constructor(storage: TabStorageLike | undefined, key: string) {
    this.#storage = storage;
    this.#key = key;
    const [position = '', awaited = '', ...recent] = (read(storage, key) ?? '').split(' ');
    this.awaited = awaited.split(',');
    if (!/^\d+-[0-9a-f]+$/.test(position)) return;
    this.position = position;
    for (const known of recent) this.#remember(known);
  }

  get seq(): number { return seqOf(this.position); }

  /** 'next', 'repeat', or 'doubt': neither follows nor is known. */
  judge(position: string): 'next' | 'repeat' | 'doubt' {
    const seq = seqOf(position);
    if (this.position === position || this.#recent.get(seq) === position) return 'repeat';
    return !this.position || seq === this.seq + 1 ? 'next' : 'doubt';
  }

  /** The page has processed it. After a reset also a repeat leads on, from what is known to what is not. */
  take(position: string, verdict: string): void {
    this.#remember(position);
    if (verdict !== 'repeat' || seqOf(position) > this.seq) this.moveTo(position);
  }

  /** An own message is stored. Also over a reload its page must not lose it without a word. */
  expect(position: string | undefined): void {
    if (seqOf(position) <= this.seq) return;
    this.awaited = [...this.awaited, position!].slice(-REMEMBERED_OVER_RELOAD);
    this.#save();
  }

  #remember(position: string): void {
    const seq = seqOf(position);
    this.#recent.delete(seq);
    this.#recent.set(seq, position);
    if (this.#recent.size > REMEMBERED) this.#recent.delete(this.#recent.keys().next().value!);
  }

  /** What comes next follows this. */
  moveTo(position: string | undefined): void {
    if (!position) return;
    this.position = position;
    this.awaited = this.awaited.filter((own) => seqOf(own) > this.seq);
    this.#save();
  }

  #save(): void {
    const recent = [...this.#recent.values()].slice(-REMEMBERED_OVER_RELOAD);
    const text = [this.position, this.awaited.join(), ...recent].join(' ');
    // An old one would bring again what was handled since; without any the server knows what was confirmed.
    if (write(this.#storage, this.#key, text)) write(this.#storage, this.#key, null);
  }

  forget(): void {
    this.position = null;
    write(this.#storage, this.#key, null);
  }
}
