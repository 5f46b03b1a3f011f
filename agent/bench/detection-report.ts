/**
 * `make detection-report`: every capture and flow log of the data directory through the detectors. One row each: what it is, what was
 * found, how soon, what should not have been. Markdown, or JSON with --json. Directory: CORDON_DATA, or ../shared/data.
 *
 * Thresholds are those shipped. A capture of minutes cannot teach what a device usually does, so an attack that nothing but habits
 * gives away is read a second time as a device that was watched long before and never did any of it: told apart in the verdict.
 */
import { join } from 'node:path';
import type { FlowRecord } from '../capture/flow-record.js';
import { detectSettings, type DetectSettings } from '../detect/settings.js';
import { Openings, type Opened } from '../replay/openings.js';
import { LEARNING } from '../replay/replay-options.js';
import { Replay } from '../replay/replay.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { replayFile } from '../replay/read-file.js';
import { BENIGN, CANNOT, DEVICES, EXPECTED, RIGHT_TO_TELL, SPECIAL } from './expected-findings.js';
import { labelled } from './labelled-flows.js';
import { DATA_DIRECTORY, readManifest, type Listed } from './manifest.js';

const LOUD: readonly string[] = ['medium', 'high', 'critical'];
const DAY_MS = 86_400_000;
const TEN_DAYS_MS = 10 * DAY_MS;
/** A shorter capture says nothing about a rate; a longer one was joined from pieces years apart. */
const LONG_CAPTURE_MS = 2 * DAY_MS;
const JOINED_CAPTURE_MS = 30 * DAY_MS;

/** More than any capture has. */
const MAX_FINDINGS = 100_000;

const asJson = process.argv.includes('--json');
/** With --outlier: what the combined score, which is off as shipped, would add. */
const SHIPPED = detectSettings.parse(
  process.argv.includes('--outlier') ? { outlier: { enabled: true } } : {},
);
const rows: Row[] = [];
for (const listed of await readManifest(/(\.pcap(ng)?|\.binetflow|conn\.log(\.labeled)?)(\.gz)?$/))
  rows.push(await examine(listed));
if (asJson) process.stdout.write(`${JSON.stringify({ rows, summary: summarise() }, null, 1)}\n`);
else printMarkdown();

/** Habits count as known from this moment on: nothing before it is unusual. */
function learning(seconds: number): DetectSettings {
  const settings = structuredClone(SHIPPED);
  for (const name of LEARNING) settings[name].learnSeconds = seconds;
  return settings;
}

async function run(listed: Listed, settings: DetectSettings, onRecord?: (record: FlowRecord) => void) {
  const openings = new Openings(MAX_FINDINGS);
  const devices = new ReplayDevices((DEVICES[listed.path] ?? []).map((name) => ({ name, ends: [name] })));
  const replay: Replay = new Replay({
    settings,
    devices,
    onFinding: (finding) => {
      openings.tell(finding, replay);
    },
  });
  const began = performance.now();
  const { problem } = await replayFile(join(DATA_DIRECTORY, listed.path), replay, devices, onRecord);
  return {
    found: openings.all,
    problem,
    packets: replay.packets + replay.flowRecords,
    tookMs: performance.now() - began,
    devices: devices.size,
    startMs: replay.startMs,
    spanMs: Math.max(0, replay.nowMs - replay.startMs) || 0,
  };
}

type Row = Awaited<ReturnType<typeof examine>>;

async function examine(listed: Listed) {
  const records: FlowRecord[] = [];
  const asNew = await run(listed, SHIPPED, (record) => {
    if (record.label !== '') records.push(record);
  });
  const loud = asNew.found.filter(isLoud);
  const expected = SPECIAL[listed.path]?.detectors ?? EXPECTED[listed.group] ?? [];
  const isIt = ({ finding }: Opened): boolean =>
    expected.includes(finding.detector) && finding.severity !== 'info';
  const atOnce = asNew.found.filter(isIt);
  const isRecognised = atOnce.length > 0;
  const asKnown = expected.length > 0 && !isRecognised ? await run(listed, learning(0)) : null;
  const byHabits = CANNOT[listed.path] === undefined ? (asKnown?.found ?? []).filter(isIt) : [];
  const others = asNew.found.filter((one) => !atOnce.includes(one));
  const isBenign = BENIGN.includes(listed.group);
  const { spanMs, devices } = asNew;
  const isLong = isBenign && spanMs >= LONG_CAPTURE_MS && spanMs <= JOINED_CAPTURE_MS && devices > 0;
  return {
    ...listed,
    problem: asNew.problem,
    packets: asNew.packets,
    tookMs: asNew.tookMs,
    devices,
    spanMs,
    isExpected: expected.length > 0,
    isRecognised,
    isRecognisedByHabits: byHabits.length > 0,
    note: SPECIAL[listed.path]?.why ?? CANNOT[listed.path] ?? RIGHT_TO_TELL[listed.path] ?? null,
    found: (byHabits.length > 0 ? byHabits : [...atOnce, ...others]).map(shown),
    falseAlarms: isBenign && RIGHT_TO_TELL[listed.path] === undefined ? loud.map(shown) : [],
    isBenign,
    rate: isLong ? { shipped: rateOf(loud, devices, spanMs), ...(await rateAfterLearning(listed)) } : null,
    labels: labelled(
      records,
      loud.map(({ finding }) => finding),
    ),
  };

  /** The first half of the capture teaches; what the second half is told is counted. */
  async function rateAfterLearning(one: Listed) {
    const half = await run(one, learning(Math.floor(spanMs / 2000)));
    const late = half.found.filter(isLoud).filter(({ afterMs }) => afterMs > spanMs / 2);
    return { afterLearning: rateOf(late, devices, spanMs / 2), late: late.map(shown) };
  }
}

