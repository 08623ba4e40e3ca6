// The token: asked for before each login, and some time before it expires.
import type { Settings } from './defaults.js';

/** Refusals of a function's tokens before the page is told: a cache may give the old one for a while. */
const IN_VAIN = 3;
/** Timers of browsers go up to 24 days. */
const LONGEST = 2 ** 31 - 1;
/** Not asked more often than this for a token that does not change. */
const SHORTEST = 1000;

export class Token {
  #settings: Settings;
  #current: string | undefined;
  #inVain = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    if (typeof settings.token === 'string') this.#current = settings.token;
  }

  get isAsked(): boolean { return typeof this.#settings.token === 'function'; }

  get current(): string | undefined { return this.#current; }

  /** Asks the page's function for the token of now. Whether it is another one than before. */
  async ask(): Promise<boolean> {
    const before = this.#current;
    this.#current = await (this.#settings.token as () => Promise<string>)();
    return this.#current !== before;
  }

  accepted(): void { this.#inVain = 0; }

  /** The server says that it is not good (any more): whether that is worth telling. */
  isStale(): boolean {
    this.#inVain += 1;
    return !this.isAsked || this.#inVain % IN_VAIN === 0;
  }

  /** When to ask for the next one (ms from now): anywhere from half to nine tenths of what is left. */
  askIn(left: number): number {
    return Math.min(Math.max(left * (0.5 + 0.4 * this.#settings.random()), SHORTEST), LONGEST);
  }
}
