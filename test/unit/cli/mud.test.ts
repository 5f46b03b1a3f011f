/** `cordon mud …` as a person runs it: what is printed where, exit statuses, signatures, and that nothing bad is printed as a policy. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { emptyBox, type Box } from './run-cordon.js';

const eq = (port: number) => ({ operator: 'eq', port });
const controller = { 'ietf-mud:mud': { 'my-controller': [null] } };
const ace = (name: string, matches: object) => ({ name, matches, actions: { forwarding: 'accept' } });

function mudText(port: number, more: readonly object[] = []): string {
  const policy = (name: string) => ({ 'access-lists': { 'access-list': [{ name }] } });
  const list = (name: string, node: string) => ({
    name,
    type: 'ipv4-acl-type',
    aces: {
      ace: [
        ace('orders', {
          ...controller,
          ipv4: { protocol: 6 },
          tcp: { 'ietf-mud:direction-initiated': 'from-device', [node]: eq(port) },
        }),
        ...(name === 'from' ? more : []),
      ],
    },
  });
  return JSON.stringify({
    'ietf-mud:mud': {
      'mud-version': 1,
      'mud-url': 'https://maker.example/pump.json',
      'last-update': '2024-01-01T00:00:00+00:00',
      'is-supported': true,
      systeminfo: 'A pump',
      'from-device-policy': policy('from'),
      'to-device-policy': policy('to'),
    },
    'ietf-access-control-list:acls': { acl: [list('from', 'destination-port'), list('to', 'source-port')] },
  });
}

function boxWith(
  t: Test,
  files: Readonly<Record<string, string>>,
): Box & { readonly at: (name: string) => string } {
  const box = emptyBox(t);
  const at = (name: string): string => join(box.directory, name);
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  return { ...box, at };
}

t.test(
  'check says what is permitted, who is to be named, and what was dropped, with the reason',
  async (t) => {
    const odd = ace('odd', { ...controller, ipv4: { protocol: 17, ttl: 1 } });
    const box = boxWith(t, { 'pump.json': mudText(104, [odd]) });
    const { stdout, exitStatus } = await box.cordon('mud', 'check', box.at('pump.json'));
    t.equal(exitStatus, 1, 'my-controller is nobody');
    t.match(stdout, 'A pump');
    t.match(stdout, /out tcp 104 to my-controller \(IPv4\)/);
    t.match(stdout, /3 entries: 2 carried over, 1 dropped\. Classes that are nobody here: 3\./);
    t.match(stdout, /dropped: .*ttl[^]*odd/);
  },
);

t.test(
  'check tells what import would: the same problems, counts and exit status, but no policy',
  async (t) => {
    const odd = ace('odd', { ...controller, ipv4: { protocol: 17, ttl: 1 } });
    const box = boxWith(t, {
      'pump.json': mudText(104, [odd]),
      'site.yaml':
        "version: 1\nsite: { name: x, resolvers: [10.0.0.53] }\ngroups: { servers: [{ address: 10.20.0.5 }] }\ndevices:\n  pump-1: { identity: { macs: ['02:00:00:00:00:0a'] }, mode: enforce }\n",
    });
    const ntp = ['--class', 'urn:ietf:params:mud:ntp=10.20.0.123'];
    const cases: readonly (readonly [string, readonly string[], 0 | 1 | 2, RegExp])[] = [
      ['nobody is named', [], 1, /Classes that are nobody here: 3\.[^]*my-controller\n +nobody has said/],
      [
        'all are named',
        [
          '--class',
          'my-controller=10.20.0.5,10.20.0.0/24',
          '--class',
          'urn:ietf:params:mud:dns=10.0.0.53',
          ...ntp,
        ],
        0,
        /my-controller: 10\.20\.0\.5, 10\.20\.0\.0\/24\n[^]*3 entries: 2 carried over, 1 dropped\.\n/,
      ],
      [
        'a device of a policy, a group of it',
        ['--policy', 'site.yaml', '--device', 'pump-1', '--class', 'my-controller=group:servers', ...ntp],
        0,
        /my-controller: the group servers of the policy[^]*devices\.pump-1/,
      ],
      ['no such device', ['--policy', 'site.yaml', '--device', 'pump-2', ...ntp], 1, /no device "pump-2"/],
      ['not a class', ['--class', 'my-controller'], 2, /write CLASS=WHO/],
      [
        'a class mistyped',
        ['--class', 'my-controler=10.20.0.5'],
        1,
        /--class my-controler: no entry of[^]*\(did\s+you\s+mean\s+"my-controller"\?\)/,
      ],
    ];
    for (const [what, options, status, said] of cases) {
      const words = [
        box.at('pump.json'),
        ...options.map((word) => (word.endsWith('.yaml') ? box.at(word) : word)),
      ];
      const checked = await box.cordon('mud', 'check', ...words);
      const imported = await box.cordon('mud', 'import', ...words);
      t.same([checked.exitStatus, imported.exitStatus], [status, status], what);
      t.match(checked.stdout + checked.stderr, said, what);
      for (const line of imported.stderr.split('\n'))
        t.ok(`${checked.stdout}${checked.stderr}`.includes(line), `${what}: check says, too: ${line}`);
      t.notMatch(checked.stdout, /^version: 1/m, what);
    }
    const both = [];
    for (const verb of ['check', 'import']) {
      const { stdout } = await box.cordon('mud', verb, box.at('pump.json'), ...ntp, '--json');
      const { problems, unresolved, template, changes } = JSON.parse(stdout) as Record<string, unknown>;
      both.push({ problems, unresolved, template, changes });
    }
    t.same(both[0], both[1], 'as JSON');
  },
);

t.test('what is no MUD file is a list of problems and no policy', async (t) => {
  const box = boxWith(t, { 'cut.json': mudText(104).slice(0, 300), 'wrong.json': '{ "ietf-mud:mud": 5 }' });
  for (const name of ['cut.json', 'wrong.json'])
    for (const verb of ['check', 'import']) {
      const { stdout, stderr, exitStatus } = await box.cordon('mud', verb, box.at(name));
      t.not(exitStatus, 0, `${verb} ${name}`);
      t.equal(stdout, '', 'nothing that could be applied');
      t.match(stderr, /problem/);
    }
});

t.test('import, check, export and import again come to the same entries', async (t) => {
  const box = boxWith(t, { 'pump.json': mudText(104) });
  writeFileSync(
    box.at('site.yaml'),
    "version: 1\nsite: { name: x, resolvers: [10.0.0.53] }\ngroups: { servers: [{ address: 10.20.0.5 }] }\ndevices:\n  pump-1: { identity: { macs: ['02:00:00:00:00:0a'] }, mode: enforce }\n",
  );
  const words = [
    '--device',
    'pump-1',
    '--class',
    'my-controller=group:servers',
    '--class',
    'urn:ietf:params:mud:ntp=10.20.0.123',
  ];
  const imported = await box.cordon(
    'mud',
    'import',
    box.at('pump.json'),
    '--policy',
    box.at('site.yaml'),
    ...words,
  );
  t.equal(imported.exitStatus, 0, imported.stderr);
  t.match(imported.stderr, /2 entries: 2 carried over, 0 dropped/);
  writeFileSync(box.at('new.yaml'), imported.stdout);
  t.equal((await box.cordon('policy', 'check', box.at('new.yaml'))).exitStatus, 0);
  const verdict = await box.cordon(
    ...[
      'policy',
      'explain',
      '--policy',
      box.at('new.yaml'),
      '--from',
      'pump-1',
      '--to',
      '10.20.0.5',
      '--proto',
      'tcp',
      '--port',
      '104',
    ],
  );
  t.match(verdict.stdout, /^PERMITTED/);
  const exported = await box.cordon(
    'mud',
    'export',
    'pump-1',
    '--policy',
    box.at('new.yaml'),
    '--url',
    'https://a.example/pump.json',
  );
  t.equal(exported.exitStatus, 0, exported.stderr);
  writeFileSync(box.at('again.json'), exported.stdout);
  const difference = await box.cordon('mud', 'diff', box.at('pump.json'), box.at('again.json'));
  t.match(difference.stdout, /\n0 added, 0 removed, \d+ as before\.\n$/);
});

t.test('a class that nobody named is a problem, and an exception is left out of an export', async (t) => {
  const box = boxWith(t, {
    'pump.json': mudText(104),
    'policy.yaml':
      "version: 1\nsite: { name: x }\ndevices:\n  pump-1:\n    identity: { macs: ['02:00:00:00:00:0a'] }\n    mode: enforce\n    allow:\n      - { direction: out, peer: { address: 10.0.0.5 }, protocol: tcp, ports: [22], until: 2099-01-01, why: vendor }\n",
  });
  const imported = await box.cordon('mud', 'import', box.at('pump.json'));
  t.equal(imported.exitStatus, 1);
  t.match(imported.stderr, /my-controller[^]*--class\s+my-controller=/);
  const exported = await box.cordon('mud', 'export', 'pump-1', '--policy', box.at('policy.yaml'));
  t.equal(exported.exitStatus, 1);
  t.match(exported.stderr, /left out: devices\.pump-1\.allow\[0\]: it is an exception until 2099-01-01/);
  t.notMatch(exported.stdout, /10\.0\.0\.5/);
});

t.test('diff says what a newer file permits', async (t) => {
  const box = boxWith(t, { 'old.json': mudText(104), 'new.json': mudText(11_112) });
  const { stdout } = await box.cordon('mud', 'diff', box.at('old.json'), box.at('new.json'));
  t.match(
    stdout,
    /^\+ out tcp 11112 to my-controller \(IPv4\)\n- out tcp 104 to my-controller \(IPv4\)\n1 added, 1 removed, \d+ as before\.\n$/m,
  );
});

t.test('a signature by a trusted maker is named; any other, or another file, is refused', async (t) => {
  const box = boxWith(t, { 'pump.json': `\ufeff${mudText(104)}`, 'other.json': mudText(105) });
  const openssl = (...words: readonly string[]): void => {
    execFileSync('openssl', words, { cwd: box.directory, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  for (const maker of ['maker', 'stranger'])
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-keyout', `${maker}.key`, '-out', `${maker}.pem`, '-subj', `/O=${maker}`],
      ...['-addext', 'basicConstraints=critical,CA:TRUE'],
    );
  openssl(
    ...['cms', '-sign', '-binary', '-outform', 'DER', '-in', 'pump.json', '-out', 'pump.p7s'],
    ...['-signer', 'maker.pem', '-inkey', 'maker.key'],
  );
  const named = [
    ...['--class', 'my-controller=10.20.0.5', '--class', 'urn:ietf:params:mud:dns=10.0.0.53'],
    ...['--class', 'urn:ietf:params:mud:ntp=10.0.0.123'],
  ];
  const check = (file: string, authority: string) =>
    box.cordon(
      ...['mud', 'check', box.at(file), ...named],
      ...['--signature', box.at('pump.p7s'), '--ca', box.at(authority)],
    );
  const signed = await check('pump.json', 'maker.pem');
  t.equal(signed.exitStatus, 0, signed.stderr);
  t.match(signed.stdout, /signed by .*maker/, 'a byte order mark is signed, too');
  for (const [file, authority] of [
    ['pump.json', 'stranger.pem'],
    ['other.json', 'maker.pem'],
  ] as const) {
    const { exitStatus, stdout, stderr } = await check(file, authority);
    t.not(exitStatus, 0, `${file}, ${authority}`);
    t.equal(stdout, '');
    t.match(stderr, /the signature of/);
  }
  writeFileSync(box.at('pump.p7s'), readFileSync(box.at('pump.p7s')).subarray(0, 100));
  t.not((await check('pump.json', 'maker.pem')).exitStatus, 0, 'cut off');
});
