// What a connection and its rooms know of each other.
import type { Failure, Reason, Room } from './types.js';
import type { Wire } from './wire.js';

/** A room, as its connection sees it. */
export interface Seat {
  readonly roomid: string;
  readonly room: Room;
  /** How many times it was opened and not closed. */
  users: number;
  /** `out`, `asked` (a login waits for its answer), or `in`. */
  login: 'out' | 'asked' | 'in';
  /** Whether it wants to be logged in now. */
  isReady(): boolean;
  /** Whether a handler of a message is not done. */
  isAtWork(): boolean;
  /** What its login says. */
  entry(): { roomid: string; since?: string; history?: number; as?: string };
  receive(event: Wire): void;
  /** A connection is made, or a login was sent; with a reason: the connection is gone. */
  turn(reason?: Reason): void;
  /** Confirms what was handled, now. */
  confirm(): void;
  /** It is over, and why; with a logout, where that can be said. */
  end(reason: Reason): void;
  /** The room's own `error`; false if nobody listens. */
  fail(error: Failure): boolean;
}

/** A connection, as its rooms see it. */
export interface Line {
  /** The server wants less: what is not kept is held back. */
  isSlow: boolean;
  /** Whether the server answers what older ones do not know. */
  isNew: boolean;
  /** Sends an event, if the socket is open. Throws RangeError for one that is too large. */
  write(event: Wire): boolean;
  /** Logs rooms in as soon as they are ready; on a new connection when its time has come, or now. */
  enter(now?: boolean): void;
  /** A room needs another login. True if nobody is in by this connection any more, so that another one is made. */
  again(reason: Reason): boolean;
  /** The room has ended. */
  leave(seat: Seat): void;
  /** One user of the room is gone. */
  release(seat: Seat): void;
  /** The server did not answer. */
  late(): void;
  fail(error: Failure & { roomid: string }): void;
}
