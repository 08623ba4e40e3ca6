// Where a tab's unconfirmed messages are kept, and whose they are when the tab is gone.
//
// They are kept where all tabs of the browser can read them, but only one tab may send each: the one that holds the lock
// named after their place. A page takes a new place each time it is loaded, and takes over its own former one as soon as
// that lock is free; what a tab leaves behind for good is taken over by any other one of the same uid and room. Without
// locks, each tab keeps its own in its own storage, over a reload.
import type { Settings } from './defaults.js';
import { keys, read, write } from './storage.js';
import { here } from './surroundings.js';

/** A place whose tab is gone is taken over when it was found so twice: a tab that reloads is gone for a moment too. */
const SECOND_LOOK = 2000;
const LOOK_EVERY = 30_000;

export class Home {
  #settings: Settings;
  #name: string;
  #tab: string;
  /** Takes over what another tab left; whether it is saved here. */
  #adopt: (text: string | null | undefined) => boolean;
  #inTab: boolean;
  #found = new Set<string>();
  /** Places whose messages are in memory here, but not saved yet: their locks are held until that worked. */
  #unmoved = new Map<string, () => void>();
  #timer: unknown;
  #released = false;
  #release = () => {};

  constructor(settings: Settings, name: string, tab: string, adopt: (text: string | null | undefined) => boolean) {
    this.#settings = settings;
    this.#name = `${name}:outbox`;
    this.#tab = tab;
    this.#adopt = adopt;
    this.#inTab = !settings.locks || !settings.storage;
    if (this.#inTab) this.#keepInTab();
    else this.#settleIn(`${name}:tab`);
  }

  /** What this tab itself left, and whether it left in order: else it may be a copy of a tab that has sent these already. */
  own(): { text?: string | null; inOrder: boolean } {
    if (!this.#inTab) return { inOrder: true };
    const { tabStorage } = this.#settings;
    const inOrder = Boolean(read(tabStorage, `${this.#name}:left`));
    write(tabStorage, `${this.#name}:left`, null);
    return { text: read(tabStorage, this.#name) ?? null, inOrder };
  }

  save(text: string | null): Error | undefined {
    if (this.#released) return undefined;
    const { storage, tabStorage } = this.#settings;
    if (this.#inTab) return write(tabStorage, this.#name, text);
    const error = write(storage, this.#key(), text);
    if (!error) for (const [tab, free] of this.#unmoved) this.#empty(tab, free);
    return error;
  }

  /** From here the messages are anybody's who opens the room. */
  release(): void {
    this.#released = true;
    this.#settings.clearTimeout(this.#timer);
    if (this.#inTab) here.removeEventListener?.('pagehide', this.#release);
    this.#release();
    for (const free of this.#unmoved.values()) free();
  }

  #key(tab = this.#tab) { return `${this.#name}:${tab}`; }

  #keepInTab(): void {
    this.#release = () => { write(this.#settings.tabStorage, `${this.#name}:left`, 'in order'); };
    here.addEventListener?.('pagehide', this.#release);
  }

  #settleIn(tabKey: string): void {
    const { tabStorage } = this.#settings;
    // Several where this tab was loaded anew before it had taken over what it left.
    const former = new Set(read(tabStorage, tabKey)?.split(' '));
    const note = () => write(tabStorage, tabKey, [this.#tab, ...former].join(' '));
    note();
    this.#lock(this.#tab, {}, () => this.#released || new Promise<void>((release) => { this.#release = release; }));
    for (const tab of former) {
      // A copied tab waits here for as long as the original lives.
      this.#lock(tab, {}, () => {
        if (this.#released) return undefined;
        former.delete(tab);
        const done = this.#takeOver(tab);
        note();
        return done;
      });
    }
    const look = () => {
      const others = this.#lookForOrphans([...former]);
      this.#timer = this.#settings.setTimeout(look, others ? SECOND_LOOK : LOOK_EVERY);
    };
    look();
  }

  #lock(tab: string, options: { ifAvailable?: boolean }, run: (lock: unknown) => unknown): void {
    // No locks in this kind of page after all: nothing is taken over, and what is ours is still kept.
    this.#settings.locks!.request(this.#key(tab), options, run).catch(() => {});
  }

  #lookForOrphans(former: string[]): boolean {
    const prefix = this.#key('');
    const known = [this.#tab, ...former, ...this.#unmoved.keys()];
    const tabs = keys(this.#settings.storage!).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    const theirs = tabs.filter((tab) => !known.includes(tab));
    for (const tab of theirs) {
      const seen = this.#found.delete(tab);
      this.#lock(tab, { ifAvailable: true }, (free) => {
        if (free && seen) return this.#takeOver(tab);
        if (free) this.#found.add(tab);
        return undefined;
      });
    }
    return theirs.length > 0;
  }

  /**
   * Its lock is held. Saved here before it is deleted there: a crash in between leaves the same ids twice, not none. Where it
   * cannot be saved, the old place is kept, and its lock, for as long as that is so.
   */
  #takeOver(tab: string): Promise<void> | undefined {
    if (this.#released) return undefined;
    if (this.#adopt(read(this.#settings.storage, this.#key(tab)))) {
      this.#empty(tab);
      return undefined;
    }
    return new Promise<void>((free) => { this.#unmoved.set(tab, free); });
  }

  #empty(tab: string, free = () => {}): void {
    write(this.#settings.storage, this.#key(tab), null);
    this.#unmoved.delete(tab);
    free();
  }
}
