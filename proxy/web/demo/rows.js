// How an item of the log looks. An item is {kind: 'message', uid, text, ts, state, …}, {kind: 'line', label} or
// {kind: 'notice', label, tone}.
import { linked } from './links.js';
import { button, clock, element, said } from './nodes.js';

const GROUP_MS = 5 * 60_000;
const WORDS = { pending: 'waiting', sent: 'sent', failed: 'not sent', unknown: 'it is not known whether this was sent' };

export class Rows {
  #self;
  #names;
  #again;
  #forget;

  /** `again` and `forget` are asked with an item that could not be sent. */
  constructor({ self, names, again, forget }) {
    this.#self = self;
    this.#names = names;
    this.#again = again;
    this.#forget = forget;
  }

  draw(item) {
    if (item.kind === 'line') return element('h2', 'divider', item.label);
    if (item.kind === 'notice') return element('p', `notice ${item.tone}`, item.label);
    const row = element('article', 'message');
    row.dataset.uid = item.uid;
    const isOwn = item.uid === this.#self;
    row.classList.toggle('own', isOwn);
    const who = element('div', 'who');
    who.append(said('span', 'author', this.#authorOf(item.uid)), element('time'));
    const text = said('div', 'text');
    text.append(...linked(item.text));
    const body = element('div', 'bubble');
    body.append(who, text, element('div', 'mark'));
    row.append(this.#names.avatar(item.uid), body);
    this.mark(row, item);
    return row;
  }

  /** Its time and, on own messages, what became of it. */
  mark(row, item) {
    if (item.kind !== 'message') {
      row.textContent = item.label;
      return;
    }
    row.dataset.state = item.state;
    if (item.id) row.dataset.id = item.id;
    if (item.seq) row.dataset.seq = item.seq;
    const date = new Date(item.ts);
    const time = row.querySelector('time');
    time.dateTime = date.toISOString();
    time.title = date.toLocaleString();
    time.textContent = clock(date);
    if (item.uid !== this.#self) return;
    const word = element('span', 'word', item.error ? `${WORDS[item.state]}: ${item.error}` : WORDS[item.state]);
    const line = row.querySelector('.mark');
    line.replaceChildren(time, word);
    if (item.state !== 'failed' && item.state !== 'unknown') return;
    line.append(button('Send again', () => this.#again(item)), button('Forget', () => this.#forget(item)));
  }

  /** One who writes several messages in a row is named once on the screen, and to a screen reader each time. */
  group(row, item, before) {
    const follows = item.kind === 'message' && before?.kind === 'message' && before.uid === item.uid
      && item.ts - before.ts < GROUP_MS;
    row.classList.toggle('follows', follows);
  }

  rename(row, uid) {
    row.querySelector('.author').textContent = this.#authorOf(uid);
    row.querySelector('.avatar').replaceWith(this.#names.avatar(uid));
  }

  #authorOf(uid) { return uid === this.#self ? 'You' : this.#names.of(uid); }
}
