// The demo page: what a small chat needs beyond room.js. All text of others goes through textContent.
//
// What is in the room stands in the room's order; what is not in it yet (waiting, failed) stands below.
import { connect } from './room.js';

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
/** Who this tab is, over a reload. */
const HERE = 'roomcast:here';
const GROUP_MS = 5 * 60_000;
const TYPING_MS = 3000;
/** Rooms that are larger are shown in part. */
const MAX_LISTED = 300;
const MAX_GREETED = 20;
const MAX_ROWS = 500;
const names = new Map();
let room;

// ---- the entrance ----

function begin() {
  const here = location.search.length > 1 ? {} : remembered();
  $('name').value = query.get('name') ?? query.get('uid') ?? here.name ?? localStorage.getItem('roomcast:name') ?? '';
  $('room').value = query.get('room') ?? query.get('roomid') ?? here.roomid ?? 'lobby';
  $('join').addEventListener('submit', (event) => {
    event.preventDefault();
    enter($('name').value.trim(), $('room').value.trim());
  });
  const known = here.roomid || query.has('uid') || (query.has('name') && query.has('room'));
  if (known && $('name').value) enter($('name').value, $('room').value);
  else ($('name').value ? $('room') : $('name')).focus();
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(HERE)) ?? {};
  } catch {
    return {};
  }
}

/** The same browser is the same person, unless the address says otherwise. */
function ownUid(name) {
  if (query.get('uid')) return query.get('uid');
  const known = localStorage.getItem('roomcast:uid');
  if (known) return known;
  const readable = name.normalize('NFKD').toLowerCase().replace(/[^a-z0-9]+/g, '').slice(0, 20) || 'guest';
  const uid = `${readable}-${Math.random().toString(36).slice(2, 8)}`;
  localStorage.setItem('roomcast:uid', uid);
  return uid;
}

function enter(name, roomid) {
  if (!name || !roomid) return;
  if (!query.get('uid')) localStorage.setItem('roomcast:name', name);
  sessionStorage.setItem(HERE, JSON.stringify({ name, roomid }));
  $('entrance').hidden = true;
  $('chat').hidden = false;
  $('title').textContent = roomid;
  document.title = `${roomid} · Roomcast`;
  room = connect({ roomid, name, uid: ownUid(name), history: 20 });
  names.set(room.uid, name);
  listen();
  for (const entry of room.outbox) showOwn(entry);
  renderPeople();
  $('text').focus();
}

$('exit').addEventListener('click', () => {
  room.close();
  sessionStorage.removeItem(HERE);
  location.href = location.pathname;
});

// ---- what the room says ----

let catchUp = null;

function listen() {
  room.on('state', showState);
  room.on('login', (event) => {
    catchUp = event.new ? null : { missed: 0, divider: null };
    showCounts(event);
    askForPeople();
    room.signal('hello', { ask: true });
  });
  room.on('message', showMessage);
  room.on('synced', endCatchUp);
  room.on('outbox', showOwn);
  room.on('presence', showPresence);
  room.on('members', showPeople);
  room.on('event', (event) => {
    if (event.uid === room.uid) return;
    if (event.name) learnName(event.uid, event.name);
    if (event.event === 'typing') showTyping(event.uid);
    if (event.event === 'hello' && event.ask) greetBack();
  });
  room.on('lost', ({ from, to, reason }) => {
    const why = { 'read-elsewhere': 'read on another device', 'not-kept': 'not kept for guests', 'no-history': 'not for guests', unknown: 'for an unknown reason' }[reason] ?? `the room’s limit: ${reason}`;
    notice(`${plural(to - from + 1, 'message')} cannot be shown (${why})`, 'lost');
  });
  room.on('reset', () => notice('The room’s history has changed: some messages above may not be in it any more', 'reset'));
  room.on('kicked', ({ reason }) => notice(`You were asked to leave${reason ? `: ${reason}` : ''}`, 'kicked'));
  room.on('logout', ({ reason }) => notice(`You are no longer in this room${reason ? ` (${reason})` : ''}`, 'logout'));
  room.on('error', ({ code, message, id }) => {
    // What was wrong with a message stands at the message.
    if (code !== 'UNAVAILABLE' && code !== 'SLOWDOWN' && !id) notice(`${message} (${code})`, 'error');
  });
}

