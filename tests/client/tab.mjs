// A tab of a browser in Node, over its lives: a reload ends all that the page did, and leaves its storage.
import WebSocket from 'ws';
import { FakeLocks, FakeStorage } from './fakes.mjs';

/** What the tabs of one browser share. */
export const browser = () => ({ storage: new FakeStorage(), locks: new FakeLocks() });

export class Tab {
  #browser;
  #tabStorage = new FakeStorage();
  #life = null;

  constructor(shared) { this.#browser = shared; }

  /**
   * Loads a page anew; what the one before was about to do is not done. Gives what its `connect` is to be told, and `ifAlive`
   * for whatever else the page is to do only while it is there.
   */
  load({ urlOf = (url) => url, speed = 1 } = {}) {
    this.unload();
    const life = { isAlive: true, sockets: [], timers: new Set(), locks: this.#browser.locks.tab() };
    this.#life = life;
    const ifAlive = (run) => (...args) => (life.isAlive ? run(...args) : undefined);
    const view = (storage) => ({
      get length() { return storage.length; },
      key: (index) => storage.key(index),
      getItem: (key) => storage.getItem(key),
      setItem: ifAlive((key, value) => storage.setItem(key, value)),
      removeItem: ifAlive((key) => storage.removeItem(key)),
    });
    const options = {
      storage: view(this.#browser.storage),
      tabStorage: view(this.#tabStorage),
      locks: life.locks,
      setTimeout: (run, ms) => {
        const timer = setTimeout(ifAlive(run), ms / speed);
        life.timers.add(timer);
        return timer;
      },
      WebSocket: class extends WebSocket {
        constructor(url) {
          super(urlOf(url));
          life.sockets.push(this);
        }
      },
    };
    return { options, ifAlive };
  }

  get socket() { return this.#life?.sockets.at(-1); }

  /** The page is gone, without a word. */
  unload() {
    const life = this.#life;
    if (!life) return;
    life.isAlive = false;
    life.locks.crash();
    life.timers.forEach(clearTimeout);
    for (const socket of life.sockets) {
      socket.onopen = null;
      socket.onmessage = null;
      socket.onclose = null;
      socket.terminate();
    }
    this.#life = null;
  }
}

/** mulberry32: the same numbers for the same seed. */
export function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
