// The package's door.
import { Connection } from './connection.js';
import { settingsOf } from './defaults.js';
import type { Connect, ConnectionOptions, Options } from './types.js';

export type * from './types.js';

/** Opens a connection; with a `roomid` a room. See `ConnectionOptions` and `Options`. */
export const connect = ((options: ConnectionOptions & Partial<Options>) => {
  const connection = new Connection(settingsOf(options));
  return 'roomid' in options ? connection.only(options.roomid!) : connection;
}) as Connect;
