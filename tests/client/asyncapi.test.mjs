// docs/protocol/asyncapi.yaml is AsyncAPI, by the schema that AsyncAPI itself publishes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import Ajv from 'ajv';
import { load } from 'js-yaml';

const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json');
const document = () => load(readFileSync(new URL('../../docs/protocol/asyncapi.yaml', import.meta.url), 'utf8'));

const check = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
const mistakes = (value) => (check(value) ? [] : check.errors.map(({ instancePath, message }) => `${instancePath} ${message}`));

test('the protocol is valid AsyncAPI', () => {
  assert.deepEqual(mistakes(document()), []);
});

for (const [what, spoil] of [
  ['another version', (it) => { it.asyncapi = '2.6.0'; }],
  ['no title', (it) => { delete it.info.title; }],
  ['a field that there is not', (it) => { it.channels.socket.adress = '/ws'; }],
  ['a server without a protocol', (it) => { delete it.servers.local.protocol; }],
  ['an operation that does neither', (it) => { Object.values(it.operations)[0].action = 'publish'; }],
]) {
  test(`${what} is noticed`, () => {
    const it = document();
    spoil(it);
    assert.notDeepEqual(mistakes(it), []);
  });
}
