// Who somebody is: a new name is a new person, a name that was used in this browser before is that person again.
import { pairs } from './store.js';

const MAX_PEOPLE = 100;

export function uidOf(name) {
  const people = pairs('roomcast:people', MAX_PEOPLE);
  const uid = people.get(name) ?? newUid(name);
  people.set(name, uid);
  return uid;
}

/** Readable, and nobody else's. */
function newUid(name) {
  const readable = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '').slice(0, 20) || 'someone';
  const random = [...crypto.getRandomValues(new Uint32Array(2))].map((part) => part.toString(36).padStart(7, '0')).join('');
  return `${readable}-${random}`;
}
