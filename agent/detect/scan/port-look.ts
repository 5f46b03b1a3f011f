/**
 * A look at a port or two: connections that the other end accepted and the opener reset without a byte, which is all that nmap does before it is
 * sure that a host is there. A load balancer's half-open health check does the same, again and again for as long as it runs: so it is waited until
 * the opener is quiet, and only few of them are a look. A monitor does it every few minutes: the same look is told once, and what comes again while
 * the device is new to us was there before the box. Used by port-scan.ts, whose finding it is. Cold path, but for `watch`.
 */
import { internText } from '../address-key.js';
import { NO_ADDRESS } from '../address-table.js';
import type { DetectContext, Subject } from '../detector.js';
import { UNKNOWN_DEVICE, type DetectEvent } from '../event.js';
import type { Memory } from '../memory.js';
import { PortScanOpening, scanOf } from './port-scan-opening.js';
import { serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';
import { WatchedDevices } from '../watched-devices.js';

/** Pairs that are waited for at once: when a box starts, all that are monitored. */
const MOST_LOOKS = 256;
/** Health checks come every 2 to 30 s (the defaults of HAProxy and F5 are 2 and 5 s); a look is over in seconds. */
const WAIT_MS = 60_000;
/** nmap asks a port once or twice. */
const LOOKS_PER_PORT = 4;
/** A device is new to us this long. */
const NEW_MS = 3_600_000;
/** Monitors come every minute (Zabbix, PRTG) to every five (Nagios), some seldomer. */
const AGAIN_MS = 900_000;
/** The same look is not told again: a week and a day, so that what comes on Mondays is known. */
const KNOWN_MS = 691_200_000;
/** What goes on is handed over to be kept once a day: a look that comes every five minutes need not be written every half hour. */
const KEEP_MS = 86_400_000;
/** (pair, service) that are known; 45 bytes each. */
const KNOWN = 8_192;
const QUIET_MS = 300_000;

export interface Look {
  /** Of the pair, as the detector knows it. */
  readonly key: number;
  readonly peerTicket: number;
  readonly subject: Subject;
  readonly peer: string;
  readonly fromDevice: boolean;
  readonly firstMs: number;
  readonly services: Set<number>;
  knocks: number;
}

interface Awaited extends Look {
  /** When it is told. */
  dueMs: number;
  /** Told, but for low: it is waited whether it comes again. */
  isTold: boolean;
}

export class PortLooks {
  /** Looks that were not waited for, because of too many. */
  dropped = 0;
  readonly #context: DetectContext;
  #looks: Awaited[] = [];
  readonly #known = new SlotTable(KNOWN);
  /** When each came last. */
  readonly #knownMs = new Float64Array(KNOWN);
  /** Up to when that is kept by the agent. */
  readonly #keptMs = new Float64Array(KNOWN);
  readonly #devices: WatchedDevices;

  constructor(context: DetectContext) {
    this.#context = context;
    this.#devices = new WatchedDevices(context, 'portScan');
  }

  /** Known looks, and devices, that had to make room. */
  get evicted(): number {
    return this.#known.evicted + this.#devices.evicted;
  }

  /** To be shown every end of a connection: since when a device is watched. */
  watch(event: DetectEvent, nowMs: number): void {
    this.#devices.note(event, nowMs);
  }

  /** One more of a pair that is waited for: false when it is no look but goes on, and the pair is forgotten; null: none is. */
  goOn(key: number, peerTicket: number, service: number, nowMs: number): boolean | null {
    const at = this.#looks.findIndex((look) => look.key === key && look.peerTicket === peerTicket);
    const look = this.#looks[at];
    if (!look) return null;
    const isAgain = look.isTold && look.services.has(service);
    look.services.add(service);
    look.knocks++;
    if (!isAgain && look.knocks <= look.services.size * LOOKS_PER_PORT) {
      if (!look.isTold) look.dueMs = nowMs + WAIT_MS;
      return true;
    }
    this.#learn(look, nowMs);
    this.#looks.splice(at, 1);
    return false;
  }

  await(look: Look, nowMs: number): void {
    if (this.#looks.length < MOST_LOOKS) this.#looks.push({ ...look, dueMs: nowMs + WAIT_MS, isTold: false });
    else this.dropped++;
  }

  /** Tells of those who were quiet since. */
  tick(nowMs: number): void {
    if (this.dueMs() > nowMs) return;
    this.#looks = this.#looks.filter((look) => look.dueMs > nowMs || this.#due(look, nowMs));
  }

  dueMs(): number {
    let dueMs = Infinity;
    for (const look of this.#looks) dueMs = Math.min(dueMs, look.dueMs);
    return dueMs;
  }

  *memories(isAll: boolean): Generator<Memory> {
    yield* this.#devices.memories(isAll);
    for (let slot = 0; slot < this.#known.size; slot++) {
      const lastMs = this.#knownMs[slot] ?? 0;
      if (!isAll && lastMs - (this.#keptMs[slot] ?? 0) < KEEP_MS) continue;
      const pair = this.#known.keyA(slot);
      const device = pair >> 1 > UNKNOWN_DEVICE ? this.#context.describe(pair >> 1).name : null;
      const peer = this.#context.addresses.text(this.#known.keyB(slot));
      if (device === null || peer === null) continue;
      if (!isAll) this.#keptMs[slot] = lastMs;
      const key = `${peer} ${pair & 1} ${this.#known.keyC(slot)}`;
      yield { detector: 'portScan', device, key, values: [lastMs] };
    }
  }

  restore({ device, key, values }: Memory): void {
    const id = this.#context.idOf?.(device) ?? 0;
    const [lastMs] = values;
    if (id <= UNKNOWN_DEVICE || lastMs === undefined) return;
    if (key === '') {
      this.#devices.restore(id, lastMs);
      return;
    }
    const [address = '', direction = '', service = ''] = key.split(' ');
    const peer = internText(this.#context.addresses, address);
    if (peer === NO_ADDRESS || !/^\d{1,8}$/.test(service)) return;
    const slot = this.#known.intern(id * 2 + (direction === '1' ? 1 : 0), peer, Number(service));
    if (!this.#known.isNew) return;
    this.#knownMs[slot] = this.#keptMs[slot] = lastMs;
  }

  /** True: it is waited for a second time. */
  #due(look: Awaited, nowMs: number): boolean {
    const isKnown = this.#learn(look, nowMs);
    if (isKnown && !look.isTold) return false;
    const open = this.#context.book.find('portScan', look.subject.text, scanOf(look.fromDevice, look.peer));
    // It says more.
    if (open instanceof PortScanOpening) return false;
    const isEarly = !look.isTold && this.#isEarly(look);
    this.#tell(look, isEarly, nowMs);
    if (!isEarly) return false;
    look.isTold = true;
    look.dueMs = nowMs + AGAIN_MS;
    return true;
  }

  /** Only the network has monitors. */
  #isEarly({ key, fromDevice, firstMs }: Look): boolean {
    return !fromDevice && this.#devices.isSoonAfterFirst(key >> 1, firstMs, NEW_MS);
  }

  /** From now on it is known; true where all of it was. */
  #learn({ key, peerTicket, services }: Look, nowMs: number): boolean {
    let isKnown = true;
    for (const service of services) {
      const slot = this.#known.intern(key, peerTicket, service);
      if (this.#known.isNew) this.#keptMs[slot] = 0;
      if (this.#known.isNew || nowMs - (this.#knownMs[slot] ?? 0) > KNOWN_MS) isKnown = false;
      this.#knownMs[slot] = nowMs;
    }
    return isKnown;
  }

  #tell(
    { subject, peer, fromDevice, firstMs, services, knocks }: Look,
    isEarly: boolean,
    nowMs: number,
  ): void {
    const ports = [...services].map(serviceText);
    const [opener, target] = fromDevice ? [subject.text, peer] : [peer, subject.text];
    const quietMs = isEarly ? AGAIN_MS + QUIET_MS : QUIET_MS;
    const row = isEarly ? 'portScan.earlyLook' : fromDevice ? 'portScan.fromDevice' : 'portScan.atDevice';
    this.#context.book.openFinding(
      {
        detector: 'portScan',
        subject: subject.text,
        what: scanOf(fromDevice, peer),
        device: subject.device,
        deviceMac: subject.mac,
        peer,
        quietMs,
        firstMs,
        count: knocks,
        describe: () => ({
          severity: SEVERITY[row].severity,
          title: `${opener} looks at ${target}: ${knocks} connections (${ports.join(', ')}) that it opened and shut without a word`,
          evidence: {
            from: fromDevice ? 'device' : 'network',
            kind: 'look',
            distinctPorts: ports.length,
            ports,
            openedAndShutWithoutData: knocks,
          },
          remedy: fromDevice
            ? `It closes ${quietMs / 60_000} min after the last one. If the device is meant to do this, allow it or raise detect.portScan.knocks; if not, contain it and look for what runs on it.`
            : `It closes ${quietMs / 60_000} min after the last one. If ${peer} is a monitor or a scanner of the site, nothing is to do: the same look is not told again. If not, find out who uses it.`,
        }),
      },
      nowMs,
    );
  }
}
