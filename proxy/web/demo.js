// The demo page: what a small chat needs beyond room.js. Here is the entrance; demo/session.js is what is behind it.
import { Session } from './demo/session.js';
import { uidOf } from './demo/identity.js';
import { $ } from './demo/nodes.js';
import { browser, tab } from './demo/store.js';
import { connect } from './room.js';

const query = new URLSearchParams(location.search);
/** Who this tab is, over a reload. */
const HERE = 'roomcast:here';
let room;

function begin() {
  const here = location.search.length > 1 ? {} : tab.get(HERE) ?? {};
  $('name').value = query.get('name') ?? query.get('uid') ?? here.name ?? browser.get('roomcast:name') ?? '';
  $('room').value = query.get('room') ?? query.get('roomid') ?? here.roomid ?? 'lobby';
  $('guest').checked = query.get('as') === 'guest' || here.isGuest === true;
  $('join').addEventListener('submit', (event) => {
    event.preventDefault();
    enter();
  });
  $('exit').addEventListener('click', leave);
  $('back').addEventListener('click', () => location.reload());
  const known = here.roomid || query.has('uid') || (query.has('name') && query.has('room'));
  if (known && $('name').value) {
    enter();
    return;
  }
  // Whoever is somebody else here only has to write another name.
  $('name').focus();
  $('name').select();
}

function enter() {
  const name = $('name').value.trim();
  const roomid = $('room').value.trim();
  const isGuest = $('guest').checked;
  if (!name || !roomid) return;
  const uid = query.get('uid') || uidOf(name);
  remember({ name, roomid, isGuest, uid });
  $('entrance').hidden = true;
  $('chat').hidden = false;
  $('title').textContent = roomid;
  document.title = `${roomid} · Roomcast`;
  room = connect({ roomid, uid, name, as: isGuest ? 'guest' : undefined });
  new Session(room, { name, isGuest });
  $('text').focus();
}

function remember({ name, roomid, isGuest, uid }) {
  if (!query.get('uid')) browser.set('roomcast:name', name);
  tab.set(HERE, { name, roomid, isGuest });
  if (browser.works && tab.works) return;
  // Without storage it is the address that knows after a reload who this is.
  const known = new URLSearchParams({ uid, name, room: roomid, ...(isGuest ? { as: 'guest' } : {}) });
  history.replaceState(null, '', `?${known}`);
}

function leave() {
  room.close();
  tab.remove(HERE);
  location.href = location.pathname;
}

begin();
