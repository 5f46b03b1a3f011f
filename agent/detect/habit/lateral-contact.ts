/**
 * Lateral movement: a device and a neighbour (another guarded device, or a host of its own subnet) meet on an
 * administrative service that this pair never used before. MITRE ATT&CK TA0008, T1021 "Remote Services" lists these services.
 * A refused attempt is told at once, and so is one that passed once the device has been watched long enough to know its habits. Before
 * that it is told for information: who was in before the box was must not become a habit unseen.
 */
import { PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../packet/view.js';
import { addressKey } from '../address-key.js';
import { ADMINISTRATIVE } from '../administrative.js';
import {
  addExample,
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  oneOrCount,
  type DetectContext,
  type Detector,
  type Subject,
} from '../detector.js';
import {
  EVENT_IP,
  serviceOf,
  subjectOf,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  type DetectEvent,
  SEES_IP,
} from '../event.js';
import type { Description } from '../finding-book.js';
import { MeetingOpening } from './meeting.js';
import type { Memory } from '../memory.js';
import { scanOf } from '../scan/port-scan-opening.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { hash3, SlotTable } from '../slot-table.js';

/** (device, direction and service, peer) once used; the one not used for longest makes room. 0.5 MiB. */
const USED = 16_384;
const WATCHED = 4_096;
const USED_PER_MEMORY = 255;
/** Other flags are probes, which portScan tells. */
const OPENING_MASK = TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST;

export function createLateralContactDetector(
  context: DetectContext,
  settings: DetectSettings['lateralContact'],
): Detector {
  return new LateralContact(context, settings);
}

class LateralContact implements Detector {
  readonly name = 'lateralContact';
  readonly kinds = SEES_IP;
  readonly #context: DetectContext;
  readonly #learnMs: number;
  readonly #used = new SlotTable(USED);
  readonly #findings = new Int32Array(USED);
  /** Since when a device is watched. */
  readonly #watched = new SlotTable(WATCHED);
  readonly #sinceMs = new Float64Array(WATCHED);
  /** Numbers of its memory when that was last taken. */
  readonly #toldValues = new Int32Array(WATCHED);
  /** As #used, from before a restart. */
  readonly #before = new SlotTable(USED);
  readonly #beforeKey = new Float64Array(USED);
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
    if (!isOpening(event) || !ADMINISTRATIVE.has(event.port)) return;
    if (!this.#isNeighbour(event)) return;
    const slot = this.#used.intern(who, event.fromDevice ? serviceOf(event) : -serviceOf(event), event.peer);
    const isNew = this.#used.isNew;
    if (isNew) this.#findings[slot] = 0;
    if (isNew && this.#wasUsedBefore(event, who)) return;
    const told = this.#findings[slot] ?? 0;
    if (told !== 0) {
      // Used again after the finding closed: it was told, and a person has seen it.
      this.#context.book.touch(told, nowMs);
      return;
    }
    if (!isNew || event.verdict === VERDICT_ALLOWED) return;
    const isAttempt = isRefused || event.verdict === VERDICT_WOULD_REFUSE;
    const isLearning = !isAttempt && nowMs - (this.#sinceMs[watched] ?? nowMs) < this.#learnMs;
    const id = this.#open(event, isLearning, nowMs);
    // While habits are learnt it is told once for all, and no later contact of the same pair makes it more.
    if (!isLearning) this.#findings[slot] = id;
  }

  /** One memory for each device: since when it is watched, then by which service it met whom, in pairs. */
  *memories(isAll: boolean): Generator<Memory> {
    const pairs = this.#pairsByDevice();
    for (let slot = 0; slot < this.#watched.size; slot++) {
      const who = this.#watched.keyA(slot);
      if (who <= UNKNOWN_DEVICE) continue;
      const values = [this.#sinceMs[slot] ?? 0, ...(pairs.get(who) ?? [])];
      const { name } = this.#context.describe(who);
      if (name === null || (this.#toldValues[slot] === values.length && !isAll)) continue;
      if (!isAll) this.#toldValues[slot] = values.length;
      yield { detector: 'lateralContact', device: name, key: '', values };
    }
  }

  restore({ device, values }: Memory): void {
    const id = this.#context.idOf?.(device) ?? 0;
    const [sinceMs = 0, ...pairs] = values;
    if (id === 0) return;
    const slot = this.#watched.intern(id, 0, 0);
    if (this.#watched.isNew || sinceMs < (this.#sinceMs[slot] ?? 0)) this.#sinceMs[slot] = sinceMs;
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const key = pairs[at + 1] ?? 0;
      const before = this.#before.intern(id, pairs[at] ?? 0, hashOf(key));
      this.#beforeKey[before] = key;
    }
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'lateralContact.evicted': this.#used.evicted + this.#watched.evicted + this.#guarded.evicted,
    };
  }

  /** Before a restart: tickets of addresses begin anew with it, so these are kept by the address itself. */
  #wasUsedBefore(event: DetectEvent, who: number): boolean {
    if (this.#before.size === 0) return false;
    const service = event.fromDevice ? serviceOf(event) : -serviceOf(event);
    return this.#before.find(who, service, hashOf(addressKey(this.#context.addresses, event.peer))) >= 0;
  }

  #pairsByDevice(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    const put = (who: number, service: number, key: number): void => {
      const pairs = found.get(who) ?? [];
      found.set(who, pairs);
      for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === service && pairs[at + 1] === key) return;
      if (pairs.length < 2 * USED_PER_MEMORY) pairs.push(service, key);
    };
    for (let slot = 0; slot < this.#before.size; slot++)
      put(this.#before.keyA(slot), this.#before.keyB(slot), this.#beforeKey[slot] ?? 0);
    for (let slot = 0; slot < this.#used.size; slot++) {
      const key = addressKey(this.#context.addresses, this.#used.keyC(slot));
      if (key !== 0) put(this.#used.keyA(slot), this.#used.keyB(slot), key);
    }
    return found;
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

  #open(event: DetectEvent, isLearning: boolean, nowMs: number): number {
    const { book } = this.#context;
    const { fromDevice } = event;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const what = `${isLearning ? 'usually ' : ''}${fromDevice ? 'reaches' : 'is-reached'}`;
    // A port scan meets these services by the way.
    if (book.find('portScan', who.text, scanOf(fromDevice, peer))) return 0;
    const known = book.find('lateralContact', who.text, what);
    const met = known instanceof LateralOpening ? known.met : { peers: [], services: [], hasGuarded: false };
    addExample(met.peers, peer);
    addExample(met.services, `${ADMINISTRATIVE.get(event.port) ?? 'tcp'} (tcp/${event.port})`);
    met.hasGuarded ||= this.#isGuarded(event.peer);
    return book.openFinding(
      new LateralOpening(
        met,
        who,
        what,
        { fromDevice, isLearning, wasRefused: event.verdict === VERDICT_REFUSED },
        nowMs,
      ),
      nowMs,
    );
  }
}

/** TCP that opens a connection, or data of one that began before we looked. */
function isOpening(event: DetectEvent): boolean {
  if (event.protocol !== PROTOCOL_TCP) return false;
  const flags = event.tcpFlags & OPENING_MASK;
  return flags === TCP_SYN || (flags === TCP_ACK && event.payloadLength > 0);
}

function hashOf(key: number): number {
  return hash3(key | 0, Math.floor(key / 0x1_0000_0000), 0);
}

interface How {
  readonly fromDevice: boolean;
  readonly isLearning: boolean;
  readonly wasRefused: boolean;
}

/** Whom a device met, and by what, in one finding. */
interface Met {
  readonly peers: string[];
  readonly services: string[];
  hasGuarded: boolean;
}

/** One finding per device and direction; further peers and services are added to it. */
class LateralOpening extends MeetingOpening<Met> {
  readonly detector = 'lateralContact';
  readonly isOnlyTold: boolean;
  readonly #how: How;

  constructor(met: Met, who: Subject, what: string, how: How, nowMs: number) {
    super(what, met, who, how.fromDevice, nowMs);
    this.isOnlyTold = how.isLearning;
    this.#how = how;
  }

  describe(count: number): Description {
    const { peers, services, hasGuarded } = this.met;
    const { fromDevice, isLearning, wasRefused } = this.#how;
    const atMost = peers.length === MAX_EXAMPLES ? 'at least ' : '';
    const others = `${atMost}${oneOrCount(peers, 'neighbours')}`;
    const by = oneOrCount(services, 'administrative services');
    const to = hasGuarded ? 'lateralContact.toDevice' : 'lateralContact.toNeighbour';
    const when = isLearning ? 'while its habits are learnt' : 'for the first time';
    return {
      severity:
        SEVERITY[isLearning ? 'lateralContact.learning' : fromDevice ? to : 'lateralContact.atDevice']
          .severity,
      title: fromDevice
        ? `${this.subject} reaches for ${others} by ${by} ${when}`
        : `${others} reached for ${this.subject} by ${by} ${when}`,
      evidence: {
        kind: hasGuarded ? 'another guarded device' : 'same subnet',
        from: fromDevice ? 'device' : 'network',
        services: [...services],
        peers: [...peers],
        wasRefused,
        habitsAreKnown: !isLearning,
        contacts: count,
      },
      remedy: `It closes an hour after the last contact, and the same pair is not told again. If this is maintenance or meant to be, add an allow entry; if not, ${fromDevice ? `contain ${this.subject}: this is how an intruder moves on` : `find out who uses ${others}`}.`,
    };
  }
}
