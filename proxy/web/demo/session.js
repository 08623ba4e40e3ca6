// One visit to a room: what it says, and where that is shown.
import { prepareCompose } from './compose.js';
import { prepareDrawer } from './drawer.js';
import { Log } from './log.js';
import { Names } from './names.js';
import { $, element, plural } from './nodes.js';
import { People } from './people.js';
import { Rows } from './rows.js';
import { closed, kicked, loggedOut, showEnd, showState } from './status.js';
import { Typing } from './typing.js';

const MAX_GREETED = 20;
const MAX_READ_OUT = 500;
const MAX_HEARD = 5;
const HEARD_MS = 5000;
const LINE_EVERY = 100;
const LOST = {
  'read-elsewhere': 'read on another device',
  'not-kept': 'not kept for guests',
  'no-history': 'not for guests',
  unknown: 'for an unknown reason',
};

const textOf = (message) => (typeof message === 'string' ? message : JSON.stringify(message));
const seqOf = (position) => Number.parseInt(position ?? '0', 10);

export class Session {
  #room;
  #isGuest;
  #names;
  #people;
  #typing;
  #log;
  /** What was missed, while it comes: {line, missed}. */
  #catchUp = null;
  #isGreeting = false;
  #unread = 0;
  #wasExplained = false;

  constructor(room, { name, isGuest }) {
    this.#room = room;
    this.#isGuest = isGuest;
    this.#names = new Names((uid) => this.#renamed(uid));
    this.#people = new People(room, this.#names, isGuest);
    this.#typing = new Typing(room, this.#names);
    const rows = new Rows({
      self: room.uid,
      names: this.#names,
      again: (item) => { this.#log.remove(item); room.retry(item.id); },
      forget: (item) => { this.#log.remove(item); room.discard(item.id); },
    });
    this.#log = new Log($('log'), rows, { older: () => this.#older(), changed: showPlace });
    this.#names.learn(room.uid, name);
    this.#listen();
    prepareCompose({ send: (text) => this.#send(text), writing: () => this.#typing.tell() });
    prepareDrawer();
    $('jump').addEventListener('click', () => this.#log.toEnd());
    $('again').addEventListener('click', () => room.retryNow());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#countUnread(); });
    for (const entry of room.outbox) this.#outbox(entry);
    this.#people.draw();
  }

  #renamed(uid) {
    this.#people.draw();
    this.#log?.rename(uid);
  }

  #listen() {
    const room = this.#room;
    room.on('state', (state, reason) => this.#state(state, reason));
    room.on('login', (event) => {
      // A connection that broke while missed messages came goes on under the same line.
      if (event.pending > 0) this.#catchUp ??= { line: null, missed: 0 };
      this.#people.counts(event);
      this.#people.ask();
      room.signal('hello', { ask: true });
    });
    room.on('message', (event) => this.#message(event));
    room.on('synced', () => {
      const line = this.#catchUp?.line;
      if (line) {
        this.#log.update(line);
        read(line.label);
      }
      this.#catchUp = null;
      this.#log.endLine();
    });
    room.on('outbox', (entry) => this.#outbox(entry));
    room.on('presence', (event) => this.#people.presence(event));
    room.on('members', (event) => this.#people.page(event));
    room.on('event', (event) => this.#signal(event));
    room.on('lost', ({ from, to, reason }) => {
      const why = LOST[reason] ?? `the room’s limit: ${reason}`;
      this.#notice(`${plural(to - from + 1, 'message')} cannot be shown (${why})`, 'lost');
    });
    room.on('reset', () => {
      this.#log.stopOlder();
      this.#notice('The room’s history has changed: some messages above may not be in it any more', 'reset');
    });
    room.on('kicked', (event) => this.#end(kicked(event, this.#isGuest)));
    room.on('logout', (event) => this.#end(loggedOut(event)));
    room.on('error', ({ code, message, id }) => {
      // What was wrong with a message stands at the message, and why one is not let in where one would write.
      if (!['UNAVAILABLE', 'SLOWDOWN', 'BANNED'].includes(code) && !id) this.#notice(`${message} (${code})`, 'error');
    });
  }

  #state(state, reason) {
    showState(state, reason);
    this.#people.draw();
    if (state === 'closed' && !this.#wasExplained) this.#end(closed(reason));
  }

  #end(words) {
    this.#wasExplained = true;
    showEnd(words);
  }

  #notice(label, tone) {
    if (this.#log.last?.label !== label) this.#log.add({ kind: 'notice', label, tone });
  }

  // ---- messages ----

  #itemOf({ uid, message, ts, id, seq }) {
    const isOwn = uid === this.#room.uid;
    return { kind: 'message', uid, isOwn, text: textOf(message), ts, id, seq, state: 'sent', error: undefined };
  }

  /** It counts as read when this is over. */
  async #message(event) {
    await this.#log.space();
    if (event.name) this.#names.learn(event.uid, event.name);
    const item = this.#itemOf(event);
    const own = item.isOwn ? this.#log.ownById(item.id) : undefined;
    this.#people.counts(event);
    this.#typing.stop(event.uid);
    if (own) {
      if (own.seq) return;
      Object.assign(own, item);
      this.#log.settle(own);
    } else {
      this.#countMissed();
      this.#log.add(item);
    }
    if (!this.#catchUp) {
      this.#people.oneMoreWaits();
      if (!item.isOwn) read(`${this.#names.of(item.uid)}: ${item.text}`);
    }
    this.#countUnread();
  }

  /** The line stands above the first one, and counts. */
  #countMissed() {
    const catchUp = this.#catchUp;
    if (!catchUp) return;
    catchUp.missed += 1;
    const label = `While you were away · ${plural(catchUp.missed, 'message')}`;
    if (catchUp.line) {
      catchUp.line.label = label;
      // To draw it for each of thousands takes longer than they do.
      if (catchUp.missed % LINE_EVERY === 0) this.#log.update(catchUp.line);
    } else {
      catchUp.line = { kind: 'line', label };
      this.#log.addLine(catchUp.line);
    }
  }

  async #older() {
    try {
      const { messages, more, gone } = await this.#room.history();
      // The newest name counts, whatever came first.
      for (const { uid, name } of messages.toReversed()) if (name && !this.#names.knows(uid)) this.#names.learn(uid, name);
      const items = messages.map((message) => this.#itemOf(message));
      for (const { isOwn, id } of items) if (isOwn && id) this.#dropWaiting(id);
      if (!more && gone > 0) {
        const label = `${plural(gone, 'older message')} ${gone === 1 ? 'is' : 'are'} not kept any more`;
        items.unshift({ kind: 'notice', tone: 'top', label });
      }
      return { items, more };
    } catch {
      // The room has another history by now, or gives none: what comes from here on is shown all the same.
      return { items: [], more: false };
    }
  }

  /** It was stored before this page began: there it stands. */
  #dropWaiting(id) {
    const waiting = this.#log.ownById(id);
    if (waiting && !waiting.seq) this.#log.remove(waiting);
  }

  #outbox({ id, message, created, state, error, seq }) {
    const known = this.#log.ownById(id);
    if (known?.seq) return;
    if (state === 'sent' && seq <= seqOf(this.#room.position)) {
      this.#dropWaiting(id);
      return;
    }
    if (known) {
      Object.assign(known, { state, error });
      this.#log.update(known);
    } else {
      const item = { kind: 'message', uid: this.#room.uid, isOwn: true, text: textOf(message), ts: created, id, state, error };
      this.#log.addWaiting(item);
    }
  }

  #send(text) {
    try {
      this.#room.send(text);
      this.#typing.sent();
      this.#log.toEnd();
      return true;
    } catch (error) {
      this.#notice(error.message, 'error');
      return false;
    }
  }

  #countUnread() {
    this.#unread = document.hidden ? this.#unread + 1 : 0;
    document.title = `${this.#unread ? `(${this.#unread}) ` : ''}${this.#room.roomid} · Roomcast`;
  }

  // ---- what is not kept ----

  #signal(event) {
    if (event.uid === this.#room.uid) return;
    if (event.name) this.#names.learn(event.uid, event.name);
    if (event.event === 'typing') this.#typing.show(event.uid);
    if (event.event === 'hello' && event.ask) this.#greetBack();
  }

  /** Members are told by uid only; who is here says its name, and small rooms answer: once for all who ask in a while. */
  #greetBack() {
    if (this.#isGreeting || this.#people.count > MAX_GREETED) return;
    this.#isGreeting = true;
    setTimeout(() => this.#room.signal('hello'), Math.random() * 500);
    setTimeout(() => { this.#isGreeting = false; }, 1000);
  }
}

/** What is not on the screen. */
function showPlace({ isAtEnd, unseen, isReading }) {
  $('jump').hidden = isAtEnd;
  $('jump').textContent = unseen > 0 ? `${plural(unseen, 'new message')} ↓` : 'To the newest ↓';
  $('reading').hidden = !isReading;
}

/** Read out by a screen reader: what is new, not what comes and goes as one scrolls. */
function read(words) {
  const line = element('p', '', words.slice(0, MAX_READ_OUT));
  $('heard').append(line);
  if ($('heard').childElementCount > MAX_HEARD) $('heard').firstElementChild.remove();
  setTimeout(() => line.remove(), HEARD_MS);
}
