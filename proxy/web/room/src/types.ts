/**
 * The browser client of Roomcast.
 *
 * ```js
 * import { connect } from 'roomcast';
 * const connection = connect({ url: 'wss://chat.example/ws', uid: 'u-17', name: 'Ann' });
 * const room = connection.room('lobby');
 * room.on('message', (event) => show(event.uid, event.message));
 * room.send('Hello');
 * ```
 *
 * What it promises, against a Roomcast server:
 * - `message` handlers get every stored message once and in the room's order, over lost connections, over a reload of the
 *   tab and over a restart of the servers; or `lost` or `reset` says what cannot be had.
 * - A message given to `send` is stored once, and the messages of one tab in the order they were given; or its entry says
 *   that it `failed`, or that it is `unknown` whether it was stored.
 * - A message counts as read when a handler took it: until then the server keeps it for this uid. A handler that throws, or
 *   whose promise is rejected, gets the same message again.
 *
 * One connection carries many rooms; `connect` with a `roomid` is a connection with one room. Several tabs may open a room
 * as the same uid: each gets everything.
 */

// ---- what the surroundings offer: the least of each, so that no types of a browser are needed ----

/** A WebSocket: a browser's, Node's, or that of the package `ws`. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** What is kept in a tab: `sessionStorage`. */
export interface TabStorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What all tabs see: `localStorage`. */
export interface StorageLike extends TabStorageLike {
  readonly length: number;
  key(index: number): string | null;
}

/** `navigator.locks`. */
export interface LocksLike {
  request(name: string, options: { ifAvailable?: boolean }, run: (lock: any) => any): Promise<any>;
}

/** How a connection is opened. `uid` must be given (and `url`, `WebSocket` where there is no page). */
export interface ConnectionOptions {
  /** Who: 1 to 128 bytes without spaces or control characters. The same uid in the same room gets what it missed. */
  uid: string | number;
  /** A name to show; travels with each message. */
  name?: string;
  /** The proxy's address, `ws://…` or `wss://…`. Default: `/ws` on the page's host. */
  url?: string;
  /**
   * Handed to the server with each login. A function is asked before each one, some time before the token expires, and when
   * the server says that it has; it is called again later if it fails.
   */
  token?: string | (() => string | Promise<string>);
  /** Default of its rooms; see `RoomOptions`. */
  history?: number;
  /** Default of its rooms; see `RoomOptions`. */
  as?: 'member' | 'guest';
  /**
   * What follows when a handler of `message`, `lost` or `reset` throws or rejects. `retry`: it gets the same event again,
   * after 1, 2, 4 … 30 seconds, and nothing behind it before. `skip`: the console is told, and the event counts as read.
   * Default: `retry`.
   */
  onHandlerError?: 'retry' | 'skip';
  /**
   * Milliseconds for which a message may be sent again to a server that does not tell its own `room.dedupe-age`.
   * Default: 240000.
   */
  dedupeAge?: number;
  /** Milliseconds of silence after which a link counts as dead; more than the server's heartbeat. Default: 50000. */
  deadAfter?: number;
  /** Milliseconds that the server may take to answer a login or to confirm a message. Default: 20000. */
  answerWithin?: number;
  /** Messages of a room that may wait to be confirmed. Default: 1000. */
  maxOutbox?: number;
  /** Bytes of the largest event that the server takes (its `--max-event`). Default: 65536. */
  maxEvent?: number;
  /** Where unconfirmed messages are kept, for all tabs. Default: `localStorage`. Only used where there are `locks`. */
  storage?: StorageLike;
  /** Where the position is kept, and without `locks` the unconfirmed messages. Default: `sessionStorage`. */
  tabStorage?: TabStorageLike;
  /** Says which tab a message belongs to. Default: `navigator.locks`, which browsers have on https and on localhost. */
  locks?: LocksLike;
  /** Needed where there is none (Node 20: the package `ws`). */
  WebSocket?: new (url: string) => SocketLike;
  setTimeout?: (run: () => void, ms: number) => unknown;
  clearTimeout?: (timer: any) => void;
  /** Unix time in milliseconds. */
  now?: () => number;
  /** Milliseconds that only go forward. Default: `performance.now()`. */
  ticks?: () => number;
  /** From 0 to below 1. */
  random?: () => number;
}

/** How one room of a connection is opened. */
export interface RoomOptions {
  /** How many old messages a newcomer wants by `message`. Default: 0. */
  history?: number;
  /**
   * `guest`: to be in the room without belonging to it; nothing is kept for a guest while it is away. Default: a member, where
   * the token allows that.
   */
  as?: 'member' | 'guest';
}

