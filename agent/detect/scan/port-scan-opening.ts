/**
 * What a port scan's finding says, and by which of nmap's names the scan goes (nmap reference guide, "Port Scanning
 * Techniques"). Made by port-scan.ts when a count passes its threshold. Cold path.
 */
import { addExample, MAX_EXAMPLES, ratePerSecond, spanText, type Subject } from '../detector.js';
import type { Description, Opening } from '../finding-book.js';
import type { ScanWindow } from './port-scan-window.js';
import { FIRST_EPHEMERAL_PORT, KIND_SYN, PROBE_KINDS, serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';

/**
 * A scan that paused this long is over: nf_conntrack forgets a protocol that it does not know after ten minutes, and the end of what nobody
 * answered is told only then; it belongs to the same scan.
 */
const QUIET_MS = 900_000;
/** So many half-open connections for each port asked, and it is no connect(). */
const HALF_OPEN_SHARE = 0.1;
/** A system that counts its clients' ports up uses at most so many for each probe. */
const PORTS_PER_PROBE = 8;

/** The rest of the key of a scan's finding: what another detector looks for, to stay silent about what it has told. */
export function scanOf(fromDevice: boolean, peer: string): string {
  return `${fromDevice ? 'scans' : 'scanned-by'}:${peer}`;
}

export class PortScanOpening implements Opening {
  readonly detector = 'portScan';
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string;
  readonly quietMs: number;
  readonly firstMs: number;
  readonly count: number;
  readonly #window: ScanWindow;
  readonly #slot: number;
  readonly #serial: number;
  readonly #fromDevice: boolean;
  readonly #isTrace: boolean;
  /** A way that is traced refuses nothing and contains nobody. */
  readonly isOnlyTold: boolean;
  readonly #ports: string[] = [];
  /** Distinct ports when it was told last. */
  #distinct = 0;

  constructor(
    window: ScanWindow,
    slot: number,
    subject: Subject,
    peer: string,
    fromDevice: boolean,
    isTrace: boolean,
  ) {
    this.#window = window;
    this.#slot = slot;
    this.#serial = window.fanOut.serial(slot);
    this.#fromDevice = fromDevice;
    this.#isTrace = this.isOnlyTold = isTrace;
    this.subject = subject.text;
    this.what = isTrace ? `traces:${peer}` : scanOf(fromDevice, peer);
    this.device = subject.device;
    this.deviceMac = subject.mac;
    this.peer = peer;
    this.quietMs = Math.max(QUIET_MS, Math.min(window.seconds * 1000, 3_600_000));
    this.firstMs = window.fanOut.firstMs(slot);
    this.count = window.fanOut.events(slot);
  }

  describe(count: number, firstMs: number, lastMs: number): Description | null {
    const window = this.#window;
    const { fanOut, threshold, seconds, refused, odd } = window;
    const slot = this.#slot;
    if (fanOut.serial(slot) !== this.#serial) return null;
    for (const port of fanOut.examples(slot, MAX_EXAMPLES)) addExample(this.#ports, serviceText(port));
    const seen = seenKinds(window, slot);
    const distinct = (this.#distinct = fanOut.peak(slot));
    const kind = this.#isTrace ? 'traceroute' : scanKind(window, slot, seen, distinct);
    const least = fanOut.isAtLimit(slot) ? 'at least ' : '';
    const ports = `${least}${distinct} ${kind === 'IP protocol' ? 'protocols' : distinct === 1 ? 'port' : 'ports'}`;
    const how = kind === 'OS fingerprinting' ? kind : `${kind} scan`;
    const span = `${ports} within ${spanText(seconds)} (${how})`;
    return {
      severity: this.#severity(),
      title: this.#title(span, distinct),
      evidence: {
        from: this.#fromDevice ? 'device' : 'network',
        kind,
        distinctPorts: distinct,
        isAtLeast: least !== '',
        thresholdPorts: threshold,
        windowSeconds: seconds,
        countsOnlyFailed: window.onlyFailed,
        ports: [...this.#ports],
        kinds: seen.map(({ name, probes }) => `${name} ${probes}`),
        probes: fanOut.events(slot),
        refusedProbes: refused[slot] ?? 0,
        oddProbes: odd[slot] ?? 0,
        ...((window.knocks[slot] ?? 0) === 0 ? {} : { openedAndShutWithoutData: window.knocks[slot] ?? 0 }),
        probesPerSecond: ratePerSecond(count, firstMs, lastMs),
      },
      remedy: this.#isTrace
        ? `It closes ${this.quietMs / 60_000} min after the last probe. If nobody looks for a fault of the network from the device, look at what runs on it.`
        : this.#fromDevice
          ? `It closes ${this.quietMs / 60_000} min after the last probe. If the device is meant to do this, raise detect.portScan.ports; if not, contain it and look for what runs on it.`
          : `It closes ${this.quietMs / 60_000} min after the last probe. If ${this.peer} is a scanner of the site, take this device out of its range; if not, find out who uses it.`,
    };
  }

  /** What this one has to say is less than what was told of the same scan: another window counts its late ends. */
  isLessThan(told: PortScanOpening): boolean {
    return this.#window.fanOut.peak(this.#slot) <= told.#distinct;
  }

  #severity(): Description['severity'] {
    if (this.#isTrace) return SEVERITY['portScan.traceroute'].severity;
    return SEVERITY[this.#fromDevice ? 'portScan.fromDevice' : 'portScan.atDevice'].severity;
  }

  #title(span: string, probes: number): string {
    if (this.#isTrace) return `${this.subject} traces the way to ${this.peer} (traceroute, ${probes} probes)`;
    return this.#fromDevice
      ? `${this.subject} scans ${this.peer}: ${span}`
      : `${this.peer} scans ${this.subject}: ${span}`;
  }
}

interface SeenKind {
  readonly name: string;
  readonly index: number;
  readonly probes: number;
}

function seenKinds({ kinds }: ScanWindow, slot: number): SeenKind[] {
  const base = slot * PROBE_KINDS.length;
  return PROBE_KINDS.map((name, index) => ({ name, index, probes: kinds[base + index] ?? 0 }))
    .filter(({ probes }) => probes > 0)
    .sort((a, b) => b.probes - a.probes);
}

/** The kind of most probes. Odd flags on a few ports ask which system answers (nmap -O), not which ports are open. */
function scanKind(window: ScanWindow, slot: number, seen: readonly SeenKind[], distinct: number): string {
  const [most] = seen;
  if (!most) return 'unknown';
  if (distinct < window.threshold && (window.odd[slot] ?? 0) > 0 && seen.length > 1)
    return 'OS fingerprinting';
  if (most.index !== KIND_SYN) return most.name;
  const connects = window.connects[slot] ?? 0;
  const halfOpen = window.halfOpen[slot] ?? 0;
  if (connects > halfOpen) return 'connect';
  if (halfOpen > distinct * HALF_OPEN_SHARE) return 'SYN';
  return leftFromSystemPorts(window, slot, most.probes, distinct) ? 'connect' : 'SYN';
}

/** connect() leaves from another port each time, as the system gives them: counted up, or drawn from the dynamic ones. Raw SYNs leave from few, or from anywhere. */
function leftFromSystemPorts(window: ScanWindow, slot: number, probes: number, distinct: number): boolean {
  const least = window.leastSrcPort[slot] ?? 0;
  const range = (window.mostSrcPort[slot] ?? 0) - least;
  if (range < distinct / 2) return false;
  return least >= FIRST_EPHEMERAL_PORT || range <= probes * PORTS_PER_PROBE;
}