/** Members are told by uid only; who is here says its name, and small rooms answer: once for all who ask in a while. */
let greeting = false;

function greetBack() {
  if (greeting || online.size > MAX_GREETED) return;
  greeting = true;
  setTimeout(() => room.signal('hello'), Math.random() * 500);
  setTimeout(() => { greeting = false; }, 1000);
}

function learnName(uid, name) {
  if (names.get(uid) === String(name)) return;
  names.set(uid, String(name));
  renderPeople();
}

function showState(state) {
  const words = { connecting: 'connecting', online: 'online', offline: 'offline', closed: 'closed' };
  $('state').textContent = words[state];
  $('state').dataset.state = state;
  // Not at the very first connecting, which takes no time.
  if (state === 'offline' || state === 'online') $('hint').hidden = state === 'online';
  if (state !== 'closed') return;
  $('hint').hidden = true;
  $('text').placeholder = 'You are not in the room any more';
  for (const control of $('compose').elements) control.disabled = true;
}

// ---- messages ----

function showMessage(event) {
  if (event.name) learnName(event.uid, event.name);
  showCounts(event);
  stopTyping(event.uid);
  const own = event.id && event.uid === room.uid ? rowOf(event.id) : null;
  if (catchUp && !own) {
    catchUp.divider ??= insert(element('div', 'divider', 'While you were away'));
    catchUp.divider.setAttribute('role', 'separator');
    catchUp.missed += 1;
  }
  if (!catchUp) countWaiting();
  const row = own ?? bubble(event.uid, text(event.message));
  row.dataset.seq = event.seq;
  row.dataset.ts = event.ts;
  mark(row, { state: 'sent' });
  insert(row);
  countUnread();
}

function endCatchUp() {
  if (catchUp?.divider) catchUp.divider.textContent = `While you were away · ${plural(catchUp.missed, 'message')}`;
  catchUp = null;
}

function showOwn(entry) {
  const known = rowOf(entry.id);
  if (known?.dataset.seq) return;
  const row = known ?? bubble(room.uid, text(entry.message));
  row.dataset.id = entry.id;
  row.dataset.ts = entry.created;
  mark(row, entry);
  if (!known) insert(row);
}

const rowOf = (id) => $('log').querySelector(`[data-id="${CSS.escape(id)}"]`);

const WORDS = { pending: 'waiting', sent: 'sent', failed: 'not sent', unknown: 'it is not known whether this was sent' };

/** Time and, on own messages, what became of them. */
function mark(row, { id, state, error }) {
  row.dataset.state = state;
  const date = new Date(Number(row.dataset.ts));
  const time = row.querySelector('time');
  time.dateTime = date.toISOString();
  time.title = date.toLocaleString();
  time.textContent = clock(date);
  if (row.dataset.uid !== room.uid) return;
  const line = row.querySelector('.mark');
  line.replaceChildren(time, element('span', 'word', error ? `${WORDS[state]}: ${error}` : WORDS[state]));
  if (state !== 'failed' && state !== 'unknown') return;
  line.append(
    button('Send again', () => { row.remove(); room.retry(id); }),
    button('Forget', () => { row.remove(); room.discard(id); }),
  );
}

function bubble(uid, content) {
  const row = element('article', 'message');
  row.dataset.uid = uid;
  row.classList.toggle('own', uid === room.uid);
  const who = element('div', 'who');
  who.append(element('span', 'author', nameOf(uid)), element('time'));
  const body = element('div', 'bubble');
  body.append(who, element('div', 'text', content), element('div', 'mark'));
  row.append(avatar(uid), body);
  return row;
}

