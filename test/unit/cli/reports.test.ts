import t from 'tap';
import { textWidth } from '../../../agent/cli/text-width.js';
import type { InventoryRow, RefusalRow } from '../../../agent/messages/agent-messages.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { nowMs, serveAgent, serveEnforcer, unservedBox, type ServedBox } from './served-box.js';

const device: InventoryRow = {
  id: '02:42:ac:11:00:02',
  policyName: 'pump-1',
  macs: ['02:42:ac:11:00:02'],
  addresses: ['10.20.0.2', '2001:db8:1234:5678:9abc:def0:1234:5678'],
  isRandomizedMac: true,
  fields: {
    os: { value: 'Windows\u001b[2J XP', source: 'smb.native-os', confidence: 60, conflicts: ['Linux'] },
    kind: { value: 'infusion pump', source: 'operator', confidence: 100, conflicts: [] },
  },
  roles: [],
  services: ['tcp/104'],
  speaks: ['DICOM'],
  reaches: [],
  operator: { kind: { value: 'infusion pump', by: 'nurse', atMs: nowMs - 1_000 } },
  firstMs: nowMs - 86_400_000,
  lastMs: nowMs - 200_000,
};

const refusal: RefusalRow = {
  device: 'pump-1',
  deviceMac: '02:42:ac:11:00:02',
  from: 'device',
  deviceAddress: '10.20.0.2',
  peer: '2001:db8:1234:5678:9abc:def0:1234:5678',
  protocol: 6,
  port: 443,
  reason: 'spoofed-source',
  count: 123_456,
  firstMs: nowMs - 86_400_000,
  lastMs: nowMs - 7_500_000,
};

const finding: Finding = {
  key: 'portScan:pump-1:10.20.0.5',
  detector: 'portScan',
  device: 'pump-1',
  deviceMac: null,
  peer: '10.20.0.5',
  severity: 'high',
  state: 'open',
  title: 'pump-1 scans\u001b]0;owned\u0007 ports of 10.20.0.5',
  evidence: { ports: [21, 22, 23], 'host\u009b2J': 'a\nb', distinct: 15 },
  remedy: 'find out what runs on it '.repeat(5),
  firstMs: nowMs - 200_000,
  lastMs: nowMs - 1_000,
  count: 3,
};

async function serveRows(t: Parameters<typeof serveAgent>[0], box: ServedBox): Promise<void> {
  const answer =
    <Row>(name: string, row: Row) =>
    (params: unknown) => {
      box.asked.push([name, params]);
      return { rows: [row], total: 3 };
    };
  await serveAgent(t, box, {
    inventory: (params) => {
      box.asked.push(['inventory', params]);
      return { rows: params.offset === 0 ? [device] : [], total: 3 };
    },
    refusals: answer('refusals', refusal),
    findings: answer('findings', finding),
  });
}

t.test('rows read well at 80 columns, and in full with --wide', async (t) => {
  const box = unservedBox(t);
  await serveRows(t, box);
  for (const command of ['devices', 'refusals', 'findings']) {
    const ran = await box.cordon(command);
    t.equal(ran.exitStatus, 0, ran.stderr);
    t.notMatch(ran.stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/, command);
    for (const line of ran.stdout.split('\n')) t.ok(textWidth(line) <= 80, line);
    t.match(ran.stdout, '1 of 3; more with --limit');
  }
  const narrow = (await box.cordon('refusals')).stdout;
  t.match(narrow, /^DEVICE +DIR +PEER +SERVICE +REASON +COUNT +LAST\n/);
  t.match(narrow, /^pump-1 +out +2001:db8\S*… +tcp 443 +spoofed-source +123456 +2 h 5/m);
  t.match((await box.cordon('refusals', '--wide')).stdout, '2001:db8:1234:5678:9abc:def0:1234:5678  tcp 443');
  const told = (await box.cordon('findings')).stdout;
  t.match(told, String.raw`HIGH (open) pump-1 scans\x1b]0;owned\x07 ports`);
  t.match(told, 'ports: 21, 22, 23');
});

