/**
 * The browser client of Roomcast.
 *
 * ```js
 * import { connect } from './room.js';
 * const room = connect({ roomid: 'lobby', uid: 'u-17', name: 'Ann' });
 * room.on('message', (event) => show(event.uid, event.message));
 * room.send('Hello');
 * ```
 *
 * What it promises, against a Roomcast server:
 * - `message` handlers get every stored message once and in the room's order, over lost connections, over a reload of the
 *   tab and over a restart of the servers; or `lost` or `reset` says what cannot be had.
 * - A message given to `send` is stored once, and the messages of one tab in the order they were given; or its entry says
 *   that it `failed`, or that it is `unknown` whether it was stored.
 * - A message counts as read when the handlers are done with it: until then the server keeps it for this uid.
 *
 * One connection is one room. Several tabs may open a room as the same uid: each gets everything.
 */

/** How a room is opened. Only `roomid` and `uid` must be given (and `url`, `WebSocket` where there is no page). */
export interface Options {
  /** The room: 1 to 128 bytes without spaces or control characters. */
  roomid: string | number;
  /** Who, in the same form: the same uid in the same room gets what it missed. */
  uid: string | number;
  /** A name to show; travels with each message. */
  name?: string;
  /** The proxy's address, `ws://…` or `wss://…`. Default: `/ws` on the page's host. */
  url?: string;
  /** Handed to the server with each login; a function is asked before each one, so that a token can be renewed. */
  token?: string | (() => string | Promise<string>);
  /** How many old messages a newcomer wants. Default: 0. */
  history?: number;
  /**
   * `guest`: to be in the room without belonging to it; nothing is kept for a guest while it is away. Default: a member, where
   * the token allows that.
   */
  as?: 'member' | 'guest';
  /** Milliseconds for which a message may be sent again; keep it below the server's `room.dedupe-age`. Default: 240000. */
  dedupeAge?: number;
  /** Milliseconds of silence after which a link counts as dead; more than the server's heartbeat. Default: 50000. */
  deadAfter?: number;
  /** Milliseconds that the server may take to answer a login or to confirm a message. Default: 20000. */
  answerWithin?: number;
  /** Messages that may wait to be confirmed. Default: 1000. */
  maxOutbox?: number;
  /** Bytes of the largest event that the server takes (its `--max-event`). Default: 65536. */
  maxEvent?: number;
  /** Where unconfirmed messages are kept, for all tabs. Default: `localStorage`. Only used where there are `locks`. */
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;
  /** Where the position is kept, and without `locks` the unconfirmed messages. Default: `sessionStorage`. */
  tabStorage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Says which tab a message belongs to. Default: `navigator.locks`, which browsers have on https and on localhost. */
  locks?: Pick<LockManager, 'request'>;
  /** For programs that are no browser, and for tests. */
  WebSocket?: new (url: string) => WebSocket;
  setTimeout?: (run: () => void, ms: number) => unknown;
  clearTimeout?: (timer: any) => void;
  /** Unix time in milliseconds. */
  now?: () => number;
  /** From 0 to below 1. */
  random?: () => number;
}

/**
 * - `connecting`: a connection is being made, or the server has not answered the login yet.
 * - `online`: in the room.
 * - `offline`: the connection is gone, the next attempt waits (1 to 15 seconds, at random).
 * - `closed`: ended for good by `close`, `leave`, `kicked`, `logout` or an error that would come again.
 */
export type State = 'connecting' | 'online' | 'offline' | 'closed';

/** A stored message: the sender's fields, then the server's. */
export interface Message {
  event: 'message';
  message: unknown;
  /** The sender's own fields pass through. */
  [field: string]: unknown;
  /** The sender, as the server knows it. */
  uid: string;
  /** The sender's name, if it has one. Written by the sender: show it, do not trust it. */
  name?: string;
  roomid: string;
  /** 1, 2, 3 … without holes, in one life of the room. */
  seq: number;
  /** `<seq>-<tag>`: names the message also across lives of the room. */
  position: string;
  /** Unix time in milliseconds. */
  ts: number;
  /** Members of the room, and how many of them are online. */
  total: number;
  num: number;
  /** The id under which it was sent, if with one. */
  id?: string;
}

