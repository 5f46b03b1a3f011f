/** More of what `make fuzz` feeds (targets.ts): capture files, flow logs, and what the fleet signs. */
import { createBinetflowReader } from '../capture/binetflow.js';
import { CaptureReader } from '../capture/capture-reader.js';
import { decodeLink } from '../capture/decode-link.js';
import type { FlowLineReader } from '../capture/flow-record.js';
import { MAX_RECORD_BYTES, type CapturedPacket } from '../capture/packet-record.js';
import { createZeekConnReader } from '../capture/zeek-conn.js';
import { desiredDocument, desiredHeader, planDesired, type DesiredContext } from '../containment/desired.js';
import { createPacketView, NONE } from '../packet/view.js';
import { Reassembly } from '../replay/reassembly.js';

const PIECE_BYTES = 61;
/** Of the first packets, what they are is ground. */
const TOLD_PACKETS = 4;
const MOST_WORDS = 8;

const view = createPacketView();
/** In pieces, as a stream gives them: what a piece leaves unfinished is the reader's to keep. */
export function capture(input: Uint8Array): string {
  const words: string[] = [];
  let packets = 0;
  const reassembly = new Reassembly();
  const reader = new CaptureReader((packet: Readonly<CapturedPacket>) => {
    const { bytes, offset, length, linkType, timeMs } = packet;
    if (offset < 0 || length < 0 || offset + length > bytes.length || length > MAX_RECORD_BYTES)
      throw new Error(`a packet of ${length} at ${offset} of ${bytes.length} bytes`);
    if (!Number.isFinite(timeMs)) throw new Error(`the time ${timeMs}`);
    const problem = decodeLink(view, linkType, bytes, offset, length);
    for (const at of [view.ipOffset, view.transportOffset, view.payloadOffset])
      if (problem >= 0 && at !== NONE && (at < offset || at > offset + length))
        throw new Error(`${at} is outside the packet of ${length} at ${offset}`);
    if (problem >= 0 && view.isFragment) {
      const whole = reassembly.add(view, bytes, offset, timeMs);
      if (whole !== null) words.push(`whole ${decodeLink(view, linkType, whole, 0, whole.length)}`);
    }
    packets += 1;
    if (packets <= TOLD_PACKETS) words.push(`${linkType} ${problem}`);
  });
  for (let at = 0; at < input.length; at += PIECE_BYTES) reader.push(input.subarray(at, at + PIECE_BYTES));
  reader.end();
  return `${reader.problem} ${packets} ${words.slice(0, MOST_WORDS).join()} ${Object.keys(reader.counters()).length}`;
}

export function flowLog(input: Uint8Array): string {
  const readers: readonly (readonly [string, FlowLineReader])[] = [
    ['zeek', createZeekConnReader()],
    ['argus', createBinetflowReader()],
  ];
  const words: string[] = [];
  for (const line of Buffer.from(input).toString('utf8').split('\n'))
    for (const [name, read] of readers) {
      const record = read(line);
      if (record === null) continue;
      for (const number of [record.startMs, record.durationMs, record.sourceBytes, record.destinationBytes])
        if (!Number.isFinite(number)) throw new Error(`${name}: ${number} in ${line}`);
      words.push(`${name} ${record.protocol} ${record.outcome}`);
    }
  return words.slice(0, 6).join();
}

/** What stands in a header and in a document once its signature was verified: whoever holds a key may write anything. */
export function desired(input: Uint8Array): string {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(input).toString('utf8'));
  } catch {
    return 'no JSON';
  }
  if (desiredHeader.safeParse(json).success) return 'header';
  const { success, data, error } = desiredDocument.safeParse(json);
  if (!success)
    return error.issues
      .slice(0, 3)
      .map(({ path, message }) => `${path.join('.')} ${message}`.replace(/"[^"]*"|\d+/g, ''))
      .join();
  return (['online', 'policy'] as const)
    .map((role) => {
      const plan = planDesired(data, { ...CONTEXT, role });
      if (!plan.ok) return plan.problem.replace(/\d+/g, '').slice(0, 30);
      if (role === 'online' && plan.release.length > 0) throw new Error('an online key releases');
      return `${plan.give.length} ${plan.release.length} ${plan.withheld.length} ${plan.waiting.length}`;
    })
    .join();
}

const CONTEXT: Omit<DesiredContext, 'role'> = {
  box: 'box-1',
  kid: 'key-1',
  policy: { devices: {} },
  orders: [
    {
      id: 1,
      scope: { device: 'pump-1' },
      level: 'contained',
      sparesLifeSustaining: false,
      by: 'soc (key key-1)',
      source: 'fleet',
      reason: 'worm',
      sinceMs: 0,
      endsMs: null,
      remindMs: null,
      members: [],
    },
  ],
};