/** How a connection with one room is opened. */
export interface Options extends ConnectionOptions {
  /** The room: 1 to 128 bytes without spaces or control characters. */
  roomid: string | number;
}

/**
 * - `connecting`: a connection is being made, or the server has not answered the login yet.
 * - `online`: in the room; of a connection: in at least one.
 * - `offline`: the connection is gone, the next attempt waits (1 to 15 seconds, at random).
 * - `closed`: ended for good by `close`, `leave`, `kicked`, `logout` or an error that would come again.
 */
export type State = 'connecting' | 'online' | 'offline' | 'closed';

/** Why a state is what it is. `code` is stable, `message` a sentence. */
export interface Reason {
  /**
   * `CLOSE`: the socket was closed (`close` is its code). `SILENT`: nothing was heard, or not answered, for too long.
   * `OFFLINE`: the browser has no network. `TOKEN`: no good token. `REFUSED`: the server did not take a login.
   * `AGAIN`: the log is read anew. `ENDED`: closed by this program, or the session was ended. Or the code of an `error`.
   */
  code: string;
  message: string;
  /** The socket's close code. */
  close?: number;
}

/** A stored message: the sender's fields, then the server's. */
export interface Message<Payload = unknown> {
  event: 'message';
  message: Payload;
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
export interface Entry<Payload = unknown> {
  id: string;
  message: Payload;
  fields: Record<string, unknown>;
  /**
   * - `pending`: waits to be sent, or to be confirmed.
   * - `sent`: stored in the room.
   * - `failed`: refused, for the reason in `code` and `error`.
   * - `unknown`: it was sent, never confirmed, and the server may have forgotten its id: sent again, it might be stored twice.
   *
   * `failed` and `unknown` ones stay in the outbox until `retry` or `discard`.
   */
  state: 'pending' | 'sent' | 'failed' | 'unknown';
  /** Unix time in milliseconds. */
  created: number;
  /** Unix time in milliseconds of the first attempt; 0 before. */
  tried: number;
  /** The room as it was known then: the newest `seq`, and the server's time (Unix ms) if it tells. */
  known?: { seq: number; ts?: number };
  /** With `sent`. */
  seq?: number;
  position?: string;
  /** With `sent`: an earlier attempt had been stored. */
  duplicate?: boolean;
  /** With `failed`. */
  code?: string;
  error?: string;
}

/** Somebody came or went; without `uid` only the counters are told (large rooms). */
export interface Presence { uid?: string; online?: boolean; total: number; num: number; ts: number }

/** `code` is stable, `message` a sentence. */
export interface Failure { code: string; message: string; of?: string; id?: string; close?: number }

/** Messages from before, oldest first. */
export interface Page<Payload = unknown> {
  messages: Message<Payload>[];
  /** They lie behind this position: the `until` of the page before. */
  after: string;
  /** Whether there are older ones. */
  more: boolean;
  /** How many older ones do not exist any more. */
  gone: number;
}

export interface Events<Payload = unknown> {
  /** The second argument of the handler is the `Reason`. */
  state: State;
  /** This tab is in the room; `pending` missed messages follow, then `synced`. */
  login: { position: string; pending: number; resumed: boolean; new: boolean; total: number; num: number; as?: 'guest' };
  /**
   * A stored message, own ones included. The next event waits until a promise that the handler returns is settled. Without a
   * handler messages, `lost` and `reset` wait: up to 100 here, the rest in the room's log.
   */
  message: Message<Payload>;
  /** The missed messages end here. */
  synced: { position: string };
  /** An event that is not stored, under its sender's name for it; `uid` is the sender. */
  event: { event: string; uid: string; [field: string]: unknown };
  presence: Presence;
  /** An entry of the outbox is new (also: taken over from a tab that is gone) or has another state. */
  outbox: Entry<Payload>;
  /** The answer to `members`. */
  members: { members: { uid: string; online: boolean; pending: number }[]; cursor: string; total: number; num: number };
  /** Messages `from` to `to` cannot be had: a limit of the room, a trim, read on another device, or not for a guest. */
  lost: { from: number; to: number; reason: string; position: string };
  /**
   * The room's history is not the one that this tab saw up to `since` (a failover that lost a tail, a room deleted and
   * born again). What follows is the room's. Of what was shown before, not in it is what has the `seq` of the next `message`
   * or a higher one, and at `synced` what is above the room's `position`; the rest is, and is not handed out again (up to
   * 4096 messages; over a reload 512).
   */
  reset: { since: string; position: string };
  /** A handler failed at `event` for the `attempt`-th time; it gets it again after `retryIn` ms, or never after `skip`. */
  stuck: { event: Message<Payload> | Events['lost'] | Events['reset']; error: unknown; attempt: number; retryIn: number };
  /** The server ended this session; by a ban that is over at `until` (Unix time in milliseconds), if that is given. */
  kicked: { reason: string; until?: number };
  /** The membership has ended, here or elsewhere. */
  logout: { reason?: string };
  /**
   * From the server: what a login (`of: 'login'`) or an event was refused for. From this module: `CLOSED` (the server does not
   * want this connection; `close` is its code), `BADURL`, `TOKEN` (the function failed; it is asked again), `STORAGE` (the
   * browser's storage is full: a reload would forget). Without a handler the console is told.
   */
  error: Failure;
}

export interface Room<Payload = unknown> {
  readonly state: State;
  /** Why; null while it is `connecting` for the first time or `online`. */
  readonly reason: Reason | null;
  readonly roomid: string;
  readonly uid: string;
  /** Everything up to here was handled; null before the first message, `lost` or `synced` was. */
  readonly position: string | null;
  /** Copies of what is not confirmed, in the order in which they are sent. */
  readonly outbox: Entry<Payload>[];

