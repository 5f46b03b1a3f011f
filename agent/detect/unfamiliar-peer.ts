/**
 * A device whose circle is settled talks with somebody new. For the learning time after a device was first seen every peer
 * becomes familiar in silence; after it a new one is told once, and is familiar from then on. Only what went through counts:
 * refused contacts are told as refusals. Group addresses, ICMP errors and neighbour discovery are no acquaintance.
 */
import { addressBytes, parseAddress } from '../policy/address.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector, type Subject } from './detector.js';
import {
  EVENT_IP,
  isIcmpRequest,
  serviceOf,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  type DetectEvent,
} from './event.js';
import type { Description, Opening } from './finding-book.js';
import type { LearntDevice, PeerMemory } from './peer-memory.js';
import { serviceText } from './probes.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';

/** A new peer that was not seen again for this long: the finding closes. */
const QUIET_MS = 3_600_000;
/** New acquaintances that wait to be taken by `takeNew`; more are counted and only in the snapshot. */
const MAX_NEW = 8_192;

/** What a device remembers, as the agent keeps it over a restart. */
export interface FamiliarDevice {
  readonly device: string;
  readonly sinceMs: number;
  readonly peers: readonly string[];
}

export interface NewPeer {
  readonly device: string;
  readonly peer: string;
}

export class UnfamiliarPeer implements Detector {
  readonly name = 'unfamiliarPeer';
  readonly #context: DetectContext;
  readonly #memory: PeerMemory;
  readonly #learnMs: number;
  readonly #peersPerDevice: number;
  #new: NewPeer[] = [];
  #newDropped = 0;
  #forgotten = 0;
  #unlearnt = 0;

  constructor(context: DetectContext, memory: PeerMemory, settings: DetectSettings['unfamiliarPeer']) {
    this.#context = context;
    this.#memory = memory;
    this.#learnMs = settings.learnSeconds * 1000;
    this.#peersPerDevice = settings.peersPerDevice;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_IP || event.deviceId <= UNKNOWN_DEVICE || event.verdict === VERDICT_REFUSED)
      return;
    const isIcmp = event.protocol === PROTOCOL_ICMP || event.protocol === PROTOCOL_ICMPV6;
    if (isIcmp && !isIcmpRequest(event)) return;
    const { addresses, book } = this.#context;
    if (!addresses.isHost(event.peer)) return;
    const slot = this.#find(event.deviceId, event.peer);
    if (slot >= 0) {
      const id = this.#memory.finding(slot);
      if (id !== 0 && !book.touch(id, nowMs)) this.#memory.setFinding(slot, 0);
      return;
    }
    this.#meet(event, nowMs);
  }

