/**
 * Vertical port scan: one host is asked for many distinct ports (or IP protocols) within a window, by a guarded device or
 * at one. Every first packet counts, refused or not, because a scan of what is open is a scan too. A second, slow
 * window counts only what was refused (or would have been): a client of dynamic ports may meet many in an hour. After
 * Staniford et al., "Practical automated detection of stealthy portscans" (2002), fan-out of destinations per source.
 */
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_SCTP, PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/view.js';
import {
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  ratePerSecond,
  type DetectContext,
  type Detector,
  type Subject,
} from './detector.js';
import {
  EVENT_IP,
  serviceOf,
  subjectOf,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  type DetectEvent,
} from './event.js';
import { FanOut } from './fan-out.js';
import type { Description, Opening } from './finding-book.js';
import { looksLikeAnswer, PROBE_KINDS, probeKind, serviceText } from './probes.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';

/** (device, direction, peer, port) remembered: 32,768 for the window, 16,384 for the slow one; 8 MiB together when full. */
const MEMBERS = 32_768;
const SLOW_MEMBERS = 16_384;
/** Distinct ports counted exactly for one pair; beyond it the finding says "at least". */
const MIN_PORTS_PER_PAIR = 2_048;
/** A scan that paused this long is over. */
const QUIET_MS = 300_000;

export function createPortScanDetector(
  context: DetectContext,
  settings: DetectSettings['portScan'],
): Detector {
  return new PortScan(context, settings);
}

/** One window: its counts, and what a finding of it says. */
interface Window {
  readonly fanOut: FanOut;
  readonly threshold: number;
  readonly seconds: number;
  /** Probes of each kind, and refused ones, by group slot. */
  readonly kinds: Uint32Array;
  readonly refused: Uint32Array;
}

class PortScan implements Detector {
  readonly name = 'portScan';
  readonly #context: DetectContext;
  readonly #fast: Window;
  readonly #slow: Window;

  constructor(context: DetectContext, settings: DetectSettings['portScan']) {
    this.#context = context;
    this.#fast = createWindow(MEMBERS, settings.ports, settings.windowSeconds);
    this.#slow = createWindow(SLOW_MEMBERS, settings.slowPorts, settings.slowWindowSeconds);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_IP || !isPortProbe(event)) return;
    if (!this.#context.addresses.isHost(event.peer)) return;
    const subject = subjectOf(event) * 2;
    const direction = event.fromDevice ? 1 : 0;
    if (looksLikeAnswer(event)) return;
    // The other end was asked from this very port a moment ago: this is its answer, whatever the port number.
    if (
      event.srcPort >= 0 &&
      event.tcpFlags === 0 &&
      this.#fast.fanOut.has(subject + (1 - direction), event.peer, 0, (event.protocol << 16) | event.srcPort)
    )
      return;
    const isTold = this.#count(this.#fast, event, subject + direction, nowMs, false);
    if (event.verdict === VERDICT_REFUSED || event.verdict === VERDICT_WOULD_REFUSE)
      this.#count(this.#slow, event, subject + direction, nowMs, isTold);
  }

  tick(nowMs: number): void {
    this.#fast.fanOut.expire(nowMs);
    this.#slow.fanOut.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'portScan.evicted': this.#fast.fanOut.evicted + this.#slow.fanOut.evicted,
      'portScan.beyondLimit': this.#fast.fanOut.beyondLimit + this.#slow.fanOut.beyondLimit,
    };
  }

  /** Returns true when the sighting belongs to an open finding. */
  #count(window: Window, event: DetectEvent, key: number, nowMs: number, isTold: boolean): boolean {
    const { fanOut, kinds, refused } = window;
    const member = serviceOf(event);
    const slot = fanOut.add(key, event.peer, 0, member, nowMs);
    const base = slot * PROBE_KINDS.length;
    if (fanOut.events(slot) === 1) {
      kinds.fill(0, base, base + PROBE_KINDS.length);
      refused[slot] = 0;
    }
    const kind = base + probeKind(event);
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (event.verdict === VERDICT_REFUSED) refused[slot] = (refused[slot] ?? 0) + 1;

    // The fast window has told it already.
    if (isTold) return true;
    const id = fanOut.finding(slot);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return true;
    if (fanOut.distinct(slot) < window.threshold) {
      if (id !== 0) fanOut.setFinding(slot, 0);
      return false;
    }
    fanOut.setFinding(slot, this.#open(window, slot, event, nowMs));
    return true;
  }

