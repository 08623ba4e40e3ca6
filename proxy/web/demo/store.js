// What a browser remembers. It may forbid that, or be full: then this page remembers it, until it is closed.

function storeOf(kind) {
  const here = new Map();
  let storage;
  try {
    // Where it is forbidden, already the name throws.
    storage = globalThis[kind];
    storage.setItem('roomcast:probe', '1');
    storage.removeItem('roomcast:probe');
  } catch {
    storage = undefined;
  }
  return {
    works: storage !== undefined,
    /** A value as it was set; undefined if there is none, or nonsense. */
    get(key) {
      try {
        return JSON.parse(here.get(key) ?? storage?.getItem(key) ?? undefined);
      } catch {
        return undefined;
      }
    },
    set(key, value) {
      const text = JSON.stringify(value);
      try {
        storage.setItem(key, text);
        here.delete(key);
      } catch {
        here.set(key, text);
      }
    },
    remove(key) {
      here.delete(key);
      storage?.removeItem(key);
    },
  };
}

/** For all tabs, for good. */
export const browser = storeOf('localStorage');
/** For this tab, over a reload. */
export const tab = storeOf('sessionStorage');

/** Pairs under a key, the ones that were set last: a map, so that `__proto__` is a name like others. */
export function pairs(key, most) {
  const known = browser.get(key);
  const isPair = (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string');
  const map = new Map(Array.isArray(known) ? known.filter(isPair) : []);
  return {
    get: (name) => map.get(name),
    set(name, value) {
      map.delete(name);
      map.set(name, value);
      browser.set(key, [...map].slice(-most));
    },
  };
}
