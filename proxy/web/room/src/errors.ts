// What follows from the code of an `error`. What is in no list passes: the same is tried again.

/** A login or a message that would be refused again. */
const FINAL = 'BADEVENT BADFIELD BADID BADJSON BADTOKEN BADUID BANNED LIMIT NOPERM NORIGHT NOTOKEN OTHERUID TOOBIG TOOLONG '
  + 'WRONGTYPE';
/** A login refused so was refused for who it is of, whichever room it named. What is not final here, a new token mends. */
const OF_TOKEN = 'BADTOKEN EARLY EXPIRED NOKEY NOTOKEN OTHERUID';
/** Nothing was stored: it is as if it had not been sent. */
const NOT_STORED = 'BUSY CLUSTERDOWN LOADING MASTERDOWN MISCONF NOREPLICAS OOM READONLY TOOFAST TRYAGAIN';
/** Known to pass, so it is no news. */
const PASSING = `UNAVAILABLE ${NOT_STORED}`;
/** The server does not know this session (any more): another login helps. */
const NO_SESSION = 'NOLOGIN NOMEMBER NOROOM';

const has = (list: string) => (code: string) => list.split(' ').includes(code);

export const isFinal = has(FINAL);
export const isOfToken = has(OF_TOKEN);
export const isNotStored = has(NOT_STORED);
export const isPassing = has(PASSING);
export const isNoSession = has(NO_SESSION);

/** Names of events that a page may not use for its own: they would be taken for something else. */
export const isServers = has(' ack closing error heartbeat heartbeat-timeout history kicked leave login logout lost members '
  + 'message pong position presence refresh reset sent synced');

/** An error that carries a stable code. */
export function coded(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code });
}
