// Timers by name: one of each runs at a time.
import type { Settings } from './defaults.js';

export class Timers {
  #settings: Settings;
  #running = new Map<string, unknown>();

  constructor(settings: Settings) { this.#settings = settings; }

  after(name: string, ms: number, run: () => void): void {
    this.cancel(name);
    this.#running.set(name, this.#settings.setTimeout(() => {
      this.#running.delete(name);
      run();
    }, ms));
  }

  has(name: string): boolean { return this.#running.has(name); }

  cancel(name: string): void {
    this.#settings.clearTimeout(this.#running.get(name));
    this.#running.delete(name);
  }

  cancelAll(): void {
    for (const name of this.#running.keys()) this.cancel(name);
  }
}