  tick(): void {
    // Nothing here ages: what a device knows, it knows.
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'unfamiliarPeer.notRemembered': this.#forgotten,
      'unfamiliarPeer.devicesNotLearnt': this.#unlearnt,
      'unfamiliarPeer.newNotTaken': this.#newDropped,
    };
  }

  /** Who became familiar since the last call, so that the agent can keep it. */
  takeNew(): readonly NewPeer[] {
    const taken = this.#new;
    this.#new = [];
    return taken;
  }

  /** All that is remembered of devices that have a name. */
  snapshot(): FamiliarDevice[] {
    const peers = this.#memory.export();
    const devices: FamiliarDevice[] = [];
    for (const { id, sinceMs } of this.#memory.devices()) {
      const { name } = this.#context.describe(id);
      if (name !== null) devices.push({ device: name, sinceMs, peers: peers.get(id) ?? [] });
    }
    return devices;
  }

  /** Gives back what `snapshot` said. Unknown names and what is no address are passed over; returns the peers restored. */
  restore(devices: readonly FamiliarDevice[], idOf: (name: string) => number | null): number {
    let restored = 0;
    for (const { device, sinceMs, peers } of devices) {
      const id = idOf(device);
      const learnt = id === null ? null : this.#memory.device(id, sinceMs);
      if (!learnt) continue;
      learnt.sinceMs = Math.min(learnt.sinceMs, sinceMs);
      for (const text of peers) if (this.#restorePeer(learnt, text)) restored++;
    }
    return restored;
  }

  #restorePeer(device: LearntDevice, text: string): boolean {
    const address = parseAddress(text);
    if (!address) return false;
    const { buffer, byteLength } = addressBytes(address);
    const view = new DataView(buffer);
    const word = (index: number): number => (index * 4 < byteLength ? view.getUint32(index * 4) : 0);
    const { family } = address;
    if (this.#memory.find(device.id, family, word(0), word(1), word(2), word(3)) >= 0) return true;
    return this.#hasRoom(device) && this.#memory.add(device, family, word(0), word(1), word(2), word(3)) >= 0;
  }

  #find(id: number, peer: number): number {
    const { addresses } = this.#context;
    return this.#memory.find(
      id,
      addresses.family(peer),
      addresses.word(peer, 0),
      addresses.word(peer, 1),
      addresses.word(peer, 2),
      addresses.word(peer, 3),
    );
  }

  #hasRoom(device: LearntDevice): boolean {
    return device.peers < this.#peersPerDevice;
  }

  #meet(event: DetectEvent, nowMs: number): void {
    const { addresses, book } = this.#context;
    const device = this.#memory.device(event.deviceId, nowMs);
    if (!device) {
      this.#unlearnt++;
      return;
    }
    const isLearning = nowMs - device.sinceMs < this.#learnMs;
    const peer = event.peer;
    const slot = this.#hasRoom(device)
      ? this.#memory.add(
          device,
          addresses.family(peer),
          addresses.word(peer, 0),
          addresses.word(peer, 1),
          addresses.word(peer, 2),
          addresses.word(peer, 3),
        )
      : -1;
    const subject = describeSubject(this.#context, event);
    const text = addressOr(this.#context, peer);
    if (slot >= 0) this.#note(subject.device, text);
    else this.#forgotten++;
    if (isLearning) return;
    const opening = new UnfamiliarOpening(subject, text, event, device, this.#learnMs, slot < 0, nowMs);
    const id = book.openFinding(opening, nowMs);
    if (slot >= 0) this.#memory.setFinding(slot, id);
  }

  #note(device: string | null, peer: string): void {
    if (device === null) return;
    if (this.#new.length < MAX_NEW) this.#new.push({ device, peer });
    else this.#newDropped++;
  }
}

class UnfamiliarOpening implements Opening {
  readonly detector = 'unfamiliarPeer';
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string;
  readonly quietMs = QUIET_MS;
  readonly count = 1;
  readonly firstMs: number;
  readonly #service: string;
  readonly #isAllowed: boolean;
  readonly #fromDevice: boolean;
  readonly #device: LearntDevice;
  readonly #learnMs: number;
  readonly #isFull: boolean;

  constructor(
    subject: Subject,
    peer: string,
    event: DetectEvent,
    device: LearntDevice,
    learnMs: number,
    isFull: boolean,
    nowMs: number,
  ) {
    this.subject = subject.text;
    this.device = subject.device;
    this.deviceMac = subject.mac;
    this.peer = peer;
    // A device whose memory is full meets strangers all the time: one finding for all of them.
    this.what = isFull ? 'more-than-remembered' : `peer:${peer}`;
    this.firstMs = nowMs;
    this.#service = serviceText(serviceOf(event));
    this.#isAllowed = event.verdict === VERDICT_ALLOWED;
    this.#fromDevice = event.fromDevice;
    this.#device = device;
    this.#learnMs = learnMs;
    this.#isFull = isFull;
  }

  describe(count: number): Description {
    const evidence = {
      from: this.#fromDevice ? 'device' : 'network',
      firstService: this.#service,
      connections: count,
      isCoveredByPolicy: this.#isAllowed,
      familiarPeers: this.#device.peers,
      learntSinceMs: this.#device.sinceMs,
      learnSeconds: this.#learnMs / 1000,
    };
    if (this.#isFull) {
      return {
        severity: SEVERITY['unfamiliarPeer.many'].severity,
        title: `${this.subject} meets more peers than are remembered of it (${this.#device.peers}); the last was ${this.peer}`,
        evidence,
        remedy:
          'It closes an hour after the last new peer. If the device rightly serves this many, raise detect.unfamiliarPeer.peersPerDevice; if not, find out what it looks for.',
      };
    }
    const title = this.#fromDevice
      ? `${this.subject} talks to ${this.peer} (${this.#service}) for the first time`
      : `${this.peer} talks to ${this.subject} (${this.#service}) for the first time`;
    return {
      severity: SEVERITY[this.#isAllowed ? 'unfamiliarPeer.allowed' : 'unfamiliarPeer.notDecided'].severity,
      title,
      evidence,
      remedy:
        'It closes an hour after the last contact, and this peer is familiar from now on. If it belongs to the device, add an allow entry; if not, enforce the policy or contain the device.',
    };
  }
}
