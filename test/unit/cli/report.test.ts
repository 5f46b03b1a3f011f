import { readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { fromRoot } from '../../root.js';
import { canonicalJson } from '../../../agent/activity/canonical-json.js';
import { captureFile } from '../inventory/support/captures.js';
import { POLICY } from './policies.js';
import { serveAgent, serveEnforcer, unservedBox } from './served-box.js';

interface Told {
  readonly sha256: string;
  readonly report: {
    readonly notes: readonly string[];
    readonly map: readonly { readonly device: string }[];
    readonly segmentation: { readonly generation: number };
  };
}

t.test('a report of the running box: every form carries the hash of the JSON', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  await serveAgent(t, box, {});
  writeFileSync(box.configFile, 'box: ward-3\ndevicePorts: [a]\nnetworkPorts: [b]\n');
  const json = await box.cordon(
    'report',
    '--json',
    '--period',
    '2026-01-01..2026-03-31',
    '--as-of',
    '2026-04-01',
  );
  t.equal(json.exitStatus, 0, json.stderr);
  const told = JSON.parse(json.stdout) as Told;
  t.equal(createHash('sha256').update(canonicalJson(told.report)).digest('hex'), told.sha256);
  t.match(told.report.segmentation.generation, 4);
  t.ok(
    told.report.notes.some((note) => note.includes('the activity log was not read')),
    'what is missing is said',
  );
  t.ok(told.report.map.some(({ device }) => device === 'pump-1'));
});

t.test(
  'it is written where it was asked for, as HTML by default, and not onto a terminal as PDF',
  async (t) => {
    const box = unservedBox(t);
    await serveEnforcer(t, box);
    await serveAgent(t, box, {});
    const html = await box.cordon('report');
    t.match(html.stdout, /^<!doctype html>/);
    const file = join(box.directory, 'report.pdf');
    const pdf = await box.cordon('report', '--format', 'pdf', '--out', file);
    t.equal(pdf.exitStatus, 0, pdf.stderr);
    t.match(pdf.stdout, /report\.pdf: pdf, sha256 [0-9a-f]{64}\n$/);
    t.equal(pdf.stderr, '', 'nothing but that');
    t.equal(readFileSync(file).subarray(0, 5).toString(), '%PDF-');
    t.match((await box.cordon('report', '--format', 'md')).stdout, /^# Medical device network report/);
    t.equal((await box.cordon('report', '--period', 'x')).exitStatus, 2);
    t.equal((await box.cordon('report', '--out', '/nowhere/x')).exitStatus, 1);
    t.match((await unservedBox(t).cordon('report')).stderr, /agent is not running/);
  },
);

t.test('a report of a capture needs no box and holds nothing of a patient', async (t) => {
  const names = [
    'medical/mpa-all_alerts.pcap',
    'medical/mpa-no_alerts.pcap',
    'medical/made-here-dcmtk-store.pcap',
  ];
  const files = names.map((name) => captureFile(name)).filter((file) => file !== null);
  if (files.length === 0) {
    t.pass('skipped', { skip: 'no captures here (CORDON_DATA)' });
    return;
  }
  const box = unservedBox(t);
  const policy = join(box.directory, 'policy.yaml');
  writeFileSync(policy, POLICY);
  for (const file of files) {
    const patients = new Set(
      [...readFileSync(file, 'latin1').matchAll(/PID\|[^\r]*?\|([A-Z]+\^[A-Z]+)/gi)].map(
        ([, name = '']) => name,
      ),
    );
    const ran = await box.cordon('report', '--capture', file, '--policy', policy);
    t.equal(ran.exitStatus, 0, ran.stderr);
    for (const name of [...patients, 'NOBODY^', 'LAB0']) t.notOk(ran.stdout.includes(name), name);
  }
});

t.test('a report of a capture is about the time of the capture', async (t) => {
  const box = unservedBox(t);
  const file = join(box.directory, 'fragments.pcap');
  const hex = readFileSync(fromRoot('test/corpus/capture/pcap-fragments.hex'), 'utf8').trim();
  writeFileSync(file, Buffer.from(hex, 'hex'));
  const ran = await box.cordon('report', '--capture', file, '--format', 'md');
  t.equal(ran.exitStatus, 0, ran.stderr);
  t.match(ran.stdout, '| Period | 2027-01-15 08:00 UTC to 2027-01-15 08:00 UTC |');
});
