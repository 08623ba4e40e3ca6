// What a browser says of its page and its network.
import { type Target, here } from './surroundings.js';

export interface Watcher {
  /** The network or the reader is back. */
  back(): void;
  /** There is no network. */
  offline(): void;
  /** The page may be gone in a moment. */
  away(): void;
}

/** Returns a function that ends it. */
export function watch({ back, offline, away }: Watcher): () => void {
  const seen = () => { if (here.document?.visibilityState !== 'hidden') back(); };
  const all: [Target | undefined, string, () => void][] = [
    [here, 'online', back], [here, 'pageshow', back], [here, 'offline', offline], [here, 'pagehide', away],
    [here.document, 'visibilitychange', seen],
  ];
  for (const [target, name, run] of all) target?.addEventListener?.(name, run);
  return () => { for (const [target, name, run] of all) target?.removeEventListener?.(name, run); };
}
