// Who is here and who is away, as far as the room tells: large rooms tell numbers only.
import { $, element, said } from './nodes.js';

/** Rooms that are larger are shown in part. */
const MAX_LISTED = 300;
const ASK_AGAIN_MS = 1000;

export class People {
  #room;
  #names;
  #isGuest;
  /** How many messages wait for whom. */
  #online = new Map();
  #away = new Map();
  /** The members come in pages; the list on the screen changes when the last one is here. */
  #arriving = null;
  #isComplete = false;
  #asking;
  #isDrawing = false;

  constructor(room, names, isGuest) {
    this.#room = room;
    this.#names = names;
    this.#isGuest = isGuest;
  }

  get count() { return this.#online.size; }

  ask() {
    this.#arriving = { online: new Map(), away: new Map() };
    this.#room.members();
  }

  page({ members, cursor }) {
    const arriving = this.#arriving;
    if (!arriving) return;
    for (const { uid, online, pending } of members) (online ? arriving.online : arriving.away).set(uid, pending);
    const isEnough = arriving.online.size + arriving.away.size >= MAX_LISTED;
    if (cursor !== '0' && !isEnough && this.#room.members(cursor)) return;
    this.#isComplete = cursor === '0';
    this.#online = arriving.online;
    this.#away = arriving.away;
    this.#arriving = null;
    if (!this.#isGuest) this.#move(this.#room.uid, true);
    $('more').hidden = this.#isComplete;
    this.draw();
  }

  presence(event) {
    this.counts(event);
    if (!event.uid) return;
    this.#move(event.uid, event.online);
    this.draw();
    // Others are told a while after somebody went: messages may wait already.
    if (!event.online) this.#askSoon();
  }

  #move(uid, isOnline) {
    const [from, to] = isOnline ? [this.#away, this.#online] : [this.#online, this.#away];
    from.delete(uid);
    if (!to.has(uid)) to.set(uid, 0);
  }

  /** A message is on its way to everybody who is here, and waits for everybody who is not. */
  oneMoreWaits() {
    for (const [uid, pending] of this.#away) this.#away.set(uid, pending + 1);
    if (this.#away.size > 0) this.draw();
  }

  counts({ num, total }) {
    const words = ` · ${total} in all`;
    if ($('counts').textContent !== `${num} online${words}`) {
      $('counts').replaceChildren(`${num} online`, element('span', 'wide', words));
    }
    // Large rooms tell counters only, and whoever left is told like whoever went away.
    if (this.#online.size !== num || this.#online.size + this.#away.size !== total) this.#askSoon();
  }

  #askSoon() {
    if (!this.#isComplete || this.#arriving || this.#asking) return;
    this.#asking = setTimeout(() => {
      this.#asking = undefined;
      this.ask();
    }, ASK_AGAIN_MS);
  }

  /** Soon; many changes of a moment are one. */
  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { uid: self, state } = this.#room;
    // Without a connection nobody knows who is here.
    const isKnown = state === 'online';
    for (const [list, people] of [['online', this.#online], ['away', this.#away]]) {
      const inOrder = [...people].sort(([a], [b]) => this.#names.of(a).localeCompare(this.#names.of(b)));
      if (list === 'online' && this.#isGuest && !people.has(self)) inOrder.push([self, 0]);
      $(list).replaceChildren(...inOrder.map(([uid, pending]) => this.#person(uid, pending, isKnown && list === 'online')));
      $(`${list}-count`).textContent = people.size || '';
    }
    $('online-title').textContent = isKnown ? 'Online' : 'Were online';
    $('online-head').hidden = $('online').childElementCount === 0;
    $('away-title').hidden = this.#away.size === 0;
  }

  #person(uid, pending, isOnline) {
    const row = element('li', isOnline ? 'here' : '');
    row.dataset.uid = uid;
    row.title = uid;
    row.append(this.#names.avatar(uid), said('span', 'person', this.#names.of(uid)));
    const words = [];
    if (uid === this.#room.uid) words.push(this.#isGuest ? 'you, a guest' : 'you');
    if (pending > 0 && this.#away.has(uid)) words.push(`${pending} waiting`);
    if (words.length > 0) row.append(element('span', 'waiting', words.join(', ')));
    row.append(element('span', 'hidden', isOnline ? 'online' : 'offline'));
    return row;
  }
}
