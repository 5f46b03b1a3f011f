/**
 * Vertical port scan: one host is asked for many distinct ports (or IP protocols) within a window, by a guarded device or
 * at one. Every first packet counts, refused or not, because a scan of what is open is a scan too. Two slow windows (nmap's
 * -T1 sends a probe every 15 s, -T0 every 5 min) count only what was refused, would have been, or failed: a client of
 * dynamic ports may meet many; nor is a port that carried data counted any longer (passive FTP). After Staniford et al., "Practical automated detection of stealthy portscans" (2002), fan-out
 * of destinations per source. A few probes as no system sends them are enough at once, and so are a few doors that were opened and
 * shut without a word (port-look.ts).
 */
import {
  NONE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  bytesSent,
  EVENT_END,
  EVENT_IP,
  EVENT_PAYLOAD,
  OUTCOME_ANSWERED,
  OUTCOME_REJECTED,
  packetsReceived,
  packetsSent,
  serviceOf,
  subjectOf,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  type DetectEvent,
  SEES_IP,
  SEES_END,
  SEES_PAYLOAD,
} from '../event.js';
import type { Memory } from '../memory.js';
import { PooledScan } from './pooled-scan.js';
import { PortLooks } from './port-look.js';
import { PortScanOpening } from './port-scan-opening.js';
import { createWindow, noteProbe, resetGroup, type ScanWindow } from './port-scan-window.js';
import {
  FIRST_EPHEMERAL_PORT,
  lookedLikeAnswer,
  isOddProbe,
  isTraceroute,
  KIND_MID_CONNECTION,
  KIND_SYN,
  looksLikeAnswer,
  probeKind,
} from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { TftpAnswers } from './tftp-answers.js';

/** (device, direction, peer, port) remembered: in the first window, and in each of the slow ones; 16 MiB together when full. */
const MEMBERS = 32_768;
const SLOW_MEMBERS = 16_384;
/** Bytes of a packet without data at most: IPv6 40, TCP with all options 60. */
const EMPTY_PACKET_BYTES = 100;
const FEW_PACKETS = 4;
/** The least that a SYN has, with its segment size (RFC 9293 section 3.7.1); a reset has less. */
const SYN_BYTES_IPV4 = 44;
const SYN_BYTES_IPV6 = 64;
/** Opened, answered once, and shut by the opener without a byte: SYN, perhaps ACK, and RST, each with headers at most so long. */
const MOST_KNOCK_PACKETS = 3;
const KNOCK_BYTES_IPV4 = 64;
const KNOCK_BYTES_IPV6 = 84;
const DNS_PORT = 53;
/** The third number of a group: traceroutes of a pair are counted apart from its scans. */
const SCANS = 0;
const TRACES = 1;
/** `knocksElsewhere`: they do not end, so that it is a health check. */
const GOES_ON = 2;
/** A bit of its own among the odd kinds. */
const STRAY_ANSWER = 1 << 31;
/** Different odd probes: one after the other they make up a fingerprint (xprobe, nmap -O). */
const LEAST_ODD_KINDS = 2;

export function createPortScanDetector(
  context: DetectContext,
  settings: DetectSettings['portScan'],
): Detector {
  return new PortScan(context, settings);
}

class PortScan implements Detector {
  readonly name = 'portScan';
  readonly kinds = SEES_IP | SEES_PAYLOAD | SEES_END;
  readonly #context: DetectContext;
  readonly #oddProbes: number;
  readonly #knocks: number;
  readonly #fast: ScanWindow;
  readonly #slow: ScanWindow;
  readonly #stealthy: ScanWindow;
  readonly #tftp = new TftpAnswers();
  readonly #looks: PortLooks;
  readonly #pool: PooledScan;

