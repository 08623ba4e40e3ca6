// Events as they go over the wire.
import { here } from './surroundings.js';

export interface Wire { event: string; [field: string]: any }

/** What the room's log has, or says of itself: it is kept until a handler took it. */
export const isKept = ({ event, position }: Wire): boolean => Boolean(position) && /^(message|lost|reset)$/.test(event);

/** The server would close the connection for a larger one. */
export function encode(event: Wire, maxEvent: number): string {
  const text = JSON.stringify(event);
  const bytes = new here.TextEncoder().encode(text).length;
  if (bytes > maxEvent) throw new RangeError(`the event has ${bytes} bytes; maxEvent is ${maxEvent}`);
  return text;
}
