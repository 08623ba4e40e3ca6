/** The browser client of Roomcast: `import { connect } from './room.js'`. */

/** How a room is opened. Only `roomid` and `uid` must be given. */
export interface Options {
  /** The room: 1 to 128 bytes without spaces or control characters. */
  roomid: string;
  /** Who: the same uid in the same room gets what it missed. */
  uid: string;
  /** A name to show; travels with each message. */
  name?: string;
  /** The proxy's address; the page's own host and `/ws` if not given. */
  url?: string;
  /** Handed to the server with the login. */
  token?: string;
  /** How many old messages a newcomer wants; 0 if not given. */
  history?: number;
  /** Where position and outbox are kept; `sessionStorage` if not given: over a reload, for each tab. */
  storage?: Pick<Storage, 'getItem' | 'setItem'>;
  /** Milliseconds for which a message may be sent again; must stay below the server's `room.dedupe-age`. 240000. */
  dedupeAge?: number;
  /** Milliseconds of silence after which a link counts as dead; must be above the server's heartbeat. 50000. */
  deadAfter?: number;
  /** Messages that may wait to be sent. 1000; one more makes `send` throw a RangeError. */
  maxOutbox?: number;
  /** For programs that are no browser, and for tests. */
  WebSocket?: typeof WebSocket;
  setTimeout?: (handler: () => void, ms: number) => unknown;
  clearTimeout?: (id: any) => void;
  /** Unix time in milliseconds. */
  now?: () => number;
  /** From 0 to 1. */
  random?: () => number;
}

/** Not connected yet or again; in the room; waiting to connect again; ended for good. */
export type State = 'connecting' | 'online' | 'offline' | 'closed';

/** A stored message: the sender's fields and the server's. */
export interface Message {
  event: 'message';
  message: unknown;
  /** The sender's fields pass through. */
  [field: string]: unknown;
  uid: string;
  roomid: string;
  seq: number;
  /** `<seq>-<tag>`. */
  position: string;
  /** Unix time in milliseconds. */
  ts: number;
  /** Members of the room, and how many of them are online. */
  total: number;
  num: number;
  /** The id under which it was sent, if with one. */
  id?: string;
}

/** A message of this page on its way. */
export interface Entry {
  id: string;
  message: unknown;
  fields: Record<string, unknown>;
  /**
   * Waits to be sent or confirmed; stored; refused by the server; or: it was sent, never confirmed, and is too old to be
   * sent again without the danger of storing it twice. The last two stay in `outbox` until `discard`.
   */
  state: 'pending' | 'sent' | 'failed' | 'unknown';
  /** Unix time in milliseconds; `tried` is 0 before the first attempt. */
  created: number;
  tried: number;
  seq?: number;
  /** An earlier attempt had been stored. */
  duplicate?: boolean;
  code?: string;
  error?: string;
}

/** Somebody came or went; without `uid` only the counters are told (large rooms). */
export interface Presence { uid?: string; online?: boolean; total: number; num: number; ts: number }

export interface Events {
  state: State;
  /** This page is in the room; `pending` missed messages follow, then `synced`. */
  login: { position: string; pending: number; resumed: boolean; new: boolean; total: number; num: number };
  /** Each stored message once, in order. The next one waits until a promise that the handler returns is settled. */
  message: Message;
  /** The missed messages end here. */
  synced: { position: string };
  /** An event that is not stored, by its sender's name for it. */
  event: { event: string; uid: string; [field: string]: unknown };
  presence: Presence;
  outbox: Entry;
  members: { members: { uid: string; online: boolean; pending: number }[]; cursor: string; total: number; num: number };
  /** Messages `from` to `to` are gone: a limit of the room, or read on another device. */
  lost: { from: number; to: number; reason: string; position: string };
  /** What was seen after the room's history split may not be in it; what follows is. */
  reset: { since: string; position: string };
  /** The server ended this session; the page is not connected again. */
  kicked: { reason: string };
  logout: { reason?: string };
  error: { code: string; message: string; of?: string; id?: string };
}

export interface Room {
  readonly state: State;
  readonly roomid: string;
  readonly uid: string;
  readonly position: string | null;
  readonly outbox: Entry[];
  /** Returns a function that takes the handler away. */
  on<K extends keyof Events>(name: K, handler: (value: Events[K]) => unknown): () => void;
  /** Keeps a message until the server has confirmed it, also while offline and over a reload. */
  send(message: unknown, fields?: Record<string, unknown>): Entry;
  /** Sends an event to those online. False if there is no connection: it is not kept. */
  signal(event: string, fields?: Record<string, unknown>): boolean;
  /** Asks for up to 100 members; 'members' answers, its `cursor` asks for more ('0' ends). */
  members(cursor?: string): boolean;
  /** Takes an unconfirmed entry out of the outbox. */
  discard(id: string): void;
  /** Ends the membership. */
  leave(): void;
  /** Ends the session; messages wait from here. */
  close(): void;
}

export function connect(options: Options): Room;
