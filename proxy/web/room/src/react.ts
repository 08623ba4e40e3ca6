/**
 * A room in a React component.
 *
 * ```tsx
 * const connection = connect({ url: 'wss://chat.example/ws', uid: 'u-17' });
 *
 * function Chat() {
 *   const { state, messages, send } = useRoom<string>(connection, 'lobby');
 *   …
 * }
 * ```
 */
import { useCallback, useEffect, useState } from 'react';
import type { Connection, Entry, Events, Message, Reason, Room, RoomOptions, State } from './types.js';

export interface RoomView<Payload = unknown> {
  /** Null before the first effect has run. */
  room: Room<Payload> | null;
  state: State;
  reason: Reason | null;
  /** What came since this component was mounted, and what `earlier` read; in the room's order, each once. */
  messages: Message<Payload>[];
  /** What is on its way, or was given up. */
  outbox: Entry<Payload>[];
  /** What cannot be had. */
  lost: Events['lost'][];
  /** Whether the missed messages have come. */
  isSynced: boolean;
  /** Whether there may be older messages to read by `earlier`. */
  hasEarlier: boolean;
  /** As `room.send`; throws before the first effect has run. */
  send(message: Payload, fields?: Record<string, unknown>): Entry<Payload>;
  /** Reads a page of older messages; see `room.history`. Whether there are more. */
  earlier(limit?: number): Promise<boolean>;
}

type Shown<Payload> = Omit<RoomView<Payload>, 'send' | 'earlier'>;

const seqOf = (position: string) => Number.parseInt(position, 10);

function begin<Payload>(room: Room<Payload> | null): Shown<Payload> {
  return {
    room,
    state: room?.state ?? 'connecting',
    reason: room?.reason ?? null,
    messages: [],
    outbox: room?.outbox ?? [],
    lost: [],
    isSynced: false,
    hasEarlier: true,
  };
}

/** Tells `change` of all that happens in a room. Returns a function that ends it. */
function follow<Payload>(
  room: Room<Payload>,
  change: (how: (shown: Shown<Payload>) => Partial<Shown<Payload>>) => void,
): () => void {
  const upTo = (seq: number, { messages }: Shown<Payload>) => messages.filter((message) => message.seq <= seq);
  const ends = [
    room.on('state', () => change(() => ({ state: room.state, reason: room.reason }))),
    room.on('login', () => change(() => ({ isSynced: false }))),
    // What is shown behind this was taken back by a `reset`, as is what is shown where another message comes.
    room.on('synced', () => {
      const seq = seqOf(room.position!);
      change((shown) => ({ isSynced: true, messages: upTo(seq, shown) }));
    }),
    room.on('outbox', () => change(() => ({ outbox: room.outbox }))),
    room.on('message', (message) => change((shown) => ({ messages: [...upTo(message.seq - 1, shown), message] }))),
    room.on('lost', (lost) => change((shown) => ({ lost: [...shown.lost, lost] }))),
    // What was shown and is in the room all the same does not come again.
    room.on('reset', () => change(() => ({ hasEarlier: true }))),
  ];
  return () => ends.forEach((end) => end());
}

/**
 * Opens a room while the component is mounted. Components that open the same room share it; one that is mounted later reads what
 * was before by `earlier`.
 */
export function useRoom<Payload = unknown>(
  connection: Connection,
  roomid: string | number,
  options: RoomOptions = {},
): RoomView<Payload> {
  const [shown, setShown] = useState(() => begin<Payload>(null));
  const { history, as } = options;

  useEffect(() => {
    if (connection.state === 'closed') {
      setShown((now) => ({ ...now, state: 'closed', reason: connection.reason }));
      return undefined;
    }
    const room = connection.room<Payload>(roomid, { history, as });
    const current = (now: Shown<Payload>) => (now.room === room ? now : begin(room));
    // Mounted again at once (as StrictMode does) it is the same room, and what is shown stays.
    setShown((now) => ({ ...current(now), state: room.state, reason: room.reason, outbox: room.outbox }));
    const end = follow(room, (how) => setShown((now) => ({ ...current(now), ...how(current(now)) })));
    return () => {
      end();
      room.close();
    };
  }, [connection, roomid, history, as]);

  const { room } = shown;
  const send = useCallback((message: Payload, fields?: Record<string, unknown>) => {
    if (!room) throw new Error('the room is opened by the first effect; send after that');
    return room.send(message, fields);
  }, [room]);

  const earlier = useCallback(async (limit?: number) => {
    if (!room) return true;
    const page = await room.history({ limit });
    setShown((now) => {
      if (now.room !== room) return now;
      const [first] = now.messages;
      const older = page.messages.filter(({ seq }) => !first || seq < first.seq);
      return { ...now, messages: [...older, ...now.messages], hasEarlier: page.more };
    });
    return page.more;
  }, [room]);

  return { ...shown, send, earlier };
}