function notice(label, kind) {
  if ($('log').lastElementChild?.textContent === label) return;
  insert(element('p', `notice ${kind}`, label));
}

/** Puts a row where it belongs: above what is not in the room yet, unless it is that itself. */
function insert(row) {
  const log = $('log');
  const isWaiting = row.classList.contains('message') && !row.dataset.seq;
  const before = isWaiting ? null : log.querySelector('.message:not([data-seq])');
  const next = row.nextElementSibling;
  // A row that is in its place already must not be read out again.
  if (row.isConnected && next === before) return row;
  const atEnd = isAtEnd();
  log.insertBefore(row, before);
  for (const changed of [next, row, row.nextElementSibling]) group(changed);
  if (log.childElementCount > MAX_ROWS) log.firstElementChild.remove();
  if (atEnd || isWaiting) log.scrollTop = log.scrollHeight;
  else $('jump').hidden = false;
  return row;
}

function isAtEnd() {
  const log = $('log');
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

/** One who writes several messages in a row is named once. */
function group(row) {
  if (!row?.classList.contains('message')) return;
  const above = row.previousElementSibling;
  const same = above?.classList.contains('message') && above.dataset.uid === row.dataset.uid;
  row.classList.toggle('follows', Boolean(same && row.dataset.ts - above.dataset.ts < GROUP_MS));
}

$('log').addEventListener('scroll', () => { if (isAtEnd()) $('jump').hidden = true; });
$('jump').addEventListener('click', () => { $('log').scrollTop = $('log').scrollHeight; });

$('compose').addEventListener('submit', (event) => {
  event.preventDefault();
  const content = $('text').value.trim();
  if (!content) return;
  try {
    room.send(content);
    $('text').value = '';
  } catch (error) {
    notice(error.message, 'error');
  }
});

let unread = 0;

function countUnread() {
  unread = document.hidden ? unread + 1 : 0;
  document.title = `${unread ? `(${unread}) ` : ''}${room.roomid} · Roomcast`;
}

document.addEventListener('visibilitychange', () => { if (room && !document.hidden) countUnread(); });

// ---- people ----

const online = new Map();
const away = new Map();
let arriving = null;
let complete = false;
let askTimer;

function askForPeople() {
  arriving = { online: new Map(), away: new Map() };
  room.members();
}

/** The members come in pages; the list on the screen changes when the last one is here. */
function showPeople(event) {
  if (!arriving) return;
  for (const { uid, online: isOnline, pending } of event.members) {
    (isOnline ? arriving.online : arriving.away).set(uid, pending);
  }
  const enough = arriving.online.size + arriving.away.size >= MAX_LISTED;
  if (event.cursor !== '0' && !enough && room.members(event.cursor)) return;
  complete = event.cursor === '0';
  for (const [list, news] of [[online, arriving.online], [away, arriving.away]]) {
    list.clear();
    for (const [uid, pending] of news) list.set(uid, pending);
  }
  arriving = null;
  online.set(room.uid, 0);
  away.delete(room.uid);
  $('more').hidden = complete;
  $('more').textContent = 'and more';
  renderPeople();
}

function showPresence(event) {
  showCounts(event);
  if (!event.uid) return;
  const [from, to] = event.online ? [away, online] : [online, away];
  from.delete(event.uid);
  if (!to.has(event.uid)) to.set(event.uid, 0);
  renderPeople();
  // Others are told a while after somebody went: messages may wait already.
  if (!event.online) askSoon();
}

/** A message is on its way to everybody who is here, and waits for everybody who is not. */
function countWaiting() {
  for (const [uid, pending] of away) away.set(uid, pending + 1);
  renderPeople();
}

let rendering = false;

function renderPeople() {
  if (rendering) return;
  rendering = true;
  requestAnimationFrame(() => {
    rendering = false;
    for (const [list, people] of [['online', online], ['away', away]]) {
      const inOrder = [...people].sort(([a], [b]) => nameOf(a).localeCompare(nameOf(b)));
      $(list).replaceChildren(...inOrder.map(([uid, pending]) => person(uid, pending)));
      $(`${list}-count`).textContent = people.size || '';
    }
    $('away-title').hidden = away.size === 0;
  });
}

function person(uid, pending) {
  const row = element('li');
  row.dataset.uid = uid;
  row.title = uid;
  row.append(avatar(uid), element('span', 'person', nameOf(uid)));
  if (uid === room.uid) row.append(element('span', 'waiting', 'you'));
  else if (away.has(uid) && pending > 0) row.append(element('span', 'waiting', `${pending} waiting`));
  return row;
}

function showCounts({ num, total }) {
  $('counts').replaceChildren(`${num} online`, element('span', 'wide', ` · ${total} in all`));
  // Large rooms tell counters only, and whoever left is told like whoever went away.
  if (online.size !== num || online.size + away.size !== total) askSoon();
}

function askSoon() {
  if (!complete || arriving || askTimer) return;
  askTimer = setTimeout(() => {
    askTimer = undefined;
    askForPeople();
  }, 1000);
}

/** On a phone the people come over the messages; on a desk they stand beside, unless they are not wanted. */
const phone = matchMedia('(max-width: 44rem)');

function openPeople(open) {
  $('chat').classList.toggle(phone.matches ? 'people-over' : 'alone', phone.matches === open);
  $('people-button').setAttribute('aria-expanded', String(open));
}

const peopleAreOpen = () => $('people-button').getAttribute('aria-expanded') === 'true';
const isOver = () => phone.matches && peopleAreOpen();
phone.addEventListener('change', () => openPeople(!phone.matches));
openPeople(!phone.matches);
$('people-button').addEventListener('click', () => openPeople(!peopleAreOpen()));
document.addEventListener('click', (event) => {
  if (isOver() && !event.target.closest('#people, #people-button')) openPeople(false);
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !isOver()) return;
  openPeople(false);
  $('people-button').focus();
});

