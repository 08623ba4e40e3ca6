// Is a post from our proxy? As Standard Webhooks has it: https://www.standardwebhooks.com
import { createHmac, timingSafeEqual } from 'node:crypto';

/** What is older was recorded by somebody, or a clock is wrong. */
const OLDEST = 5 * 60;

/** The keys in a file of secrets, one in each line. */
export function keysOf(file) {
  const lines = file.split('\n').map((line) => line.trim()).filter(Boolean);
  const keys = lines.map((line) => Buffer.from(line.replace(/^whsec_/, ''), 'base64'));
  if (keys.length === 0 || keys.some((key) => key.length < 24)) {
    throw new Error('each line of the secrets is whsec_ and Base64 of at least 24 bytes');
  }
  return keys;
}

/** Why a post is not to be believed; undefined if it is. `headers` as Node has them, `body` as it came. */
export function wrong(keys, headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = headers;
  if (!id || !at || !signatures) return 'it is not signed';
  // Not a number is not near either.
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= OLDEST)) return 'its timestamp is too old, or of the future';
  const right = keys.map((key) => createHmac('sha256', key).update(`${id}.${at}.${body}`).digest());
  const is = (signature) => {
    const [version, text] = signature.split(',');
    const given = Buffer.from(text ?? '', 'base64');
    return version === 'v1' && right.some((key) => key.length === given.length && timingSafeEqual(key, given));
  };
  return signatures.split(' ').some(is) ? undefined : 'its signature is wrong';
}
