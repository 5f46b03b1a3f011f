import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { DESIRED_TYPE } from '../../../agent/containment/desired.js';
import type { NewOrder, Orders } from '../../../agent/containment/orders.js';
import { DesiredKeeper } from '../../../agent/enforcer/desired-keeper.js';
import type { StateChange } from '../../../agent/messages/vocabulary.js';
import { policyOf } from '../ruleset/support.js';
import { orderOf } from '../containment/support.js';

const policyKey = generateKeyPairSync('ed25519');
const onlineKey = generateKeyPairSync('ed25519');
const spki = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).toString('base64');
const policy = policyOf(
  'version: 1\nsite: { name: w }\ndevices:\n  pump-1: { identity: { macs: ["02:00:00:00:00:01"] }, mode: enforce }\n',
);
const HEADER = { alg: 'Ed25519', kid: 'policy-1', typ: DESIRED_TYPE };
const document = (ver: number, parts: object = {}): object => ({
  aud: 'box-1',
  ver,
  orders: [{ scope: { device: 'pump-1' }, level: 'contained', by: 'soc', reason: 'beacons' }],
  ...parts,
});
const base64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Written out by hand, so that what no library would sign is signed too. */
function signed(payload: unknown, header: object = HEADER, key = policyKey.privateKey): string {
  const input = `${base64(header)}.${base64(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

function scene(dir: string, orders: Orders = []) {
  const given: NewOrder[] = [];
  const released: unknown[] = [];
  const told: Omit<StateChange, 'atMs'>[] = [];
  const refusal: { error: Error | null } = { error: null };
  const keeper = new DesiredKeeper({
    box: 'box-1',
    keys: [
      { kid: 'policy-1', role: 'policy', publicKey: spki(policyKey.publicKey) },
      { kid: 'online-1', role: 'online', publicKey: spki(onlineKey.publicKey) },
    ],
    stateDir: dir,
    steadyMs: () => 1,
    orders: () => orders,
    policy: () => policy,
    order: async (order) => {
      await Promise.resolve();
      if (refusal.error) throw refusal.error;
      given.push(order);
    },
    release: async (...release) => {
      await Promise.resolve();
      released.push(release);
    },
    tell: (change) => told.push(change),
  });
  return { keeper, given, released, told, refusal };
}

t.test('a document of a configured key is applied once; the same again is no news', async (t) => {
  const { keeper, given, told } = scene(t.testdir());
  await keeper.load();
  const jws = signed(document(1));
  t.match(await keeper.take(jws), [{ kid: 'policy-1', ver: 1, state: 'applied' }]);
  t.match(await keeper.take(`${jws}\n`), [{ state: 'applied' }]);
  t.equal(given.length, 1, 'handed on again after every reconnect, and done once');
  t.match(given, [{ by: 'soc (key policy-1)', source: 'fleet', level: 'contained' }]);
  t.match(told, [{ kind: 'desired-applied', by: 'fleet' }]);
});

const [head = '', body = '', signature = ''] = signed(document(2)).split('.');
const secret = policyKey.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const hmacInput = `${base64({ ...HEADER, alg: 'HS256' })}.${body}`;
const hmac = createHmac('sha256', secret).update(hmacInput).digest('base64url');

/** What an attacker with the broker in hand would try. */
const HOSTILE: readonly (readonly [string, string])[] = [
  ['no signature (alg none)', `${base64({ ...HEADER, alg: 'none' })}.${body}.`],
  ['the public key as an HMAC secret', `${hmacInput}.${hmac}`],
  ['alg EdDSA', signed(document(2), { ...HEADER, alg: 'EdDSA' })],
  [
    'a key of its own in the header',
    signed(
      document(2),
      { ...HEADER, jwk: onlineKey.publicKey.export({ format: 'jwk' }) },
      onlineKey.privateKey,
    ),
  ],
  ['a certificate in the header', signed(document(2), { ...HEADER, x5c: ['AA=='] })],
  ['crit', signed(document(2), { ...HEADER, crit: ['exp'], exp: 1 })],
  ['b64', signed(document(2), { ...HEADER, b64: false, crit: ['b64'] })],
  ['another typ', signed(document(2), { ...HEADER, typ: 'JWT' })],
  ['no typ', signed(document(2), { alg: 'Ed25519', kid: 'policy-1' })],
  ['an unknown kid', signed(document(2), { ...HEADER, kid: 'policy-2' })],
  ['a kid that is a path', signed(document(2), { ...HEADER, kid: '../../etc/cordon' })],
  ["the online key under the policy key's name", signed(document(2), HEADER, onlineKey.privateKey)],
  ['another payload under the signature', `${head}.${base64(document(3))}.${signature}`],
  ['a changed signature', `${head}.${body}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`],
  ['a signature cut off', `${head}.${body}.${signature.slice(0, 20)}`],
  ['JSON serialization', JSON.stringify({ payload: body, protected: head, signature })],
  ['for another box', signed(document(2, { aud: 'box-2' }))],
  ['for no box', signed(document(2, { aud: undefined }))],
  ['a number that is none', signed(document(1.5))],
  ['a number above what is exact', signed(document(2 ** 60))],
  ['an attribute that nobody knows', signed(document(2, { also: 1 }))],
  ['no JSON', signed('[[[')],
  ['an array', signed([])],
  ['five documents', new Array(5).fill(signed(document(2))).join('\n')],
  ['text', 'hello'],
  ['dots', '...'],
];

t.test(
  'what is not signed for this box by its keys, in this form, is refused and changes nothing',
  async (t) => {
    const { keeper, given, released } = scene(t.testdir());
    await keeper.load();
    for (const [what, text] of HOSTILE) t.match(await keeper.take(text), [{ state: 'refused' }], what);
    t.same([given, released], [[], []]);
    t.equal(keeper.refused, HOSTILE.length);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(signed(document(2)).length - 1),
        fc.integer({ min: 33, max: 126 }),
        async (at, code) => {
          const jws = signed(document(2));
          const changed = jws.slice(0, at) + String.fromCharCode(code) + jws.slice(at + 1);
          const [result] = await keeper.take(changed);
          // The last character of a part may differ in bits that base64url does not use (RFC 4648 section 3.5).
          return given.length === 0 ? result?.state === 'refused' : changed.length === jws.length;
        },
      ),
      { numRuns: 200 },
    );
  },
);

t.test('an old document, or another with the same number, is refused, after a restart too', async (t) => {
  const dir = t.testdir();
  const first = scene(dir);
  await first.keeper.load();
  const old = signed(document(5));
  await first.keeper.take(old);
  await first.keeper.take(signed(document(6)));
  const { keeper, given } = scene(dir);
  await keeper.load();
  t.match(await keeper.take(old), [
    { state: 'refused', detail: /older \(ver 5\) than what was taken \(ver 6\)/ },
  ]);
  t.match(await keeper.take(signed(document(6, { orders: [] }))), [
    { state: 'refused', detail: /another document/ },
  ]);
  t.match(await keeper.take(signed(document(6))), [{ state: 'applied', detail: 'taken before' }]);
  t.equal(given.length, 0);
  t.match(
    await keeper.take(signed(document(1), { ...HEADER, kid: 'online-1' }, onlineKey.privateKey)),
    [{ kid: 'online-1', state: 'applied' }],
    'each key counts for itself: who has the one cannot lock out the other',
  );
});

t.test('what did not come to its end is acted on again; a broken counter takes nothing', async (t) => {
  const dir = t.testdir();
  const first = scene(dir);
  await first.keeper.load();
  first.refusal.error = new Error('the kernel refused the order');
  t.match(await first.keeper.take(signed(document(7))), [{ state: 'failed', detail: /kernel refused/ }]);
  const { keeper, given } = scene(dir);
  await keeper.load();
  t.match(await keeper.take(signed(document(7))), [{ state: 'applied' }]);
  t.equal(given.length, 1);
  for (const name of ['desired.json', 'desired.copy.json']) await writeFile(join(dir, name), '{');
  const third = scene(dir);
  await third.keeper.load();
  t.match(third.told, [{ kind: 'desired-refused', detail: /damaged/ }]);
  t.match(await third.keeper.take(signed(document(9))), [{ state: 'refused', detail: /lost/ }]);
});

t.test('on a full disk a document that closes is applied, and one that opens is not', async (t) => {
  const dir = t.testdir();
  const { keeper, given, released } = scene(dir, [orderOf({ id: 3, source: 'fleet' })]);
  await keeper.load();
  await mkdir(join(dir, 'desired.json.new'));
  const onlineHeader = { ...HEADER, kid: 'online-1' };
  t.match(await keeper.take(signed(document(1), onlineHeader, onlineKey.privateKey)), [{ state: 'applied' }]);
  t.match(await keeper.take(signed(document(1))), [{ state: 'failed', detail: /cannot be written/ }]);
  t.same([given.length, released.length], [1, 0]);
});
