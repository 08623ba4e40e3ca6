// Sends Web Push to whom mail waits for: what roomcast-proxy --webhook posts to. See README.md.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { mayPushTo, push } from './push.mjs';
import { Store } from './store.mjs';
import { keysOf, wrong } from './webhook.mjs';

const { PORT = '8090', FOLDER = '.', WEBHOOK_SECRET_FILE, VAPID_FILE = 'vapid.json', CONTACT, PUSH_SERVICES } = process.env;
const LARGEST = 1024 * 1024;

const secrets = keysOf(readFileSync(WEBHOOK_SECRET_FILE, 'utf8'));
const vapid = { key: JSON.parse(readFileSync(VAPID_FILE, 'utf8')), contact: CONTACT };
const store = new Store(FOLDER);

/** A telling, at each device of its uid that was not pushed to for it. Whether all is done. */
async function tell(entry) {
  const left = store.of(entry.uid).filter(({ endpoint }) => !store.wasPushed(entry.id, endpoint));
  const done = await Promise.all(left.map(async (subscription) => {
    const said = await push(vapid, subscription, entry);
    if (said === 'pushed') store.isPushed(entry.id, subscription.endpoint);
    if (said === 'gone') store.remove(entry.uid, subscription.endpoint);
    return said !== 'later';
  }));
  return done.every(Boolean);
}

// One post after the other: a repeat that comes while the first try is under way finds what that did.
let last = Promise.resolve();
function tellAll(entries) {
  last = last.catch(() => {}).then(() => Promise.all(entries.map(tell)));
  return last;
}

/** Status and text. */
async function waiting(headers, body) {
  const why = wrong(secrets, headers, body);
  if (why) return [401, why];
  const { type, data } = JSON.parse(body);
  if (type !== 'mail.waiting') return [204, ''];
  const done = await tellAll(data.waiting);
  // The proxy posts it again, under the same ids.
  return done.every(Boolean) ? [204, ''] : [503, 'some push service cannot take it now'];
}

/** From your own backend, which knows who is logged in; never from a browser. */
async function subscribe(body) {
  const { uid, subscription } = JSON.parse(body);
  const { endpoint, keys } = subscription ?? {};
  const fine = typeof uid === 'string' && typeof keys?.p256dh === 'string' && typeof keys?.auth === 'string';
  if (!fine) return [400, '{"uid": "…", "subscription": {"endpoint": "…", "keys": {"p256dh": "…", "auth": "…"}}} is wanted'];
  if (!mayPushTo(endpoint, PUSH_SERVICES?.split(','))) return [400, `${endpoint} is no push service that is known here (PUSH_SERVICES)`];
  store.add(uid, { endpoint, keys });
  return [204, ''];
}

const server = createServer(async (request, response) => {
  const routes = { 'POST /waiting': (body) => waiting(request.headers, body), 'POST /subscriptions': subscribe };
  const route = routes[`${request.method} ${request.url}`];
  let answer = [404, 'POST /waiting or POST /subscriptions'];
  try {
    const parts = [];
    let size = 0;
    for await (const part of request) {
      size += part.length;
      if (size > LARGEST) throw new RangeError('the body is too large');
      parts.push(part);
    }
    if (route) answer = await route(Buffer.concat(parts).toString());
  } catch (error) {
    const isTheirs = error instanceof SyntaxError || error instanceof RangeError;
    answer = isTheirs ? [400, error.message] : [500, 'see the log'];
    if (!isTheirs) console.error(error);
  }
  response.writeHead(answer[0], { 'content-type': 'text/plain; charset=utf-8' }).end(answer[1]);
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listens on 127.0.0.1:${server.address().port}`));
