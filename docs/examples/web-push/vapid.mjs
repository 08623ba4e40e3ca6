// Makes the key pair by which push services know you: the private one into a file, the public one is printed, for the page.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { publicKeyOf } from './push.mjs';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
// Another key would make all subscriptions worthless: what is there stays.
writeFileSync(process.env.VAPID_FILE ?? 'vapid.json', JSON.stringify(key), { mode: 0o600, flag: 'wx' });
console.log(publicKeyOf(key));
