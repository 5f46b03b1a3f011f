/**
 * Lateral movement: a device and a neighbour (another guarded device, or a host of its own subnet) meet on an
 * administrative service that this pair never used before. MITRE ATT&CK TA0008, T1021 "Remote Services" lists these services.
 * A refused attempt is told at once; one that passed only when the device has been watched long enough to know its habits.
 */
import { PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../packet/view.js';
import {
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  type DetectContext,
  type Detector,
  type Subject,
} from './detector.js';
import {
  EVENT_IP,
  serviceOf,
  subjectOf,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  type DetectEvent,
} from './event.js';
import type { Description, Opening } from './finding-book.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';

/** Port to name, TCP. */
const ADMINISTRATIVE = new Map<number, string>([
  [22, 'SSH'],
  [23, 'Telnet'],
  [135, 'RPC'],
  [139, 'SMB'],
  [445, 'SMB'],
  [512, 'rexec'],
  [513, 'rlogin'],
  [514, 'rsh'],
  [1433, 'SQL Server'],
  [1521, 'Oracle'],
  [2222, 'SSH'],
  [2323, 'Telnet'],
  [3306, 'MySQL'],
  [3389, 'RDP'],
  [5432, 'PostgreSQL'],
  [5900, 'VNC'],
  [5985, 'WinRM'],
  [5986, 'WinRM'],
]);
/** (device, direction and service, peer) once used; the one not used for longest makes room. 0.5 MiB. */
const USED = 16_384;
const WATCHED = 4_096;
/** Other flags are probes, which portScan tells. */
const OPENING_MASK = TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST;
const QUIET_MS = 3_600_000;

export function createLateralContactDetector(
  context: DetectContext,
  settings: DetectSettings['lateralContact'],
): Detector {
  return new LateralContact(context, settings);
}

class LateralContact implements Detector {
  readonly name = 'lateralContact';
  readonly #context: DetectContext;
  readonly #learnMs: number;
  readonly #used = new SlotTable(USED);
  readonly #findings = new Int32Array(USED);
  /** Since when a device is watched. */
  readonly #watched = new SlotTable(WATCHED);
  readonly #sinceMs = new Float64Array(WATCHED);
  /** Addresses that devices behind the box sent from. */
  readonly #guarded = new SlotTable(WATCHED);

  constructor(context: DetectContext, settings: DetectSettings['lateralContact']) {
    this.#context = context;
    this.#learnMs = settings.learnSeconds * 1000;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_IP) return;
    const who = subjectOf(event);
    const watched = this.#watched.intern(who, 0, 0);
    if (this.#watched.isNew) this.#sinceMs[watched] = nowMs;
    const isRefused = event.verdict === VERDICT_REFUSED;
    if (event.fromDevice && !isRefused && event.deviceId > UNKNOWN_DEVICE)
      this.#guarded.intern(event.local, 0, 0);
    const isOpening = event.protocol === PROTOCOL_TCP && (event.tcpFlags & OPENING_MASK) === TCP_SYN;
    if (!isOpening || !ADMINISTRATIVE.has(event.port)) return;
    if (!this.#isNeighbour(event)) return;
    const slot = this.#used.intern(who, event.fromDevice ? serviceOf(event) : -serviceOf(event), event.peer);
    const isNew = this.#used.isNew;
    if (isNew) this.#findings[slot] = 0;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0) {
      // Used again after the finding closed: it was told, and a person has seen it.
      this.#context.book.touch(id, nowMs);
      return;
    }
    if (!isNew || event.verdict === VERDICT_ALLOWED) return;
    const isAttempt = isRefused || event.verdict === VERDICT_WOULD_REFUSE;
    if (!isAttempt && nowMs - (this.#sinceMs[watched] ?? nowMs) < this.#learnMs) return;
    this.#findings[slot] = this.#open(event, nowMs);
  }

  tick(): void {
    // What was used is remembered until others make room.
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'lateralContact.evicted': this.#used.evicted + this.#watched.evicted + this.#guarded.evicted,
    };
  }

  #isNeighbour(event: DetectEvent): boolean {
    const { addresses } = this.#context;
    if (!addresses.isHost(event.peer) || !addresses.isHost(event.local)) return false;
    return (
      this.#isGuarded(event.peer) || addresses.networkOf(event.peer) === addresses.networkOf(event.local)
    );
  }

  #isGuarded(ticket: number): boolean {
    return this.#guarded.find(ticket, 0, 0) >= 0;
  }

  #open(event: DetectEvent, nowMs: number): number {
    const { book } = this.#context;
    const { fromDevice } = event;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const what = fromDevice ? 'reaches' : 'is-reached';
    // A port scan meets these services by the way.
    if (book.find('portScan', who.text, `${fromDevice ? 'scans' : 'scanned-by'}:${peer}`)) return 0;
    const known = book.find('lateralContact', who.text, what);
    const met = known instanceof LateralOpening ? known.met : { peers: [], services: [], hasGuarded: false };
    add(met.peers, peer);
    add(met.services, `${ADMINISTRATIVE.get(event.port) ?? 'tcp'} (tcp/${event.port})`);
    met.hasGuarded ||= this.#isGuarded(event.peer);
    return book.openFinding(
      new LateralOpening(met, who, what, fromDevice, event.verdict === VERDICT_REFUSED, nowMs),
      nowMs,
    );
  }
}

