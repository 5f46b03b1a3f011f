/**
 * Why a packet is refused: one nft counter, one chain and one log prefix for each word of messages/vocabulary.ts. Pure.
 */
import type { RefusalReason } from '../messages/vocabulary.js';

export type Table = 'inet' | 'bridge';

/** NFLOG groups: what was refused, the first packets of what was permitted, and addresses not known yet. */
export const REFUSED_GROUP = 1;
export const PERMITTED_GROUP = 2;
export const LEARN_GROUP = 3;
/** What devices ask DNS servers, and what these answer, where it is not held. */
export const NAMES_GROUP = 4;
/** NFQUEUE number of first packets that are held; a number that nobody else on the box uses (0 and 1 are everyone's first choice). */
export const HOLD_QUEUE = 3085;
export const HOLD_CHAIN = 'hold';
/** Elements ipv4 and ipv6, with a timeout: while they are there, first packets are held. */
export const INSPECTING_SET = 'inspecting';
export const HELD_COUNTER = 'held_new';
/** Of those, what came back because the chain was empty. */
export const NOT_HELD_COUNTER = 'not_held';
export const NEW_PREFIX = 'new';
export const SHADOW_PREFIX = 'shadow';
export const OBSERVED_PREFIX = 'observed';
/** The first data of a TCP connection: of the one who opened it, and of the other. */
export const DATA_PREFIX = 'data';
export const ANSWER_PREFIX = 'answer';
export const LEARN_PREFIX = 'learn';
/** DHCP of a device: passes without being told, and says more of the device than anything else. */
export const IDENTITY_PREFIX = 'identity';
/** ARP and neighbour discovery that passed, and answers of DHCP servers and routers: copies for the detectors, which passed without being anybody's connection. */
export const WATCHED_PREFIX = 'watched';
/** LLDP and CDP of the device side. */
export const ANNOUNCED_PREFIX = 'announced';
/** The only prefix of NAMES_GROUP. */
export const NAMES_PREFIX = 'names';

/**
 * Which tables can refuse for a reason; a table only has the counters and chains of its own. None: the verdict on a held
 * packet, which the enforcer gives and counts.
 */
export const REASON_TABLES: Readonly<Record<RefusalReason, readonly Table[]>> = {
  policy: ['inet'],
  'unknown-device': ['inet'],
  'spoofed-source': ['inet', 'bridge'],
  'arp-spoof': ['bridge'],
  'rogue-dhcp': ['inet'],
  'rogue-ra': ['inet'],
  contained: ['inet'],
  cut: ['inet', 'bridge'],
  invalid: ['inet'],
  'to-box': ['inet'],
  broadcast: ['inet'],
  ethertype: ['bridge'],
  'too-many-macs': ['bridge'],
  'not-filtered': ['inet', 'bridge'],
  detector: [],
};

/** Counted exactly and never logged: broadcast chatter of a hospital network says nothing about a device. */
export const UNLOGGED_REASONS: ReadonlySet<RefusalReason> = new Set(['broadcast']);

/** Reasons that also refuse packets of live connections, in both directions; answers are logged under a prefix of their own. */
export const ANSWER_REASONS: ReadonlySet<RefusalReason> = new Set(['contained', 'cut']);

export function answerPrefix(reason: RefusalReason): string {
  return `${reason}-answer`;
}

export function counterName(reason: RefusalReason): string {
  return `refused_${reason.replaceAll('-', '_')}`;
}

export function chainName(reason: RefusalReason): string {
  return `refuse_${reason.replaceAll('-', '_')}`;
}
