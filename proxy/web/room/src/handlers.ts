// Who wants to be told what.
import { here } from './surroundings.js';

export type Handler = (...values: any[]) => unknown;

export function blame(error: unknown): void {
  here.console.error('roomcast: a handler failed:', error);
}

export class Handlers {
  #by = new Map<string, Set<Handler>>();
  #changed: (name: string) => void;

  constructor(changed: (name: string) => void = () => {}) { this.#changed = changed; }

  on(name: string, handler: Handler): () => void {
    const handlers = this.#by.get(name) ?? new Set();
    this.#by.set(name, handlers.add(handler));
    this.#changed(name);
    return () => { if (handlers.delete(handler)) this.#changed(name); };
  }

  of(name: string): Handler[] { return [...this.#by.get(name) ?? []]; }

  /** Tells all of them, now; a mistake of one is no matter of the others. The promise says that all are done. */
  tell(name: string, ...values: unknown[]): Promise<unknown> {
    return Promise.all(this.of(name).map(async (handler) => {
      try {
        await handler(...values);
      } catch (error) {
        blame(error);
      }
    }));
  }
}
