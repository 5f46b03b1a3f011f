/**
 * First lines that servers say: RFB (RFC 6143 section 7.1.1), SSH identification (RFC 4253 section 4.2), FTP greeting (RFC 959 section 5.4, code 220), Telnet login
 * screens (RFC 854). Never what a user types, never a later line.
 */
import { u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { startsWithAscii, textOf } from '../text.js';

const MAX_LINE_BYTES = 255;
const MAX_SCREEN_BYTES = 512;
const IAC = 255;
const SUBNEGOTIATION = 250;
const SUBNEGOTIATION_END = 240;

export function readSshBanner(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!startsWithAscii(bytes, 'SSH-', start, end)) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint(firstLine(bytes, start, end), 'ssh.banner');
  return out.list;
}

/** Both ends say it, in the same form: the server from its port. */
export function readVncVersion(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 12 || !startsWithAscii(bytes, 'RFB 00', start, end)) return NO_OBSERVATIONS;
  const out = new Observations();
  out.add('role', 'VNC server', 'vnc.version', CONFIDENCE.declared);
  out.hint(textOf(bytes, start, start + 11), 'vnc.version');
  return out.list;
}

export function readFtpBanner(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const isGreeting = startsWithAscii(bytes, '220 ', start, end) || startsWithAscii(bytes, '220-', start, end);
  if (!isGreeting) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint(firstLine(bytes, start + 4, end), 'ftp.banner');
  return out.list;
}

/**
 * A Telnet session may be a clinical terminal full of patients. Only a screen that ends by asking for a login is looked at, and of it only the
 * first line.
 */
export function readTelnetBanner(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const text = withoutCommands(bytes, start, Math.min(end, start + MAX_SCREEN_BYTES));
  if (!/(?:login|username|user name): ?$/i.test(text)) return NO_OBSERVATIONS;
  const line = text
    .split(/[\r\n]+/)
    .map((one) => one.trim())
    .find((one) => one !== '');
  if (line === undefined || /[:=]/.test(line) || line.length > MAX_LINE_BYTES) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint(line, 'telnet.banner');
  return out.list;
}

function withoutCommands(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let at = start;
  while (at < end) {
    const byte = u8(bytes, at);
    if (byte === IAC) at = afterCommand(bytes, at, end);
    else {
      const isText = byte === 10 || byte === 13 || (byte >= 0x20 && byte < 0x7f);
      if (isText) text += String.fromCharCode(byte);
      at += 1;
    }
  }
  return text;
}

function afterCommand(bytes: Uint8Array, at: number, end: number): number {
  const command = u8(bytes, at + 1);
  if (command !== SUBNEGOTIATION) return command >= 251 && command <= 254 ? at + 3 : at + 2;
  let next = at + 2;
  while (next < end && !(u8(bytes, next) === IAC && u8(bytes, next + 1) === SUBNEGOTIATION_END)) next += 1;
  return next + 2;
}

function firstLine(bytes: Uint8Array, start: number, end: number): string | null {
  let stop = start;
  const limit = Math.min(end, start + MAX_LINE_BYTES);
  while (stop < limit && u8(bytes, stop) !== 10 && u8(bytes, stop) !== 13) stop += 1;
  return textOf(bytes, start, stop);
}
