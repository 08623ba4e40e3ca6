// Who wants to be told what.
import { here } from './surroundings.js';

export type Handler = (...values: any[]) => unknown;

export function blame(error: unknown): void {
  here.console.error('roomcast: a handler failed:', error);
}

export class Handlers {
  #by = new Map<string, Set<Handler>>();
  #changed: (name: string, added: boolean) => void;

  constructor(changed: (name: string, added: boolean) => void = () => {}) { this.#changed = changed; }

  on(name: string, handler: Handler): () => void {
    const handlers = this.#by.get(name) ?? new Set();
    this.#by.set(name, handlers.add(handler));
    this.#changed(name, true);
    return () => { if (handlers.delete(handler)) this.#changed(name, false); };
  }

  of(name: string): Handler[] { return [...this.#by.get(name) ?? []]; }

  /** Tells all of them; a mistake of one is no matter of the others. A promise if one of them takes its time. */
  tell(name: string, ...values: unknown[]): Promise<unknown> | undefined {
    const promises: Promise<unknown>[] = [];
    for (const handler of this.of(name)) {
      try {
        const result = handler(...values) as Promise<unknown> | undefined;
        if (typeof result?.then === 'function') promises.push(Promise.resolve(result).catch(blame));
      } catch (error) {
        blame(error);
      }
    }
    return promises.length > 0 ? Promise.all(promises) : undefined;
  }
}
