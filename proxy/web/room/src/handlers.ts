// Who wants to be told what.
import { here } from './surroundings.js';

export type Handler = (...values: any[]) => unknown;

export function blame(error: unknown): void {
  here.console.error('roomcast: a handler failed:', error);
}

export class Handlers {
  #by = new Map<string, Set<Handler>>();
  #changed: ((name: string) => void) | undefined;

  constructor(changed?: (name: string) => void) { this.#changed = changed; }

  on(name: string, handler: Handler): () => void {
    const handlers = this.#by.get(name) ?? new Set();
    this.#by.set(name, handlers.add(handler));
    this.#changed?.(name);
    return () => { if (handlers.delete(handler)) this.#changed?.(name); };
  }

  of(name: string): Handler[] { return [...this.#by.get(name) ?? []]; }

  /** Tells all of them, now. A mistake of one is no matter of the others. The promise says that all are done. */
  async tell(name: string, ...values: unknown[]): Promise<void> {
    (await this.give(name, new Set(), ...values)).forEach(blame);
  }

  /** The same for those that have not `taken` it yet. Who failed, and with what. */
  async give(name: string, taken: Set<Handler>, ...values: unknown[]): Promise<Map<Handler, unknown>> {
    const failed = new Map<Handler, unknown>();
    await Promise.all(this.of(name).map(async (handler) => {
      try {
        if (taken.has(handler)) return;
        await handler(...values);
        taken.add(handler);
      } catch (error) {
        failed.set(handler, error);
      }
    }));
    return failed;
  }
}
