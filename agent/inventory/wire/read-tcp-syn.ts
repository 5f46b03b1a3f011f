/**
 * What a stack's first TCP segment looks like (RFC 9293 section 3.2; the method of p0f): initial hop limit, window, order of options, MSS and
 * window scale, as one line such as `64:29200:mss,sackok,ts,nop,ws:1460:7`. Only for a SYN without ACK, whose values are the stack's own choice.
 */
import { u16, u8 } from '../../packet/read.js';
import { TCP_ACK, TCP_SYN, type PacketView } from '../../packet/view.js';
import { NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';

const HEADER_BYTES = 20;
const OPTION_NAMES: Readonly<Record<number, string>> = { 2: 'mss', 3: 'ws', 4: 'sackok', 5: 'sack', 8: 'ts' };
const MAX_OPTIONS = 40;

export function readTcpSyn(view: PacketView, bytes: Uint8Array): readonly Observation[] {
  if ((view.tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN || view.payloadOffset < 0) return NO_OBSERVATIONS;
  const at = view.transportOffset;
  const window = u16(bytes, at + 14);
  const names: string[] = [];
  let mss = 0;
  let scale = -1;
  let option = at + HEADER_BYTES;
  for (let seen = 0; seen < MAX_OPTIONS && option < view.payloadOffset; seen++) {
    const kind = u8(bytes, option);
    if (kind === 0) {
      names.push('eol');
      break;
    }
    if (kind === 1) {
      names.push('nop');
      option += 1;
      continue;
    }
    const length = u8(bytes, option + 1);
    if (length < 2 || option + length > view.payloadOffset) break;
    if (kind === 2 && length === 4) mss = u16(bytes, option + 2);
    if (kind === 3 && length === 3) scale = u8(bytes, option + 2);
    names.push(OPTION_NAMES[kind] ?? `o${kind}`);
    option += length;
  }
  const out = new Observations();
  const scaleText = scale === -1 ? '-' : String(scale);
  out.hint(`${initialHopLimit(view.hopLimit)}:${window}:${names.join(',')}:${mss}:${scaleText}`, 'tcp.syn');
  return out.list;
}

/** Stacks begin at one of these; every router on the way takes one off. */
function initialHopLimit(hopLimit: number): number {
  return [32, 64, 128].find((initial) => hopLimit <= initial) ?? 255;
}
