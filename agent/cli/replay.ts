/**
 * `cordon replay`: captures through the same decoders, flow table and detectors as live, with the time of the capture. Needs no root and no
 * running box.
 */
import { detectSettings } from '../detect/settings.js';
import { parseAddress, parseNetwork, type Network } from '../policy/address.js';
import type { Policy } from '../policy/schema.js';
import { createPolicyJudge } from '../replay/judge.js';
import { Openings, type Opened } from '../replay/openings.js';
import { Replay } from '../replay/replay.js';
import { macNumber, ReplayDevices, type DeviceSide, type NamedDevice } from '../replay/replay-devices.js';
import { readInto, type ReadOutcome } from '../replay/read-file.js';
import type { CliContext } from './context.js';
import { notACapture } from './capture-files.js';
import { nameOf, readPolicyFile, unreadable } from './documents.js';
import { EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { renderTable, type Column } from './table.js';

export interface ReplayCommandOptions {
  readonly device?: readonly string[];
  readonly side?: readonly string[];
  readonly baseline?: readonly string[];
  readonly policy?: string;
  readonly json?: true;
}

/** Openings of findings that are kept to be printed at the end; the rest is counted. */
const MAX_FINDINGS = 10_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export async function replayCaptures(
  context: CliContext,
  captures: readonly string[],
  options: ReplayCommandOptions,
): Promise<ExitStatus> {
  const devices = (options.device ?? []).map(namedByHand);
  const policy = options.policy === undefined ? null : (await readPolicyFile(context, options.policy)).policy;
  const openings = new Openings(MAX_FINDINGS);
  let isBaseline = true;
  const book = new ReplayDevices([...devices, ...namedByPolicy(policy)], sideOf(options.side ?? []));
  const replay: Replay = new Replay({
    settings: policy?.detect ?? detectSettings.parse({}),
    devices: book,
    onFinding: (finding) => {
      if (!isBaseline) openings.tell(finding, replay);
    },
    ...(policy === null ? {} : { judge: createPolicyJudge(policy, book) }),
  });
  const began = performance.now();
  const outcomes: { readonly file: string; readonly outcome: ReadOutcome }[] = [];
  for (const file of options.baseline ?? []) outcomes.push({ file, outcome: await read(file, replay, book) });
  if (options.baseline !== undefined) replay.endLearning();
  isBaseline = false;
  for (const file of captures) outcomes.push({ file, outcome: await read(file, replay, book) });
  replay.end();
  const broken = outcomes.filter(({ outcome }) => outcome.problem !== 'none');
  const [first] = broken;
  if (first?.outcome.problem === 'not-a-capture' && replay.packets + replay.flowRecords === 0)
    throw notACapture(first.file);
  const tookNs = (performance.now() - began) * 1e6;
  const found = openings.all;
  const summary = {
    packets: replay.packets,
    flows: replay.flows,
    permitted: replay.permitted,
    refused: replay.refused,
    undecodable: replay.undecodable,
    findings: countByDetector(found),
    nsPerPacket: Math.round(tookNs / Math.max(1, replay.packets + replay.flowRecords)),
    flowRecords: replay.flowRecords,
    events: replay.events,
    devices: book.size,
    fragments: replay.fragments,
    otherFrames: replay.otherFrames,
    unsupportedLink: replay.unsupportedLink,
    notOurs: replay.notOurs,
    findingsNotKept: openings.notKept,
  };
  if (options.json) {
    const read = outcomes.map(({ file, outcome }) => ({ file, ...outcome }));
    printJson(context, found, { ...summary, counters: replay.counters(), files: read });
  } else printText(context, found, summary);
  if (replay.unsupportedLink > 0)
    context.warn(
      `${replay.unsupportedLink} packets were not looked at: their link layer is not one of Ethernet, Linux cooked, raw IP, loopback, PPP, 802.11, nflog`,
    );
  for (const { file, outcome } of broken)
    context.warn(`${nameOf(file)}: ${outcome.problem}: what came before it was read`);
  return first === undefined ? EXIT_DONE : EXIT_REFUSED;
}

async function read(file: string, replay: Replay, devices: ReplayDevices): Promise<ReadOutcome> {
  try {
    return await readInto(file, replay, devices);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause;
    throw unreadable(file, cause);
  }
}

function namedByPolicy(policy: Policy | null): NamedDevice[] {
  return Object.entries(policy?.devices ?? {}).map(([name, { identity }]) => ({
    name,
    ends: [...identity.macs, ...identity.addresses.map(({ text }) => text)],
  }));
}

/** `MAC`, `ADDRESS`, `MAC=NAME` or `ADDRESS=NAME`. */
function namedByHand(text: string): NamedDevice {
  const [who = '', name] = text.split('=', 2);
  if (name !== undefined && !NAME.test(name))
    throw usageError(
      `--device ${escapeControls(text)}: a name has letters, digits, dots, dashes and underscores`,
    );
  const mac = macOf(who);
  if (mac !== null) return { name: name ?? mac, ends: [mac] };
  const address = parseAddress(who);
  if (address === null) throw usageError(`--device ${escapeControls(text)}: neither a MAC nor an IP address`);
  return { name: name ?? address.text, ends: [address.text] };
}

function sideOf(texts: readonly string[]): DeviceSide | null {
  if (texts.length === 0) return null;
  const macs = new Set<number>();
  const networks: Network[] = [];
  for (const text of texts) {
    const mac = macOf(text);
    const network = parseNetwork(text);
    if (mac !== null) macs.add(macNumber(mac));
    else if (network.ok) networks.push(network.network);
    else throw usageError(`--side ${escapeControls(text)}: neither a MAC nor a network: ${network.problem}`);
  }
  return { macs, networks };
}

function macOf(text: string): string | null {
  const mac = text.toLowerCase().replaceAll('-', ':');
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) ? mac : null;
}

