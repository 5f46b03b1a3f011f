/**
 * SMB1 session set-up (MS-CIFS 2.2.4.53) and SMB2 negotiation (MS-SMB2 2.2.4) over NetBIOS sessions (RFC 1002 section 4.3.1), and the version and
 * computer name inside NTLMSSP (MS-NLMP 2.2.1.1 and 2.2.1.2). Never an account, a domain, a share or a file name: tree and create messages are not
 * read, an AUTHENTICATE message neither.
 */
import { le16, u24, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hostNameOf, indexOfAscii, textOf, textOfUtf16 } from '../text.js';

const SESSION_HEADER_BYTES = 4;
const SMB1_HEADER_BYTES = 32;
const SMB2_HEADER_BYTES = 64;
const NEGOTIATE = 0x72;
const NEGOTIATE_WORDS = 17;
const SESSION_SETUP_ANDX = 0x73;
const UNICODE_FLAG = 0x8000;
/** The security blob stands near the front of a session set-up. */
const MAX_BLOB_SEARCH_BYTES = 512;

export function isSmb(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < SESSION_HEADER_BYTES + SMB1_HEADER_BYTES || u8(bytes, start) !== 0) return false;
  const magic = u8(bytes, start + 4);
  return (magic === 0xff || magic === 0xfe) && u24(bytes, start + 5) === 0x534d42;
}

export function readSmb(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isSmb(bytes, start, end)) return NO_OBSERVATIONS;
  const header = start + SESSION_HEADER_BYTES;
  const last = Math.min(end, header + u24(bytes, start + 1));
  const out = new Observations();
  if (u8(bytes, header) === 0xff) readSmb1(bytes, header, last, out);
  else readSmb2(bytes, header, last, out);
  return out.list;
}

function readSmb1(bytes: Uint8Array, header: number, end: number, out: Observations): void {
  const isResponse = (u8(bytes, header + 9) & 0x80) !== 0;
  if (isResponse && u8(bytes, header + 4) === NEGOTIATE) {
    out.hint('SMB 1', 'smb.dialect');
    readServerName(bytes, header, end, out);
  }
  if (isResponse) out.add('role', 'SMB server', 'smb.dialect', CONFIDENCE.declared);
  if (u8(bytes, header + 4) !== SESSION_SETUP_ANDX) return;
  const words = u8(bytes, header + SMB1_HEADER_BYTES);
  const parameters = header + SMB1_HEADER_BYTES + 1;
  const data = parameters + words * 2 + 2;
  if (data > end) return;
  const isUnicode = (le16(bytes, header + 10) & UNICODE_FLAG) !== 0;
  const text = { bytes, header, end, isUnicode };
  if (isResponse && words === 3) addNative(text, data, 0, out);
  if (isResponse && words === 4) addNative(text, data + le16(bytes, parameters + 6), 0, out);
  if (!isResponse && words === 12) addNative(text, data + le16(bytes, parameters + 14), 0, out);
  // Two passwords, then account and domain, which are stepped over.
  if (!isResponse && words === 13)
    addNative(text, data + le16(bytes, parameters + 14) + le16(bytes, parameters + 16), 2, out);
  // macOS and Samba send the version numbers of a Windows; their own name tells them apart.
  const says = out.list.find(({ source }) => source === 'smb.native-os')?.value;
  readNtlm(bytes, data, end, out, says === undefined || /windows/i.test(says));
}

/**
 * Without extended security (MS-CIFS 2.2.4.52.2; the server's name is what Windows puts behind the domain, MS-SMB 2.2.4.5.2.2): challenge, domain,
 * name. The domain is stepped over.
 */
function readServerName(bytes: Uint8Array, header: number, end: number, out: Observations): void {
  const parameters = header + SMB1_HEADER_BYTES + 1;
  if (u8(bytes, parameters - 1) !== NEGOTIATE_WORDS) return;
  const hasExtendedSecurity = (u8(bytes, parameters + 22) & 0x80) !== 0;
  const challengeBytes = u8(bytes, parameters + 33);
  const data = parameters + NEGOTIATE_WORDS * 2 + 2;
  if (hasExtendedSecurity || data + challengeBytes > end) return;
  // By the capability, as the flag of the header is not agreed on yet; not aligned, because the challenge comes first.
  const isUnicode = (u8(bytes, parameters + 19) & 0x04) !== 0;
  const name = afterString(bytes, data + challengeBytes, end, isUnicode);
  const after = afterString(bytes, name, end, isUnicode);
  if (after > end) return;
  const decode = isUnicode ? textOfUtf16 : textOf;
  out.add('name', hostNameOf(decode(bytes, name, after)), 'smb.server-name', CONFIDENCE.own);
}

interface Strings {
  readonly bytes: Uint8Array;
  readonly header: number;
  readonly end: number;
  readonly isUnicode: boolean;
}

