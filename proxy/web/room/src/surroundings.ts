// What is there without being asked for: a browser's things or Node's, each of which may be missing.
import type { LocksLike, SocketLike, StorageLike, TabStorageLike } from './types.js';

type Listen = (name: string, run: () => void) => void;

/** Something that tells of events: the window, the document. */
export interface Target {
  addEventListener?: Listen;
  removeEventListener?: Listen;
}

interface Surroundings extends Target {
  location?: { protocol: string; host: string };
  document?: Target & { visibilityState?: string };
  navigator?: { locks?: LocksLike };
  localStorage?: StorageLike;
  sessionStorage?: TabStorageLike;
  WebSocket?: new (url: string) => SocketLike;
  performance: { now(): number };
  console: Record<'error' | 'warn', (...words: unknown[]) => void>;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  queueMicrotask(run: () => void): void;
  TextEncoder: new () => { encode(text: string): { length: number } };
}

export const here = globalThis as unknown as Surroundings;
