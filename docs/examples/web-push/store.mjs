// What outlives a restart: who wants pushes where, and what was pushed there. A database does it as well; a file is enough to begin with.
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** For how long it is known what was pushed: the proxy gives up after a day (--webhook-give-up). */
const KEPT = 3 * 24 * 3600 * 1000;

export class Store {
  #subscriptions;
  #log;
  /** "telling endpoint" → when it was pushed. */
  #pushed = new Map();

  constructor(folder) {
    this.#subscriptions = join(folder, 'subscriptions.json');
    this.#log = join(folder, 'pushed.log');
    this.uids = existsSync(this.#subscriptions) ? JSON.parse(readFileSync(this.#subscriptions, 'utf8')) : {};
    const lines = existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split('\n') : [];
    for (const line of lines) {
      const [at, key] = line.split('\t');
      // The last line may be half of one, if the machine died.
      if (key && Number(at) > Date.now() - KEPT) this.#pushed.set(key, Number(at));
    }
    this.#replace(this.#log, [...this.#pushed].map(([key, at]) => `${at}\t${key}\n`).join(''));
  }

  /** Where a uid wants pushes: PushSubscriptions as browsers give them. */
  of(uid) {
    return Object.hasOwn(this.uids, uid) ? this.uids[uid] : [];
  }

  add(uid, subscription) {
    this.#set(uid, [...this.#others(uid, subscription.endpoint), subscription]);
  }

  remove(uid, endpoint) {
    this.#set(uid, this.#others(uid, endpoint));
  }

  wasPushed(telling, endpoint) {
    return this.#pushed.has(`${telling} ${endpoint}`);
  }

  isPushed(telling, endpoint) {
    const [key, now] = [`${telling} ${endpoint}`, Date.now()];
    this.#pushed.set(key, now);
    appendFileSync(this.#log, `${now}\t${key}\n`);
    // The oldest are first.
    for (const [old, at] of this.#pushed) {
      if (at > now - KEPT) break;
      this.#pushed.delete(old);
    }
  }

  #others(uid, endpoint) {
    return this.of(uid).filter((known) => known.endpoint !== endpoint);
  }

  #set(uid, subscriptions) {
    // A uid may be called __proto__.
    const rest = Object.entries(this.uids).filter(([known]) => known !== uid);
    if (subscriptions.length > 0) rest.push([uid, subscriptions]);
    this.uids = Object.fromEntries(rest);
    this.#replace(this.#subscriptions, JSON.stringify(this.uids, null, 2));
  }

  /** The whole file or what was there before, never a part. */
  #replace(path, text) {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}