function isLoud({ finding }: Opened): boolean {
  return LOUD.includes(finding.severity);
}

/** Openings: an alarm that comes again every day is one every day. */
function rateOf(loud: readonly Opened[], devices: number, spanMs: number): number {
  return loud.length / devices / (spanMs / TEN_DAYS_MS);
}

function shown({ finding, afterPackets: packets, afterMs }: Opened) {
  const { detector, severity, count, title } = finding;
  return { detector, severity, count, packets, seconds: Math.round(afterMs / 100) / 10, title };
}

function summarise() {
  const attacks = rows.filter(({ isExpected }) => isExpected);
  const quiet = rows.filter(({ isBenign }) => isBenign);
  const packets = rows.reduce((sum, row) => sum + row.packets, 0);
  const tookMs = rows.reduce((sum, row) => sum + row.tookMs, 0);
  const missed = attacks.filter((row) => !row.isRecognised && !row.isRecognisedByHabits);
  return {
    captures: rows.length,
    attacks: attacks.length,
    recognisedAtOnce: attacks.filter(({ isRecognised }) => isRecognised).length,
    recognisedByHabits: attacks.filter(({ isRecognisedByHabits }) => isRecognisedByHabits).length,
    notRecognised: missed.map(({ path, note }) => (note === null ? path : `${path} (${note})`)),
    benign: quiet.length,
    loudButRight: quiet
      .filter(({ note }) => note !== null)
      .map(({ path, note }) => `${path} (${note ?? ''})`),
    withFalseAlarms: quiet.filter(({ falseAlarms }) => falseAlarms.length > 0).map(({ path }) => path),
    packetsPerSecondPerCore: Math.round(packets / (tookMs / 1000)),
  };
}

function printMarkdown(): void {
  const lines = [
    '| file | class | what it is | found | after | verdict |',
    '|---|---|---|---|---|---|',
    ...rows.map(
      (row) =>
        `| ${[row.path, row.group, row.what, foundText(row), afterText(row), verdictOf(row)].map(cell).join(' | ')} |`,
    ),
    '',
    'Labelled flow logs, thresholds as shipped. Precision: of the connections that a loud finding covers, the share that is labelled as',
    'an attack. Recall: of the connections with an attack label, the share that a loud finding covers.',
    '',
  ];
  for (const { path, labels } of rows)
    if (labels.classes.length > 0)
      lines.push(
        `- ${path}: precision ${percent(labels.precision)}; recall ${labels.classes
          .map(({ label, flows, recall }) => `${label} ${percent(recall)} of ${flows}`)
          .join(', ')}`,
      );
  lines.push(
    '',
    'Openings of findings of medium severity and above per device in ten days, captures of real devices over days: as shipped, and with the first',
    'half of the capture as learning time, counted in the second half.',
    '',
  );
  for (const { path, rate, spanMs } of rows)
    if (rate !== null)
      lines.push(
        `- ${path} (${(spanMs / DAY_MS).toFixed(1)} days): ${rate.shipped.toFixed(2)}; after learning ${rate.afterLearning.toFixed(2)}${rate.late.map(({ title }) => `; ${title}`).join('')}`,
      );
  const alarms = rows.filter(({ falseAlarms }) => falseAlarms.length > 0);
  if (alarms.length > 0) lines.push('', 'What should not have been:', '');
  for (const { path, falseAlarms } of alarms)
    lines.push(
      ...falseAlarms.map(({ detector, severity, title }) => `- ${path}: ${detector} ${severity}: ${title}`),
    );
  const summary = summarise();
  lines.push(
    '',
    ...Object.entries(summary).map(([name, value]) => `- ${name}: ${[value].flat().join('; ')}`),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

function foundText({ found }: Row): string {
  const first = found.slice(0, 4).map(({ detector, severity, count }) => `${detector} ${severity} ×${count}`);
  return [...first, ...(found.length > 4 ? [`${found.length - 4} more`] : [])].join('; ');
}

function afterText({ found: [first] }: Row): string {
  return first === undefined ? '' : `${first.packets} packets, ${first.seconds} s`;
}

function verdictOf(row: Row): string {
  if (row.problem !== 'none') return row.problem;
  const note = row.note === null ? '' : ` (${row.note})`;
  if (row.isExpected) {
    if (row.isRecognised) return `recognised${note}`;
    return `${row.isRecognisedByHabits ? 'recognised, once its habits are known' : 'NOT RECOGNISED'}${note}`;
  }
  if (!row.isBenign) return '';
  if (row.falseAlarms.length > 0) return `FALSE ALARMS: ${row.falseAlarms.length}`;
  return note === '' ? 'quiet' : `right to tell${note}`;
}

function percent(value: number | null): string {
  return value === null ? 'nothing reported' : `${(value * 100).toFixed(1)} %`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
