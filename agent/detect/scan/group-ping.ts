/**
 * A ping of everybody on the link at once: an echo request to a group (RFC 4291 section 2.7, RFC 1112) or to a broadcast address, limited or of a
 * subnet (RFC 919; that one looks like a host's, but its frame goes to all), which every host may answer: how the hosts of an IPv6 link are
 * found, where no subnet is small enough to be swept (RFC 7707 section 3.3). Used by host-sweep.ts, whose finding it is. Cold path.
 */
import type { AddressTable } from '../address-table.js';
import { describeSubject, type DetectContext } from '../detector.js';
import { EVENT_IP, isIcmpRequest, type DetectEvent } from '../event.js';
import { SEVERITY } from '../severity.js';

const QUIET_MS = 300_000;

export function isGroupPing({ addresses }: DetectContext, event: DetectEvent): boolean {
  return (
    event.kind === EVENT_IP &&
    event.fromDevice &&
    isIcmpRequest(event) &&
    (isDirectedBroadcast(event, addresses) || !addresses.isHost(event.peer)) &&
    addresses.isHost(event.local)
  );
}

/** The part of the host is all ones; all zeros, which a sweep begins with, are a broadcast to 4.2BSD alone (RFC 1122 section 3.3.6). */
function isDirectedBroadcast(event: DetectEvent, addresses: AddressTable): boolean {
  return event.isToAll && event.family === 4 && (addresses.word(event.peer, 0) & 1) === 1;
}

/** Opens the finding, or counts one more. */
export function tellGroupPing(context: DetectContext, event: DetectEvent, nowMs: number): void {
  const { addresses, book } = context;
  const group = addresses.text(event.peer);
  if (group === null) return;
  const who = describeSubject(context, event);
  const what = `pings:${group}`;
  // Who asks one address of a subnet after the other comes to its last, too.
  const isKnown = book.find('hostSweep', who.text, what) !== null;
  if (!isKnown && addresses.isHost(event.peer) && book.isAbout('hostSweep', who.text)) return;
  book.openFinding(
    {
      detector: 'hostSweep',
      subject: who.text,
      what,
      device: who.device,
      deviceMac: who.mac,
      peer: group,
      quietMs: QUIET_MS,
      firstMs: nowMs,
      count: 1,
      describe: (count) => ({
        severity: SEVERITY['hostSweep.groupPing'].severity,
        title: `${who.text} pings all hosts of its link at once (${group})`,
        evidence: { from: 'device', kind: 'ping of a group', group, pings: count },
        remedy: `It closes ${QUIET_MS / 60_000} min after the last such ping. If somebody tests the network from the device, nothing is to do; if not, look at what runs on it: this is how a link's hosts are found.`,
      }),
    },
    nowMs,
  );
}
