/**
 * What IT has in a spreadsheet, as entries for the inventory: CSV with a heading, or a JSON array of objects. A device is named by its MAC, or by anything
 * else that the inventory knows it by. Columns that have no place here are named and left out: a list may hold what does not belong on the box. Pure.
 */
import { parseCsv, renderCsv } from './csv.js';
import { OPERATOR_FIELDS, checkEntry, type OperatorField } from './operator-fields.js';

const MAX_DEVICES = 10_000;

/** How spreadsheets call it, in lower case without spaces and signs. */
const HEADINGS: Readonly<Record<string, OperatorField | 'device'>> = {
  device: 'device',
  mac: 'device',
  macaddress: 'device',
  hostname: 'name',
  manufacturer: 'make',
  vendor: 'make',
  type: 'kind',
  devicetype: 'kind',
  serialnumber: 'serial',
  operatingsystem: 'os',
  firmware: 'version',
  department: 'owner',
  room: 'location',
  site: 'location',
  asset: 'assetTag',
  securitycontact: 'vendor.security',
  supportcontact: 'vendor.support',
  phi: 'holdsPhi',
  eol: 'endOfSupport',
  endoflife: 'endOfSupport',
  replacement: 'replaceBy',
  replacementdate: 'replaceBy',
  price: 'cost',
  ...Object.fromEntries(OPERATOR_FIELDS.map((field) => [signless(field), field])),
};

export interface ImportedDevice {
  readonly device: string;
  readonly entries: Readonly<Partial<Record<OperatorField, string>>>;
}

export interface ImportedList {
  readonly devices: readonly ImportedDevice[];
  /** Headings that have no place in the inventory. */
  readonly leftOut: readonly string[];
  /** What was wrong, with its line or index. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

export function readImport(text: string): ImportedList {
  const table = /^\s*[[{]/.test(text) ? tableOfJson(text) : tableOfCsv(text);
  if (typeof table === 'string')
    return { devices: [], leftOut: [], problems: [{ path: 'document', message: table }] };
  const { headings, rows } = table;
  const fields = headings.map((heading) => HEADINGS[signless(heading)] ?? null);
  const leftOut = headings.filter((heading, index) => fields[index] === null && heading !== '');
  const problems: { path: string; message: string }[] = [];
  if (!fields.includes('device'))
    problems.push({ path: 'heading', message: 'there is no column "mac" (or "device")' });
  if (rows.length > MAX_DEVICES)
    problems.push({ path: 'document', message: `more than ${MAX_DEVICES} devices` });
  if (problems.length > 0) return { devices: [], leftOut, problems };
  const devices = rows.flatMap(({ path, cells }) => {
    const read = readRow(fields, cells);
    for (const message of read.problems) problems.push({ path, message });
    return read.device === '' ? [] : [{ device: read.device, entries: read.entries }];
  });
  return { devices, leftOut, problems };
}

/** An empty list to fill in, with one example that is refused as it stands. */
export function importTemplate(): string {
  const example = ['00:00:00:00:00:00', ...OPERATOR_FIELDS.map((field) => EXAMPLES[field])];
  return renderCsv([['mac', ...OPERATOR_FIELDS], example]);
}

const EXAMPLES: Readonly<Record<OperatorField, string>> = {
  kind: 'infusion pump',
  make: 'Example',
  model: 'Infusion 3000',
  serial: 'SN-1',
  software: 'Infusion OS',
  version: '4.2',
  os: 'Windows XP Embedded',
  name: 'PUMP-1',
  owner: 'Biomedical engineering',
  location: 'Ward 3',
  assetTag: 'A-0001',
  criticality: 'life-sustaining',
  holdsPhi: 'unknown',
  'vendor.security': 'psirt@vendor.example',
  'vendor.support': 'support@vendor.example',
  endOfSupport: '2027-06-30',
  replaceBy: '2028-01-31',
  cost: '12500',
  compensating: 'behind Cordon, enforce',
};

interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly { readonly path: string; readonly cells: readonly string[] }[];
}

function tableOfCsv(text: string): Table | string {
  const [headings, ...rows] = parseCsv(text);
  if (headings === undefined) return 'the document is empty';
  return { headings, rows: rows.map((cells, index) => ({ path: `row ${index + 2}`, cells })) };
}

function tableOfJson(text: string): Table | string {
  const list = parseJson(text);
  if (!Array.isArray(list)) return 'not a JSON array of devices';
  const objects = list.map((one: unknown) =>
    typeof one === 'object' && one !== null ? (one as Record<string, unknown>) : {},
  );
  const headings = [...new Set(objects.flatMap((one) => Object.keys(one)))];
  const cell = (value: unknown): string =>
    typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return {
    headings,
    rows: objects.map((one, index) => ({
      path: `[${index}]`,
      cells: headings.map((heading) => cell(one[heading])),
    })),
  };
}

function readRow(
  fields: readonly (OperatorField | 'device' | null)[],
  cells: readonly string[],
): { device: string; entries: Partial<Record<OperatorField, string>>; problems: readonly string[] } {
  const entries: Partial<Record<OperatorField, string>> = {};
  const problems: string[] = [];
  let device = '';
  fields.forEach((field, index) => {
    const value = (cells[index] ?? '').trim();
    if (field === null || value === '') return;
    if (field === 'device') {
      device = macText(value) ?? value;
      return;
    }
    const checked = checkEntry(field, value);
    if (checked.ok) entries[field] = checked.value;
    else problems.push(checked.problem);
  });
  if (device === '') problems.push('it names no device: the MAC is empty');
  if (device === '00:00:00:00:00:00') problems.push('the example of the template: take it out');
  return { device, entries, problems };
}

/** `00-03-B1-00-00-01`, `0003.b100.0001`, `0003B1000001`. */
function macText(text: string): string | null {
  const digits = text.replace(/[:.-]/g, '').toLowerCase();
  return /^[0-9a-f]{12}$/.test(digits) ? (digits.match(/../g) ?? []).join(':') : null;
}

function signless(heading: string): string {
  return heading.toLowerCase().replace(/[^a-z0-9]/g, '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
