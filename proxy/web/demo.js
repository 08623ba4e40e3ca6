// The demo page: what a small chat needs beyond room.js. All text of others goes through textContent.
import { connect } from './room.js';

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const names = new Map();
const online = new Map();
const away = new Map();
let room;
let catchingUp = null;

$('name').value = query.get('name') ?? query.get('uid') ?? localStorage.getItem('roomcast:name') ?? '';
$('room').value = query.get('room') ?? query.get('roomid') ?? 'lobby';
$('join').addEventListener('submit', (event) => {
  event.preventDefault();
  enter($('name').value.trim(), $('room').value.trim());
});
if (query.has('uid') && $('name').value) enter($('name').value, $('room').value);

/** The same browser is the same person, unless the address says otherwise. */
function ownUid() {
  if (query.get('uid')) return query.get('uid');
  const known = localStorage.getItem('roomcast:uid');
  const uid = known ?? `guest-${Math.random().toString(36).slice(2, 10)}`;
  localStorage.setItem('roomcast:uid', uid);
  return uid;
}

function enter(name, roomid) {
  if (!name || !roomid) return;
  if (!query.get('uid')) localStorage.setItem('roomcast:name', name);
  $('entrance').hidden = true;
  $('chat').hidden = false;
  $('title').textContent = roomid;
  document.title = `${roomid} · Roomcast`;
  room = connect({ roomid, name, uid: ownUid(), history: 20 });
  names.set(room.uid, name);
  for (const entry of room.outbox) showOwn(entry);
  listen();
  $('text').focus();
}

function listen() {
  room.on('state', showState);
  room.on('login', (event) => {
    catchingUp = event.new ? null : { missed: 0 };
    showCounts(event);
    askForPeople();
  });
  room.on('message', showMessage);
  room.on('synced', () => { catchingUp = null; });
  room.on('outbox', showOwn);
  room.on('presence', showPresence);
  room.on('members', showPeople);
  room.on('event', showTyping);
  room.on('lost', (event) => notice(`${event.to - event.from + 1} messages are gone (${event.reason})`, 'bad'));
  room.on('reset', () => notice('The room’s history was set back: some of the messages above may not be in it any more', 'bad'));
  room.on('kicked', (event) => notice(`You were asked to leave${event.reason ? `: ${event.reason}` : ''}`, 'bad'));
  room.on('error', (event) => notice(`${event.code}: ${event.message}`, 'bad'));
}

// ---- messages ----

function showMessage(event) {
  if (event.name) names.set(event.uid, String(event.name));
  if (catchingUp && catchingUp.missed++ === 0) divider('While you were away');
  showCounts(event);
  stopTyping(event.uid);
  const own = event.id && document.querySelector(`[data-id="${CSS.escape(event.id)}"]`);
  const row = own ?? bubble(event.uid, text(event.message));
  row.dataset.seq = event.seq;
  row.dataset.state = 'sent';
  row.querySelector('.time').textContent = clock(event.ts);
  row.querySelector('.mark').textContent = '';
  // An own message takes its place in the room's order when the room has said it.
  append(row);
}

function showOwn(entry) {
  const known = document.querySelector(`[data-id="${CSS.escape(entry.id)}"]`);
  const row = known ?? bubble(room.uid, text(entry.message));
  row.dataset.id = entry.id;
  if (row.dataset.seq) return;
  row.dataset.state = entry.state;
  row.querySelector('.time').textContent = clock(entry.created);
  row.querySelector('.mark').textContent = {
    pending: 'waiting …',
    sent: '',
    failed: `not sent: ${entry.error ?? ''}`,
    unknown: 'not known whether it was sent',
  }[entry.state];
  if (!known) append(row);
}

function text(message) {
  return typeof message === 'string' ? message : JSON.stringify(message);
}

function bubble(uid, content) {
  const row = element('article', 'message');
  row.dataset.uid = uid;
  row.classList.toggle('own', uid === room.uid);
  const body = element('div', 'bubble');
  const who = element('div', 'who');
  who.append(element('span', 'author', nameOf(uid)), element('time', 'time'));
  body.append(who, element('div', 'text', content), element('div', 'mark'));
  row.append(avatar(uid), body);
  return row;
}

function divider(label) {
  append(element('div', 'divider', label));
}

function notice(label, kind = '') {
  append(element('p', `notice ${kind}`, label));
}

function append(row) {
  const log = $('log');
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  log.append(row);
  if (atEnd || row.classList.contains('own')) log.scrollTop = log.scrollHeight;
}

$('compose').addEventListener('submit', (event) => {
  event.preventDefault();
  const content = $('text').value.trim();
  if (!content) return;
  room.send(content);
  $('text').value = '';
});

// ---- people ----

function askForPeople() {
  online.clear();
  away.clear();
  room.members();
}

function showPeople(event) {
  for (const member of event.members) {
    (member.online ? online : away).set(member.uid, member.pending);
  }
  renderPeople();
}

function showPresence(event) {
  showCounts(event);
  if (!event.uid) return;
  (event.online ? away : online).delete(event.uid);
  (event.online ? online : away).set(event.uid, 0);
  renderPeople();
}

function renderPeople() {
  online.set(room.uid, 0);
  away.delete(room.uid);
  for (const [list, people] of [['online', online], ['away', away]]) {
    $(list).replaceChildren(...[...people.keys()].sort().map((uid) => {
      const row = element('li');
      row.dataset.uid = uid;
      row.append(avatar(uid), element('span', '', nameOf(uid)));
      if (uid === room.uid) row.append(element('span', 'waiting', 'you'));
      return row;
    }));
    $(`${list}-count`).textContent = people.size || '';
  }
}

function showCounts(event) {
  $('counts').textContent = `${event.num} online · ${event.total} in all`;
}

$('people-button').addEventListener('click', () => {
  const open = $('people').classList.toggle('open');
  $('people-button').setAttribute('aria-expanded', String(open));
});

function nameOf(uid) {
  return names.get(uid) ?? uid;
}

function avatar(uid) {
  const mark = element('span', 'avatar', nameOf(uid).slice(0, 1));
  let hue = 0;
  for (const char of uid) hue = (hue * 31 + char.codePointAt(0)) % 360;
  mark.style.background = `hsl(${hue} 45% 45%)`;
  mark.setAttribute('aria-hidden', 'true');
  return mark;
}

// ---- typing ----

const typists = new Map();
let lastTold = 0;

$('text').addEventListener('input', () => {
  if (Date.now() - lastTold < 2000) return;
  lastTold = Date.now();
  room.signal('typing');
});

function showTyping(event) {
  if (event.event !== 'typing' || event.uid === room.uid) return;
  if (event.name) names.set(event.uid, String(event.name));
  clearTimeout(typists.get(event.uid));
  typists.set(event.uid, setTimeout(() => stopTyping(event.uid), 3000));
  renderTyping();
}

function stopTyping(uid) {
  clearTimeout(typists.get(uid));
  if (typists.delete(uid)) renderTyping();
}

function renderTyping() {
  const who = [...typists.keys()].map(nameOf);
  $('typing').textContent = who.length === 0 ? '' : who.length === 1 ? `${who[0]} is writing …` : `${who.length} people are writing …`;
}

function showState(state) {
  const words = { connecting: 'connecting', online: 'online', offline: 'offline, trying again', closed: 'closed' };
  $('state').textContent = words[state];
  $('state').dataset.state = state;
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

function element(tag, className = '', content = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content) node.textContent = content;
  return node;
}
