/**
 * NetBIOS names, session requests and browser announcements (RFC 1002 sections 4.2, 4.3.2 and 4.4; announcements: MS-BRWS 2.2.1 to 2.2.3). Reads the
 * names that a machine registers or answers for, its server version and role bits; never a comment, a user name (suffix 0x03) or a question.
 */
import { decodeNetbiosName } from '../../packet/netbios-name.js';
import { s32, u16, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hostNameOf, indexOfAscii, textOf } from '../text.js';
import { readDnsMessage } from './dns-message.js';

const TYPE_NB = 0x20;
const TYPE_NBSTAT = 0x21;
const OPCODE_REGISTRATION = 5;
const OPCODE_RELEASE = 6;
const OPCODE_REFRESH = 8;
const OPCODE_MULTIHOMED = 15;
const SUFFIX_WORKSTATION = 0x00;
const SUFFIX_SERVER = 0x20;
const SUFFIX_DOMAIN_CONTROLLERS = 0x1c;
const GROUP_FLAG = 0x8000;
const MAX_STATUS_NAMES = 32;
const NAME_BYTES = 18;

export function readNetbiosName(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const message = readDnsMessage(bytes, start, end);
  if (message === null || message.rcode !== 0) return NO_OBSERVATIONS;
  const out = new Observations();
  const registers =
    message.opcode === OPCODE_REGISTRATION ||
    message.opcode === OPCODE_REFRESH ||
    message.opcode === OPCODE_MULTIHOMED ||
    message.opcode === OPCODE_RELEASE;
  // The flags of the NB record tell a group's name (RFC 1002 section 4.2.2): not the machine's own.
  for (const record of message.records) {
    if (record.type === TYPE_NBSTAT && message.isResponse)
      readStatus(bytes, record.dataStart, record.dataEnd, out);
    if (record.type !== TYPE_NB || record.dataEnd - record.dataStart < 6) continue;
    const isGroup = (u16(bytes, record.dataStart) & GROUP_FLAG) !== 0;
    if (isGroup || !(message.isResponse ? message.opcode === 0 : registers)) continue;
    // A registration names the record by a pointer to its question.
    addName(out, decodeName((record.name || message.questions[0]?.name) ?? ''));
  }
  return out.list;
}

function addName(out: Observations, name: { text: string; suffix: number } | null): void {
  if (name === null || (name.suffix !== SUFFIX_WORKSTATION && name.suffix !== SUFFIX_SERVER)) return;
  out.add('name', hostNameOf(name.text), 'nbns.name', CONFIDENCE.own);
  if (name.suffix === SUFFIX_SERVER) out.hint('file server', 'nbns.role');
}

/** A scope may stand behind the name. */
function decodeName(encoded: string): { text: string; suffix: number } | null {
  return decodeNetbiosName(encoded.split('.')[0] ?? '');
}

/** RFC 1002 section 4.2.18: a count, then names of 15 characters, suffix and flags. */
function readStatus(bytes: Uint8Array, start: number, end: number, out: Observations): void {
  const count = Math.min(u8(bytes, start), MAX_STATUS_NAMES);
  for (let index = 0; index < count; index++) {
    const at = start + 1 + index * NAME_BYTES;
    if (at + NAME_BYTES > end) return;
    const suffix = u8(bytes, at + 15);
    const isGroup = (u16(bytes, at + 16) & GROUP_FLAG) !== 0;
    if (isGroup && suffix === SUFFIX_DOMAIN_CONTROLLERS) out.hint('domain controller', 'nbns.role');
    if (!isGroup) addName(out, { text: textOf(bytes, at, at + 15) ?? '', suffix });
  }
}

const SESSION_REQUEST = 0x81;
const SESSION_REQUEST_BYTES = 72;

export function isSessionRequest(bytes: Uint8Array, start: number, end: number): boolean {
  // Two names of 34 bytes, each a label of 32.
  return (
    end - start >= SESSION_REQUEST_BYTES &&
    u8(bytes, start) === SESSION_REQUEST &&
    u16(bytes, start + 2) === SESSION_REQUEST_BYTES - 4 &&
    u8(bytes, start + 4) === 32 &&
    u8(bytes, start + 38) === 32
  );
}

/** The called name, then the caller's own. `*SMBSERVER` calls whoever listens. */
export function readSessionRequest(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isSessionRequest(bytes, start, end)) return NO_OBSERVATIONS;
  const out = new Observations();
  const nameAt = (at: number): string | null => {
    const name = decodeName(textOf(bytes, at, at + 32) ?? '');
    const isMachine = name?.suffix === SUFFIX_WORKSTATION || name?.suffix === SUFFIX_SERVER;
    return isMachine ? hostNameOf(name.text) : null;
  };
  out.add('name', nameAt(start + 39), 'netbios.session', CONFIDENCE.own);
  out.add('name', nameAt(start + 5), 'netbios.session', CONFIDENCE.hearsay, 'receiver');
  return out.list;
}

const DIRECT_GROUP = 0x11;
const HOST_ANNOUNCEMENT = 1;
const LOCAL_MASTER_ANNOUNCEMENT = 15;
const MAX_DATAGRAM_HEADER = 256;
/** MS-BRWS 2.2.1: command, update count, periodicity, 16 bytes of name, version, type. */
const ANNOUNCEMENT_BYTES = 32;
const SERVER_TYPES: readonly (readonly [number, string])[] = [
  [0x18, 'domain controller'],
  [0x200, 'print server'],
  [0x4, 'database server'],
  [0x800, 'unix server'],
];

/** A datagram to port 138 that holds a host announcement. */
export function readBrowser(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 82 || u8(bytes, start) !== DIRECT_GROUP) return NO_OBSERVATIONS;
  const slot = indexOfAscii(bytes, '\\MAILSLOT\\BROWSE\0', start, Math.min(end, start + MAX_DATAGRAM_HEADER));
  if (slot === -1) return NO_OBSERVATIONS;
  const at = slot + 17;
  const command = u8(bytes, at);
  if (at + ANNOUNCEMENT_BYTES > end) return NO_OBSERVATIONS;
  if (command !== HOST_ANNOUNCEMENT && command !== LOCAL_MASTER_ANNOUNCEMENT) return NO_OBSERVATIONS;
  const out = new Observations();
  out.add('name', hostNameOf(textOf(bytes, at + 6, at + 22)), 'netbios.host', CONFIDENCE.own);
  out.hint(`${u8(bytes, at + 22)}.${u8(bytes, at + 23)}`, 'netbios.version');
  // Little-endian.
  const bits = swap32(s32(bytes, at + 24));
  for (const [bit, role] of SERVER_TYPES) if ((bits & bit) !== 0) out.hint(role, 'nbns.role');
  return out.list;
}

function swap32(value: number): number {
  return (
    ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | ((value >>> 24) & 0xff)
  );
}
