// How people are called. Members are told by uid; names come with what they say, and are remembered for when they are away.
import { element } from './nodes.js';
import { pairs } from './store.js';

const MAX_REMEMBERED = 500;
const MAX_NAMES = 5000;
const SAVE_MS = 1000;

export class Names {
  #names = new Map();
  #remembered = pairs('roomcast:names', MAX_REMEMBERED);
  #unsaved = new Map();
  #renamed;

  constructor(renamed) { this.#renamed = renamed; }

  of(uid) { return this.#names.get(uid) ?? this.#remembered.get(uid) ?? uid; }

  /** Whether the name is one that was heard since this page was loaded. */
  knows(uid) { return this.#names.has(uid); }

  learn(uid, name) {
    const known = this.of(uid);
    const told = String(name).slice(0, 100);
    // The one that was heard of longest ago makes room.
    this.#names.delete(uid);
    this.#names.set(uid, told);
    if (this.#names.size > MAX_NAMES) this.#names.delete(this.#names.keys().next().value);
    if (known === told) return;
    this.#saveSoon(uid, told);
    this.#renamed(uid);
  }

  #saveSoon(uid, name) {
    if (this.#unsaved.size === 0) {
      setTimeout(() => {
        for (const [one, told] of this.#unsaved) this.#remembered.set(one, told);
        this.#unsaved.clear();
      }, SAVE_MS);
    }
    if (this.#unsaved.size < MAX_REMEMBERED) this.#unsaved.set(uid, name);
  }

  /** A circle with the first letter, in a colour that white can be read on. */
  avatar(uid) {
    const circle = element('span', 'avatar', [...this.of(uid)][0]);
    let hue = 7;
    for (const char of uid) hue = (hue * 31 + char.codePointAt(0)) % 3600;
    circle.style.setProperty('--own-colour', `hsl(${hue / 10} 55% 30%)`);
    circle.setAttribute('aria-hidden', 'true');
    return circle;
  }
}
