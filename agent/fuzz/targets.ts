/**
 * What `make fuzz` feeds: everything that reads bytes from outside. A target says in a word what became of an input (new words are new
 * ground, and such inputs are kept to go on from), and throws when a promise is broken: an exception, a read outside of the input.
 */
import type { z } from 'zod';
import { readDnsMessage } from '../inventory/wire/dns-message.js';
import { LineSplitter } from '../ipc/lines.js';
import { agentRequests } from '../messages/agent-messages.js';
import {
  errorBody,
  eventMessage,
  requestMessage,
  requests,
  responseMessage,
} from '../messages/enforcer-messages.js';
import { exportMud } from '../mud/export-mud.js';
import { importMud } from '../mud/import-mud.js';
import { parseMud } from '../mud/parse-mud.js';
import { createConntrackDecoder, toEntry } from '../netlink/conntrack-codec.js';
import type { KernelPacket } from '../netlink/kernel-packet.js';
import { MessageCursor, readAnswer } from '../netlink/messages.js';
import { createNfTablesDecoder } from '../netlink/nf-tables-events.js';
import { readRule } from '../netlink/nf-tables-rules.js';
import { createQueueDecoder } from '../netlink/nfqueue-codec.js';
import { createNflogDecoder } from '../netlink/nflog.js';
import { readElements, type SetElement } from '../netlink/set-element-codec.js';
import { decodeArp } from '../packet/decode-arp.js';
import { decodeEthernet } from '../packet/decode-ethernet.js';
import { decodeIp } from '../packet/decode-ip.js';
import { problemName } from '../packet/problems.js';
import { createPacketView, NONE } from '../packet/view.js';
import { parseConfig } from '../policy/parse-config.js';
import { parsePolicy } from '../policy/parse-policy.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import { capture, desired, flowLog } from './file-targets.js';

export interface FuzzTarget {
  readonly name: string;
  readonly isText: boolean;
  run(input: Uint8Array): string;
}

const CONFIG = parseConfig('box: b\nmode: bridge\ndevicePorts: [dev0]\nnetworkPorts: [net0]\n');

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  { name: 'packet', isText: false, run: packet },
  { name: 'netlink', isText: false, run: netlink },
  { name: 'dns', isText: false, run: dns },
  { name: 'messages', isText: true, run: messages },
  { name: 'policy', isText: true, run: policy },
  { name: 'config', isText: true, run: config },
  { name: 'capture', isText: false, run: capture },
  { name: 'flow-log', isText: true, run: flowLog },
  { name: 'desired', isText: true, run: desired },
  { name: 'mud', isText: true, run: mud },
];

const view = createPacketView();
function packet(input: Uint8Array): string {
  const words: string[] = [];
  for (const [name, decode] of [
    ['ethernet', decodeEthernet],
    ['ip', decodeIp],
    ['arp', decodeArp],
  ] as const) {
    decode(view, input, 0, input.length);
    for (const at of [view.ipOffset, view.transportOffset, view.payloadOffset])
      if (at !== NONE && (at < 0 || at > input.length))
        throw new Error(`${name}: offset ${at} of ${input.length} bytes`);
    if (
      view.payloadLength < 0 ||
      (view.payloadOffset !== NONE && view.payloadOffset + view.payloadLength > input.length)
    )
      throw new Error(
        `${name}: a payload of ${view.payloadLength} at ${view.payloadOffset} of ${input.length} bytes`,
      );
    words.push(`${name} ${problemName(view.problem)} ${view.protocol}`);
  }
  return words.join();
}

const message = new MessageCursor();
const nflog = createNflogDecoder(['policy', 'new']);
const queue = createQueueDecoder();
const conntrack = createConntrackDecoder();
const nfTables = createNfTablesDecoder(true);
function netlink(input: Uint8Array): string {
  const bytes = Buffer.from(input);
  const words: string[] = [];
  message.reset(bytes, 0, bytes.length);
  while (message.next()) {
    if (nflog.decode(message)) words.push(`nflog ${insideOf(bytes, nflog.packet)}`);
    if (queue.decode(message)) words.push(`queue ${insideOf(bytes, queue.packet)}`);
    const rule = readRule(message, 'hold');
    if (rule !== null) words.push(`rule ${JSON.stringify(rule)}`);
    if (conntrack.decode(message)) {
      const { family, original } = toEntry(conntrack.record);
      if (original.source.length !== (family === 4 ? 4 : 16)) throw new Error('conntrack: a cut address');
      words.push(`conntrack ${family}`);
    }
    const elements: SetElement[] = [];
    readElements(message, elements);
    nfTables.decode(message);
    words.push(String(elements.length), JSON.stringify(readAnswer(message)).slice(0, 20));
  }
  nfTables.forget();
  return `${words.slice(0, 8).join()} ${message.malformed}`;
}

