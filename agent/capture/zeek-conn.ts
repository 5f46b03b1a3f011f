/**
 * Zeek's conn.log, tab-separated with its `#fields` line or JSON, one connection a line
 * (https://docs.zeek.org/en/master/logs/conn.html). Labelled data sets add columns at its end: `label` and `detailedlabel`, or, in
 * IoT-23, `detailed-label` and three spaces where there should be a tab. Pure; never throws.
 */
import { OUTCOME_ANSWERED, OUTCOME_NO_ANSWER, OUTCOME_REJECTED } from '../detect/event.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, TCP_ACK, TCP_SYN } from '../packet/view.js';
import { parseAddress } from '../policy/address.js';
import { countOf, FLOW_PROTOCOLS, type FlowLineReader, type FlowRecord } from './flow-record.js';

/** conn_state of TCP. OTH is a connection seen only in its middle. */
const TCP_OUTCOMES: ReadonlyMap<string, number> = new Map([
  ['S0', OUTCOME_NO_ANSWER],
  ['SH', OUTCOME_NO_ANSWER],
  ['RSTOS0', OUTCOME_NO_ANSWER],
  ['REJ', OUTCOME_REJECTED],
  ['RSTRH', OUTCOME_REJECTED],
  ['SHR', OUTCOME_REJECTED],
  ['S1', OUTCOME_ANSWERED],
  ['S2', OUTCOME_ANSWERED],
  ['S3', OUTCOME_ANSWERED],
  ['SF', OUTCOME_ANSWERED],
  ['RSTO', OUTCOME_ANSWERED],
  ['RSTR', OUTCOME_ANSWERED],
]);

const BETWEEN_FIELDS = /\t| {3}/;
/** Time in milliseconds is a whole number of them; in seconds, these would be the year 5138 and later. */
const LEAST_MILLISECONDS = 1e11;

/** From the start of a file: whether it is such a log. */
export function isZeekConn(start: string): boolean {
  return /^#path\tconn$/m.test(start) || /^\{(?=.*"id\.orig_h")(?=.*"conn_state")/.test(start);
}

export function createZeekConnReader(): FlowLineReader {
  let fields: readonly string[] = [];
  return (line) => {
    if (line.startsWith('#fields')) fields = line.split(BETWEEN_FIELDS).slice(1);
    if (line.startsWith('#') || line === '') return null;
    if (line.startsWith('{')) return recordOf(parseJson(line));
    const values = line.split(BETWEEN_FIELDS);
    return recordOf(Object.fromEntries(fields.map((name, index) => [name, values[index] ?? '-'])));
  };
}

/** What a TCP connection came to, by conn_state; null for a word that is none. */
export function tcpOutcome(state: string): number | null {
  return TCP_OUTCOMES.get(state) ?? null;
}

function parseJson(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function recordOf(row: Readonly<Record<string, unknown>>): FlowRecord | null {
  const text = (name: string): string => (typeof row[name] === 'string' ? row[name] : '');
  const source = parseAddress(text('id.orig_h'));
  const destination = parseAddress(text('id.resp_h'));
  // What Zeek has no word for is told by its number.
  let protocol = FLOW_PROTOCOLS.get(text('proto')) ?? countOf(row['ip_proto']);
  const startMs = timeOf(row['ts']);
  if (source === null || destination === null || protocol === 0 || startMs === null) return null;
  if (protocol === PROTOCOL_ICMP && source.family === 6) protocol = PROTOCOL_ICMPV6;
  const isAnswered = countOf(row['resp_pkts']) > 0;
  const byPackets = isAnswered ? OUTCOME_ANSWERED : OUTCOME_NO_ANSWER;
  const isTcp = protocol === PROTOCOL_TCP;
  const isFromMiddle = text('conn_state') === 'OTH';
  const labels = [text('label'), text('detailedlabel'), text('detailed-label')].filter(
    (word) => !['', '-', '(empty)'].includes(word),
  );
  return {
    startMs,
    durationMs: countOf(row['duration']) * 1000,
    source,
    destination,
    protocol,
    sourcePort: countOf(row['id.orig_p']),
    destinationPort: countOf(row['id.resp_p']),
    tcpFlags: isTcp ? (isFromMiddle ? TCP_ACK : TCP_SYN) : 0,
    outcome: isTcp ? (tcpOutcome(text('conn_state')) ?? byPackets) : byPackets,
    sourceBytes: countOf(row['orig_ip_bytes'] ?? row['orig_bytes']),
    destinationBytes: countOf(row['resp_ip_bytes'] ?? row['resp_bytes']),
    sourcePackets: countOf(row['orig_pkts']),
    destinationPackets: countOf(row['resp_pkts']),
    label: labels.join(' '),
  };
}

/** Seconds since 1970, or, in JSON only, milliseconds or ISO 8601 (LogAscii::json_timestamps). */
function timeOf(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  const isText = typeof value === 'string' && Number.isNaN(number);
  const ms = isText ? Date.parse(value) : typeof number === 'number' ? millisecondsOf(number) : NaN;
  return Number.isFinite(ms) ? ms : null;
}

function millisecondsOf(time: number): number {
  return time >= LEAST_MILLISECONDS ? time : time * 1000;
}
