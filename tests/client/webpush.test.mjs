// docs/examples/web-push behind a real proxy: whoever is away gets a push on each device, once, that only its browser can read.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Browser, PushService, checkVapid } from './pushservice.mjs';
import { Program, Stack, eventually, freePort } from './stack.mjs';

const EXAMPLE = resolve(dirname(fileURLToPath(import.meta.url)), '../../docs/examples/web-push');
const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

const folder = mkdtempSync(join(tmpdir(), 'roomcast-push-'));
const VAPID_FILE = join(folder, 'vapid.json');
let service;
let receiver;
let stack;
let port;
let room = 0;

async function startReceiver() {
  receiver = new Program(process.execPath, [join(EXAMPLE, 'receiver.mjs')], {
    PORT: String(port),
    FOLDER: folder,
    WEBHOOK_SECRET_FILE: join(folder, 'secret'),
    VAPID_FILE,
    CONTACT: 'mailto:ops@example.org',
    PUSH_SERVICES: 'localhost',
    NODE_EXTRA_CA_CERTS: service.certificate,
  });
  await eventually('the receiver listens', () => receiver.over || receiver.log.includes('listens on'));
  assert.ok(!receiver.over, receiver.log);
}

before(async () => {
  const made = await promisify(execFile)(process.execPath, [join(EXAMPLE, 'vapid.mjs')], { env: { ...process.env, VAPID_FILE } });
  const key = made.stdout.trim();
  writeFileSync(join(folder, 'secret'), `${SECRET}\n`);
  service = await PushService.start(folder, key);
  port = await freePort();
  await startReceiver();
  stack = await Stack.start({
    proxy: ['--webhook', `http://127.0.0.1:${port}/waiting`, '--webhook-secret-file', join(folder, 'secret'), '--webhook-every', '50ms'],
  });
  for (const [name, ms] of [['waiting-delay', 100], ['grace', 100], ['start-grace', 0]]) {
    await stack.redis('CONFIG', 'SET', `room.${name}`, String(ms));
  }
});

afterEach((t) => {
  // Why the push service did not take something: no test wants that.
  for (const why of service.wrong) t.diagnostic(why);
});

after(async () => {
  await stack?.stop();
  await receiver?.end();
  await service?.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  room += 1;
  service.wrong.length = 0;
});

async function post(path, body, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: text, headers });
  return [answer.status, await answer.text()];
}

async function subscribe(uid, device) {
  assert.deepEqual(await post('/subscriptions', { uid, subscription: service.subscribe(device) }), [204, '']);
}

/** Somebody says something in the room of this test; `uids` are its members. */
async function say(...uids) {
  await stack.redis('ROOM.INVITE', `room:push${room}`, ...uids);
  await stack.publish(`push${room}`, 'ann', ['hello']);
}

const shows = (device, many) => eventually(`${device} shows ${many}`, () => service.shown(device).length === many);

function signed(body, at = Math.floor(Date.now() / 1000)) {
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`post_1.${at}.${body}`).digest('base64');
  return { 'webhook-id': 'post_1', 'webhook-timestamp': String(at), 'webhook-signature': `v1,other v1,${signature}` };
}

