// The room's log on the screen. All that came is held here; the page has some hundred rows of it, around what is looked at.
//
// What is in the room stands in the room's order; own messages that are not in it yet (waiting, failed) stand below.

const MAX_ROWS = 300;
/** Rows that come or go at a time. */
const STEP = 100;
/** Items that are held. Beyond that those that were seen are let go, and what comes waits for the reader. */
const MAX_HELD = 10_000;
const FULL = 'This page holds 10,000 messages: older ones are left out';
/** Pixels above and below what is looked at, in which rows are made ready. */
const NEAR = 600;
const END = 80;
const ABOVE_LINE = 16;

export class Log {
  #node;
  #rows;
  #older;
  #changed;
  #items = [];
  /** How many at the end are not in the room. */
  #waiting = 0;
  /** The rows on the page are those of the items from here … */
  #from = 0;
  /** … to before here. */
  #to = 0;
  /** The items before this one were on the screen, or above it. */
  #seen = 0;
  /** Own messages by id. */
  #own = new Map();
  /** While missed messages come: the line above them stays on the screen. */
  #line = null;
  #hasOlder = true;
  #isReading = false;
  #isTelling = false;
  /** Before the place for the log became smaller or larger. */
  #wasAtEnd = true;
  #wake = () => {};

  /**
   * `older` reads the items before the oldest one: {items, more}. `changed` is told after each change what is not on the
   * screen: {isAtEnd, unseen, isReading}.
   */
  constructor(node, rows, { older, changed }) {
    this.#node = node;
    this.#rows = rows;
    this.#older = older;
    this.#changed = changed;
    node.addEventListener('scroll', () => this.#fill());
    document.addEventListener('visibilitychange', () => this.#fill());
    new ResizeObserver(() => {
      if (this.#wasAtEnd) this.#follow();
      this.#fill();
    }).observe(node);
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#node;
    return this.#to === this.#items.length && scrollHeight - scrollTop - clientHeight < END;
  }

  ownById(id) { return this.#own.get(id); }

  get last() { return this.#items.at(-1); }

  /** Waits until one more may be held: so long, nothing that comes counts as read. */
  async space() {
    while (this.#items.length >= MAX_HELD && !this.#letGo()) await new Promise((done) => { this.#wake = done; });
  }

  /** Something that is in the room, or about it. */
  add(item) {
    if (item.isOwn && item.id) this.#own.set(item.id, item);
    this.#put(item, this.#items.length - this.#waiting);
  }

  /** The line above what was missed; there is one. */
  addLine(item) {
    const before = this.#items.find(({ kind }) => kind === 'line');
    if (before) this.remove(before);
    this.#line = item;
    this.add(item);
  }

  endLine() { this.#line = null; }

  /** An own message that is not in the room yet. */
  addWaiting(item) {
    this.#own.set(item.id, item);
    this.#waiting += 1;
    this.#put(item, this.#items.length);
  }

  /** An own message is in the room now. */
  settle(item) {
    const index = this.#items.lastIndexOf(item);
    const end = this.#items.length - this.#waiting;
    this.#waiting -= 1;
    // A row that is in its place already must not be read out again.
    if (index === end) this.update(item);
    else this.#keep(() => { this.#take(index); this.#put(item, end); });
  }

  remove(item) {
    const index = this.#items.lastIndexOf(item);
    if (index < 0) return;
    if (index >= this.#items.length - this.#waiting) this.#waiting -= 1;
    if (item.id) this.#own.delete(item.id);
    this.#keep(() => this.#take(index));
    this.#fill();
  }

  update(item) {
    const row = this.#rowAt(this.#items.lastIndexOf(item));
    if (!row) return;
    const wasAtEnd = this.isAtEnd;
    this.#rows.mark(row, item);
    if (wasAtEnd) this.#follow();
  }

  rename(uid) {
    for (const row of this.#node.children) if (row.dataset.uid === uid) this.#rows.rename(row, uid);
  }

  toEnd() {
    const size = this.#items.length;
    if (this.#to < size) {
      this.#node.replaceChildren();
      this.#from = this.#to = Math.max(0, size - MAX_ROWS);
      this.#show(size - this.#from);
    }
    this.#node.scrollTop = this.#node.scrollHeight;
    this.#fill();
  }

  /** What is before the oldest item belongs to another history. */
  stopOlder() { this.#hasOlder = false; }

  // ---- items ----

  #put(item, index) {
    const wasAtEnd = this.isAtEnd;
    this.#items.splice(index, 0, item);
    if (index < this.#seen) this.#seen += 1;
    if (index >= this.#from && index <= this.#to) {
      this.#node.insertBefore(this.#rows.draw(item), this.#rowAt(index));
      this.#to += 1;
      this.#group(index);
      this.#group(index + 1);
      this.#trim(wasAtEnd);
    }
    if (wasAtEnd) this.#follow();
    this.#fill();
  }

  #take(index) {
    this.#items.splice(index, 1);
    if (index < this.#seen) this.#seen -= 1;
    if (index < this.#from) this.#from -= 1;
    else if (index < this.#to) this.#node.children[index - this.#from].remove();
    if (index < this.#to) this.#to -= 1;
    this.#group(index);
  }

  /** Makes room by what was seen and is not on the page. False if there is none. */
  #letGo() {
    if (this.#from < 2 || this.#seen < 2) return false;
    const gone = this.#items.splice(0, 2, { kind: 'notice', tone: 'top', label: FULL });
    for (const { id } of gone) this.#own.delete(id);
    this.#shift(-1);
    this.#hasOlder = false;
    return true;
  }

  #shift(by) {
    this.#from += by;
    this.#to += by;
    this.#seen += by;
  }

  async #readOlder() {
    if (this.#isReading || !this.#hasOlder) return;
    this.#isReading = true;
    const full = { items: [{ kind: 'notice', tone: 'top', label: FULL }], more: false };
    const { items, more } = this.#items.length < MAX_HELD ? await this.#older() : full;
    this.#isReading = false;
    this.#hasOlder &&= more;
    const wasAtEnd = this.isAtEnd;
    for (const item of items) if (item.isOwn && item.id) this.#own.set(item.id, item);
    this.#items.unshift(...items);
    this.#shift(items.length);
    this.#group(items.length);
    this.#fill();
    if (wasAtEnd) this.#follow();
  }

  // ---- rows ----

  #rowAt(index) {
    return index < this.#from ? null : this.#node.children[index - this.#from] ?? null;
  }

  #group(index) {
    const row = this.#rowAt(index);
    if (row) this.#rows.group(row, this.#items[index], this.#items[index - 1]);
  }

  /** Shows so many items more, at the end or at the beginning. */
  #show(count, atBeginning = false) {
    const start = atBeginning ? this.#from - count : this.#to;
    const items = this.#items.slice(start, start + count);
    const rows = items.map((item) => this.#rows.draw(item));
    this.#node[atBeginning ? 'prepend' : 'append'](...rows);
    if (atBeginning) this.#from = start;
    else this.#to += items.length;
    for (let index = start; index <= start + items.length; index += 1) this.#group(index);
  }

  #trim(atBeginning) {
    while (this.#to - this.#from > MAX_ROWS) {
      this.#node[atBeginning ? 'firstElementChild' : 'lastElementChild'].remove();
      if (atBeginning) this.#from += 1;
      else this.#to -= 1;
    }
  }

  /** What is looked at stays where it is on the screen. */
  #keep(change) {
    const { top } = this.#node.getBoundingClientRect();
    const anchor = [...this.#node.children].find((row) => row.getBoundingClientRect().bottom > top);
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected) this.#node.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  #follow() {
    const { scrollHeight, clientHeight, scrollTop } = this.#node;
    const end = scrollHeight - clientHeight;
    const line = this.#line && this.#rowAt(this.#items.lastIndexOf(this.#line));
    const atLine = line ? line.getBoundingClientRect().top - this.#node.getBoundingClientRect().top + scrollTop - ABOVE_LINE : end;
    this.#node.scrollTop = Math.min(end, atLine);
  }

  /** Rows above and below what is looked at, as far as there are any. */
  #fill() {
    const node = this.#node;
    const isNearEnd = () => node.scrollHeight - node.scrollTop - node.clientHeight < NEAR;
    while (node.scrollTop < NEAR && this.#from > 0) {
      this.#keep(() => { this.#show(Math.min(STEP, this.#from), true); this.#trim(false); });
    }
    while (isNearEnd() && this.#to < this.#items.length) {
      this.#keep(() => { this.#show(STEP); this.#trim(true); });
    }
    if (node.scrollTop < NEAR && this.#from === 0) this.#readOlder();
    this.#see();
    this.#wasAtEnd = this.isAtEnd;
    this.#tellSoon();
  }

  /** Many changes of a moment are one. */
  #tellSoon() {
    if (this.#isTelling) return;
    this.#isTelling = true;
    requestAnimationFrame(() => {
      this.#isTelling = false;
      this.#changed({ isAtEnd: this.isAtEnd, unseen: this.#items.length - this.#seen, isReading: this.#isReading });
    });
  }

  #see() {
    if (document.hidden) return;
    const { bottom } = this.#node.getBoundingClientRect();
    let index = this.#to;
    const isBelow = (row) => row && row.getBoundingClientRect().top >= bottom;
    while (index > this.#seen && isBelow(this.#rowAt(index - 1))) index -= 1;
    this.#seen = Math.max(this.#seen, this.isAtEnd ? this.#items.length : index);
    this.#wake();
  }
}