  constructor(context: DetectContext, settings: DetectSettings['portScan']) {
    this.#context = context;
    this.#looks = new PortLooks(context);
    this.#pool = new PooledScan(context, settings.stealthyPorts);
    this.#oddProbes = settings.oddProbes;
    this.#knocks = settings.knocks;
    this.#fast = createWindow(MEMBERS, settings.ports, settings.windowSeconds, false);
    this.#slow = createWindow(SLOW_MEMBERS, settings.slowPorts, settings.slowWindowSeconds, true);
    this.#stealthy = createWindow(SLOW_MEMBERS, settings.stealthyPorts, settings.stealthyWindowSeconds, true);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind === EVENT_END) {
      this.#end(event, nowMs);
      return;
    }
    if (event.kind === EVENT_PAYLOAD) {
      this.#carried(event);
      return;
    }
    if (event.kind !== EVENT_IP || !isPortProbe(event)) return;
    if (!this.#context.addresses.isHost(event.peer)) return;
    const subject = subjectOf(event) * 2;
    const direction = event.fromDevice ? 1 : 0;
    if (looksLikeAnswer(event)) {
      this.#strayAnswer(event, subject + direction, nowMs);
      return;
    }
    this.#tftp.note(event, nowMs);
    if (this.#tftp.isAnswer(event)) return;
    // The other end was asked from this very port a moment ago: this is its answer, whatever the port number.
    if (
      event.srcPort >= 0 &&
      event.tcpFlags === 0 &&
      this.#fast.fanOut.has(
        subject + (1 - direction),
        event.peer,
        SCANS,
        (event.protocol << 16) | event.srcPort,
      )
    )
      return;
    const key = subject + direction;
    const kind = probeKind(event);
    // Data of a conversation that connection tracking forgot; no scanner sends that.
    if (kind === KIND_MID_CONNECTION) return;
    if (isTraceroute(event)) {
      // Who traces the way to a device learns of routers, and nothing of the device.
      if (event.fromDevice) this.#count(this.#fast, event, key, kind, nowMs, false, TRACES);
      return;
    }
    const isTold = this.#count(this.#fast, event, key, kind, nowMs, false);
    if (isTold) this.#pool.noteTold(event, nowMs);
    if (event.verdict === VERDICT_REFUSED || event.verdict === VERDICT_WOULD_REFUSE)
      this.#countSlowly(event, key, kind, nowMs, isTold);
    if (event.verdict === VERDICT_REFUSED) this.#pool.observe(event, nowMs);
  }

  tick(nowMs: number): void {
    this.#fast.fanOut.expire(nowMs);
    this.#slow.fanOut.expire(nowMs);
    this.#stealthy.fanOut.expire(nowMs);
    this.#tftp.expire(nowMs);
    this.#looks.tick(nowMs);
    this.#pool.expire(nowMs);
  }

  dueMs(): number {
    return this.#looks.dueMs();
  }

  memories(isAll: boolean): Iterable<Memory> {
    return this.#looks.memories(isAll);
  }

  restore(memory: Memory): void {
    this.#looks.restore(memory);
  }

  counters(): Readonly<Record<string, number>> {
    const { fanOut: fast } = this.#fast;
    const { fanOut: slow } = this.#slow;
    const { fanOut: stealthy } = this.#stealthy;
    return {
      'portScan.evicted': fast.evicted + slow.evicted + stealthy.evicted,
      'portScan.looksDropped': this.#looks.dropped,
      'portScan.looksEvicted': this.#looks.evicted,
      'portScan.pooledEvicted': this.#pool.evicted,
      'portScan.tftpDropped': this.#tftp.dropped,
      'portScan.beyondLimit': fast.beyondLimit + slow.beyondLimit + stealthy.beyondLimit,
    };
  }

