/** Signatures of MUD files: those that OpenSSL makes, and a published one. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { verifyMudSignature } from '../../../agent/mud-signature/verify-signature.js';
import { MUD_DIRECTORY, NO_DATA } from './support/files.js';

const directory = mkdtempSync(join(tmpdir(), 'cordon-mud-'));
t.teardown(() => {
  rmSync(directory, { recursive: true, force: true });
});
const openssl = (...words: readonly string[]): void => {
  execFileSync('openssl', words, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
};
const bytes = (name: string): Uint8Array => readFileSync(join(directory, name));
const text = (name: string): string => readFileSync(join(directory, name), 'utf8');

const content = new TextEncoder().encode('{ "ietf-mud:mud": {} }\n');
writeFileSync(join(directory, 'mud.json'), content);

function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
    '-subj',
    `/O=${name}`,
    '-days',
    '3650',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
  );
}

function certify(name: string, by: string, days: string, isAuthority = false): void {
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    '-subj',
    `/CN=${name}`,
  );
  writeFileSync(join(directory, 'ext'), `basicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${by}.pem`,
    '-CAkey',
    `${by}.key`,
    '-CAcreateserial',
    '-out',
    `${name}.pem`,
    '-days',
    days,
    '-extfile',
    'ext',
  );
}

function sign(out: string, by: string, ...more: readonly string[]): void {
  openssl(
    'cms',
    '-sign',
    '-binary',
    '-in',
    'mud.json',
    '-signer',
    `${by}.pem`,
    '-inkey',
    `${by}.key`,
    '-outform',
    'DER',
    '-out',
    out,
    '-md',
    'sha256',
    ...more,
  );
}

authority('maker-ca');
authority('other-ca');
certify('maker', 'maker-ca', '30');
certify('middle', 'maker-ca', '30', true);
certify('below', 'middle', '30');
certify('beneath-a-leaf', 'maker', '30');
sign('mud.p7s', 'maker');
sign('chain.p7s', 'below', '-certfile', 'middle.pem');
sign('leaf.p7s', 'beneath-a-leaf', '-certfile', 'maker.pem');
sign('inside.p7s', 'maker', '-nodetach');
sign('sha1.p7s', 'maker', '-md', 'sha1');
sign('bare.p7s', 'maker', '-nocerts');
openssl(
  'cms',
  '-sign',
  '-binary',
  '-in',
  'mud.json',
  '-signer',
  'maker.pem',
  '-inkey',
  'maker.key',
  '-outform',
  'PEM',
  '-out',
  'mud.pem7',
);

const verify = (signature: Uint8Array, change: Partial<Parameters<typeof verifyMudSignature>[0]> = {}) =>
  verifyMudSignature({ content, signature, authorities: text('maker-ca.pem'), nowMs: Date.now(), ...change });

t.test('a file that its maker signed', async (t) => {
  t.match(await verify(bytes('mud.p7s')), { ok: true, signer: 'CN=maker', expired: [] });
  t.match(await verify(bytes('mud.pem7')), { ok: true, signer: 'CN=maker' }, 'as PEM');
  t.match(await verify(bytes('chain.p7s')), { ok: true, signer: 'CN=below' }, 'with a certificate between');
});

t.test('what is not so is refused, with its reason', async (t) => {
  const other = Uint8Array.from(content);
  other[3] = (other[3] ?? 0) ^ 1;
  const DAY_MS = 86_400_000;
  const cases: readonly (readonly [string, ReturnType<typeof verify>, RegExp])[] = [
    ['another file', verify(bytes('mud.p7s'), { content: other }), /not the one that was signed/],
    ['an empty file', verify(bytes('mud.p7s'), { content: new Uint8Array() }), /empty/],
    ['another authority', verify(bytes('mud.p7s'), { authorities: text('other-ca.pem') }), /chain/],
    ['no authority', verify(bytes('mud.p7s'), { authorities: '' }), /--ca/],
    ['a certificate that may not certify', verify(bytes('leaf.p7s')), /chain/],
    ['a file of its own inside', verify(bytes('inside.p7s')), /inside/],
    ['the same with another file beside', verify(bytes('inside.p7s'), { content: other }), /inside/],
    ['SHA-1', verify(bytes('sha1.p7s')), /weaker/],
    ['no certificate', verify(bytes('bare.p7s')), /certificate/],
    ['not yet valid', verify(bytes('mud.p7s'), { nowMs: Date.now() - 400 * DAY_MS }), /not/],
    ['no signature', verify(new Uint8Array([1, 2, 3])), /CMS|read/],
  ];
  for (const [what, verdict, reason] of cases) {
    const said = await verdict;
    t.equal(said.ok, false, what);
    if (!said.ok) t.match(said.problem, reason, what);
  }
});

t.test('a signature whose certificates have expired since is told of as such', async (t) => {
  const verdict = await verify(bytes('mud.p7s'), { nowMs: Date.now() + 60 * 86_400_000 });
  t.match(verdict, { ok: true, expired: [{ subject: 'CN=maker' }] });
});

t.test(
  'no byte of a signature can be changed so that another file is taken, and nothing throws',
  async (t) => {
    const signature = bytes('mud.p7s');
    const other = Uint8Array.from(content, (byte, index) => (index === 3 ? byte ^ 1 : byte));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(signature.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const changed = Uint8Array.from(signature);
          for (const [at, byte] of changes) changed[at] = byte;
          return !(await verify(changed, { content: other })).ok;
        },
      ),
      { numRuns: 150 },
    );
    t.end();
  },
);

t.test('the published signature of a published file', async (t) => {
  const file = (name: string): string => join(MUD_DIRECTORY, 'cisco', name);
  if (!existsSync(file('Luminaire_150.p7s'))) {
    t.comment(NO_DATA);
    return;
  }
  const published = {
    content: readFileSync(file('Luminaire_150.json')),
    signature: readFileSync(file('Luminaire_150.p7s')),
    authorities: readFileSync(file('luminaire-cacert.pem'), 'utf8'),
  };
  const signer = 'O=Demo Luminaire Manufacturer, CN=luminaire.example.com';
  const then = await verifyMudSignature({ ...published, nowMs: Date.UTC(2019, 0, 1) });
  t.match(then, { ok: true, signer, signedAtMs: Date.UTC(2018, 8, 17, 22, 20, 6), expired: [] });
  const now = await verifyMudSignature({ ...published, nowMs: Date.UTC(2026, 0, 1) });
  t.match(now, { ok: true, expired: [{ subject: 'O=Demo Luminaire Manufacturer' }] });
  const changed = Uint8Array.from(published.content, (byte, index) => (index === 100 ? byte ^ 1 : byte));
  t.match(await verifyMudSignature({ ...published, content: changed, nowMs: Date.UTC(2019, 0, 1) }), {
    ok: false,
  });
});
