// The admin page: asks what is there, and shows it. Everything that comes is text, whatever it looks like: no markup is made of it.
'use strict';

const SCAN_EVERY = 2000;
const STATE_EVERY = 5000;

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat();

/** An element with attributes and children; texts stay texts. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

const n = (value) => (typeof value === 'number' ? number.format(value) : String(value ?? '–'));

/** Somebody's or a room's name; spaces and control characters are shown, as names that differ in them differ. */
function name(text) {
  const shown = String(text).replace(/[\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return el('bdi', {}, shown === '' ? '(empty)' : shown);
}

function bytes(count) {
  if (typeof count !== 'number') return '–';
  for (const [unit, size] of [['GB', 1e9], ['MB', 1e6], ['KB', 1e3]]) if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  return `${count} B`;
}

function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}

/** A time of the server, and how long ago it was. */
function time(ms) {
  if (!ms) return '–';
  const at = new Date(Number(ms));
  if (Number.isNaN(at.getTime())) return String(ms);
  return el('time', { datetime: at.toISOString(), title: at.toLocaleString() }, `${span(Date.now() - ms)} ago`);
}

const hash = (view, about = {}) => `#${view}${Object.keys(about).length ? `?${new URLSearchParams(about)}` : ''}`;
const link = (about, text) => el('a', { href: hash('look', about) }, name(text));

/** Columns are [heading, what of a row, whether it is a number]. */
function table(label, columns, rows, nothing) {
  if (rows.length === 0) return el('p', { class: 'hint' }, nothing);
  const kind = (isNumber) => (isNumber ? { class: 'n' } : {});
  const head = columns.map(([title, , isNumber]) => el('th', { role: 'columnheader', scope: 'col', ...kind(isNumber) }, title));
  const line = (row) => el('tr', { role: 'row' }, ...columns.map(([title, of, isNumber]) =>
    el('td', { role: 'cell', 'data-label': title, ...kind(isNumber) }, el('span', {}, of(row)))));
  return el('div', { class: 'scroll' }, el('table', { role: 'table', 'aria-label': label },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...head)), el('tbody', { role: 'rowgroup' }, ...rows.map(line))));
}

const list = (pairs) => el('dl', {}, ...pairs.map(([term, value]) => el('div', {}, el('dt', {}, term), el('dd', {}, value))));

class Refused extends Error {}

async function ask(path, about = {}) {
  const query = new URLSearchParams(about).toString();
  let answer;
  try {
    answer = await fetch(`data/${path}${query && `?${query}`}`, { cache: 'no-store' });
  } catch {
    throw new Refused('The proxy does not answer.');
  }
  if (answer.headers.get('content-type') !== 'application/json') throw new Refused((await answer.text()).trim());
  const said = await answer.json();
  if (answer.ok) return said;
  const known = { NOROOM: 'There is no such room.', NOMEMBER: 'This uid is no member of the room.', WRONGTYPE: 'This key holds something else than a room.' };
  throw new Refused(known[said.code] ?? `${said.code}: ${said.why}`);
}

// What is said of the walk over all rooms.

function progress({ done, walking, keys_a_second: pace }) {
  const parts = [];
  if (done) parts.push(`As of ${span(done.age_ms)} ago: ${n(done.found.rooms)} rooms among ${n(done.found.seen)} keys, with ${n(done.found.messages)} messages.`);
  if (walking) {
    const left = Math.max(0, walking.keys - walking.seen);
    parts.push(`${done ? 'Looking anew' : 'Looking'}: ${n(walking.seen)} of ${n(walking.keys)} keys, ${n(pace)} a second${left ? `, ${span((left / pace) * 1000)} to go` : ''}.`);
  }
  if (!done && !walking) parts.push('It begins to look …');
  const { large = 0, failed = 0 } = (done?.found ?? walking) || {};
  if (large) parts.push(`${n(large)} rooms are too large to look who is behind.`);
  if (failed) parts.push(`${n(failed)} servers or rooms did not answer: the lists are not whole.`);
  $('said').textContent = parts.join(' ');
  $('bar').hidden = !walking;
  $('bar').value = walking ? Math.min(1, walking.seen / Math.max(1, walking.keys)) : 1;
}

