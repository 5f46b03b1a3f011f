import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { coverageOf } from '../../../agent/learn/coverage.js';
import type { LearnDetail } from '../../../agent/messages/agent-messages.js';
import { habitOf, pump } from '../learn/support.js';
import { controlsIn } from './run-cordon.js';
import { nowMs, serveAgent, serveEnforcer, unservedBox } from './served-box.js';

const DAY_MS = 86_400_000;
const data = process.env['CORDON_DATA'] ?? '../shared/data';
const capture = join(data, 'pcap/iot/ss-G06-tapo-p115.pcap');
const skip = existsSync(capture) ? false : `no captures in ${data}`;

const device = { ...pump, sinceMs: nowMs - 9 * DAY_MS, lastMs: nowMs };
const times = { firstMs: nowMs - 8 * DAY_MS, lastMs: nowMs - 1_000 };
const habits = [
  habitOf('out 6/104 10.0.0.5', times),
  habitOf('out 6/443 198.51.100.7', {
    ...times,
    names: ['evil\u001b[2J.example', 'cloud.example'],
    unlisted: 4,
    unlistedMs: nowMs,
  }),
];

async function served(t: Parameters<typeof serveAgent>[0], shown: LearnDetail['habits'] = habits) {
  const box = unservedBox(t);
  const coverage = coverageOf(device, shown, [{ fromMs: device.sinceMs, toMs: nowMs }], nowMs, 0);
  await serveEnforcer(t, box);
  await serveAgent(t, box, {
    learn: () => ({ rows: [{ device, coverage }], total: 1 }),
    'learn.show': () => ({ device, coverage, habits: shown, findings: [], others: [] }),
  });
  return box;
}

t.test('what was learnt is shown, as a table and in detail', async (t) => {
  const box = await served(t);
  const table = await box.cordon('learn', 'status');
  t.match(table.stdout, /DEVICE +WATCHED +OF 168 H.*\npump-1 +9 d +168 +2 +0 +1 /, table.stderr);
  const detail = await box.cordon('learn', 'status', 'pump-1');
  t.match(detail.stdout, /Mon #{24}\n/);
  t.match(detail.stdout, /Monthly job +may not have run yet/);
  for (const { stdout } of [table, detail])
    t.ok(
      stdout.split('\n').every((line) => line.length <= 80),
      stdout,
    );
});

t.test('a proposal is the running policy with what is missing, as text, as a file and as JSON', async (t) => {
  const box = await served(t);
  const proposed = await box.cordon('learn', 'propose', 'pump-1');
  t.equal(proposed.exitStatus, 0, proposed.stderr);
  t.match(proposed.stdout, /# doubtful: [^]*peer: \{ name: cloud\.example \}/);
  t.same(controlsIn(proposed.stdout), []);
  const file = join(box.directory, 'proposed.yaml');
  const written = await box.cordon('learn', 'propose', 'pump-1', '--mode', 'shadow', '-o', file);
  t.match(written.stdout, /devices\.pump-1\.allow\[\d+\]\n +out tcp 443 to/, written.stderr);
  t.match(readFileSync(file, 'utf8'), /mode: shadow/);
  t.equal((await box.cordon('policy', 'check', file)).exitStatus, 0);
  t.match(await box.cordon('learn', 'propose', 'pump-1', '-o', file), { exitStatus: 1, stderr: /--force/ });
  const json = JSON.parse((await box.cordon('learn', 'propose', 'pump-1', '--json')).stdout) as object;
  t.match(json, { device: 'pump-1', proposals: [{ evidence: { count: 10 } }], policy: /allow/ });
  t.same(box.asked, [], 'nothing was applied');
});

t.test('a proof says what would break, and exits with 1', async (t) => {
  const box = await served(t);
  const broken = await box.cordon('learn', 'prove', 'pump-1');
  t.match(broken, { exitStatus: 1, stdout: /out tcp\/443 to 198\.51\.100\.7[^]*- \{ direction: out, peer/ });
  const file = join(box.directory, 'proposed.yaml');
  await box.cordon('learn', 'propose', 'pump-1', '-o', file);
  const whole = await box.cordon('learn', 'prove', 'pump-1', '--policy', file);
  t.match(
    whole,
    { exitStatus: 0, stdout: /Nothing that pump-1 was seen to do would be refused/ },
    whole.stdout,
  );
});

t.test('shadow lists what passed without an entry', async (t) => {
  const box = await served(t);
  const shadow = await box.cordon('learn', 'shadow', 'pump-1');
  t.match(shadow, { exitStatus: 1, stdout: /out tcp\/443 to 198\.51\.100\.7: 4 times/ });
  t.match(shadow.stdout, /kernel counted 3 first packets/);
  const none = await served(t, [habitOf('out 6/104 10.0.0.5', times)]);
  t.equal((await none.cordon('learn', 'shadow', 'pump-1')).exitStatus, 0);
});

t.test('a capture needs no box: status, proposal, proof', { skip }, async (t) => {
  const box = unservedBox(t);
  const file = join(box.directory, 'plug.yaml');
  const proposed = await box.cordon(
    ...[
      'learn',
      'propose',
      'plug-1',
      '--capture',
      capture,
      '--device',
      '40:ae:30:46:6e:a8=plug-1',
      '-o',
      file,
    ],
  );
  t.equal(proposed.exitStatus, 0, proposed.stderr);
  t.match(readFileSync(file, 'utf8'), /plug-1:[^]*40:ae:30:46:6e:a8[^]*name: pool\.ntp\.org/);
  t.equal((await box.cordon('policy', 'check', file)).exitStatus, 0);
  const proved = await box.cordon('learn', 'prove', 'plug-1', '--policy', file, '--capture', capture);
  t.match(proved, { exitStatus: 0, stdout: /8 of 10 connections pass/ }, proved.stdout + proved.stderr);
  t.match((await box.cordon('learn', 'status', '--capture', capture)).stdout, /10\.42\.0\.205/);
});

t.test('what is asked wrongly is told', async (t) => {
  const box = unservedBox(t);
  const junk = join(box.directory, 'junk');
  writeFileSync(junk, 'not a capture');
  const empty = join(box.directory, 'empty');
  writeFileSync(empty, '');
  const pcap = join(box.directory, 'nothing.pcap');
  writeFileSync(pcap, Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
  const cases: readonly (readonly [number, RegExp, readonly string[]])[] = [
    [1, /junk: neither a capture nor a flow log.*pcapng/, ['learn', 'prove', 'pump-1', '--capture', junk]],
    [1, /\.not: there is no such file/, ['learn', 'prove', 'pump-1', '--capture', `${junk}.not`]],
    [1, /empty: it is empty/, ['learn', 'propose', 'pump-1', '--capture', empty]],
    [1, /it is a directory/, ['learn', 'prove', '10.0.0.9', '--capture', box.directory]],
    [2, /--device MAC=pump-1/, ['learn', 'prove', 'pump-1', '--capture', pcap]],
    [2, /goes with --capture/, ['learn', 'propose', 'pump-1', '--device', 'x=y']],
    [2, /write MAC=NAME/, ['learn', 'status', '--capture', junk, '--device', 'pump-1']],
    [1, /neither a capture nor a flow log/, ['learn', 'status', '--capture', junk]],
    [1, /there is no such file/, ['learn', 'status', '--capture', `${junk}.not`]],
    [2, /cannot be a device's name/, ['learn', 'propose', '10.0.0.9', '--capture', junk, '--name', 'A B']],
  ];
  for (const [exitStatus, stderr, args] of cases)
    t.match(await box.cordon(...args), { exitStatus, stderr }, args.join(' '));
});
