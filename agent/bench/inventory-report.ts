/**
 * `make inventory-report`: every capture of the data directory that an inventory can be made of, one row each: what the file is, what was
 * identified, and how that stands to what is true of its devices (expected-devices.ts). Markdown, or JSON with --json. Directory:
 * CORDON_DATA, or ../shared/data. A word that a path must contain may follow.
 */
import { loadMakers } from '../agent/load-knowledge.js';
import { join } from 'node:path';
import { readCaptureInto } from '../cli/inventory-capture.js';
import type { DeviceRecord } from '../inventory/device.js';
import { Inventory } from '../inventory/inventory.js';
import { DEVICE_FIELDS, type DeviceField } from '../inventory/observation.js';
import { EXPECTED_DEVICES } from './expected-devices.js';
import { DATA_DIRECTORY, readManifest, type Listed } from './manifest.js';

const DIRECTORIES = /^pcap\/(dhcp|discovery|smb|snmp|rdp|remote|ics|medical|iot|mud-url|edge)\//;
/** What a person asks of a device, and what is printed of it. */
const TOLD: readonly DeviceField[] = ['kind', 'make', 'model', 'os', 'name', 'software'];
/** Printed of one capture. */
const MAX_DEVICES_PRINTED = 6;

type Verdict = 'right' | 'wrong' | 'not told';

interface Judged {
  readonly who: string;
  readonly field: DeviceField;
  readonly verdict: Verdict;
  readonly value: string;
  readonly truth: string;
}

const makers = loadMakers();
const rows: Row[] = [];
for (const listed of await readManifest(DIRECTORIES, /\.pcap(ng)?$/)) rows.push(await examine(listed));
if (process.argv.includes('--json'))
  process.stdout.write(`${JSON.stringify({ rows, totals: totals() }, null, 1)}\n`);
else printMarkdown();

type Row = Awaited<ReturnType<typeof examine>>;