function countByDetector(found: readonly Opened[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { finding } of found) counts[finding.detector] = (counts[finding.detector] ?? 0) + 1;
  return counts;
}

/** One JSON value a line: openings of findings in the order in which they were told, then the summary. */
function printJson(context: CliContext, found: readonly Opened[], summary: object): void {
  for (const { finding, atMs, afterPackets, afterMs } of found) {
    const { detector, device, peer, severity, evidence, title, remedy, count, state } = finding;
    const after = { packets: afterPackets, seconds: Math.round(afterMs) / 1000 };
    const at = new Date(atMs).toISOString();
    context.line(
      JSON.stringify({ at, detector, device, peer, severity, evidence, title, remedy, count, state, after }),
    );
  }
  context.line(JSON.stringify(summary));
}

function printText(
  context: CliContext,
  found: readonly Opened[],
  summary: Readonly<Record<string, number | Readonly<Record<string, number>>>>,
): void {
  const columns: readonly Column<Opened>[] = [
    { title: 'severity', value: ({ finding }) => finding.severity },
    { title: 'detector', value: ({ finding }) => finding.detector, shrinkTo: 10 },
    { title: 'count', value: ({ finding }) => String(finding.count), align: 'right', leaveOut: 1 },
    { title: 'after', value: ({ afterMs }) => `${(afterMs / 1000).toFixed(1)} s`, align: 'right' },
    { title: 'packets', value: ({ afterPackets }) => String(afterPackets), align: 'right', leaveOut: 2 },
    { title: 'what', value: ({ finding }) => finding.title, shrinkTo: 24 },
  ];
  if (found.length === 0) context.line('Nothing was found.');
  context.lines(renderTable(columns, found, context.columns));
  context.line();
  const shown = Object.entries(summary).flatMap(([name, value]) =>
    typeof value === 'number' && value !== 0 ? [`${name}: ${value}`] : [],
  );
  context.lines(shown);
}