  #open(window: Window, slot: number, event: DetectEvent, nowMs: number): number {
    const subject = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const opening = new PortScanOpening(window, slot, subject, peer, event.fromDevice);
    return this.#context.book.openFinding(opening, nowMs);
  }
}

class PortScanOpening implements Opening {
  readonly detector = 'portScan';
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string;
  readonly quietMs: number;
  readonly firstMs: number;
  readonly count: number;
  readonly #window: Window;
  readonly #slot: number;
  readonly #serial: number;
  readonly #fromDevice: boolean;
  #ports: string[] = [];

  constructor(window: Window, slot: number, subject: Subject, peer: string, fromDevice: boolean) {
    this.#window = window;
    this.#slot = slot;
    this.#serial = window.fanOut.serial(slot);
    this.#fromDevice = fromDevice;
    this.subject = subject.text;
    this.what = `${fromDevice ? 'scans' : 'scanned-by'}:${peer}`;
    this.device = subject.device;
    this.deviceMac = subject.mac;
    this.peer = peer;
    this.quietMs = Math.max(QUIET_MS, window.seconds * 1000);
    this.firstMs = window.fanOut.firstMs(slot);
    this.count = window.fanOut.events(slot);
  }

  describe(count: number, firstMs: number, lastMs: number): Description | null {
    const { fanOut, threshold, seconds, kinds, refused } = this.#window;
    const slot = this.#slot;
    if (fanOut.serial(slot) !== this.#serial) return null;
    for (const text of fanOut.examples(slot, MAX_EXAMPLES).map(serviceText))
      if (this.#ports.length < MAX_EXAMPLES && !this.#ports.includes(text)) this.#ports.push(text);
    const base = slot * PROBE_KINDS.length;
    const seenKinds = PROBE_KINDS.map((name, index) => ({ name, probes: kinds[base + index] ?? 0 }))
      .filter(({ probes }) => probes > 0)
      .sort((a, b) => b.probes - a.probes)
      .map(({ name, probes }) => `${name} ${probes}`);
    const distinct = fanOut.peak(slot);
    const least = fanOut.isAtLimit(slot) ? 'at least ' : '';
    return {
      severity: SEVERITY[this.#fromDevice ? 'portScan.fromDevice' : 'portScan.atDevice'].severity,
      title: this.#fromDevice
        ? `${this.subject} scans ${this.peer}: ${least}${distinct} ports within ${seconds} s`
        : `${this.peer} scans ${this.subject}: ${least}${distinct} ports within ${seconds} s`,
      evidence: {
        from: this.#fromDevice ? 'device' : 'network',
        distinctPorts: distinct,
        isAtLeast: least !== '',
        thresholdPorts: threshold,
        windowSeconds: seconds,
        ports: [...this.#ports],
        kinds: seenKinds,
        probes: fanOut.events(slot),
        refusedProbes: refused[slot] ?? 0,
        probesPerSecond: ratePerSecond(count, firstMs, lastMs),
      },
      remedy: this.#fromDevice
        ? `It closes ${this.quietMs / 60_000} min after the last probe. If the device is meant to do this, raise detect.portScan.ports; if not, contain it and look for what runs on it.`
        : `It closes ${this.quietMs / 60_000} min after the last probe. If ${this.peer} is a scanner of the site, take this device out of its range; if not, find out who uses it.`,
    };
  }
}

function createWindow(members: number, threshold: number, seconds: number): Window {
  const membersPerGroup = Math.min(members / 4, Math.max(MIN_PORTS_PER_PAIR, threshold));
  return {
    fanOut: new FanOut(seconds * 1000, { members, membersPerGroup }),
    // A threshold that cannot be reached would switch the detector off unseen.
    threshold: Math.min(threshold, membersPerGroup),
    seconds,
    kinds: new Uint32Array(members * PROBE_KINDS.length),
    refused: new Uint32Array(members),
  };
}

/** TCP, UDP and SCTP with a port; any other protocol counts as itself (an IP protocol scan), but ICMP talks about others. */
function isPortProbe(event: DetectEvent): boolean {
  switch (event.protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
      return event.port >= 0;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return false;
    default:
      return event.protocol >= 0;
  }
}