async function examine({ path, what }: Listed) {
  const inventory = new Inventory({ makers });
  const began = performance.now();
  const read = await readCaptureInto(inventory, join(DATA_DIRECTORY, path));
  const tookMs = performance.now() - began;
  const devices = [...inventory.book.devices()].sort((a, b) => knownOf(b) - knownOf(a));
  const name = path.replace(/^pcap\//, '');
  const lines = EXPECTED_DEVICES.filter((line) => name.startsWith(line.in));
  const hosts = lines.find((line) => line.hosts !== undefined)?.hosts ?? null;
  const judged = lines.flatMap(({ who, is, isNot }) =>
    who === undefined ? [] : judge(devices, who, is, isNot),
  );
  return {
    path,
    what,
    problem: read.problem,
    frames: read.frames,
    tookMs,
    devices: devices.map((device) => ({ id: device.id, text: describe(device) })),
    bred: hosts === null ? 0 : Math.max(0, devices.length - hosts),
    judged,
    withoutTruth: devices.reduce((sum, device) => sum + untold(device, judged), 0),
  };
}

function knownOf({ fields, roles }: DeviceRecord): number {
  return Object.keys(fields).length * 2 + roles.length;
}

function judge(
  devices: readonly DeviceRecord[],
  who: string,
  is: Readonly<Partial<Record<DeviceField, string>>>,
  isNot: Readonly<Partial<Record<DeviceField, string>>>,
): readonly Judged[] {
  const found = devices.filter(({ macs, addresses }) => macs.includes(who) || addresses.includes(who));
  const results: Judged[] = [];
  for (const field of DEVICE_FIELDS) {
    const value = found.map((device) => valueOf(device, field)).join(' | ');
    const truth = is[field];
    const lie = isNot[field];
    const isLie = lie !== undefined && value !== '' && new RegExp(lie, 'i').test(value);
    if (truth === undefined && !isLie) continue;
    const isRight = truth !== undefined && new RegExp(truth, 'i').test(value);
    const verdict =
      isLie || (value !== '' && !isRight && !isManyValued(field)) ? 'wrong' : isRight ? 'right' : 'not told';
    results.push({ who, field, verdict, value, truth: truth ?? `not ${lie ?? ''}` });
  }
  return results;
}

function isManyValued(field: DeviceField): boolean {
  return ['role', 'service', 'speaks', 'reaches', 'address'].includes(field);
}

function valueOf(device: DeviceRecord, field: DeviceField): string {
  if (field === 'role') return device.roles.join(', ');
  if (field === 'service') return device.services.join(', ');
  if (field === 'speaks') return device.speaks.join(', ');
  if (field === 'reaches') return device.reaches.join(', ');
  if (field === 'address') return device.addresses.join(', ');
  return device.fields[field]?.value ?? '';
}

/** Values of a device that nothing is known to compare with. */
function untold(device: DeviceRecord, judged: readonly Judged[]): number {
  const known = new Set(
    judged
      .filter(({ who }) => device.macs.includes(who) || device.addresses.includes(who))
      .map(({ field }) => field),
  );
  return TOLD.filter((field) => device.fields[field] !== undefined && !known.has(field)).length;
}

function describe(device: DeviceRecord): string {
  const fields = TOLD.flatMap((field) => {
    const best = device.fields[field];
    if (best === undefined) return [];
    return [
      `${field} ${best.value} ${best.confidence}%${best.conflicts.length > 0 ? ` (or ${best.conflicts.join(', ')})` : ''}`,
    ];
  });
  const roles = device.roles.length === 0 ? [] : [`role ${device.roles.join(', ')}`];
  return [...fields, ...roles].join('; ');
}

function totals() {
  const judged = rows.flatMap((row) => row.judged);
  const count = (verdict: Verdict): number => judged.filter((one) => one.verdict === verdict).length;
  const byField = Object.fromEntries(
    DEVICE_FIELDS.map((field) => {
      const of = judged.filter((one) => one.field === field);
      const share = (verdict: Verdict): number => of.filter((one) => one.verdict === verdict).length;
      return [
        field,
        `${share('right')} right, ${share('wrong')} wrong, ${share('not told')} not told`,
      ] as const;
    }).filter(([field]) => judged.some((one) => one.field === field)),
  );
  const frames = rows.reduce((sum, row) => sum + row.frames, 0);
  return {
    captures: rows.length,
    frames,
    devices: rows.reduce((sum, row) => sum + row.devices.length, 0),
    right: count('right'),
    wrong: count('wrong'),
    notTold: count('not told'),
    withoutTruth: rows.reduce((sum, row) => sum + row.withoutTruth, 0),
    devicesBred: rows.reduce((sum, row) => sum + row.bred, 0),
    ...byField,
  };
}

function printMarkdown(): void {
  const lines = ['| file | what it is | identified | verdict |', '|---|---|---|---|'];
  for (const row of rows)
    lines.push(
      `| ${[row.path.replace(/^pcap\//, ''), row.what, identified(row), verdictOf(row)].map(cell).join(' | ')} |`,
    );
  lines.push('', ...Object.entries(totals()).map(([name, value]) => `- ${name}: ${value}`));
  process.stdout.write(`${lines.join('\n')}\n`);
}

function identified({ devices }: Row): string {
  const told = devices.filter(({ text }) => text !== '');
  const first = told.slice(0, MAX_DEVICES_PRINTED).map(({ id, text }) => `${id}: ${text}`);
  const rest = devices.length - first.length;
  return [...first, ...(rest > 0 ? [`${rest} more of which nothing or less is known`] : [])].join('<br>');
}

function verdictOf(row: Row): string {
  const parts: string[] = [];
  if (row.problem !== 'none') parts.push(row.problem);
  const right = row.judged.filter(({ verdict }) => verdict === 'right').length;
  if (right > 0) parts.push(`${right} right`);
  for (const { verdict, who, field, value, truth } of row.judged) {
    if (verdict === 'wrong') parts.push(`WRONG ${field} of ${who}: ${value}, is ${truth}`);
    if (verdict === 'not told') parts.push(`not told: ${field} of ${who} (${truth})`);
  }
  if (row.bred > 0) parts.push(`BRED: ${row.bred} devices too many`);
  return parts.length === 0 ? 'no truth' : parts.join('<br>');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