function nameOf(uid) {
  return names.get(uid) ?? uid;
}

function avatar(uid) {
  const circle = element('span', 'avatar', [...nameOf(uid)][0]);
  let hue = 7;
  for (const char of uid) hue = (hue * 31 + char.codePointAt(0)) % 3600;
  circle.style.background = `hsl(${hue / 10} 48% 42%)`;
  circle.setAttribute('aria-hidden', 'true');
  return circle;
}

// ---- typing ----

const typists = new Map();
let lastTold = 0;

$('text').addEventListener('input', () => {
  if (Date.now() - lastTold < TYPING_MS / 2 || !$('text').value) return;
  if (room.signal('typing')) lastTold = Date.now();
});

function showTyping(uid) {
  clearTimeout(typists.get(uid));
  typists.set(uid, setTimeout(() => stopTyping(uid), TYPING_MS));
  renderTyping();
}

function stopTyping(uid) {
  clearTimeout(typists.get(uid));
  if (typists.delete(uid)) renderTyping();
}

function renderTyping() {
  const who = [...typists.keys()].map(nameOf);
  const words = ['', `${who[0]} is writing`, `${who[0]} and ${who[1]} are writing`];
  $('typing').textContent = words[who.length] ?? `${who.length} people are writing`;
}

// ---- small things ----

function text(message) {
  return typeof message === 'string' ? message : JSON.stringify(message);
}

function clock(date) {
  const time = { hour: '2-digit', minute: '2-digit' };
  const day = date.toDateString() === new Date().toDateString() ? {} : { day: 'numeric', month: 'short' };
  return date.toLocaleString([], { ...day, ...time });
}

function plural(n, what) {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function button(label, run) {
  const node = element('button', 'small', label);
  node.type = 'button';
  node.addEventListener('click', run);
  return node;
}

function element(tag, className = '', content = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content) node.textContent = content;
  return node;
}

begin();
