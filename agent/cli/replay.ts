/** `cordon replay`: a capture through the detectors, as a box would have seen it. Needs no root and no running box. */
import { detectSettings } from '../detect/settings.js';
import type { Finding } from '../messages/vocabulary.js';
import { parseAddress } from '../policy/address.js';
import type { Policy } from '../policy/schema.js';
import { createPolicyJudge } from '../replay/judge.js';
import { Replay } from '../replay/replay.js';
import { ReplayDevices, type NamedDevice } from '../replay/replay-devices.js';
import { replayFile, type ReadOutcome } from '../replay/read-file.js';
import type { CliContext } from './context.js';
import { nameOf, readPolicyFile } from './documents.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { renderTable, type Column } from './table.js';

export interface ReplayCommandOptions {
  readonly capture: string;
  readonly device?: readonly string[];
  readonly policy?: string;
  readonly json?: true;
}

/** Findings kept to be printed at the end; the rest is counted. */
const MAX_FINDINGS = 10_000;
/** Seen after this many packets of the capture. */
interface Seen {
  finding: Finding;
  readonly afterPackets: number;
  readonly afterMs: number;
}

export async function replayCapture(context: CliContext, options: ReplayCommandOptions): Promise<ExitStatus> {
  const devices = (options.device ?? []).map(namedByHand);
  const policy = options.policy === undefined ? null : (await readPolicyFile(options.policy)).policy;
  const seen = new Map<string, Seen>();
  let left = 0;
  const book = new ReplayDevices([...devices, ...namedByPolicy(policy)]);
  const replay: Replay = new Replay({
    settings: policy?.detect ?? detectSettings.parse({}),
    devices: book,
    onFinding: (finding) => {
      const known = seen.get(finding.key);
      if (known !== undefined) known.finding = finding;
      else if (seen.size >= MAX_FINDINGS) left++;
      else
        seen.set(finding.key, {
          finding,
          afterPackets: replay.packets + replay.flowRecords,
          afterMs: replay.nowMs - replay.startMs,
        });
    },
    ...(policy === null ? {} : { judge: createPolicyJudge(policy, book) }),
  });
  const began = performance.now();
  const outcome = await read(options.capture, replay, book);
  const seconds = (performance.now() - began) / 1000;
  const summary = {
    file: options.capture,
    problem: outcome.problem,
    packets: replay.packets,
    flowRecords: replay.flowRecords,
    flows: replay.flows,
    events: replay.events,
    devices: book.size,
    undecodable: replay.undecodable,
    fragments: replay.fragments,
    otherFrames: replay.otherFrames,
    unsupportedLink: replay.unsupportedLink,
    notOurs: replay.notOurs,
    findings: seen.size,
    findingsNotKept: left,
    packetsPerSecond: Math.round((replay.packets + replay.flowRecords) / Math.max(seconds, 0.001)),
  };
  const found = [...seen.values()];
  if (options.json)
    printJson(context, found, { ...summary, counters: { ...outcome.counters, ...replay.counters() } });
  else printText(context, found, summary);
  if (outcome.problem === 'none') return EXIT_DONE;
  if (outcome.problem === 'not-a-capture' && replay.packets === 0)
    throw new CliError(
      'not-a-capture',
      `${nameOf(options.capture)}: neither a capture nor a flow log that is known`,
    );
  context.warn(`${nameOf(options.capture)}: ${outcome.problem}: what came before it was read`);
  return EXIT_REFUSED;
}

async function read(file: string, replay: Replay, devices: ReplayDevices): Promise<ReadOutcome> {
  try {
    return await replayFile(file, replay, devices);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined) throw cause;
    throw new CliError(code, `cannot read ${nameOf(file)}: ${code}`, { cause });
  }
}

function namedByPolicy(policy: Policy | null): NamedDevice[] {
  return Object.entries(policy?.devices ?? {}).map(([name, { identity }]) => ({
    name,
    ends: [...identity.macs, ...identity.addresses.map(({ text }) => text)],
  }));
}

function namedByHand(text: string): NamedDevice {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) return { name: mac, ends: [mac] };
  const address = parseAddress(text);
  if (address === null) throw usageError(`--device ${escapeControls(text)}: neither a MAC nor an IP address`);
  return { name: address.text, ends: [address.text] };
}

/** One JSON value a line: findings, then the summary. */
function printJson(context: CliContext, found: readonly Seen[], summary: object): void {
  for (const { finding, afterPackets, afterMs } of found)
    context.line(JSON.stringify({ finding, afterPackets, afterSeconds: Math.round(afterMs) / 1000 }));
  context.line(JSON.stringify({ summary }));
}

function printText(
  context: CliContext,
  found: readonly Seen[],
  summary: Readonly<Record<string, number | string>>,
): void {
  const columns: readonly Column<Seen>[] = [
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
  const shown = Object.entries(summary).filter(([name, value]) => name !== 'file' && value !== 0);
  context.lines(shown.map(([name, value]) => `${name}: ${value}`));
}
