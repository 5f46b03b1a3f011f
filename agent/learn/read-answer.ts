/**
 * The answer of a DNS server (RFC 1035 section 4) as a name and its addresses: what a device was looking for. Used on captures; on a box the enforcer
 * tells what was looked up. Pure.
 */
import { readDnsMessage } from '../inventory/wire/dns-message.js';
import { addressFromBytes } from '../policy/address.js';

const TYPE_A = 1;
const TYPE_AAAA = 28;
const MAX_ADDRESSES = 16;
/** RFC 1123 section 2.1, and the underscore that machines' names have. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+$/;

export interface LookedUp {
  /** As it was asked for, lower case, without the last dot; aliases are followed by the resolver. */
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Null for what is no answer with addresses to a question of one name. */
export function readAnswer(bytes: Uint8Array, start: number, end: number): LookedUp | null {
  const message = readDnsMessage(bytes, start, Math.min(end, bytes.length));
  const [question] = message?.questions ?? [];
  if (message?.isResponse !== true || question === undefined || message.questions.length !== 1) return null;
  const name = question.name.toLowerCase();
  if (!HOST_NAME.test(name)) return null;
  const addresses = message.records.flatMap(({ type, dataStart, dataEnd }) => {
    const length = dataEnd - dataStart;
    const isAddress = (type === TYPE_A && length === 4) || (type === TYPE_AAAA && length === 16);
    return isAddress ? [addressFromBytes(bytes.subarray(dataStart, dataEnd)).text] : [];
  });
  return addresses.length === 0 ? null : { name, addresses: addresses.slice(0, MAX_ADDRESSES) };
}
