/**
 * What a stack's first TCP segment looks like (RFC 9293 section 3.2; the method of p0f): initial hop limit, window, order of options, MSS and
 * window scale, as one line such as `64:29200:mss,sackok,ts,nop,ws:1460:7`; and which well-known service a SYN with ACK answers for. Of a SYN with
 * ACK the options are those that the other end offered, in the order of the stack that answers: worth less.
 */
import { u16, u8 } from '../../packet/read.js';
import { TCP_ACK, TCP_SYN, type PacketView } from '../../packet/view.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';

const HEADER_BYTES = 20;
const OPTION_NAMES: Readonly<Record<number, string>> = { 2: 'mss', 3: 'ws', 4: 'sackok', 5: 'sack', 8: 'ts' };
const MAX_OPTIONS = 40;

export function readTcpSyn(view: PacketView, bytes: Uint8Array): readonly Observation[] {
  if ((view.tcpFlags & TCP_SYN) === 0 || view.payloadOffset < 0) return NO_OBSERVATIONS;
  const isAnswer = (view.tcpFlags & TCP_ACK) !== 0;
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
  if (isAnswer) addService(view.srcPort, out);
  out.hint(
    `${initialHopLimit(view.hopLimit)}:${window}:${names.join(',')}:${mss}:${scaleText}`,
    isAnswer ? 'tcp.syn-ack' : 'tcp.syn',
  );
  return out.list;
}

/** IANA's port numbers: who answers on one of them most likely offers that. */
const SERVICES: Readonly<Record<number, string>> = {
  21: 'FTP server',
  22: 'SSH server',
  23: 'Telnet server',
  80: 'web server',
  102: 'S7 or MMS server',
  104: 'DICOM server',
  443: 'web server',
  445: 'SMB server',
  502: 'Modbus server',
  515: 'print server',
  554: 'video server',
  631: 'print server',
  2575: 'HL7 receiver',
  3389: 'remote desktop server',
  5900: 'VNC server',
  9100: 'print server',
  11112: 'DICOM server',
  44818: 'EtherNet/IP server',
};

function addService(port: number, out: Observations): void {
  const service = SERVICES[port];
  if (service === undefined) return;
  out.add('role', service, 'tcp.service', CONFIDENCE.hearsay);
  out.hint(String(port), 'tcp.service');
}

/** Stacks begin at one of these; every router on the way takes one off. */
function initialHopLimit(hopLimit: number): number {
  return [32, 64, 128].find((initial) => hopLimit <= initial) ?? 255;
}
