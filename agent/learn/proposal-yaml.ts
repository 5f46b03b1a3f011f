/**
 * A proposal merged into the text of a policy, its comments kept, with the evidence of each entry as comments above it and what was left out below.
 * What is written here came from the network: only the alphabets of the policy leave this file outside of comments, and comments stay comments. Pure.
 */
import { Document, isMap, isSeq, parseDocument, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import type { DeviceMode } from '../policy/schema.js';
import { serviceKey } from './service-words.js';
import type { Evidence, LeftOut, Proposal, ProposalSet, ProposedEntry } from './proposal.js';

/** Lines about what was left out, for each reason; the rest is counted. */
const MAX_LEFT_OUT_LINES = 20;
const MAX_COMMENT_CHARS = 160;
const MAX_LISTED = 6;

export interface MergeOptions {
  /** For a device that the policy does not have yet. */
  readonly macs: readonly string[];
  /** Its addresses as they were seen, for the reader: learnt addresses are not written into a policy. */
  readonly addresses: readonly string[];
  /** Null: as it is; `observe` for a new device. */
  readonly mode: DeviceMode | null;
  /** Local time and age of a moment, for comments. */
  readonly formatTime: (atMs: number) => string;
  readonly formatBytes: (bytes: number) => string;
}

/** A policy that names nobody, for a proposal from a capture without one. */
export function emptyPolicyText(site: string): string {
  return new Document({ version: 1, site: { name: site }, devices: {} }).toString();
}

/** `text` is a policy without problems. The result is one, too; who calls it checks that again. */
export function mergeProposal(text: string, proposals: ProposalSet, options: MergeOptions): string {
  const document = parseDocument(text, { version: '1.2', schema: 'core' });
  const device = deviceNode(document, proposals.device, options);
  if (options.mode !== null) device.set('mode', options.mode);
  const allow = listNode(document, device, 'allow');
  for (const proposal of proposals.proposals) allow.add(entryNode(document, proposal, options));
  const leftOut = leftOutLines(proposals.leftOut, options);
  if (leftOut.length > 0)
    device.comment = [device.comment ?? '', ...leftOut].filter((line) => line !== '').join('\n');
  addToSite(document, 'resolvers', proposals.resolvers);
  addToSite(document, 'domains', proposals.domains);
  return tidy(document.toString({ lineWidth: 0 }));
}

/** The library pads both kinds of brackets or none; people write `{ a: [1, 2] }`. Only where it means the same. */
function tidy(text: string): string {
  const tidied = text.replaceAll(/^(?! *#).*$/gm, (line) =>
    line.replaceAll(/\[ ([^[\]{}#'\n]*) \]/g, '[$1]'),
  );
  const meaning = (of: string): string =>
    JSON.stringify(parseDocument(of, { version: '1.2', schema: 'core' }).toJS());
  return tidied !== text && meaning(tidied) === meaning(text) ? tidied : text;
}

function deviceNode(document: Document, name: string, options: MergeOptions): YAMLMap {
  const root = mapUnder(document, document.contents, 'devices');
  const known = root.get(name, true) as unknown;
  if (isMap(known)) return known;
  const made = document.createNode({
    identity: { macs: [...options.macs] },
    mode: options.mode ?? 'observe',
    allow: [],
  }) as YAMLMap;
  const identity = made.get('identity', true) as unknown;
  if (isMap(identity)) identity.flow = true;
  if (options.addresses.length > 0)
    made.commentBefore = comment(`addresses seen: ${options.addresses.slice(-MAX_LISTED).join(', ')}`);
  root.set(name, made);
  return made;
}

function mapUnder(document: Document, parent: Node | null, key: string): YAMLMap {
  if (!isMap(parent)) throw new TypeError('the policy is not a mapping');
  const known = parent.get(key, true) as unknown;
  if (isMap(known)) {
    known.flow = false;
    return known;
  }
  const made = document.createNode({}) as YAMLMap;
  parent.set(key, made);
  return made;
}

function listNode(document: Document, parent: YAMLMap, key: string): YAMLSeq {
  parent.flow = false;
  const known = parent.get(key, true) as unknown;
  if (isSeq(known)) {
    known.flow = false;
    return known;
  }
  const made = document.createNode([]) as YAMLSeq;
  made.flow = false;
  parent.set(key, made);
  return made;
}

function addToSite(document: Document, key: 'resolvers' | 'domains', values: readonly string[]): void {
  if (values.length === 0) return;
  const site = mapUnder(document, document.contents, 'site');
  const list = listNode(document, site, key);
  const known = new Set(list.toJSON());
  const fresh = values.filter((value) => !known.has(value));
  for (const value of fresh) list.add(document.createNode(value));
}

function entryNode(
  document: Document,
  { entry, evidence, doubts }: Proposal,
  options: MergeOptions,
): YAMLMap {
  const node = document.createNode(plainEntry(entry)) as YAMLMap;
  for (const key of ['peer', 'ports', 'icmpTypes']) {
    const inner = node.get(key, true) as unknown;
    if (isMap(inner) || isSeq(inner)) inner.flow = true;
  }
  node.commentBefore = [
    ...(doubts.length > 0 ? [`doubtful: ${doubts.map(({ text }) => text).join('; ')}`] : []),
    ...evidenceLines(evidence, options),
  ]
    .map(comment)
    .join('\n');
  return node;
}

function plainEntry({ direction, peer, protocol, ports, icmpTypes, why }: ProposedEntry): object {
  return {
    direction,
    peer,
    protocol,
    ...(ports === undefined ? {} : { ports: ports.map((one) => (one.includes('-') ? one : Number(one))) }),
    ...(icmpTypes === undefined ? {} : { icmpTypes: [...icmpTypes] }),
    why,
  };
}

/** Three lines at most: when and how often, how much, and what the device was looking for. */
function evidenceLines(
  evidence: Evidence,
  { formatTime, formatBytes }: Pick<MergeOptions, 'formatTime' | 'formatBytes'>,
): readonly string[] {
  const { count, days, firstMs, lastMs, ended, bytesOut, bytesIn, openedBy, names, peers, ports } = evidence;
  const times = `${count} ${count === 1 ? 'connection' : 'connections'}${days > 1 ? ` on ${days} days` : ''}`;
  const when = count === 1 ? formatTime(firstMs) : `${formatTime(firstMs)} to ${formatTime(lastMs)}`;
  const bytes =
    ended === 0
      ? 'none has ended: no bytes counted'
      : `${formatBytes(bytesOut)} out, ${formatBytes(bytesIn)} in`;
  const opener = openedBy === 'device' ? 'the device opened' : 'the peer opened';
  return [
    `${times}, ${when}`,
    `${opener}; ${bytes}`,
    ...(names.length > 0 ? [`looked up as ${listed(names)}: ${listed(peers)}`] : []),
    ...(names.length === 0 && peers.length > 1 ? [`peers seen: ${listed(peers)}`] : []),
    ...(ports.length > 1 ? [`ports seen: ${listed(ports.map(String))}`] : []),
  ];
}

function listed(all: readonly string[]): string {
  const more = all.length - MAX_LISTED;
  return `${all.slice(0, MAX_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function leftOutLines(leftOut: readonly LeftOut[], options: MergeOptions): readonly string[] {
  const shown = leftOut.filter(({ reason }) => reason !== 'infrastructure');
  const lines = shown.slice(0, MAX_LEFT_OUT_LINES).flatMap(({ reason, text, habits, entry }) => {
    const count = habits.reduce((sum, one) => sum + one.count, 0);
    const lastMs = Math.max(...habits.map((one) => one.lastMs));
    return [
      `${reason === 'finding-listed' ? 'permitted already, and a finding is about it' : 'left out'}: ${habitsText(habits)}`,
      `  ${text}`,
      `  seen ${count === 1 ? 'once' : `${count} times`}, last ${options.formatTime(lastMs)}`,
      ...(entry === null ? [] : [`  - ${entryText(entry)}`]),
    ];
  });
  const more = shown.length - MAX_LEFT_OUT_LINES;
  return [
    ...lines,
    ...(more > 0 ? [`left out: ${more} more; cordon learn propose --json lists them`] : []),
  ].map(comment);
}

/** `in tcp/22, tcp/23 and 78 more from 10.77.0.30`; of several peers, each by itself. */
export function habitsText(habits: readonly Parameters<typeof habitText>[0][]): string {
  const [first] = habits;
  if (first === undefined || habits.some(({ peer }) => peer !== first.peer))
    return listed(habits.map(habitText));
  const services = listed(habits.map(({ protocol, port }) => serviceKey(protocol, port)));
  return `${first.direction} ${services} ${first.direction === 'out' ? 'to' : 'from'} ${first.peer}`;
}

/** `out tcp/104 to 10.77.0.1`. */
export function habitText(one: {
  readonly direction: 'out' | 'in';
  readonly peer: string;
  readonly protocol: number;
  readonly port: number | null;
}): string {
  const service = serviceKey(one.protocol, one.port);
  return `${one.direction} ${service} ${one.direction === 'out' ? 'to' : 'from'} ${one.peer}`;
}

/** `out tcp 443 to name time.example`. */
export function serviceOf({ direction, peer, protocol, ports, icmpTypes }: ProposedEntry): string {
  const [[kind, value] = ['address', '']] = Object.entries<string>(peer);
  const numbers = ports ?? icmpTypes;
  const service = numbers === undefined ? protocol : `${protocol} ${numbers.join(',')}`;
  return `${direction} ${service} ${direction === 'out' ? 'to' : 'from'} ${kind === 'address' ? '' : `${kind} `}${value}`;
}

/** One line of YAML, to be taken over by hand. */
export function entryText(entry: ProposedEntry): string {
  const [[kind, value] = ['address', '']] = Object.entries<string>(entry.peer);
  const ports =
    entry.ports === undefined
      ? ''
      : `, ports: [${entry.ports.map((one) => (one.includes('-') ? `"${one}"` : one)).join(', ')}]`;
  const types = entry.icmpTypes === undefined ? '' : `, icmpTypes: [${entry.icmpTypes.join(', ')}]`;
  return `{ direction: ${entry.direction}, peer: { ${kind}: "${value}" }, protocol: ${entry.protocol}${ports}${types}, why: "${entry.why}" }`;
}

/** One line, printable, not endless. */
function comment(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e\u00a0-\u024f\u2010-\u2027]/g, '?');
  return ` ${printable.length > MAX_COMMENT_CHARS ? `${printable.slice(0, MAX_COMMENT_CHARS - 1)}…` : printable}`;
}
