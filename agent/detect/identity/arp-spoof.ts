/**
 * Lies told in ARP and in IPv6's neighbour discovery that passed (tap and router mode, or the network side): RFC 826 believes everybody,
 * RFC 4861 does (section 11.1). Two MACs that claim one address in turns; answers that nobody asked for, again and again (how caches are
 * poisoned: Whalen, "An Introduction to ARP Spoofing", 2001); one MAC that takes over several addresses. Probes (RFC 5227, sender address
 * 0), announcements, and the virtual MACs of failover protocols (VRRP, RFC 9568 section 7.3; CARP, HSRP, GLBP, NLB) are none, and neither
 * is an address that moves away and back, announced both times. Two MACs numbered as the ports of one machine are told less loudly: bonding
 * answers with both (Linux's balance-alb), and so do two cables into one network. What the kernel refused is told by spoofing.ts.
 */
import { ARP_REPLY } from '../../packet/decode-arp.js';
import { formatMac } from '../../packet/format.js';
import { addressOr, describeSubject, MAX_EXAMPLES, type DetectContext, type Detector } from '../detector.js';
import { EVENT_ARP, isArpRequest, VERDICT_REFUSED, type DetectEvent, SEES_ARP } from '../event.js';
import { FanOut } from '../fan-out.js';
import type { Description } from '../finding-book.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

const ADDRESSES = 4_096;
/** (asker, address): who asked for whom, and how often it was answered since. */
const PAIRS = 8_192;
const CLAIMS = 4_096;
const CLAIMS_PER_MAC = 256;
const QUIET_MS = 900_000;
/** Ports of one machine answer in turns for as long as it runs: once a day is enough. */
const PORTS_QUIET_MS = 86_400_000;
/** A maker numbers the ports of a machine one after the other: so far apart, at most. */
const PORTS_APART = 8;
/** Changes that are announced (RFC 5227 section 2.3) are a failover, and the way back is two; flapping is not. */
const ANNOUNCED_TIMES = 2;

export function createArpSpoofDetector(
  context: DetectContext,
  settings: DetectSettings['arpSpoof'],
): Detector {
  return new ArpSpoof(context, settings);
}

interface Lie {
  readonly kind: 'contested' | 'unsolicited' | 'impersonates';
  readonly subject: string;
  readonly peer: string | null;
  readonly extra?: string;
  readonly quietMs?: number;
  /** The first that counts, and how many there were. */
  readonly since: { readonly ms: number; readonly count: number };
}

class ArpSpoof implements Detector {
  readonly name = 'arpSpoof';
  readonly kinds = SEES_ARP;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['arpSpoof'];
  readonly #windowMs: number;
  // By address: who claims it now, since when it was last said, who claimed it before.
  readonly #addresses = new SlotTable(ADDRESSES);
  readonly #macHigh = new Int32Array(ADDRESSES);
  readonly #macLow = new Int32Array(ADDRESSES);
  readonly #saidMs = new Float64Array(ADDRESSES);
  readonly #beforeHigh = new Int32Array(ADDRESSES);
  readonly #beforeLow = new Int32Array(ADDRESSES);
  readonly #changes = new Int32Array(ADDRESSES);
  readonly #firstChangeMs = new Float64Array(ADDRESSES);
  readonly #contested = new Int32Array(ADDRESSES);
  /** The same by two ports of one machine: open for long, and must not hide a third one. */
  readonly #contestedByPorts = new Int32Array(ADDRESSES);
  readonly #pairs = new SlotTable(PAIRS);
  readonly #unasked = new Int32Array(PAIRS);
  readonly #firstUnaskedMs = new Float64Array(PAIRS);
  readonly #unsolicited = new Int32Array(PAIRS);
  /** Addresses that a MAC took over from another. */
  readonly #taken: FanOut;

  constructor(context: DetectContext, settings: DetectSettings['arpSpoof']) {
    this.#context = context;
    this.#settings = settings;
    this.#windowMs = settings.windowSeconds * 1000;
    this.#taken = new FanOut(this.#windowMs, { members: CLAIMS, membersPerGroup: CLAIMS_PER_MAC });
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_ARP || event.verdict === VERDICT_REFUSED || event.macHigh < 0) return;
    const sender = event.fromDevice ? event.local : event.peer;
    const target = event.fromDevice ? event.peer : event.local;
    if (!this.#context.addresses.isHost(sender)) return;
    if (isArpRequest(event)) this.#unasked[this.#pair(sender, target)] = 0;
    this.#claim(event, sender, sender === target, nowMs);
    if (event.port === ARP_REPLY && sender !== target) this.#answer(event, sender, target, nowMs);
  }