const VIEWS = {
  rooms: {
    title: 'Rooms by lag',
    every: SCAN_EVERY,
    scans: true,
    async show() {
      const scan = await ask('scan');
      progress(scan);
      const { by_lag: rooms = [] } = (scan.done?.found ?? scan.walking) || {};
      return [el('p', { class: 'hint' }, 'How many messages wait for the member of a room who is furthest behind; the first 100.'),
        table('Rooms by lag', [
          ['Room', (row) => link({ room: row.room }, row.room)],
          ['Lag', (row) => `${row.at_most ? '≤ ' : ''}${n(row.lag)}`, true],
          ['Members', (row) => n(row.members), true],
          ['Online', (row) => n(row.online), true],
          ['Messages', (row) => n(row.messages), true],
          ['Size', (row) => bytes(row.bytes), true],
          ['Oldest', (row) => time(row.oldest_ms), true],
        ], rooms, scan.done ? 'Nothing waits for anybody.' : 'Nothing found yet.')];
    },
  },
  members: {
    title: 'Members by backlog',
    every: SCAN_EVERY,
    scans: true,
    async show() {
      const scan = await ask('scan');
      progress(scan);
      const { by_backlog: members = [] } = (scan.done?.found ?? scan.walking) || {};
      return [el('p', { class: 'hint' }, 'For whom most messages wait; the first 100 of all rooms.'),
        table('Members by backlog', [
          ['Uid', (row) => link({ room: row.room, uid: row.uid }, row.uid)],
          ['Room', (row) => link({ room: row.room }, row.room)],
          ['Waiting', (row) => n(row.pending), true],
          ['Sessions', (row) => n(row.sessions), true],
          ['Last act', (row) => time(row.acted_ms), true],
        ], members, scan.done ? 'Nothing waits for anybody.' : 'Nothing found yet.')];
    },
  },
  look: {
    title: 'Look up',
    async show({ room, uid, seq }) {
      if (!room) return [el('p', { class: 'hint' }, 'A room shows its state, limits and who is furthest behind; a uid its queue; a message what became of it.')];
      const shown = [];
      if (uid && seq) {
        const { fate } = await ask('why', { room, uid, seq });
        shown.push(el('p', { class: 'fate', id: 'fate' }, `Message ${seq} for `, name(uid), `: ${fate}`));
      }
      if (uid) shown.push(...queue(await ask('member', { room, uid })));
      shown.push(...ofRoom(await ask('room', { room })));
      return shown;
    },
  },
  proxy: {
    title: 'This proxy',
    every: STATE_EVERY,
    async show() {
      const state = await ask('state');
      health(state);
      return [
        list([['Connections', n(state.connections)], ['Rooms here', n(state.rooms)], ['Seats', n(state.seats)], ['Version', state.version], ['Name', state.name ?? 'a random one']]),
        el('h2', {}, 'Nodes'),
        table('Nodes', [
          ['Redis', (row) => name(row.node)],
          ['Linked', (row) => el('span', { class: row.linked ? 'good' : 'bad' }, row.linked ? 'yes' : 'no')],
          ['Slots', (row) => (row.slots === null ? 'all' : n(row.slots)), true],
        ], state.nodes, 'No server is known.'),
        state.slots_nowhere ? el('p', { class: 'bad' }, `${n(state.slots_nowhere)} slots have no node that is linked.`) : null,
        state.sentinels ? el('p', { class: 'hint' }, `${n(state.sentinels_reachable)} of ${n(state.sentinels)} sentinels answer.`) : null,
        el('h2', {}, 'Limits'),
        table('Limits', [['Option', (row) => `--${row.name}`], ['Value', (row) => row.value, true]], state.limits, ''),
      ];
    },
  },
  bans: {
    title: 'Bans',
    every: STATE_EVERY,
    async show() {
      const { bans, enforced, left_out: leftOut } = await ask('bans');
      const until = ({ until: at }) => (at === undefined ? 'for good' : at === '0' ? 'taken back' : new Date(Number(at)).toLocaleString());
      return [el('p', { class: 'hint' }, `Enforced here: ${n(enforced)}${leftOut ? `; entries that are not: ${n(leftOut)}` : ''}. The newest 100 entries of roomcast:bans:`),
        table('Bans', [
          ['Uid', (row) => name(row.uid ?? '?')],
          ['From', (row) => (row.room === undefined ? 'everything' : link({ room: row.room }, row.room))],
          ['Until', until],
          ['Reason', (row) => name(row.reason ?? '–')],
          ['Entered', (row) => time(Number.parseInt(row.id, 10)), true],
        ], bans, 'Nobody is banned.')];
    },
  },
};

