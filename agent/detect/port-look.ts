/**
 * A look at a port or two: connections that the other end accepted and the opener reset without a byte, which is all that nmap does before it is
 * sure that a host is there. A load balancer's half-open health check does the same, again and again for as long as it runs: so it is waited until
 * the opener is quiet, and only few of them are a look. Used by port-scan.ts, whose finding it is. Cold path.
 */
import type { Subject } from './detector.js';
import type { FindingBook } from './finding-book.js';
import { scanOf } from './port-scan-opening.js';
import { serviceText } from './probes.js';
import { SEVERITY } from './severity.js';

/** Pairs that are waited for at once. */
const MOST_LOOKS = 64;
/** Health checks come every 2 to 30 s (the defaults of HAProxy and F5 are 2 and 5 s); a look is over in seconds. */
const WAIT_MS = 60_000;
/** nmap asks a port once or twice. */
const LOOKS_PER_PORT = 4;
const QUIET_MS = 300_000;

interface Look {
  /** Of the pair, as the detector knows it. */
  readonly key: number;
  readonly peerTicket: number;
  readonly subject: Subject;
  readonly peer: string;
  readonly fromDevice: boolean;
  readonly firstMs: number;
  readonly services: Set<number>;
  knocks: number;
  lastMs: number;
}

export class PortLooks {
  /** Looks that were not waited for, because of too many. */
  dropped = 0;
  readonly #book: FindingBook;
  #looks: Look[] = [];

  constructor(book: FindingBook) {
    this.#book = book;
  }

  /** One more of a pair that is waited for: false when there are too many of them for a look, and the pair is forgotten; null: none is. */
  goOn(key: number, peerTicket: number, service: number, nowMs: number): boolean | null {
    const at = this.#looks.findIndex((look) => look.key === key && look.peerTicket === peerTicket);
    const look = this.#looks[at];
    if (!look) return null;
    look.services.add(service);
    look.knocks++;
    look.lastMs = nowMs;
    if (look.knocks <= look.services.size * LOOKS_PER_PORT) return true;
    this.#looks.splice(at, 1);
    return false;
  }

  await(look: Look): void {
    if (this.#looks.length < MOST_LOOKS) this.#looks.push(look);
    else this.dropped++;
  }

  /** Tells of those who were quiet since. */
  tick(nowMs: number): void {
    if (this.dueMs() > nowMs) return;
    for (const look of this.#looks) if (look.lastMs + WAIT_MS <= nowMs) this.#tell(look, nowMs);
    this.#looks = this.#looks.filter(({ lastMs }) => lastMs + WAIT_MS > nowMs);
  }

  dueMs(): number {
    let dueMs = Infinity;
    for (const { lastMs } of this.#looks) dueMs = Math.min(dueMs, lastMs + WAIT_MS);
    return dueMs;
  }

  #tell({ subject, peer, fromDevice, firstMs, services, knocks }: Look, nowMs: number): void {
    const what = scanOf(fromDevice, peer);
    // A scan of the same pair says more.
    if (this.#book.find('portScan', subject.text, what) !== null) return;
    const ports = [...services].map(serviceText);
    const [opener, target] = fromDevice ? [subject.text, peer] : [peer, subject.text];
    this.#book.openFinding(
      {
        detector: 'portScan',
        subject: subject.text,
        what,
        device: subject.device,
        deviceMac: subject.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs,
        count: knocks,
        describe: () => ({
          severity: SEVERITY[fromDevice ? 'portScan.fromDevice' : 'portScan.atDevice'].severity,
          title: `${opener} looks at ${target}: ${knocks} connections (${ports.join(', ')}) that it opened and shut without a word`,
          evidence: {
            from: fromDevice ? 'device' : 'network',
            kind: 'look',
            distinctPorts: ports.length,
            ports,
            openedAndShutWithoutData: knocks,
          },
          remedy: fromDevice
            ? `It closes ${QUIET_MS / 60_000} min after the last one. If the device is meant to do this, allow it or raise detect.portScan.knocks; if not, contain it and look for what runs on it.`
            : `It closes ${QUIET_MS / 60_000} min after the last one. If ${peer} is a scanner of the site, take this device out of its range; if not, find out who uses it.`,
        }),
      },
      nowMs,
    );
  }
}
