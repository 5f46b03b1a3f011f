/**
 * The end of the way for a refused packet, one chain per reason: count exactly, log at a limited rate, drop. Pure;
 * called by compile-ruleset.ts for both tables.
 */
import { REFUSAL_REASONS, type RefusalReason } from '../messages/vocabulary.js';
import { DATA_SNAP_BYTES, REFUSED_LOG_BURST, REFUSED_LOG_RATE_PER_SECOND } from '../policy/default-policy.js';
import { SIDE_DEVICE, SIDE_NETWORK, markText } from './marks.js';
import {
  ANSWER_REASONS,
  REASON_TABLES,
  REFUSED_GROUP,
  UNLOGGED_REASONS,
  answerPrefix,
  chainName,
  counterName,
  type Table,
} from './reasons.js';
import type { Chain, Rule } from './ruleset.js';

/** Refused before from_device or to_device looked a device up: the mark still carries only the side. */
const BEFORE_IDENTITY: ReadonlySet<RefusalReason> = new Set(['invalid', 'to-box', 'rogue-dhcp', 'rogue-ra']);

/** Refused because there are too many keys: these would fill the set of limits too. */
const INVENTS_KEYS: ReadonlySet<string> = new Set<RefusalReason>(['too-many-macs']);

export function reasonsOf(table: Table): readonly RefusalReason[] {
  return REFUSAL_REASONS.filter((reason) => REASON_TABLES[reason].includes(table));
}

export function refusalChains(table: Table): readonly Chain[] {
  return reasonsOf(table).map((reason) => ({ name: chainName(reason), rules: refusal(table, reason) }));
}

function refusal(table: Table, reason: RefusalReason): readonly Rule[] {
  const count = { text: `counter name "${counterName(reason)}"` };
  const drop = { text: 'drop' };
  if (UNLOGGED_REASONS.has(reason)) return [count, drop];
  return [
    count,
    ...(table === 'inet' && BEFORE_IDENTITY.has(reason) ? nameTheDevice() : []),
    ...logs(table, reason),
    drop,
  ];
}

/** So that the log says whose packet it was. */
function nameTheDevice(): readonly Rule[] {
  return [
    { text: `meta mark ${markText(SIDE_DEVICE)} meta mark set ether saddr map @device_by_mac` },
    { text: `meta mark ${markText(SIDE_NETWORK)} meta mark set ip daddr map @device_by_ip4` },
    { text: `meta mark ${markText(SIDE_NETWORK)} meta mark set ip6 daddr map @device_by_ip6` },
  ];
}

/** A live connection's mark says who opened it; which end sent this packet, only its direction says. */
function logs(table: Table, reason: RefusalReason): readonly Rule[] {
  if (table !== 'inet' || !ANSWER_REASONS.has(reason)) return [{ text: log(table, reason) }];
  return [
    { text: `ct direction original ${log(table, reason)}` },
    { text: `ct direction reply ${log(table, answerPrefix(reason))}` },
  ];
}

/** Refused announcements (mDNS, SSDP, NetBIOS) name the device: copied long enough to be read. Limited by device, so that a flood from one does not hide what another does; layer 2 has one limit by MAC. */
function log(table: Table, prefix: string): string {
  const key = table === 'inet' ? 'meta mark' : 'ether saddr';
  const limit = `limit rate ${REFUSED_LOG_RATE_PER_SECOND}/second burst ${REFUSED_LOG_BURST} packets`;
  return (
    `${INVENTS_KEYS.has(prefix) ? limit : `update @refused_log_rate { ${key} ${limit} }`} ` +
    `log group ${REFUSED_GROUP} prefix "${prefix}" snaplen ${DATA_SNAP_BYTES}`
  );
}