  tick(nowMs: number): void {
    this.#taken.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'arpSpoof.evicted': this.#addresses.evicted + this.#pairs.evicted + this.#taken.evicted,
      'arpSpoof.beyondLimit': this.#taken.beyondLimit,
    };
  }

  #pair(asker: number, address: number): number {
    const slot = this.#pairs.intern(asker, address, 0);
    if (this.#pairs.isNew) {
      this.#unasked[slot] = 0;
      this.#unsolicited[slot] = 0;
    }
    return slot;
  }

  #claim(event: DetectEvent, sender: number, isAnnouncement: boolean, nowMs: number): void {
    const slot = this.#addresses.intern(sender, 0, 0);
    if (this.#addresses.isNew) {
      this.#changes[slot] = 0;
      this.#contested[slot] = 0;
      this.#contestedByPorts[slot] = 0;
      this.#beforeHigh[slot] = -1;
      this.#beforeLow[slot] = -1;
      this.#take(slot, event, nowMs);
      return;
    }
    const high = this.#macHigh[slot] ?? 0;
    const low = this.#macLow[slot] ?? 0;
    if (high === event.macHigh && low === event.macLow) {
      this.#saidMs[slot] = nowMs;
      return;
    }
    const isSoon = nowMs - (this.#saidMs[slot] ?? 0) <= this.#windowMs;
    const isFailover = isVirtual(high, low) || isVirtual(event.macHigh, event.macLow);
    if (isSoon && !isFailover) {
      this.#change(slot, event, sender, isAnnouncement, nowMs);
      if (!isAnnouncement && !arePorts(high, low, event)) this.#takeOver(event, sender, nowMs);
    }
    this.#beforeHigh[slot] = high;
    this.#beforeLow[slot] = low;
    this.#take(slot, event, nowMs);
  }

  #take(slot: number, event: DetectEvent, nowMs: number): void {
    this.#macHigh[slot] = event.macHigh;
    this.#macLow[slot] = event.macLow;
    this.#saidMs[slot] = nowMs;
  }

  /** One change is a moved address; the way back within the window is two that claim it. */
  #change(slot: number, event: DetectEvent, sender: number, isAnnouncement: boolean, nowMs: number): void {
    const isWayBack = this.#beforeHigh[slot] === event.macHigh && this.#beforeLow[slot] === event.macLow;
    const changes = this.#changes[slot] ?? 0;
    const isOld = changes === 0 || nowMs - (this.#firstChangeMs[slot] ?? 0) > this.#windowMs;
    if (isOld) this.#firstChangeMs[slot] = nowMs;
    this.#changes[slot] = isOld ? 1 : changes + 1;
    const leastChanges = this.#settings.changes * (isAnnouncement ? ANNOUNCED_TIMES : 1);
    if (!isWayBack || (this.#changes[slot] ?? 0) < leastChanges) return;
    const isPorts = arePorts(this.#macHigh[slot] ?? 0, this.#macLow[slot] ?? 0, event);
    const findings = isPorts ? this.#contestedByPorts : this.#contested;
    const id = findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    findings[slot] = this.#openContested(slot, event, sender, isPorts, nowMs);
  }

  #openContested(slot: number, event: DetectEvent, sender: number, isPorts: boolean, nowMs: number): number {
    const protocol = protocolOf(event);
    const address = addressOr(this.#context, sender);
    const one = formatMac(event.macHigh, event.macLow);
    const other = formatMac(this.#macHigh[slot] ?? 0, this.#macLow[slot] ?? 0);
    const since = { ms: this.#firstChangeMs[slot] ?? nowMs, count: this.#changes[slot] ?? 1 };
    const lie = { kind: 'contested', subject: address, peer: address, since } as const;
    const ports = { extra: 'ports', quietMs: PORTS_QUIET_MS };
    return this.#open(isPorts ? { ...lie, ...ports } : lie, event, nowMs, (count) => ({
      severity: SEVERITY[isPorts ? 'arpSpoof.ports' : 'arpSpoof.contested'].severity,
      title: `${one} and ${other}${isPorts ? ', numbered like ports of one machine,' : ''} both claim ${address} in ${protocol}`,
      evidence: {
        kind: 'contested',
        address,
        macs: [one, other].sort(),
        changes: count,
        thresholdChanges: this.#settings.changes,
        windowSeconds: this.#settings.windowSeconds,
      },
      remedy: isPorts
        ? `It closes a day after the last change. If ${address} has two ports in this network (bonding, two cables), nothing is to do; if not, one of them intercepts traffic: take it off the network.`
        : `It closes 15 min after the last change. Find the owner of ${address}; the other one has a wrong address configured, or intercepts traffic: take it off the network.`,
    }));
  }

  #takeOver(event: DetectEvent, sender: number, nowMs: number): void {
    const taken = this.#taken;
    const group = taken.add(event.macHigh, event.macLow, 0, sender, nowMs);
    const id = taken.finding(group);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    if (taken.distinct(group) < this.#settings.addressesTaken) return;
    const mac = formatMac(event.macHigh, event.macLow);
    const serial = taken.serial(group);
    const protocol = protocolOf(event);
    const since = { ms: taken.firstMs(group), count: taken.events(group) };
    const lie = { kind: 'impersonates', subject: mac, peer: null, since } as const;
    taken.setFinding(
      group,
      this.#open(lie, event, nowMs, () => {
        if (taken.serial(group) !== serial) return null;
        const addresses = taken.examples(group, MAX_EXAMPLES);
        return {
          severity: SEVERITY['arpSpoof.impersonates'].severity,
          title: `${mac} took over ${taken.peak(group)} addresses of others in ${protocol}`,
          evidence: {
            kind: 'impersonates',
            mac,
            addresses: addresses.map((ticket) => addressOr(this.#context, ticket)),
            addressesTaken: taken.peak(group),
            thresholdAddresses: this.#settings.addressesTaken,
            windowSeconds: this.#settings.windowSeconds,
          },
          remedy:
            'It closes 15 min after the last claim. If these addresses moved to this host (a failover, a hypervisor), nothing is to do; if not, take it off the network: it intercepts traffic.',
        };
      }),
    );
  }

  #answer(event: DetectEvent, sender: number, target: number, nowMs: number): void {
    if (isVirtual(event.macHigh, event.macLow) || !this.#context.addresses.isHost(target)) return;
    const slot = this.#pair(target, sender);
    const before = this.#unasked[slot] ?? 0;
    const isOld = before === 0 || nowMs - (this.#firstUnaskedMs[slot] ?? 0) > this.#windowMs;
    if (isOld) this.#firstUnaskedMs[slot] = nowMs;
    this.#unasked[slot] = isOld ? 1 : before + 1;
    if ((this.#unasked[slot] ?? 0) < this.#settings.unsolicitedReplies) return;
    const id = this.#unsolicited[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    const mac = formatMac(event.macHigh, event.macLow);
    const victim = addressOr(this.#context, target);
    const address = addressOr(this.#context, sender);
    const since = { ms: this.#firstUnaskedMs[slot] ?? nowMs, count: this.#unasked[slot] ?? 1 };
    const lie = { kind: 'unsolicited', subject: mac, peer: victim, extra: address, since } as const;
    this.#unsolicited[slot] = this.#open(lie, event, nowMs, (count) => ({
      severity: SEVERITY['arpSpoof.unsolicited'].severity,
      title: `${mac} keeps telling ${victim} that it is ${address}; nobody asks`,
      evidence: {
        kind: 'unsolicited',
        mac,
        claimedAddress: address,
        toldTo: victim,
        unsolicitedReplies: count,
        thresholdReplies: this.#settings.unsolicitedReplies,
        windowSeconds: this.#settings.windowSeconds,
      },
      remedy: `It closes 15 min after the last such reply. If ${mac} is a failover or monitoring product that does this by design, raise detect.arpSpoof.unsolicitedReplies; if not, take it off the network: this is how address caches are poisoned.`,
    }));
  }

  #open(
    lie: Lie,
    event: DetectEvent,
    nowMs: number,
    describe: (count: number) => Description | null,
  ): number {
    const { kind, subject, peer, extra, since, quietMs = QUIET_MS } = lie;
    const who = event.fromDevice ? describeSubject(this.#context, event) : null;
    return this.#context.book.openFinding(
      {
        detector: 'arpSpoof',
        subject,
        what: [kind, peer, extra].filter((part) => part != null).join(':'),
        device: kind === 'contested' ? null : (who?.device ?? null),
        deviceMac: kind === 'contested' ? null : formatMac(event.macHigh, event.macLow),
        peer,
        quietMs,
        firstMs: since.ms,
        count: since.count,
        describe,
      },
      nowMs,
    );
  }
}

function protocolOf(event: DetectEvent): string {
  return event.family === 6 ? 'neighbour discovery' : 'ARP';
}

/** The MAC of the event and this one differ by what the ports of one machine differ. */
function arePorts(high: number, low: number, event: DetectEvent): boolean {
  return high === event.macHigh && Math.abs(low - event.macLow) <= PORTS_APART;
}

/** MACs that belong to a group of routers or servers, not to one machine. */
function isVirtual(high: number, low: number): boolean {
  switch (high) {
    case 0x00005e: // VRRP and CARP: 00:00:5e:00:01:xx, IPv6 00:00:5e:00:02:xx
      return low >>> 8 === 1 || low >>> 8 === 2;
    case 0x00000c: // HSRP 00:00:0c:07:ac:xx, version 2 00:00:0c:9f:fx:xx
      return low >>> 8 === 0x07ac || low >>> 12 === 0x9ff;
    case 0x000573: // HSRP for IPv6 00:05:73:a0:0x:xx
      return low >>> 12 === 0xa00;
    case 0x0007b4: // GLBP 00:07:b4:00:xx:xx
      return low >>> 16 === 0;
    default:
      // Network Load Balancing: 02:bf:…, 03:bf:…
      return high >>> 8 === 0x02bf || high >>> 8 === 0x03bf;
  }
}
