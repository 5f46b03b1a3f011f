/**
 * `table netdev cordon`: copies of what devices announce of themselves on the link (LLDP, CDP), at the ports of the device side. A bridge takes LLDP's
 * group for itself before any of its hooks (IEEE 802.1Q clause 8.6.3), and a routed port has no hook for what is not IP: the ingress hook of the
 * port sees it in both modes. It copies and never drops. Pure; enforcer/announcement-copies.ts puts it in.
 */
import { DATA_SNAP_BYTES } from '../policy/default-policy.js';
import { ANNOUNCED_PREFIX, LEARN_GROUP } from './reasons.js';

/** Of each port. LLDP is sent every 30 s (IEEE 802.1AB clause 9.2.5.7), CDP every 60 s. */
const PORT_RATE_PER_SECOND = 20;
const PORT_BURST = 100;
/** Of each sender, so that one that floods does not hide the others; who was there before a flood of MACs keeps its place. */
const SENDER_RATE_PER_MINUTE = 20;
const SENDER_BURST = 10;
const SENDERS = 4_096;
const SENDER_SECONDS = 180;

const LLDP = 'ether type 0x88cc';
/** 802.2 LLC with SNAP, OUI 00000C, type 2000: see inventory/wire/read-cdp.ts. */
const CDP = 'ether daddr 01:00:0c:cc:cc:cc @ll,112,64 0xaaaa0300000c2000';

/** Exact; what is beyond the rates is counted and not read. */
export const ANNOUNCED_COUNTER = 'announced';
export const ANNOUNCED_UNREAD_COUNTER = 'announced_unread';

/** The table anew, with a chain for each of these ports. nft text, one transaction. */
export function announcementTable(ports: readonly string[]): string {
  const log = `log group ${LEARN_GROUP} prefix "${ANNOUNCED_PREFIX}" snaplen ${DATA_SNAP_BYTES}`;
  const ofSender = `update @announcers { ether saddr limit rate ${SENDER_RATE_PER_MINUTE}/minute burst ${SENDER_BURST} packets }`;
  return [
    ...removeAnnouncementTable(),
    'table netdev cordon {',
    `\tcounter ${ANNOUNCED_COUNTER} { }`,
    `\tcounter ${ANNOUNCED_UNREAD_COUNTER} { }`,
    '\tset announcers {',
    '\t\ttype ether_addr',
    `\t\tsize ${SENDERS}`,
    '\t\tflags dynamic,timeout',
    `\t\ttimeout ${SENDER_SECONDS}s`,
    '\t}',
    ...ports.flatMap((port, index) => [
      `\tchain ${copyChain(index)} {`,
      `\t\tcounter name ${ANNOUNCED_COUNTER}`,
      `\t\t${ofSender} limit rate ${PORT_RATE_PER_SECOND}/second burst ${PORT_BURST} packets ${log} accept`,
      `\t\tcounter name ${ANNOUNCED_UNREAD_COUNTER}`,
      '\t}',
      `\tchain ${portChain(index)} {`,
      `\t\ttype filter hook ingress device "${port}" priority 0; policy accept;`,
      // First, as every packet of the port comes by here.
      '\t\tmeta pkttype != multicast accept',
      `\t\t${LLDP} goto ${copyChain(index)}`,
      `\t\t${CDP} goto ${copyChain(index)}`,
      '\t}',
    ]),
    '}',
    '',
  ].join('\n');
}

export function removeAnnouncementTable(): readonly string[] {
  return ['table netdev cordon { }', 'delete table netdev cordon'];
}

/** Chains of the table and how many rules each has, for reading it back. */
export function announcementChains(ports: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    ports.flatMap((_, index) => [[copyChain(index), 3] as const, [portChain(index), 3] as const]),
  );
}

function portChain(index: number): string {
  return `port_${index}`;
}

function copyChain(index: number): string {
  return `copy_${index}`;
}
