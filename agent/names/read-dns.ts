/**
 * DNS questions and answers about addresses (A and AAAA), as far as names in allow-lists need them: who asked what, and
 * which addresses the answer leads to through its CNAMEs. Pure; never throws, whatever the bytes. Called by name-watch.ts.
 */
import { readDnsMessage, readDnsName, type DnsMessage } from '../inventory/wire/dns-message.js';
import type { NameLookup } from '../messages/vocabulary.js';
import { addressFromBytes, type Address } from '../policy/address.js';

const TYPE_A = 1;
const TYPE_CNAME = 5;
const TYPE_AAAA = 28;
const CLASS_INTERNET = 1;
const RCODE_NO_SUCH_NAME = 3;
/** Of one answer. A client tries one or two of them. */
const MAX_ADDRESSES = 32;
/** As long as resolvers follow them themselves. */
const MAX_ALIASES = 16;

export interface AddressQuestion {
  readonly id: number;
  /** Lower case (RFC 4343), no dot at the end. */
  readonly name: string;
  /** Only host name characters: such a name can be compared with one of a policy. */
  readonly isPlain: boolean;
  readonly type: number;
}

export interface AddressAnswer extends AddressQuestion {
  readonly outcome: NameLookup['outcome'];
  readonly addresses: readonly Address[];
  /** CNAMEs from the name on, in their order. */
  readonly aliases: readonly string[];
  /** The lowest on the way to the addresses; null without any. */
  readonly ttlSeconds: number | null;
}

export type DnsReading =
  | { readonly kind: 'question'; readonly question: AddressQuestion }
  | { readonly kind: 'answer'; readonly answer: AddressAnswer }
  /** Another type, class or operation: none of our business. */
  | { readonly kind: 'other' }
  | { readonly kind: 'unreadable' };

/** One whole message in [start, end). A truncated answer (TC) counts for what it holds. */
export function readDns(bytes: Uint8Array, start: number, end: number): DnsReading {
  const message = readDnsMessage(bytes, start, end);
  if (message === null) return { kind: 'unreadable' };
  if (message.opcode !== 0) return { kind: 'other' };
  const [asked, ...more] = message.questions;
  if (asked === undefined || more.length > 0) return { kind: 'unreadable' };
  if (asked.class !== CLASS_INTERNET || (asked.type !== TYPE_A && asked.type !== TYPE_AAAA))
    return { kind: 'other' };
  const question: AddressQuestion = {
    id: message.id,
    name: plain(asked.name),
    isPlain: asked.isPlain && asked.name !== '',
    type: asked.type,
  };
  if (!message.isResponse) return { kind: 'question', question };
  return { kind: 'answer', answer: { ...question, ...followed(message, question, bytes, start) } };
}

function followed(
  message: DnsMessage,
  question: AddressQuestion,
  bytes: Uint8Array,
  start: number,
): Pick<AddressAnswer, 'outcome' | 'addresses' | 'aliases' | 'ttlSeconds'> {
  const none = { addresses: [], aliases: [], ttlSeconds: null };
  if (message.rcode === RCODE_NO_SUCH_NAME) return { ...none, outcome: 'no-such-name' };
  if (message.rcode !== 0) return { ...none, outcome: 'failed' };
  const answers = message.records
    .slice(0, message.answerCount)
    .filter((record) => record.class === CLASS_INTERNET && record.isPlain);
  const aliases: string[] = [];
  let name = question.name;
  let ttl = Number.POSITIVE_INFINITY;
  // Records may stand in any order (RFC 1034 section 3.6.2 asks for one chain); each name is followed once.
  for (let seen = new Set([name]); aliases.length < MAX_ALIASES; seen = seen.add(name)) {
    const alias = answers.find((record) => record.type === TYPE_CNAME && plain(record.name) === name);
    const target = alias && readDnsName(bytes, start, alias.dataStart, alias.dataEnd);
    if (!alias || !target?.isPlain) break;
    name = plain(target.labels.join('.'));
    if (seen.has(name)) break;
    aliases.push(name);
    ttl = Math.min(ttl, alias.ttlSeconds);
  }
  const size = question.type === TYPE_A ? 4 : 16;
  const addresses = new Map<string, Address>();
  for (const record of answers) {
    if (record.type !== question.type || plain(record.name) !== name) continue;
    if (record.dataEnd - record.dataStart !== size || addresses.size >= MAX_ADDRESSES) continue;
    const address = addressFromBytes(bytes.subarray(record.dataStart, record.dataEnd));
    addresses.set(address.text, address);
    ttl = Math.min(ttl, record.ttlSeconds);
  }
  return addresses.size === 0
    ? { ...none, aliases, outcome: 'no-addresses' }
    : { outcome: 'addresses', addresses: [...addresses.values()], aliases, ttlSeconds: ttl };
}

/** What could be mistaken for another name, or trouble a terminal, becomes `?`. The root is `.`. */
function plain(name: string): string {
  if (name === '') return '.';
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_.-]/g, '?')
    .slice(0, 253);
}
