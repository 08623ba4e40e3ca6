// What is not said otherwise.
import { allowed } from './storage.js';
import { here } from './surroundings.js';
import type { ConnectionOptions, LocksLike, StorageLike, TabStorageLike } from './types.js';

type Optional = 'name' | 'token' | 'as' | 'history' | 'onHandlerError' | 'storage' | 'tabStorage' | 'locks';

/** The options, each with a value; only these may have none. */
export type Settings = Required<Omit<ConnectionOptions, Optional | 'uid'>> & Pick<ConnectionOptions, Optional> & { uid: string };

export function settingsOf(options: ConnectionOptions): Settings {
  const settings = { ...defaults(), ...options, uid: textOf('uid', options.uid) };
  if (!settings.WebSocket) throw new TypeError('no WebSocket here: give one as an option');
  return settings;
}

/** Without this, `undefined` would be somebody: two strangers with one queue. */
export function textOf(what: string, value: unknown): string {
  const isName = typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
  if (!isName) throw new TypeError(`${what} must be a string or a number`);
  // As the server has it: letters with accents in one piece.
  return String(value).normalize('NFC');
}

function defaults() {
  const page = here.location;
  return {
    url: page ? `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}/ws` : '',
    WebSocket: here.WebSocket!,
    storage: allowed<StorageLike | undefined>(() => here.localStorage),
    tabStorage: allowed<TabStorageLike | undefined>(() => here.sessionStorage),
    locks: allowed<LocksLike | undefined>(() => here.navigator?.locks),
    setTimeout: (run: () => void, ms: number) => here.setTimeout(run, ms),
    clearTimeout: (id: unknown) => here.clearTimeout(id),
    now: Date.now,
    ticks: () => here.performance.now(),
    random: Math.random,
    dedupeAge: 240_000,
    deadAfter: 50_000,
    answerWithin: 20_000,
    maxOutbox: 1000,
    maxEvent: 65_536,
  };
}
