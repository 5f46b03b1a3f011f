/**
 * `make detection-report`: every capture and flow log of the data directory through the detectors. One row each: what was found,
 * how soon, what is missing, what should not be there. Markdown, or JSON with --json. Directory: CORDON_DATA, or ../shared/data.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlowRecord } from '../capture/flow-record.js';
import { detectSettings } from '../detect/settings.js';
import type { Finding } from '../messages/vocabulary.js';
import { Replay } from '../replay/replay.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { replayFile } from '../replay/read-file.js';
import { BENIGN, DEVICES, EXPECTED } from './expected-findings.js';

const LOUD: readonly string[] = ['medium', 'high', 'critical'];
const TEN_DAYS_MS = 864_000_000;
/** A shorter capture says nothing about a rate; a longer one was joined from pieces years apart. */
const LONG_CAPTURE_MS = 86_400_000;
const JOINED_CAPTURE_MS = 30 * LONG_CAPTURE_MS;

interface Listed {
  readonly path: string;
  readonly what: string;
  readonly group: string;
}

interface Seen {
  finding: Finding;
  readonly packets: number;
  readonly seconds: number;
}

const directory = process.env['CORDON_DATA'] ?? '../shared/data';
const asJson = process.argv.includes('--json');
const rows: Row[] = [];
for (const listed of await readManifest()) rows.push(await examine(listed));
if (asJson) process.stdout.write(`${JSON.stringify({ rows, summary: summarise() }, null, 1)}\n`);
else printMarkdown();

async function readManifest(): Promise<Listed[]> {
  const text = await readFile(join(directory, 'MANIFEST.tsv'), 'utf8').catch(() => null);
  if (text === null) {
    process.stderr.write(`no MANIFEST.tsv in ${directory}: set CORDON_DATA\n`);
    process.exit(1);
  }
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map(([path = '', , , , what = '', group = '']) => ({ path, what, group }))
    .filter(({ path }) => /\.pcap(ng)?$|\.binetflow$|conn\.log(\.labeled)?$/.test(path));
}

type Row = Awaited<ReturnType<typeof examine>>;

async function examine(listed: Listed) {
  const seen = new Map<string, Seen>();
  const records: FlowRecord[] = [];
  const named = (DEVICES[listed.path] ?? []).map((name) => ({ name, ends: [name] }));
  const devices = new ReplayDevices(named);
  const replay: Replay = new Replay({
    settings: detectSettings.parse({}),
    devices,
    onFinding: (finding) => {
      const known = seen.get(finding.key);
      if (known) known.finding = finding;
      else
        seen.set(finding.key, {
          finding,
          packets: replay.packets + replay.flowRecords,
          seconds: (replay.nowMs - replay.startMs) / 1000,
        });
    },
  });
  const began = performance.now();
  const outcome = await replayFile(join(directory, listed.path), replay, devices, (record) => {
    if (record.label !== '') records.push(record);
  });
  const tookMs = performance.now() - began;
  const found = [...seen.values()];
  const loud = found.filter(({ finding }) => LOUD.includes(finding.severity));
  const expected = EXPECTED[listed.group] ?? [];
  const spanMs = Math.max(0, replay.nowMs - replay.startMs);
  const isBenign = BENIGN.includes(listed.group);
  return {
    ...listed,
    problem: outcome.problem,
    packets: replay.packets + replay.flowRecords,
    tookMs,
    devices: devices.size,
    spanMs,
    isExpected: expected.length > 0,
    isRecognised: found.some(({ finding }) => expected.includes(finding.detector)),
    found: found.map(({ finding, packets, seconds }) => ({
      detector: finding.detector,
      severity: finding.severity,
      count: finding.count,
      packets,
      seconds: Math.round(seconds * 10) / 10,
      title: finding.title,
    })),
    falseAlarms: isBenign ? loud.length : 0,
    isBenign,
    loudPerDeviceAndTenDays:
      isBenign && spanMs >= LONG_CAPTURE_MS && spanMs <= JOINED_CAPTURE_MS && devices.size > 0
        ? loud.length / devices.size / (spanMs / TEN_DAYS_MS)
        : null,
    labels: labelled(records, loud),
  };
}