/** Whom a device met, and by what, in one finding. */
interface Met {
  readonly peers: string[];
  readonly services: string[];
  hasGuarded: boolean;
}

function add(list: string[], text: string): void {
  if (list.length < MAX_EXAMPLES && !list.includes(text)) list.push(text);
}

/** One finding per device and direction; further peers and services are added to it. */
class LateralOpening implements Opening {
  readonly detector = 'lateralContact';
  readonly quietMs = QUIET_MS;
  readonly count = 1;
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string | null;
  readonly firstMs: number;
  readonly met: Met;
  readonly #fromDevice: boolean;
  readonly #wasRefused: boolean;

  constructor(met: Met, who: Subject, what: string, fromDevice: boolean, wasRefused: boolean, nowMs: number) {
    this.met = met;
    this.subject = who.text;
    this.what = what;
    this.device = who.device;
    this.deviceMac = who.mac;
    this.peer = met.peers.length === 1 ? (met.peers[0] ?? null) : null;
    this.firstMs = nowMs;
    this.#fromDevice = fromDevice;
    this.#wasRefused = wasRefused;
  }

  describe(count: number): Description {
    const { peers, services, hasGuarded } = this.met;
    const atMost = peers.length === MAX_EXAMPLES ? 'at least ' : '';
    const others = this.peer ?? `${atMost}${peers.length} neighbours`;
    const by = services.length === 1 ? (services[0] ?? '') : `${services.length} administrative services`;
    const to = hasGuarded ? 'lateralContact.toDevice' : 'lateralContact.toNeighbour';
    return {
      severity: SEVERITY[this.#fromDevice ? to : 'lateralContact.atDevice'].severity,
      title: this.#fromDevice
        ? `${this.subject} reaches for ${others} by ${by} for the first time`
        : `${others} reached for ${this.subject} by ${by} for the first time`,
      evidence: {
        kind: hasGuarded ? 'another guarded device' : 'same subnet',
        from: this.#fromDevice ? 'device' : 'network',
        services: [...services],
        peers: [...peers],
        wasRefused: this.#wasRefused,
        contacts: count,
      },
      remedy: `It closes an hour after the last contact, and the same pair is not told again. If this is maintenance or meant to be, add an allow entry; if not, ${this.#fromDevice ? `contain ${this.subject}: this is how an intruder moves on` : `find out who uses ${others}`}.`,
    };
  }
}
