/**
 * First packets merged into what is told upstream: one row for the same device, peer, protocol, port and verdict within
 * a flush. Keyed on numbers; text is made only when a row leaves. Called by evidence.ts for every logged packet.
 */
import type { AddressTable } from '../detect/address-table.js';
import {
  EVENT_ARP,
  VERDICT_OBSERVED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  reasonName,
  type DetectEvent,
} from '../detect/event.js';
import type { ConnectionSummary } from '../messages/vocabulary.js';
import { formatMac } from '../packet/format.js';
import { NONE, PROTOCOL_TCP, TCP_ACK, TCP_SYN } from '../packet/view.js';

/** Rows waiting for the next flush; what does not fit is counted. A flush is a fifth of a second. */
export const MAX_PENDING_SUMMARIES = 5_000;

interface Row {
  readonly deviceId: number;
  readonly fromDevice: boolean;
  readonly macHigh: number;
  readonly macLow: number;
  readonly local: number;
  readonly peer: number;
  readonly protocol: number;
  readonly port: number;
  readonly verdict: number;
  readonly reason: number;
  readonly isArp: boolean;
  readonly isMidstream: boolean;
  readonly firstMs: number;
  count: number;
  lastMs: number;
}

export interface Summaries {
  add(event: DetectEvent, nowMs: number): void;
  take(
    nameOf: (deviceId: number) => string | null,
    macOf: (deviceId: number) => string | null,
  ): ConnectionSummary[];
  dropped(): number;
}

export function createSummaries(addresses: AddressTable): Summaries {
  /** By device, protocol and verdict, then by peer and port. */
  let rows = new Map<number, Map<number, Row>>();
  let size = 0;
  let dropped = 0;

  return {
    add(event, nowMs) {
      const isMidstream =
        event.protocol === PROTOCOL_TCP &&
        event.verdict !== VERDICT_REFUSED &&
        (event.tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN;
      // 20 + 9 + 5 + 3 + 2 bits, and 30 + 17 bits: both exact in a double.
      const outer =
        (((event.deviceId * 512 + event.protocol + 1) * 32 + event.reason) * 8 + event.verdict) * 4 +
        (isMidstream ? 2 : 0) +
        (event.fromDevice ? 1 : 0);
      const inner = event.peer * 131_072 + event.port + 1;
      let services = rows.get(outer);
      if (!services) rows.set(outer, (services = new Map<number, Row>()));
      const known = services.get(inner);
      if (known) {
        known.count += 1;
        known.lastMs = nowMs;
        return;
      }
      if (size >= MAX_PENDING_SUMMARIES) {
        dropped += 1;
        return;
      }
      size += 1;
      services.set(inner, {
        deviceId: event.deviceId,
        fromDevice: event.fromDevice,
        macHigh: event.macHigh,
        macLow: event.macLow,
        local: event.local,
        peer: event.peer,
        protocol: event.protocol,
        port: event.port,
        verdict: event.verdict,
        reason: event.reason,
        isArp: event.kind === EVENT_ARP,
        isMidstream,
        count: 1,
        firstMs: nowMs,
        lastMs: nowMs,
      });
    },
    take(nameOf, macOf) {
      if (size === 0) return [];
      const taken = [...rows.values()].flatMap((services) =>
        [...services.values()].map((row) => summaryOf(row)),
      );
      rows = new Map();
      size = 0;
      return taken;

      function summaryOf(row: Row): ConnectionSummary {
        const senderMac = row.macHigh === NONE ? null : formatMac(row.macHigh, row.macLow);
        return {
          device: nameOf(row.deviceId),
          deviceMac: (row.fromDevice ? senderMac : null) ?? macOf(row.deviceId),
          from: row.fromDevice ? 'device' : 'network',
          deviceAddress: addresses.text(row.local),
          peer: addresses.text(row.peer),
          protocol: row.isArp || row.protocol === NONE ? null : row.protocol,
          port: row.isArp || row.port === NONE ? null : row.port,
          refused: reasonName(row.reason),
          wouldRefuse: row.verdict === VERDICT_WOULD_REFUSE || row.verdict === VERDICT_OBSERVED,
          ...(row.isMidstream ? { isMidstream: true } : {}),
          count: row.count,
          firstMs: row.firstMs,
          lastMs: row.lastMs,
        };
      }
    },
    dropped: () => dropped,
  };
}
