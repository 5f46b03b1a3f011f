/**
 * Argus flows as the CTU-13 data sets publish them (.binetflow): a header line, then one bidirectional flow a line, comma or
 * tab separated (https://www.stratosphereips.org/datasets-ctu13). Pure; never throws.
 */
import { OUTCOME_ANSWERED, OUTCOME_NO_ANSWER, OUTCOME_REJECTED } from '../detect/event.js';
import { PROTOCOL_TCP, TCP_ACK, TCP_SYN } from '../packet/view.js';
import { parseAddress } from '../policy/address.js';
import { countOf, FLOW_PROTOCOLS, type FlowLineReader, type FlowRecord } from './flow-record.js';
import { tcpOutcome } from './zeek-conn.js';

export function isBinetflowHeader(line: string): boolean {
  return /^StartTime[,\t]Dur[,\t]Proto[,\t]SrcAddr/.test(line);
}

export function createBinetflowReader(): FlowLineReader {
  let fields: readonly string[] = [];
  let separator = ',';
  return (line) => {
    if (isBinetflowHeader(line)) {
      separator = line.charAt('StartTime'.length);
      fields = line.trim().split(separator);
      return null;
    }
    const values = line.split(separator);
    return recordOf(Object.fromEntries(fields.map((name, index) => [name, (values[index] ?? '').trim()])));
  };
}

function recordOf(row: Readonly<Record<string, string>>): FlowRecord | null {
  const source = parseAddress(row['SrcAddr'] ?? '');
  const destination = parseAddress(row['DstAddr'] ?? '');
  const protocol = FLOW_PROTOCOLS.get(row['Proto'] ?? '');
  const startMs = timeOf(row['StartTime'] ?? '');
  if (source === null || destination === null || protocol === undefined || startMs === null) return null;
  const packets = countOf(row['TotPkts']);
  const sourcePackets = Math.min(packets, countOf(row['SrcPkts'] ?? row['TotPkts']));
  const bytes = countOf(row['TotBytes']);
  const sourceBytes = Math.min(bytes, countOf(row['SrcBytes']));
  const state = row['State'] ?? '';
  const isTcp = protocol === PROTOCOL_TCP;
  const byBytes = bytes > sourceBytes ? OUTCOME_ANSWERED : OUTCOME_NO_ANSWER;
  return {
    startMs,
    durationMs: countOf(row['Dur']) * 1000,
    source,
    destination,
    protocol,
    sourcePort: countOf(row['Sport']),
    destinationPort: countOf(row['Dport']),
    tcpFlags: isTcp ? (state.split('_')[0]?.includes('S') === false ? TCP_ACK : TCP_SYN) : 0,
    outcome: isTcp ? (tcpOutcome(state) ?? flagOutcome(state) ?? byBytes) : byBytes,
    sourceBytes,
    destinationBytes: bytes - sourceBytes,
    sourcePackets,
    destinationPackets: packets - sourcePackets,
    label: row['Label'] ?? '',
  };
}

/** Argus writes the flags that each side sent: `FSPA_FSPA`, `S_RA`, `S_`. */
function flagOutcome(state: string): number | null {
  const [asked, answered] = state.split('_');
  if (asked === undefined || answered === undefined) return null;
  if (answered === '') return OUTCOME_NO_ANSWER;
  if (/^[RA]*R[RA]*$/.test(answered) && !asked.includes('P')) return OUTCOME_REJECTED;
  return asked.includes('A') ? OUTCOME_ANSWERED : OUTCOME_REJECTED;
}

/** `2018/12/18 14:00:00.075359`, taken as UTC: only differences matter. */
function timeOf(text: string): number | null {
  const parts = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d(?:\.\d+)?)$/.exec(text);
  if (parts === null) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return Math.max(0, Date.UTC(year, month - 1, day, hour, minute) + second * 1000);
}
