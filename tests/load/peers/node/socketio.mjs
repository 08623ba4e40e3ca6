// Socket.IO as its documentation sets it up for several servers: connection state recovery, and the Redis streams
// adapter. Everybody is in one room; a client says something by the event `say`.
//
// usage: node socketio.mjs PORT REDIS_PORT

import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createServer } from 'node:http';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [port, redisPort] = process.argv.slice(2).map(Number);
const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
await redis.connect();

const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis),
  connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000, skipMiddlewares: true },
});

io.on('connection', (socket) => {
  // Rooms are part of what is recovered.
  if (!socket.recovered) socket.join('room');
  socket.on('say', (message, done) => {
    io.to('room').emit('message', message);
    done();
  });
});
http.listen(port, '127.0.0.1');