  /**
   * Calls `handler` for each event of that name. Returns a function that ends it. One that is ended and added again within a
   * second misses nothing but what is told at once and can be read meanwhile (`state`, `outbox`), and errors.
   */
  on<K extends keyof Events>(name: K, handler: (value: Events<Payload>[K], reason?: Reason | null) => unknown): () => void;

  /**
   * Keeps a message until the server has confirmed it, also while offline and over a reload. `message` and `fields` are
   * copied as JSON. The `outbox` event tells how it fares.
   *
   * Throws `RangeError` if it is above `maxEvent` or `maxOutbox` wait already, `TypeError` if it has no form in JSON, and
   * `Error` if the room is closed.
   */
  send(message: Payload, fields?: Record<string, unknown>): Entry<Payload>;
  /** Sends a `failed` or `unknown` message as a new one; undefined if there is none. */
  retry(id: string): Entry<Payload> | undefined;
  /** Forgets an entry. False if there is none or it is being sent at this moment. */
  discard(id: string): boolean;
  /** Gives up the event that a handler is `stuck` at: it counts as read. False if there is none. */
  skip(): boolean;

  /**
   * Sends an event to those online now; it is not kept. False if there is no connection, and for a moment after the server
   * said `SLOWDOWN`. Throws like `send`, and `TypeError` for a name that the server uses.
   */
  signal(event: string, fields?: Record<string, unknown>): boolean;
  /** Asks for up to 100 members; `members` answers, its `cursor` asks for more ('0': that was all). False if offline. */
  members(cursor?: string): boolean;
  /**
   * Reads older messages, up to `limit` (1 to 100, default 100) before and with the position `until`; without it, what lies
   * before the page that was read last, the first time before where this page began. Waits for a connection. What `message`
   * handlers get is left out. Rejects with an error that has a `code`: `BADPOS` if the room's history is another one by now
   * (what was read before is not in it; the next call begins anew), `UNSUPPORTED` by an older server.
   */
  history(which?: { until?: string; limit?: number }): Promise<Page<Payload>>;

  /** Connects at once instead of waiting, if offline, unless the server asked to wait. */
  retryNow(): void;
  /** The same. */
  reconnect(): void;
  /** Ends the membership: nothing waits for this uid any more. `logout` confirms it. False if offline; a guest has none. */
  leave(): boolean;
  /**
   * Ends the session; messages wait for this uid from here. Of a connection's room: gives back one `room()`; a second after
   * the last one the session ends.
   */
  close(): void;
}

/** One connection, many rooms. It opens with its first room. */
export interface Connection {
  readonly state: State;
  readonly reason: Reason | null;
  readonly uid: string;
  /** Opens a room, or gives the one that is open: each call is given back by one `close` of the room. */
  room<Payload = unknown>(roomid: string | number, options?: RoomOptions): Room<Payload>;
  on(name: 'state', handler: (state: State, reason: Reason | null) => unknown): () => void;
  /** What concerns no room, and what rooms without an `error` handler are told. */
  on(name: 'error', handler: (error: Failure & { roomid?: string }) => unknown): () => void;
  /** Connects at once instead of waiting, if offline, unless the server asked to wait. */
  retryNow(): void;
  /** Ends all sessions; messages wait for this uid from here. */
  close(): void;
}

export interface Connect {
  /** Opens a room and keeps it open. */
  <Payload = unknown>(options: Options): Room<Payload>;
  /** Makes a connection for many rooms. */
  (options: ConnectionOptions): Connection;
}
