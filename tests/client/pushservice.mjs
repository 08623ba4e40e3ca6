// A push service on loopback, and browsers that subscribed there: it takes what RFC 8030 says, believes only what RFC 8292 lets it,
// and the browsers decrypt as RFC 8291 has it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A browser's side of a subscription. */
export class Browser {
  #ecdh = createECDH('prime256v1');
  #auth;

  /** With keys of its own, or these. */
  constructor(privateKey, auth = randomBytes(16)) {
    if (privateKey) this.#ecdh.setPrivateKey(privateKey);
    else this.#ecdh.generateKeys();
    this.#auth = auth;
  }

  /** As `PushSubscription.toJSON()` has them. */
  get keys() {
    return { p256dh: this.#ecdh.getPublicKey('base64url'), auth: this.#auth.toString('base64url') };
  }

  /** RFC 8291, section 3.4, in the coding of RFC 8188: one record. */
  decrypt(body) {
    const salt = body.subarray(0, 16);
    const size = body.readUInt32BE(16);
    const sender = body.subarray(21, 21 + body[20]);
    const record = body.subarray(21 + body[20]);
    assert.ok(record.length <= size && body.length <= 4096, 'one record, as large as a push service must take');
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.#ecdh.getPublicKey(), sender]);
    const ikm = Buffer.from(hkdfSync('sha256', this.#ecdh.computeSecret(sender), this.#auth, info, 32));
    const derive = (name, length) => Buffer.from(hkdfSync('sha256', ikm, salt, `Content-Encoding: ${name}\0`, length));
    const open = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
    open.setAuthTag(record.subarray(-16));
    const padded = Buffer.concat([open.update(record.subarray(0, -16)), open.final()]);
    const end = padded.lastIndexOf(2);
    assert.ok(end >= 0 && padded.subarray(end + 1).every((byte) => byte === 0), 'the last record ends with 2 and zeros');
    return padded.subarray(0, end).toString();
  }
}

/** Throws if RFC 8292 does not let it through: `key` is the one that the page subscribed with. */
export function checkVapid(header, key, origin) {
  const [, token, given] = /^vapid t=([^,]+), ?k=(\S+)$/.exec(header) ?? assert.fail(`no VAPID: ${header}`);
  assert.equal(given, key, 'the key that the page subscribed with');
  const point = Buffer.from(given, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const [head, claims, signature] = token.split('.');
  const isSigned = verify('sha256', Buffer.from(`${head}.${claims}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  assert.ok(isSigned, 'signed by that key');
  const read = (part) => JSON.parse(Buffer.from(part, 'base64url'));
  assert.equal(read(head).alg, 'ES256');
  const { aud, exp, sub } = read(claims);
  assert.equal(aud, origin);
  assert.match(sub, /^(mailto|https):/);
  const left = exp - Date.now() / 1000;
  assert.ok(left > 0 && left <= 24 * 3600, `it ends in ${left} s`);
}

export class PushService {
  /** What was pushed: device, payload, headers, and what it was answered. */
  pushed = [];
  /** What went wrong with what came. */
  wrong = [];
  #devices = new Map();
  #answers = new Map();
  #server;

  /** `key` is the public one of whoever pushes. */
  static async start(folder, key) {
    const service = new PushService();
    const [cert, secret] = [join(folder, 'localhost.pem'), join(folder, 'localhost.key')];
    await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', secret, '-out', cert]);
    service.certificate = cert;
    service.#server = createServer({ cert: readFileSync(cert), key: readFileSync(secret) }, (request, response) => {
      service.#take(request, key).catch((error) => {
        service.wrong.push(error.message);
        return 400;
      }).then((status) => response.writeHead(status).end());
    }).listen(0, '127.0.0.1');
    await new Promise((done) => { service.#server.once('listening', done); });
    service.origin = `https://localhost:${service.#server.address().port}`;
    return service;
  }

  /** A browser subscribes: what its page hands to the backend. */
  subscribe(name) {
    const browser = new Browser();
    this.#devices.set(`/push/${name}`, browser);
    return { endpoint: `${this.origin}/push/${name}`, keys: browser.keys };
  }

  /** The next pushes to this device are answered so, one after the other, those behind them by 201. */
  answer(name, ...statuses) {
    this.#answers.set(`/push/${name}`, statuses);
  }

  /** What one device was shown. */
  shown(name) {
    const all = this.pushed.filter((push) => push.device === `/push/${name}` && push.status === 201);
    return all.map((push) => push.payload);
  }

  async #take(request, key) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { method, url: device, headers } = request;
    assert.equal(method, 'POST');
    assert.equal(headers['content-encoding'], 'aes128gcm');
    assert.match(headers.ttl, /^\d+$/, 'RFC 8030: TTL must be there');
    assert.match(headers.topic, /^[\w-]{1,32}$/, 'RFC 8030: at most 32 characters of the URL-safe alphabet');
    checkVapid(headers.authorization, key, this.origin);
    const payload = JSON.parse(this.#devices.get(device).decrypt(Buffer.concat(parts)));
    const status = this.#answers.get(device)?.shift() ?? 201;
    this.pushed.push({ device, payload, headers, status });
    return status;
  }

  async stop() {
    this.#server.closeAllConnections?.();
    await new Promise((done) => { this.#server.close(done); });
  }
}
