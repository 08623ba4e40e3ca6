// A page with one connection and many rooms, against a scripted server.
import { connect } from '../../proxy/web/room.js';
import { FakeClock, FakeSocket, FakeStorage, at, settled } from './fakes.mjs';

/** What a server of today says at a login. */
const NEW = { ts: 1, 'dedupe-count': 100, 'dedupe-age': 300_000 };

/** A page with a connection, and what it and its rooms were told. */
export class Desk {
  clock = new FakeClock();
  sockets = [];
  told = [];

  constructor(options = {}) {
    const desk = this;
    this.connection = connect({
      uid: 'ann',
      url: 'ws://server/ws',
      random: () => 0,
      tabStorage: new FakeStorage(),
      WebSocket: class extends FakeSocket {
        constructor(url) {
          super(url);
          desk.sockets.push(this);
        }
      },
      ...this.clock,
      ...options,
    });
    this.connection.on('state', (state) => { this.told.push(`connection ${state}`); });
    this.connection.on('error', (error) => { this.told.push(`connection error ${error.code}`); });
  }

  get socket() { return this.sockets.at(-1); }

  /** Opens a room and listens to it. */
  room(id, options) {
    const room = this.connection.room(id, options);
    const note = (what) => { this.told.push(`${id} ${what}`); };
    room.on('state', note);
    room.on('message', (event) => note(event.message));
    room.on('error', (error) => note(`error ${error.code}`));
    return room;
  }

  /** The server accepts the connection; returns the logins. */
  async open() {
    await settled();
    this.socket.open();
    await settled();
    return this.socket.take('login');
  }

  welcome(roomid, position = at(0), more = {}) {
    this.socket.push({ event: 'login', uid: 'ann', roomid, position, pending: 0, resumed: false, new: true, total: 1, num: 1, ...NEW, ...more });
    this.socket.push({ event: 'synced', roomid, position });
  }

  message(roomid, seq, more) {
    this.socket.push({ event: 'message', message: `${roomid}${seq}`, uid: 'bob', roomid, seq, position: at(seq), ts: 1, total: 1, num: 1, ...more });
  }

  error(code, more) { this.socket.push({ event: 'error', code, message: 'a sentence', ...more }); }

  states(...rooms) { return rooms.map((room) => room.state); }

  /** Opens rooms that are all let in. */
  async enter(...ids) {
    const rooms = ids.map((id) => this.room(id));
    await this.open();
    for (const id of ids) this.welcome(id);
    await settled();
    this.socket.take();
    this.told = [];
    return rooms;
  }
}
