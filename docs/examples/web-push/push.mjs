// One push to one browser: RFC 8030, encrypted as RFC 8291 has it, signed as RFC 8292 has it.
import ece from 'http_ece';
import { SignJWT, importJWK } from 'jose';
import { createECDH, createHash } from 'node:crypto';

/** Half of what the proxy gives a whole post (--webhook-timeout). */
const PATIENCE = 5000;
/** For how long a push service keeps a push for a device that is off, and believes our token, in seconds. */
const KEPT = 12 * 3600;

/** Who may be pushed to: a subscription comes from a browser, and could name a server of your own. */
export const SERVICES = ['fcm.googleapis.com', '.push.services.mozilla.com', '.push.apple.com', '.notify.windows.com'];

export function mayPushTo(endpoint, services = SERVICES) {
  if (!URL.canParse(endpoint)) return false;
  const { protocol, hostname } = new URL(endpoint);
  return protocol === 'https:' && services.some((name) => (name.startsWith('.') ? hostname.endsWith(name) : hostname === name));
}

/** What became of it: 'pushed', 'gone' (nobody is there, or ever will be) or 'later'. */
export async function push(vapid, subscription, entry) {
  const { host } = new URL(subscription.endpoint);
  let request;
  try {
    request = await sealed(vapid, subscription, entry);
  } catch (error) {
    console.error(`a subscription at ${host} cannot be used: ${error.message}`);
    return 'gone';
  }
  try {
    const options = { redirect: 'error', signal: AbortSignal.timeout(PATIENCE) };
    const answer = await fetch(subscription.endpoint, { method: 'POST', ...request, ...options });
    await answer.body?.cancel();
    if (answer.ok) return 'pushed';
    if (answer.status === 404 || answer.status === 410) return 'gone';
    console.error(`${host} answers ${answer.status}`);
  } catch (error) {
    console.error(`${host}: ${error.cause?.message ?? error.message}`);
  }
  return 'later';
}

async function sealed({ key, contact }, { endpoint, keys }, { roomid, pending }) {
  const token = new SignJWT().setProtectedHeader({ alg: 'ES256', typ: 'JWT' });
  token.setAudience(new URL(endpoint).origin).setSubject(contact).setExpirationTime(Math.floor(Date.now() / 1000) + KEPT);
  const signed = await token.sign(await importJWK(key, 'ES256'));
  const once = createECDH('prime256v1');
  once.generateKeys();
  // No text of a message: what is on a locked screen is for others to read.
  const payload = Buffer.from(JSON.stringify({ roomid, pending }));
  return {
    body: ece.encrypt(payload, { version: 'aes128gcm', privateKey: once, dh: keys.p256dh, authSecret: keys.auth }),
    headers: {
      authorization: `vapid t=${signed}, k=${publicKeyOf(key)}`,
      'content-encoding': 'aes128gcm',
      'content-type': 'application/octet-stream',
      ttl: String(KEPT),
      // A newer one of the same room takes the place of one that was not delivered.
      topic: createHash('sha256').update(roomid).digest('base64url').slice(0, 32),
    },
  };
}

/** What the page subscribes with. */
export function publicKeyOf({ x, y }) {
  return Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64url');
}