/** A message of this tab on its way. */
export interface Entry {
  id: string;
  message: unknown;
  fields: Record<string, unknown>;
  /**
   * - `pending`: waits to be sent, or to be confirmed.
   * - `sent`: stored in the room.
   * - `failed`: refused, for the reason in `code` and `error`.
   * - `unknown`: it was sent, never confirmed, and is too old to be sent again without the danger of storing it twice.
   *
   * `failed` and `unknown` ones stay in the outbox until `retry` or `discard`.
   */
  state: 'pending' | 'sent' | 'failed' | 'unknown';
  /** Unix time in milliseconds. */
  created: number;
  /** Unix time in milliseconds of the first attempt; 0 before. */
  tried: number;
  /** With `sent`. */
  seq?: number;
  /** With `sent`: an earlier attempt had been stored. */
  duplicate?: boolean;
  /** With `failed`. */
  code?: string;
  error?: string;
}

/** Somebody came or went; without `uid` only the counters are told (large rooms). */
export interface Presence { uid?: string; online?: boolean; total: number; num: number; ts: number }

export interface Events {
  state: State;
  /** This tab is in the room; `pending` missed messages follow, then `synced`. */
  login: { position: string; pending: number; resumed: boolean; new: boolean; total: number; num: number; as?: 'guest' };
  /** A stored message, own ones included. The next event waits until a promise that the handler returns is settled. */
  message: Message;
  /** The missed messages end here. */
  synced: { position: string };
  /** An event that is not stored, under its sender's name for it; `uid` is the sender. */
  event: { event: string; uid: string; [field: string]: unknown };
  presence: Presence;
  /** An entry of the outbox is new (also: taken over from a tab that is gone) or has another state. */
  outbox: Entry;
  /** The answer to `members`. */
  members: { members: { uid: string; online: boolean; pending: number }[]; cursor: string; total: number; num: number };
  /** Messages `from` to `to` cannot be had: a limit of the room, a trim, read on another device, or not for a guest. */
  lost: { from: number; to: number; reason: string; position: string };
  /**
   * The room's history is not the one that this tab saw up to `since` (a failover that lost a tail, a room deleted and
   * born again). What follows is the room's; of what was shown before, only what comes again is sure to be in it.
   */
  reset: { since: string; position: string };
  /** The server ended this session; by a ban that is over at `until` (Unix time in milliseconds), if that is given. */
  kicked: { reason: string; until?: number };
  /** The membership has ended, here or elsewhere. */
  logout: { reason?: string };
  /**
   * `code` is stable, `message` a sentence. From the server: what a login (`of: 'login'`) or an event was refused for.
   * From this module: `CLOSED` (the server does not want this connection; `close` is its code), `BADURL`, `TOKEN` (the
   * function failed; it is asked again), `STORAGE` (the browser's storage is full: a reload would forget).
   */
  error: { code: string; message: string; of?: string; id?: string; close?: number };
}

export interface Room {
  readonly state: State;
  readonly roomid: string;
  readonly uid: string;
  /** Everything up to here was handled; null before the first login. */
  readonly position: string | null;
  /** Copies of what is not confirmed, oldest first. */
  readonly outbox: Entry[];

  /** Calls `handler` for each event of that name. Returns a function that ends it. */
  on<K extends keyof Events>(name: K, handler: (value: Events[K]) => unknown): () => void;

  /**
   * Keeps a message until the server has confirmed it, also while offline and over a reload. `message` and `fields` are
   * copied as JSON. The `outbox` event tells how it fares.
   *
   * Throws `RangeError` if it is above `maxEvent` or `maxOutbox` wait already, `TypeError` if it has no form in JSON, and
   * `Error` if the room is closed.
   */
  send(message: unknown, fields?: Record<string, unknown>): Entry;
  /** Sends a `failed` or `unknown` message as a new one; undefined if there is none. */
  retry(id: string): Entry | undefined;
  /** Forgets an entry. False if there is none or it is being sent at this moment. */
  discard(id: string): boolean;

  /**
   * Sends an event to those online now; it is not kept. False if there is no connection, and for a moment after the server
   * said `SLOWDOWN`. Throws like `send`.
   */
  signal(event: string, fields?: Record<string, unknown>): boolean;
  /** Asks for up to 100 members; `members` answers, its `cursor` asks for more ('0': that was all). False if offline. */
  members(cursor?: string): boolean;

  /** Connects at once instead of waiting, if offline, unless the server asked to wait. */
  reconnect(): void;
  /** Ends the membership: nothing waits for this uid any more. `logout` confirms it. False if offline; a guest has none. */
  leave(): boolean;
  /** Ends the session; messages wait for this uid from here. */
  close(): void;
}

/** Opens a room and keeps it open. */
export function connect(options: Options): Room;
