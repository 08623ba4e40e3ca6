// Who is writing at this moment: told while somebody writes, forgotten soon after.
import { $, element } from './nodes.js';

const TYPING_MS = 3000;
const MAX_TYPISTS = 50;

export class Typing {
  #room;
  #names;
  #typists = new Map();
  #told = -TYPING_MS;

  constructor(room, names) {
    this.#room = room;
    this.#names = names;
  }

  /** This person writes. */
  tell() {
    if (performance.now() - this.#told < TYPING_MS / 2) return;
    if (this.#room.signal('typing')) this.#told = performance.now();
  }

  /** What this person wrote was sent: who goes on writing says so at once. */
  sent() { this.#told = -TYPING_MS; }

  show(uid) {
    if (!this.#typists.has(uid) && this.#typists.size >= MAX_TYPISTS) return;
    clearTimeout(this.#typists.get(uid));
    this.#typists.set(uid, setTimeout(() => this.stop(uid), TYPING_MS));
    this.#draw();
  }

  stop(uid) {
    clearTimeout(this.#typists.get(uid));
    if (this.#typists.delete(uid)) this.#draw();
  }

  #draw() {
    // Names may run from right to left, the words around them do not.
    const who = [...this.#typists.keys()].slice(0, 2).map((uid) => element('bdi', '', this.#names.of(uid)));
    const words = [
      [],
      [who[0], ' is writing'],
      [who[0], ' and ', who[1], ' are writing'],
    ];
    $('typing').replaceChildren(...(words[this.#typists.size] ?? [`${this.#typists.size} people are writing`]));
  }
}
