/** `cordon inventory`: the devices that a capture shows, with the source and the confidence of everything said of them. Needs no box and no root. */
import { loadMakers } from '../agent/load-knowledge.js';
import type { DeviceRecord } from '../inventory/device.js';
import { Inventory } from '../inventory/inventory.js';
import type { PacketView } from '../packet/view.js';
import { parseMakers, type MakerTable } from '../inventory/makers.js';
import type { DeviceField } from '../inventory/observation.js';
import type { CliContext } from './context.js';
import { readDocument, unreadable } from './documents.js';
import { CliError, EXIT_DONE, type ExitStatus } from './errors.js';
import { readCaptureInto, type CaptureRead } from './inventory-capture.js';
import { renderTable, type Column } from './table.js';

export interface InventoryCommandOptions {
  readonly json?: true;
  readonly wide?: true;
  readonly capture: string;
  readonly makers?: string;
}

export async function showInventory(
  context: CliContext,
  options: InventoryCommandOptions,
): Promise<ExitStatus> {
  const makers = options.makers === undefined ? loadMakers() : await readMakers(options.makers);
  const inventory = new Inventory({ makers });
  const read = await readIntoInventory(inventory, options.capture);
  const devices = [...inventory.book.devices()].sort((a, b) => knownFields(b) - knownFields(a));
  if (options.json) {
    context.json({ capture: options.capture, ...read, devices, counters: inventory.book.counters });
    return EXIT_DONE;
  }
  if (devices.length === 0) context.line('no device in this capture');
  else context.lines(renderTable(COLUMNS, devices, options.wide ? Infinity : context.columns));
  const undecoded = read.undecodedFrames === 0 ? '' : `, ${read.undecodedFrames} of them not decoded`;
  context.line(
    `${devices.length} device${devices.length === 1 ? '' : 's'} in ${read.frames} frames${undecoded}.`,
  );
  if (read.problem !== 'none') context.warn('the capture ends early or is broken; what came before was read');
  return EXIT_DONE;
}

/** Rejects with a CliError where the file cannot be read or is no capture. */
export async function readIntoInventory(
  inventory: Inventory,
  file: string,
  onPacket?: (view: PacketView, timeMs: number) => void,
): Promise<CaptureRead> {
  try {
    const read = await readCaptureInto(inventory, file, onPacket);
    if (read.problem !== 'not-a-capture') return read;
  } catch (cause) {
    throw unreadable(file, cause);
  }
  throw new CliError('not-a-capture', `cannot read ${file}: neither pcap nor pcapng`);
}

async function readMakers(file: string): Promise<MakerTable> {
  const makers = parseMakers(await readDocument(file));
  if (makers.size > 0) return makers;
  throw new CliError('bad-makers', `${file} has no line like "00000C Cisco Systems"`);
}

function knownFields({ fields, roles }: DeviceRecord): number {
  return Object.keys(fields).length * 2 + roles.length;
}

const COLUMNS: readonly Column<DeviceRecord>[] = [
  { title: 'name', value: (device) => device.fields.name?.value ?? '', shrinkTo: 8 },
  { title: 'address', value: addressText, shrinkTo: 15 },
  { title: 'kind', value: sure('kind'), shrinkTo: 12 },
  { title: 'make', value: makeText, shrinkTo: 12 },
  { title: 'os', value: sure('os'), shrinkTo: 12 },
  { title: 'roles', value: ({ roles }) => roles.join(', '), shrinkTo: 14, leaveOut: 1 },
  { title: 'software', value: softwareText, leaveOut: 2 },
  { title: 'mac', value: ({ macs }) => macs.at(-1) ?? '', leaveOut: 3 },
  { title: 'said by', value: sourcesText, leaveOut: 4 },
];

/** The latest address, and how many more there are. */
function addressText({ addresses, macs }: DeviceRecord): string {
  const latest = addresses.findLast((one) => !one.startsWith('fe80:')) ?? addresses.at(-1);
  if (latest === undefined) return macs.at(-1) ?? '';
  return addresses.length > 1 ? `${latest} +${addresses.length - 1}` : latest;
}

/** `printer 75%`, with a question mark where something contradicts it. */
function sure(field: DeviceField): (device: DeviceRecord) => string {
  return ({ fields }) => {
    const best = fields[field];
    if (best === undefined) return '';
    return `${best.value} ${best.confidence}%${best.conflicts.length > 0 ? ' ?' : ''}`;
  };
}

function makeText(device: DeviceRecord): string {
  const { make, model } = device.fields;
  if (model === undefined) return sure('make')(device);
  return make === undefined || model.value.startsWith(make.value)
    ? sure('model')(device)
    : `${make.value} ${sure('model')(device)}`;
}

function softwareText({ fields }: DeviceRecord): string {
  return [fields.software?.value, fields.version?.value].filter((one) => one !== undefined).join(' ');
}

function sourcesText({ fields }: DeviceRecord): string {
  return Object.entries(fields)
    .map(([field, best]) => `${field}: ${best.source}`)
    .join(', ');
}