  /** Somebody is at home there, and the two talk: it is no port that is looked for. */
  #carried(event: DetectEvent): void {
    const key = subjectOf(event) * 2 + (event.fromDevice ? 1 : 0);
    const service = serviceOf(event);
    this.#fast.fanOut.discount(key, event.peer, SCANS, service);
    this.#slow.fanOut.discount(key, event.peer, SCANS, service);
    this.#stealthy.fanOut.discount(key, event.peer, SCANS, service);
  }

  /** How a connection ended tells connect() from half-open scans, and which of those that passed met nobody. */
  #end(event: DetectEvent, nowMs: number): void {
    if (event.port < 0 || !isPortProbe(event) || isTraceroute(event)) return;
    if (!this.#context.addresses.isHost(event.peer)) return;
    this.#looks.watch(event, nowMs);
    this.#pool.observe(event, nowMs);
    const key = subjectOf(event) * 2 + (event.fromDevice ? 1 : 0);
    const slot = this.#fast.fanOut.find(key, event.peer, SCANS);
    const { connects, halfOpen } = this.#fast;
    const sent = packetsSent(event);
    const received = packetsReceived(event);
    if (event.protocol === PROTOCOL_TCP && slot >= 0) {
      const isEmpty =
        sent <= FEW_PACKETS &&
        received <= FEW_PACKETS &&
        event.bytesOut + event.bytesIn <= (sent + received) * EMPTY_PACKET_BYTES;
      if (event.outcome === OUTCOME_ANSWERED && isEmpty) connects[slot] = (connects[slot] ?? 0) + 1;
      const sentBytes = bytesSent(event);
      const hasBareSegment = sentBytes < sent * (event.family === 6 ? SYN_BYTES_IPV6 : SYN_BYTES_IPV4);
      if (event.outcome === OUTCOME_REJECTED && received > 0 && sent > received && hasBareSegment)
        halfOpen[slot] = (halfOpen[slot] ?? 0) + 1;
      if (event.verdict === VERDICT_ALLOWED) return;
      if (isKnock(event, sent, received, sentBytes)) this.#knock(slot, key, event, nowMs);
      else if (event.outcome === OUTCOME_ANSWERED && !isEmpty) {
        this.#fast.hasTalked[slot] = 1;
        this.#carried(event);
      }
    } else if (event.outcome === OUTCOME_ANSWERED) this.#carried(event);
    if (event.outcome === OUTCOME_ANSWERED || event.outcome === 0 || lookedLikeAnswer(event)) return;
    if (this.#tftp.isAnswer(event)) return;
    const kind = event.tcpFlags === NONE ? KIND_SYN : probeKind(event);
    if (kind === KIND_MID_CONNECTION) return;
    const isTold = slot >= 0 && this.#fast.fanOut.finding(slot) !== 0;
    this.#countSlowly(event, key, kind, nowMs, isTold);
  }

  /**
   * A DNS answer without a question, from where an odd probe came a moment ago: how xprobe asks a closed port (Arkin, "A remote active
   * OS fingerprinting tool using ICMP", 2002). By itself it is a late answer.
   */
  #strayAnswer(event: DetectEvent, key: number, nowMs: number): void {
    const window = this.#fast;
    if (event.protocol !== PROTOCOL_UDP || event.srcPort !== DNS_PORT) return;
    const slot = window.fanOut.find(key, event.peer, SCANS);
    const kinds = slot < 0 ? 0 : (window.oddKinds[slot] ?? 0);
    if (kinds === 0 || window.fanOut.finding(slot) !== 0) return;
    window.oddKinds[slot] = kinds | STRAY_ANSWER;
    window.odd[slot] = (window.odd[slot] ?? 0) + 1;
    window.fanOut.setFinding(slot, this.#open(window, slot, event, nowMs));
  }

  #knock(slot: number, key: number, event: DetectEvent, nowMs: number): void {
    const { fanOut, knocks, firstKnocked, lastKnocked, hasTalked, knocksElsewhere } = this.#fast;
    const goesOn = this.#looks.goOn(key, event.peer, serviceOf(event), nowMs);
    if (goesOn === false) knocksElsewhere[slot] = GOES_ON;
    if (goesOn !== null) return;
    const before = lastKnocked[slot] ?? 0;
    lastKnocked[slot] = event.port;
    const count = (knocks[slot] ?? 0) + 1;
    knocks[slot] = count;
    if (count === 1) firstKnocked[slot] = event.port;
    else if (firstKnocked[slot] !== event.port && knocksElsewhere[slot] === 0) knocksElsewhere[slot] = 1;
    // Browsers open connections in stock and drop them, to one port, and to hosts that they talk to.
    const isLook = knocksElsewhere[slot] === 1 && hasTalked[slot] === 0;
    if (count < this.#knocks || !isLook || fanOut.finding(slot) !== 0) return;
    this.#looks.await(
      {
        key,
        peerTicket: event.peer,
        subject: describeSubject(this.#context, event),
        peer: addressOr(this.#context, event.peer),
        fromDevice: event.fromDevice,
        firstMs: fanOut.firstMs(slot),
        services: new Set([firstKnocked[slot] ?? 0, before, event.port].map(tcpService)),
        knocks: count,
      },
      nowMs,
    );
  }

  #countSlowly(event: DetectEvent, key: number, kind: number, nowMs: number, isTold: boolean): void {
    const isToldNow = this.#count(this.#slow, event, key, kind, nowMs, isTold);
    if (isToldNow) this.#pool.noteTold(event, nowMs);
    // Passive FTP and RPC meet a new dynamic port every time; over a day that would look like a scan.
    if (event.port < FIRST_EPHEMERAL_PORT) this.#count(this.#stealthy, event, key, kind, nowMs, isToldNow);
  }

  /** Returns true when the sighting belongs to an open finding. */
  #count(
    window: ScanWindow,
    event: DetectEvent,
    key: number,
    kind: number,
    nowMs: number,
    isTold: boolean,
    part = SCANS,
  ): boolean {
    const { fanOut } = window;
    const slot = fanOut.add(key, event.peer, part, serviceOf(event), nowMs);
    if (fanOut.events(slot) === 1) resetGroup(window, slot);
    noteProbe(window, slot, kind, event);
    // Another window has told it already.
    if (isTold) return true;
    const id = fanOut.finding(slot);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return true;
    const isScan =
      fanOut.distinct(slot) >= window.threshold ||
      (window.odd[slot] ?? 0) >= this.#oddProbes ||
      bitsOf(window.oddKinds[slot] ?? 0) >= LEAST_ODD_KINDS;
    if (!isScan) {
      if (id !== 0) fanOut.setFinding(slot, 0);
      return false;
    }
    fanOut.setFinding(slot, this.#open(window, slot, event, nowMs, part === TRACES));
    return true;
  }

  #open(window: ScanWindow, slot: number, event: DetectEvent, nowMs: number, isTrace = false): number {
    const subject = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const opening = new PortScanOpening(window, slot, subject, peer, event.fromDevice, isTrace);
    const known = this.#context.book.find('portScan', opening.subject, opening.what);
    const isLess = known instanceof PortScanOpening && opening.isLessThan(known);
    return this.#context.book.openFinding(isLess ? known : opening, nowMs);
  }
}

function isKnock(event: DetectEvent, sent: number, received: number, sentBytes: number): boolean {
  const most = event.family === 6 ? KNOCK_BYTES_IPV6 : KNOCK_BYTES_IPV4;
  return received === 1 && sent >= 2 && sent <= MOST_KNOCK_PACKETS && sentBytes <= sent * most;
}

function tcpService(port: number): number {
  return (PROTOCOL_TCP << 16) | port;
}

function bitsOf(value: number): number {
  let bits = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

/** TCP, UDP and SCTP with a port; any other protocol counts as itself (an IP protocol scan), but ICMP talks about others unless it is odd. */
function isPortProbe(event: DetectEvent): boolean {
  switch (event.protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
      return event.port >= 0;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return event.kind === EVENT_IP && isOddProbe(event);
    default:
      return event.protocol >= 0;
  }
}