function addNative(strings: Strings, from: number, skip: number, out: Observations): void {
  const { bytes, header, end, isUnicode } = strings;
  // Unicode strings are aligned to two bytes from the header (MS-CIFS 2.2.1.1.1).
  let at = isUnicode && (from - header) % 2 === 1 ? from + 1 : from;
  for (let skipped = 0; skipped < skip; skipped++) at = afterString(bytes, at, end, isUnicode);
  const second = afterString(bytes, at, end, isUnicode);
  const third = afterString(bytes, second, end, isUnicode);
  if (second > end) return;
  const decode = isUnicode ? textOfUtf16 : textOf;
  out.hint(productOnly(decode(bytes, at, second)), 'smb.native-os');
  if (third <= end) out.hint(productOnly(decode(bytes, second, third)), 'smb.native-lan-manager');
}

/** A path in either field would be a file's or a share's: not what belongs there. */
function productOnly(text: string | null): string | null {
  return text !== null && /^[A-Za-z0-9 .,_()+-]{1,64}$/.test(text) ? text : null;
}

/** One past the terminator; past `end` where there is none. */
function afterString(bytes: Uint8Array, from: number, end: number, isUnicode: boolean): number {
  const step = isUnicode ? 2 : 1;
  for (let at = from; at + step <= end; at += step)
    if (u8(bytes, at) === 0 && (!isUnicode || u8(bytes, at + 1) === 0)) return at + step;
  return end + 1;
}

const SMB2_NEGOTIATE = 0;
const SMB2_SESSION_SETUP = 1;

function readSmb2(bytes: Uint8Array, header: number, end: number, out: Observations): void {
  const body = header + SMB2_HEADER_BYTES;
  if (body + 8 > end) return;
  const command = le16(bytes, header + 12);
  const isResponse = (u8(bytes, header + 16) & 1) !== 0;
  if (isResponse) out.add('role', 'SMB server', 'smb.dialect', CONFIDENCE.declared);
  if (command === SMB2_NEGOTIATE && isResponse) out.hint(dialectName(le16(bytes, body + 4)), 'smb.dialect');
  if (command === SMB2_SESSION_SETUP) readNtlm(bytes, body, end, out);
}

function dialectName(dialect: number): string | null {
  const names: Readonly<Record<number, string>> = {
    0x0202: 'SMB 2.0.2',
    0x0210: 'SMB 2.1',
    0x0300: 'SMB 3.0',
    0x0302: 'SMB 3.0.2',
    0x0311: 'SMB 3.1.1',
  };
  return names[dialect] ?? null;
}

const NTLM_NEGOTIATE = 1;
const NTLM_CHALLENGE = 2;
const NEGOTIATE_VERSION = 0x02;
const AV_END = 0;
const AV_NETBIOS_COMPUTER = 1;
const MAX_AV_PAIRS = 16;

/** The version of who sends a NEGOTIATE or a CHALLENGE, and the computer name of who sends a CHALLENGE. */
function readNtlm(bytes: Uint8Array, start: number, end: number, out: Observations, isWindows = true): void {
  const at = indexOfAscii(bytes, 'NTLMSSP\0', start, Math.min(end, start + MAX_BLOB_SEARCH_BYTES));
  if (at === -1) return;
  const type = u8(bytes, at + 8);
  if (
    isWindows &&
    type === NTLM_NEGOTIATE &&
    at + 40 <= end &&
    (u8(bytes, at + 15) & NEGOTIATE_VERSION) !== 0
  )
    out.hint(version(bytes, at + 32), 'ntlm.version');
  if (type !== NTLM_CHALLENGE || at + 48 > end) return;
  const pairs = at + le16(bytes, at + 44);
  const pairsEnd = Math.min(end, pairs + le16(bytes, at + 40));
  if (isWindows && (u8(bytes, at + 23) & NEGOTIATE_VERSION) !== 0 && pairs >= at + 56 && at + 56 <= end)
    out.hint(version(bytes, at + 48), 'ntlm.version');
  let pair = pairs;
  for (let seen = 0; seen < MAX_AV_PAIRS && pair + 4 <= pairsEnd; seen++) {
    const id = le16(bytes, pair);
    const next = pair + 4 + le16(bytes, pair + 2);
    if (id === AV_END || next > pairsEnd) return;
    if (id === AV_NETBIOS_COMPUTER)
      out.add('name', hostNameOf(textOfUtf16(bytes, pair + 4, next)), 'ntlm.computer', CONFIDENCE.own);
    pair = next;
  }
}

function version(bytes: Uint8Array, at: number): string | null {
  const major = u8(bytes, at);
  if (major < 5 || major > 10) return null;
  return `${major}.${u8(bytes, at + 1)}.${le16(bytes, at + 2)}`;
}