t.test('rows are asked for as said on the command line', async (t) => {
  const box = unservedBox(t);
  await serveRows(t, box);
  await box.cordon('devices', '--limit', '7');
  await box.cordon('refusals', '--device', 'pump-1');
  const ran = await box.cordon('findings', '--state', 'open', '--device', 'pump-1', '--json');
  t.same(box.asked, [
    ['inventory', { limit: 7, offset: 0 }],
    ['inventory', { limit: 6, offset: 1 }],
    ['refusals', { limit: 200, device: 'pump-1' }],
    ['findings', { limit: 200, device: 'pump-1', state: 'open' }],
  ]);
  t.same(JSON.parse(ran.stdout), { rows: [finding], total: 3 });
});

t.test('nothing to show is said in words', async (t) => {
  const box = unservedBox(t);
  await serveAgent(t, box, {});
  t.equal((await box.cordon('devices')).stdout, 'no device was seen yet\n');
  t.equal((await box.cordon('refusals')).stdout, 'nothing was refused\n');
  t.equal((await box.cordon('findings')).stdout, 'no findings\n');
});

t.test('status shows both processes, who is contained, what was refused and what was not kept', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  await serveRows(t, box);
  const ran = await box.cordon('status');
  t.equal(ran.exitStatus, 0, ran.stderr);
  for (const said of [
    'running for 2 h 5 min, pid 123',
    'generation 4: 1 device, 2 entries',
    'pump-1: contained, essential entries only',
    String.raw`scans \x1b[2Jthe ward`,
    'spoofed-source',
    'nflogOverruns 3',
    'removed by someone else and restored 1 time',
    'running for 2 h 5 min, pid 124',
    'ECONNREFUSED',
    '7 of at most 10000 events waiting',
  ])
    t.ok(ran.stdout.replaceAll(/\s+/g, ' ').includes(said), said);
  for (const line of ran.stdout.split('\n')) t.ok(textWidth(line) <= 80, line);
  const asJson = await box.cordon('status', '--json');
  t.match(JSON.parse(asJson.stdout), { enforcer: { pid: 123 }, agent: { pid: 124 }, problems: [] });
});

t.test('status is 1 without the enforcer, 0 without the agent, and names who is missing', async (t) => {
  const box = unservedBox(t);
  await serveRows(t, box);
  const withoutEnforcer = await box.cordon('status');
  t.equal(withoutEnforcer.exitStatus, 1);
  t.match(withoutEnforcer.stdout, /^Enforcer +NOT RUNNING/);
  t.match(withoutEnforcer.stdout, /^Agent +running/m);

  const other = unservedBox(t);
  await serveEnforcer(t, other);
  const withoutAgent = await other.cordon('status', '--json');
  t.equal(withoutAgent.exitStatus, 0);
  t.match(JSON.parse(withoutAgent.stdout), {
    agent: null,
    problems: [{ process: 'agent', code: 'no-server' }],
  });
});

t.test(
  'live connections name the entry that permits them, and open findings where the agent answers',
  async (t) => {
    const box = unservedBox(t);
    await serveEnforcer(t, box);
    const alone = await box.cordon('flows', '--limit', '5');
    t.equal(alone.exitStatus, 0, alone.stderr);
    t.match(alone.stdout, /pump-1 +out +2001.*tcp 104 +4\.8 MiB +1000 B +allow\[0\] \(esse/);
    t.match(alone.stdout, '1 of 3; more with --limit');
    t.match(alone.stderr, 'the agent does not answer');
    t.notMatch(alone.stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    for (const line of alone.stdout.split('\n')) t.ok(textWidth(line) <= 80, line);
    t.same(box.asked, [['flows', { limit: 5 }]]);
    await serveAgent(t, box, {
      findings: () => ({
        rows: [
          { ...finding, detector: 'spoofing', severity: 'low', peer: null },
          { ...finding, peer: null },
          { ...finding, key: 'other', severity: 'medium', peer: null },
        ],
        total: 3,
      }),
    });
    const wide = await box.cordon('flows', '--device', 'pump-1', '--wide');
    t.match(
      wide.stdout,
      /allow\[0\] \(essential, contained\) +portScan, spoofing +dose/,
      'the worst first, each once',
    );
    const json = JSON.parse((await box.cordon('flows', '--json')).stdout) as { rows: unknown[] };
    t.match(json, {
      total: 3,
      findingsKnown: true,
      rows: [{ findings: [{ detector: 'portScan' }, { severity: 'medium' }, { severity: 'low' }] }],
    });
  },
);
