// A chat server as tutorials of Node write it: `ws` for the sockets, and for everybody who is away one JSON array in
// Redis that is read, extended and written back for each message. Written for this comparison, and no better than that
// on purpose.
//
// usage: node tutorial.mjs PORT REDIS_PORT

import { createClient } from 'redis';
import { WebSocketServer } from 'ws';

const [port, redisPort] = process.argv.slice(2).map(Number);
const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
await redis.connect();

/** Room to (uid to socket): who is online here. */
const rooms = new Map();
const members = (roomid) => `members:${roomid}`;
const queue = (roomid, uid) => `offline:${roomid}:${uid}`;

async function login(socket, { roomid, uid, name }) {
  Object.assign(socket, { roomid, uid });
  if (!rooms.has(roomid)) rooms.set(roomid, new Map());
  rooms.get(roomid).set(uid, socket);
  await redis.sAdd(members(roomid), uid);
  const missed = JSON.parse((await redis.get(queue(roomid, uid))) ?? '[]');
  for (const event of missed) socket.send(JSON.stringify(event));
  await redis.del(queue(roomid, uid));
  socket.send(JSON.stringify({ event: 'login', roomid, uid, name }));
}

async function message({ roomid, uid }, { message }) {
  const event = { event: 'message', roomid, uid, message };
  const text = JSON.stringify(event);
  const online = rooms.get(roomid);
  for (const member of await redis.sMembers(members(roomid))) {
    if (online.has(member)) continue;
    const missed = JSON.parse((await redis.get(queue(roomid, member))) ?? '[]');
    missed.push(event);
    await redis.set(queue(roomid, member), JSON.stringify(missed));
  }
  for (const socket of online.values()) socket.send(text);
}

const server = new WebSocketServer({ host: '127.0.0.1', port });
server.on('connection', (socket) => {
  socket.on('message', async (data) => {
    const said = JSON.parse(data);
    if (said.event === 'login') await login(socket, said);
    else if (said.event === 'message') await message(socket, said);
    else if (said.event === 'heartbeat') socket.alive = true;
  });
  socket.on('close', () => {
    const online = rooms.get(socket.roomid);
    if (online?.get(socket.uid) === socket) online.delete(socket.uid);
  });
  socket.on('error', () => {});
});

// Who did not answer the last heartbeat is gone.
setInterval(() => {
  for (const socket of server.clients) {
    if (socket.alive === false) socket.terminate();
    socket.alive = false;
    socket.send(JSON.stringify({ event: 'heartbeat', message: 'ping' }));
  }
}, 30_000);