test('the browser reads the example of RFC 8291', () => {
  const [key, auth] = ['q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'BTBZMqHH6r4Tts7J_aSIgg'].map((text) => Buffer.from(text, 'base64url'));
  const body = 'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN';
  assert.equal(new Browser(key, auth).decrypt(Buffer.from(body, 'base64url')), 'When I grow up, I want to be a watermelon');
});

test('a push service believes no token that is not of the key', () => {
  assert.throws(() => checkVapid('vapid t=a.b.c, k=BA', 'BB', service.origin), /subscribed with/);
  assert.throws(() => checkVapid('WebPush a.b.c', 'BB', service.origin), /no VAPID/);
});

test('each device of whoever is away gets one push', async () => {
  await subscribe('bob', 'phone');
  await subscribe('bob', 'laptop');
  await subscribe('eve', 'eves');
  await say('bob');
  await shows('phone', 1);
  await shows('laptop', 1);
  assert.deepEqual(service.shown('phone'), [{ roomid: `push${room}`, pending: 1 }]);
  assert.deepEqual([service.shown('eves'), service.wrong], [[], []]);
});

test('where a push service fails only that device is pushed to again', async () => {
  await subscribe('cy', 'fails');
  await subscribe('cy', 'works');
  service.answer('fails', 503, 429);
  await say('cy');
  await shows('fails', 1);
  const tries = service.pushed.filter((push) => push.device === '/push/fails').map((push) => push.status);
  assert.deepEqual(tries, [503, 429, 201]);
  assert.equal(service.shown('works').length, 1);
});

test('a browser that is gone is forgotten', async () => {
  await subscribe('dan', 'old');
  await subscribe('dan', 'new');
  service.answer('old', 410);
  await say('dan');
  await shows('new', 1);
  room += 1;
  await say('dan');
  await shows('new', 2);
  assert.equal(service.pushed.filter((push) => push.device === '/push/old').length, 1);
});

test('a repeat is pushed once, also over a restart', async () => {
  await subscribe('fay', 'fays');
  const waiting = [{ id: 'wait_fay', roomid: 'r', uid: 'fay', pending: 2, head: '2-0000002a', told: 0, since: 1 }];
  const body = JSON.stringify({ type: 'mail.waiting', data: { waiting } });
  for (const restarts of [false, false, true]) {
    if (restarts) {
      await receiver.end('SIGKILL');
      await startReceiver();
    }
    assert.deepEqual(await post('/waiting', body, signed(body)), [204, '']);
  }
  // Two at the same time.
  const again = body.replace('wait_fay', 'wait_two');
  await Promise.all([1, 2].map(() => post('/waiting', again, signed(again))));
  assert.deepEqual(service.shown('fays'), [{ roomid: 'r', pending: 2 }, { roomid: 'r', pending: 2 }]);
});

test('only what the proxy signed is believed', async () => {
  await subscribe('gus', 'guss');
  const waiting = [{ id: 'wait_gus', roomid: 'r', uid: 'gus', pending: 1, head: '1-0000002a', told: 0, since: 1 }];
  const body = JSON.stringify({ type: 'mail.waiting', data: { waiting } });
  const old = Math.floor(Date.now() / 1000) - 400;
  for (const [headers, why] of [
    [{}, 'it is not signed'],
    [signed(`${body} `), 'its signature is wrong'],
    [{ ...signed(body), 'webhook-id': 'post_2' }, 'its signature is wrong'],
    [signed(body, old), 'its timestamp is too old, or of the future'],
    [signed(body, 'soon'), 'its timestamp is too old, or of the future'],
  ]) {
    assert.deepEqual(await post('/waiting', body, headers), [401, why]);
  }
  assert.deepEqual(service.shown('guss'), []);
});

test('what is no subscription is refused, and one that cannot be used harms nobody', async () => {
  for (const body of ['{', {}, { uid: 'hal' }, { uid: 'hal', subscription: { endpoint: `${service.origin}/x` } }]) {
    assert.equal((await post('/subscriptions', body))[0], 400);
  }
  const [status, why] = await post('/subscriptions', { uid: 'hal', subscription: { ...service.subscribe('hals'), endpoint: 'https://10.0.0.1/' } });
  assert.deepEqual([status, why.includes('no push service')], [400, true]);
  const odd = { endpoint: `${service.origin}/push/odd`, keys: { p256dh: 'AAAA', auth: 'AAAA' } };
  assert.equal((await post('/subscriptions', { uid: '__proto__', subscription: odd }))[0], 204);
  await subscribe('__proto__', 'protos');
  await say('__proto__');
  await shows('protos', 1);
});