function queue({ room, uid, pending, queue: rows, more }) {
  return [el('h2', {}, 'What waits for ', name(uid)),
    list([['Waiting', n(pending.pending)], ['Size', bytes(pending.bytes)], ['Oldest', time(pending['oldest-ms'])], ['Gone', n(pending.lost)], ['Acknowledged up to', n(pending.cursor)], ['Now', pending.online ? 'online' : 'away']]),
    el('h2', {}, 'Its queue'),
    table('Queue', [
      ['Message', (row) => el('a', { href: hash('look', { room, uid, seq: row.seq }) }, n(row.seq))],
      ['From', (row) => name(row.uid)],
      ['Published', (row) => time(row.ms), true],
      ['Size', (row) => bytes(row.bytes), true],
    ], rows, 'Nothing waits.'),
    more ? el('p', { class: 'hint' }, 'These are the first ones; more follow.') : null];
}

function ofRoom({ room, info, behind }) {
  const dropped = Object.entries(info.dropped ?? {}).filter(([, count]) => count > 0);
  return [el('h2', {}, 'The room ', name(room)),
    list([['Members', n(info.members)], ['Online', n(info.online)], ['Messages', n(info.messages)], ['Size', bytes(info.bytes)], ['Memory', bytes(info.memory)], ['Newest', time(info['newest-ms'])], ['Head', info.head]]),
    el('h2', {}, 'Who is furthest behind'),
    behind === null ? el('p', { class: 'hint' }, 'The room is too large to look.') : table('Furthest behind', [
      ['Uid', (row) => link({ room, uid: row.uid }, row.uid)],
      ['Waiting', (row) => n(row.pending), true],
      ['Acknowledged', (row) => n(row.cursor), true],
      ['Sessions', (row) => n(row.sessions), true],
      ['Last act', (row) => time(row.acted_ms), true],
    ], behind, 'It has no members.'),
    el('h2', {}, 'Its limits'),
    list(Object.entries(info.limits ?? {}).map(([of, value]) => [of, n(value)])),
    dropped.length ? el('h2', {}, 'Dropped, by reason') : null,
    dropped.length ? list(dropped.map(([of, value]) => [of, n(value)])) : null];
}

function health(state) {
  const good = state?.redis_up === true;
  $('health').className = good ? 'good' : 'bad';
  $('health').textContent = state === null ? 'The proxy does not answer' : good ? 'Redis is connected' : 'Redis is away';
  if (state) $('version').textContent = state.version;
}

// Which view is shown, and when it is asked for again. An answer that comes when another view is there is not shown.

let turn = 0;
let again;

function where() {
  const [view, query = ''] = location.hash.slice(1).split('?');
  return [Object.hasOwn(VIEWS, view) ? view : 'rooms', Object.fromEntries(new URLSearchParams(query))];
}

async function show(isNew) {
  clearTimeout(again);
  turn += 1;
  const mine = turn;
  const [key, about] = where();
  const view = VIEWS[key];
  if (isNew) {
    $('title').textContent = view.title;
    document.title = `${view.title} · Roomcast admin`;
    for (const a of document.querySelectorAll('nav a')) {
      if (a.hash === `#${key}`) a.setAttribute('aria-current', 'page');
      else a.removeAttribute('aria-current');
    }
    $('scan').hidden = !view.scans;
    $('ask').hidden = key !== 'look';
    for (const field of ['room', 'uid', 'seq']) $('ask').elements[field].value = about[field] ?? '';
    $('content').replaceChildren();
    $('problem').hidden = true;
  }
  let shown = [];
  let why = '';
  try {
    shown = await view.show(about);
  } catch (error) {
    why = error instanceof Refused ? error.message : 'This cannot be shown: the proxy answered in a way that the page does not know.';
    if (!(error instanceof Refused)) console.error(error);
  }
  if (mine !== turn) return;
  $('problem').textContent = why;
  $('problem').hidden = why === '';
  // Whoever reads the list with the keyboard stays where it is.
  const focused = document.activeElement?.closest?.('#content a')?.getAttribute('href');
  if (!why) $('content').replaceChildren(...shown.filter(Boolean));
  if (focused) [...document.querySelectorAll('#content a')].find((a) => a.getAttribute('href') === focused)?.focus({ preventScroll: true });
  if (view.every && !document.hidden) again = setTimeout(show, view.every);
}

async function watch() {
  if (!document.hidden) health(await ask('state').catch(() => null));
  setTimeout(watch, STATE_EVERY);
}

$('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  const fields = Object.entries(Object.fromEntries(new FormData($('ask')))).filter(([, value]) => value !== '');
  const wanted = hash('look', Object.fromEntries(fields));
  if (location.hash === wanted) show(true);
  else location.hash = wanted;
});
addEventListener('hashchange', (event) => {
  // The link to the content is no view.
  if (location.hash === '#main') {
    history.replaceState(null, '', new URL(event.oldURL).hash || '#rooms');
    $('main').focus();
    return;
  }
  show(true);
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) show(false); });
show(true);
watch();