/** A connection counts as reported when a loud finding names one of its ends and was open at its time. */
function labelled(records: readonly FlowRecord[], loud: readonly Seen[]) {
  const counts = new Map<string, { flows: number; reported: number }>();
  for (const record of records) {
    const count = counts.get(record.label) ?? { flows: 0, reported: 0 };
    count.flows++;
    if (loud.some(({ finding }) => covers(finding, record))) count.reported++;
    counts.set(record.label, count);
  }
  const isBad = (label: string): boolean => /malicious|malware|botnet|attack/i.test(label);
  let right = 0;
  let reported = 0;
  for (const [label, count] of counts) {
    reported += count.reported;
    if (isBad(label)) right += count.reported;
  }
  const bad = [...counts].filter(([label]) => isBad(label));
  return {
    flows: records.length,
    precision: reported === 0 ? null : right / reported,
    recall: Object.fromEntries(bad.map(([label, { flows, reported: seen }]) => [label, seen / flows])),
  };
}

function covers(finding: Finding, record: FlowRecord): boolean {
  if (record.startMs < finding.firstMs - 1 || record.startMs > finding.lastMs + 1) return false;
  const ends = [record.source.text, record.destination.text];
  const isDevice = finding.device === null || ends.includes(finding.device);
  return isDevice && (finding.peer === null || ends.includes(finding.peer));
}

function summarise() {
  const attacks = rows.filter(({ isExpected }) => isExpected);
  const quiet = rows.filter(({ isBenign }) => isBenign);
  const packets = rows.reduce((sum, row) => sum + row.packets, 0);
  const tookMs = rows.reduce((sum, row) => sum + row.tookMs, 0);
  return {
    captures: rows.length,
    attacks: attacks.length,
    recognised: attacks.filter(({ isRecognised }) => isRecognised).length,
    notRecognised: attacks.filter(({ isRecognised }) => !isRecognised).map(({ path }) => path),
    benign: quiet.length,
    withFalseAlarms: quiet.filter(({ falseAlarms }) => falseAlarms > 0).map(({ path }) => path),
    packetsPerSecondPerCore: Math.round(packets / (tookMs / 1000)),
  };
}

function printMarkdown(): void {
  const lines = ['| file | class | what | found | after | verdict |', '|---|---|---|---|---|---|'];
  for (const row of rows) {
    const found = row.found.slice(0, 5).map((one) => `${one.detector} ${one.severity} ×${one.count}`);
    const more = row.found.length > 5 ? [`${row.found.length - 5} more`] : [];
    const first = row.found[0];
    const after = first === undefined ? '' : `${first.packets} packets, ${first.seconds} s`;
    lines.push(
      `| ${[row.path, row.group, row.what, [...found, ...more].join('; '), after, verdictOf(row)].map(cell).join(' | ')} |`,
    );
  }
  lines.push('', 'Labelled flow logs:', '');
  for (const { path, labels } of rows)
    if (Object.keys(labels.recall).length > 0)
      lines.push(`- ${path}: precision ${percent(labels.precision)}, recall ${recallText(labels.recall)}`);
  lines.push('', 'Findings of medium severity and above per device in ten days, long benign captures:', '');
  for (const row of rows)
    if (row.loudPerDeviceAndTenDays !== null)
      lines.push(
        `- ${row.path}: ${row.loudPerDeviceAndTenDays.toFixed(2)} (${(row.spanMs / 86_400_000).toFixed(1)} days)`,
      );
  const summary = summarise();
  lines.push('', ...Object.entries(summary).map(([name, value]) => `- ${name}: ${String(value)}`));
  process.stdout.write(`${lines.join('\n')}\n`);
}

function verdictOf(row: Row): string {
  if (row.problem !== 'none') return row.problem;
  if (row.isExpected) return row.isRecognised ? 'recognised' : 'NOT RECOGNISED';
  if (row.isBenign) return row.falseAlarms === 0 ? 'quiet' : `FALSE ALARMS: ${row.falseAlarms}`;
  return '';
}

function recallText(recall: Readonly<Record<string, number>>): string {
  return Object.entries(recall)
    .map(([label, value]) => `${label} ${percent(value)}`)
    .join(', ');
}

function percent(value: number | null): string {
  return value === null ? 'nothing reported' : `${(value * 100).toFixed(1)} %`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
