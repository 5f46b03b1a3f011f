import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { detectSettings } from '../../../agent/detect/settings.js';
import { coverageOf } from '../../../agent/learn/coverage.js';
import { serviceOf } from '../../../agent/learn/proposal-yaml.js';
import { propose } from '../../../agent/learn/propose.js';
import { readAnswer } from '../../../agent/learn/read-answer.js';
import { learnFromCaptures } from '../../../agent/replay/learn-capture.js';
import { policyOf } from '../ruleset/support.js';

const data = process.env['CORDON_DATA'] ?? '../shared/data';
const skip = existsSync(join(data, 'pcap/iot')) ? false : `no captures in ${data}`;

async function learn(file: string, end: string) {
  const learnt = await learnFromCaptures(
    [join(data, file)],
    [{ name: 'device-1', ends: [end] }],
    detectSettings.parse({}),
  );
  const device = learnt.book.find('device-1');
  if (device === null) throw new Error(`nobody has ${end}`);
  const habits = learnt.book.habits('device-1');
  const policy = policyOf('version: 1\nsite: { name: x }\n');
  const { endMs: nowMs, findings } = learnt;
  const coverage = coverageOf(device, habits, learnt.watched.stretches(), nowMs, 0);
  const set = propose({
    policy,
    name: 'device-1',
    device,
    habits,
    findings,
    learned: new Map(),
    watchedMs: coverage.watchedMs,
    nowMs,
  });
  return { set, coverage, entries: set.proposals.map(({ entry }) => serviceOf(entry)).sort() };
}

t.test('a plug: what its published profile has, and the DNS that MUD has by default', { skip }, async (t) => {
  const { entries, set } = await learn('pcap/iot/ss-G06-tapo-p115.pcap', '40:ae:30:46:6e:a8');
  t.same(entries, [
    'out tcp 443 to name aps1-openapi.i.tplinknbu.com',
    'out tcp 443 to name euw1-device-cloudgateway.iot.i.tplinknbu.com',
    'out tcp 443 to name n-euw1-device-api.tplinkcloud.com',
    'out tcp 443 to name security.iot.i.tplinknbu.com',
    'out udp 123 to name pool.ntp.org',
    'out udp 53 to 10.42.0.1',
  ]);
  t.same(new Set(set.leftOut.map(({ reason }) => reason)), new Set(['infrastructure', 'middle']));
});

t.test('a lock over a week: names behind changing addresses are one entry each', { skip }, async (t) => {
  const { entries, coverage } = await learn('pcap/iot/tj-schlage-lock-01.pcap', '78:db:2f:db:43:48');
  t.ok(
    entries.includes('out tcp 8883 to name a30hje92j76kem.iot.us-west-2.amazonaws.com'),
    entries.join('\n'),
  );
  t.equal(coverage.hoursWatched, 168);
});

t.test(
  'what an infected machine does is left out, from captures and flow logs alike',
  { skip },
  async (t) => {
    for (const [file, end] of [
      ['flows/slips/port-scans/horizontal/conn.log', '10.0.2.112'],
      ['flows/slips/test11-portscan.binetflow', '10.8.0.69'],
    ] as const) {
      const { set } = await learn(file, end);
      const suspect = set.leftOut.reduce(
        (sum, { reason, habits }) => sum + (reason === 'finding' ? habits.length : 0),
        0,
      );
      t.ok(suspect > set.proposals.length, `${file}: ${suspect} left out, ${set.proposals.length} proposed`);
    }
  },
);

t.test('an answer is read with its aliases, a question or a broken one is not', (t) => {
  const name = (text: string): number[] => [
    ...text.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]),
    0,
  ];
  const answer = (flags: number) =>
    Uint8Array.from([
      ...[0, 1, flags, 0x80, 0, 1, 0, 2, 0, 0, 0, 0],
      ...name('Pacs.Example'),
      ...[0, 1, 0, 1],
      ...[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 3, 1, 0x61, 0],
      ...[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 77, 0, 1],
    ]);
  t.same(readAnswer(answer(0x81), 0, 100), { name: 'pacs.example', addresses: ['10.77.0.1'] });
  t.equal(readAnswer(answer(0x01), 0, 100), null);
  t.equal(readAnswer(answer(0x81), 0, 60), null, 'the addresses were cut off');
  t.equal(readAnswer(new Uint8Array(3), 0, 3), null);
  t.end();
});
