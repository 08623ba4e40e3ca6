// What a connection and its rooms know of each other.
import type { Wire } from './delivery.js';
import type { Failure, Reason } from './types.js';

/** A room, as its connection sees it. */
export interface Seat {
  readonly roomid: string;
  /** `out`, `asked` (a login waits for its answer), or `in`. */
  login: 'out' | 'asked' | 'in';
  /** Whether it wants to be logged in now. */
  isReady(): boolean;
  /** What its login says. */
  entry(): Wire;
  receive(event: Wire): void;
  connecting(): void;
  /** The connection is gone. */
  offline(reason: Reason): void;
  /** Confirms what was handled, now. */
  confirm(): void;
  /** The connection has ended for good, and why; by itself: what was confirmed is said, and a logout. */
  end(reason: Reason, byItself?: boolean): void;
  /** The room's own `error`; false if nobody listens. */
  fail(error: Failure): boolean;
  /** The server closed the connection because of an event that was too large. */
  tooBig(message: string): void;
}

/** A connection, as its rooms see it. */
export interface Line {
  /** Sends an event of a room, if the socket is open. Throws RangeError for one that is too large. */
  write(event: Wire): boolean;
  encode(event: Wire): string;
  /** The server wants less: what is not kept is held back. */
  readonly isSlow: boolean;
  /** Whether the server answers what older ones do not know. */
  readonly isNew: boolean;
  /** Logs the room in as soon as it may. */
  enter(seat: Seat): void;
  /** A room needs another login. True if nobody is in by this connection any more, so that another one is made. */
  again(reason: Reason): boolean;
  /** The room is done. */
  leave(seat: Seat): void;
  /** One user of the room is gone. */
  release(seat: Seat): void;
  /** The server said something and did not go on. */
  drop(reason: Reason): void;
  fail(error: Failure & { roomid: string }): void;
  retryNow(): void;
}
