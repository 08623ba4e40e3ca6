// Storage that a browser may forbid, or that may be full: nothing here throws.
import type { StorageLike, TabStorageLike } from './types.js';

export function allowed<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}

export function read(storage: TabStorageLike | undefined, key: string): string | null | undefined {
  return allowed(() => storage?.getItem(key));
}

/** The error if it could not be written (full, forbidden). `null` removes. */
export function write(storage: TabStorageLike | undefined, key: string, value: string | null): Error | undefined {
  try {
    if (value === null) storage?.removeItem(key);
    else storage?.setItem(key, value);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

export function keys(storage: StorageLike): string[] {
  return allowed(() => Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '')) ?? [];
}