function insideOf(bytes: Buffer, found: Readonly<KernelPacket>): string {
  for (const [offset, length] of [
    [found.payloadOffset, found.payloadLength],
    [found.hwAddrOffset, found.hwAddrLength],
    [found.hwHeaderOffset, found.hwHeaderLength],
  ] as const)
    if (length > 0 && (offset < 0 || offset + length > bytes.length))
      throw new Error(`${offset}+${length} is outside ${bytes.length} bytes`);
  return `${found.hook} ${found.hwAddrLength}`;
}

function dns(input: Uint8Array): string {
  const read = readDnsMessage(input, 0, input.length);
  return read === null
    ? 'none'
    : JSON.stringify(read, (_key, value: unknown) =>
        typeof value === 'string' ? value.length : value,
      ).slice(0, 60);
}

/** Every schema of both sockets over every line that the splitter gives, in pieces as a socket gives them. */
const SCHEMAS = new Map<string, z.ZodType>([
  ['request', requestMessage],
  ['response', responseMessage],
  ['event', eventMessage],
  ['error', errorBody],
  ...Object.entries(requests).flatMap(
    ([name, { params, result }]) =>
      [
        [`${name} params`, params],
        [`${name} result`, result],
      ] as const,
  ),
  ...Object.entries(agentRequests).flatMap(
    ([name, { params, result }]) =>
      [
        [`agent ${name} params`, params],
        [`agent ${name} result`, result],
      ] as const,
  ),
]);
const PIECE_BYTES = 700;
const MAX_LINE_BYTES = 8_192;
function messages(input: Uint8Array): string {
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  const understood: string[] = [];
  for (let at = 0; at < input.length; at += PIECE_BYTES) {
    const { lines, isOverlong } = splitter.push(Buffer.from(input.subarray(at, at + PIECE_BYTES)));
    for (const line of lines) {
      let json: unknown;
      try {
        json = JSON.parse(line.toString('utf8'));
      } catch {
        continue;
      }
      for (const [name, schema] of SCHEMAS) {
        const { success, error } = schema.safeParse(json);
        if (success) understood.push(name);
        // How far an event gets is ground too.
        else if (name === 'event') understood.push(error.issues[0]?.path.join('.') ?? '');
      }
    }
    if (isOverlong) return 'overlong';
  }
  return understood.slice(0, 6).join();
}

/** A policy that is taken compiles, and its text can be written; what is too much for a ruleset is a RangeError (policy-keeper.ts). */
function policy(input: Uint8Array): string {
  const parsed = parsePolicy(Buffer.from(input).toString('utf8'));
  if (!parsed.ok) return saidOf(parsed.problems);
  if (!CONFIG.ok) throw new Error('the configuration of the target has a fault');
  try {
    renderRuleset(compileRuleset({ policy: parsed.policy, config: CONFIG.config }), { how: 'replace' });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return 'too much';
  }
  return `taken ${Object.keys(parsed.policy.devices).length}`;
}

function config(input: Uint8Array): string {
  const parsed = parseConfig(Buffer.from(input).toString('utf8'));
  return parsed.ok ? 'taken' : saidOf(parsed.problems);
}

const MUD_SITE = parsePolicy('version: 1\nsite: { name: x, resolvers: [10.0.0.53] }\n');
const MUD_DEVICE = 'thing';

/** A file that is read becomes a policy that is taken, and what is exported of that is a file that is read. */
function mud(input: Uint8Array): string {
  if (!MUD_SITE.ok) throw new Error('the policy of the target has a fault');
  const parsed = parseMud(Buffer.from(input).toString('utf8'));
  if (!parsed.ok) return saidOf(parsed.problems);
  const { entries, groups, problems, fates } = importMud(parsed.file, {
    classes: new Map(),
    policy: MUD_SITE.policy,
  });
  if (problems.some(({ path }) => path === 'document')) return 'too much';
  const document = {
    version: 1,
    site: { name: 'x', resolvers: ['10.0.0.53'] },
    groups: Object.fromEntries(groups),
    devices: { [MUD_DEVICE]: { identity: { macs: ['02:00:00:00:00:0a'] }, mode: 'enforce', allow: entries } },
  };
  const taken = parsePolicy(JSON.stringify(document));
  if (!taken.ok) throw new Error(`imported, and not taken: ${JSON.stringify(taken.problems.slice(0, 3))}`);
  const exported = exportMud({
    policy: taken.policy,
    device: MUD_DEVICE,
    url: 'https://a.example/b',
    nowMs: 0,
  });
  const again = parseMud(JSON.stringify(exported?.document));
  if (!again.ok) throw new Error(`exported, and not read: ${JSON.stringify(again.problems.slice(0, 3))}`);
  return `${entries.length} ${fates
    .map(({ reason }) => (reason ?? '').replace(/"[^"]*"|\d+/g, ''))
    .slice(0, 3)
    .join()}`;
}

function saidOf(problems: readonly { readonly message: string }[]): string {
  return problems
    .slice(0, 3)
    .map(({ message: said }) => said.replace(/"[^"]*"|\d+/g, ''))
    .join();
}
