/**
 * What the kernel logs becomes evidence: each logged packet is decoded once, shown to the detectors and merged into what
 * is told upstream. This is the enforcer's hot path; it allocates nothing per packet that can be counted, and it never
 * changes the kernel.
 */
import { createAddressTable, NO_ADDRESS } from '../detect/address-table.js';
import {
  EVENT_ARP,
  EVENT_PAYLOAD,
  VERDICT_REFUSED,
  createEvent,
  fillEvent,
  type DetectEvent,
} from '../detect/event.js';
import { claimMac } from '../detect/identity/neighbour-event.js';
import type { DeviceLabel } from '../detect/detector.js';
import { detectorBit, detectorsThat, verdictOf, type Verdict } from '../detect/verdict.js';
import type { Detection } from '../detect/registry.js';
import type { DetectorName } from '../detect/settings.js';
import { createDetection } from '../detect/registry.js';
import type { EventMessage } from '../messages/enforcer-messages.js';
import type { Finding } from '../messages/vocabulary.js';
import type { ConntrackRecord } from '../netlink/conntrack.js';
import type { KernelPacket } from '../netlink/kernel-packet.js';
import type { NflogPacket } from '../netlink/nflog.js';
import type { QueuedPacket } from '../netlink/nfqueue-codec.js';
import { parseAddress, type Address } from '../policy/address.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import { decodeArp } from '../packet/decode-arp.js';
import { decodeIp } from '../packet/decode-ip.js';
import { u24 } from '../packet/read.js';
import { NONE, createPacketView } from '../packet/view.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { DEVICE_MASK, ESSENTIAL, OPENED, SIDE_DEVICE, UNKNOWN_DEVICE_ID } from '../ruleset/marks.js';
import { fillEnd, fillGoing } from './end-event.js';
import {
  ANNOUNCED_INDEX,
  ANSWER_INDEX,
  DATA_INDEX,
  FIRST_REFUSED_ANSWER,
  IDENTITY_INDEX,
  LEARN_INDEX,
  LYING,
  NEW_INDEX,
  REASONS,
  REFUSED_BY_DETECTOR,
  VERDICTS,
  WATCHED_INDEX,
} from './log-prefixes.js';
import { Identification } from './identification.js';
import { verdictOfPacket } from './mark-verdict.js';
import { SeenDevices } from './seen-devices.js';
import { createSummaries } from './summaries.js';

const ETHERTYPE_ARP = 0x0806;
/** Claims of addresses waiting to be looked at; a flood of them is thinned. */
const MAX_CLAIMS = 256;
const NOBODY: DeviceLabel = { name: null, mac: null };

export interface Claim {
  readonly device: string;
  readonly address: Address;
}

export interface EvidenceOptions {
  readonly now: () => number;
  readonly portName: (ifindex: number) => string | null;
  /** A detector that may contain found something in what this device itself sent. May be called again for one finding. */
  readonly onContain: (device: string, finding: Finding) => void;
}

export class Evidence {
  readonly #options: EvidenceOptions;
  readonly #view = createPacketView();
  readonly #event = createEvent();
  readonly #addresses = createAddressTable();
  readonly #summaries = createSummaries(this.#addresses);
  readonly #seen = new SeenDevices();
  #detection: Detection | null = null;
  #findings: Extract<EventMessage, { event: 'findings' }>['items'] = [];
  #ids: DeviceIds = new Map();
  /** Of every id its name and first MAC; made once, as it is asked for with every first packet. */
  #labels = new Map<number, DeviceLabel>();
  #idByMac = new Map<number, number>();
  #claims = new Map<string, Claim>();
  /** Detectors that may refuse, and contain, as bits. */
  #refusing = 0;
  #containing = 0;
  /** What devices are; read apart from verdicts. */
  readonly identification: Identification;
  undecodable = 0;
  claimsDropped = 0;
  findingsDropped = 0;

  constructor(options: EvidenceOptions) {
    this.#options = options;
    this.identification = new Identification({
      nameOf: (id) => this.nameOf(id),
      portName: options.portName,
    });
  }

  /** Another policy is in force: other names, other thresholds. What detectors remember of a device stays. */
  usePolicy(policy: Policy, ids: DeviceIds): void {
    this.#ids = ids;
    this.#labels = new Map();
    this.#idByMac = new Map();
    for (const [name, id] of ids) {
      const macs = ownValue(policy.devices, name)?.identity.macs ?? [];
      this.#labels.set(id, { name, mac: macs[0] ?? null });
      for (const mac of macs) this.#idByMac.set(macNumberOf(mac), id);
    }
    this.#refusing = detectorsThat('refuse', policy.detect);
    this.#containing = detectorsThat('contain', policy.detect);
    if (this.#detection) this.#detection.useSettings(policy.detect, this.#options.now());
    else
      this.#detection = createDetection(policy.detect, {
        describe: (id) => this.#labels.get(id) ?? NOBODY,
        idOf: (name) => this.#ids.get(name) ?? 0,
        addresses: this.#addresses,
      });
  }

  get detection(): Detection {
    if (!this.#detection) throw new Error('evidence needs a policy first');
    return this.#detection;
  }

  nameOf(deviceId: number): string | null {
    return this.#labels.get(deviceId)?.name ?? null;
  }

  /** Called for every logged packet, with the reader's reused struct. What is logged was decided by the kernel. */
  packet(packet: Readonly<NflogPacket>): void {
    const nowMs = this.#options.now();
    const prefix = packet.prefixIndex;
    if (prefix < 0) {
      this.undecodable += 1;
      return;
    }
    if (prefix === ANNOUNCED_INDEX) {
      this.#announced(packet, nowMs);
      return;
    }
    const isRefusedAnswer = prefix >= FIRST_REFUSED_ANSWER;
    const isAnswer = prefix === ANSWER_INDEX || isRefusedAnswer;
    const reason = REASONS[prefix] ?? 0;
    const isData = prefix === DATA_INDEX || prefix === ANSWER_INDEX;
    const verdict = isData ? verdictOfPacket(packet.mark) : (VERDICTS[prefix] ?? VERDICT_REFUSED);
    this.#fill(packet, verdict, reason, nowMs, isAnswer);
    if (isRefusedAnswer) {
      // The rest of a connection that was stopped: it is listed under the one who opened it, and nobody's new contact.
      asOpened(this.#event);
      this.#summaries.add(this.#event, nowMs);
      return;
    }
    if (!LYING.has(reason)) this.#identify(packet, prefix, isAnswer, nowMs);
    if (prefix === IDENTITY_INDEX || prefix === WATCHED_INDEX) {
      if (this.#event.kind === EVENT_ARP) claimMac(this.#event, this.#view, packet.buffer);
      this.#observe(nowMs);
      return;
    }
    if (isData) {
      asPayload(this.#event, isAnswer);
      this.#observe(nowMs);
      return;
    }
    if (prefix === LEARN_INDEX) {
      this.#claim(this.#event.macHigh * 0x1000000 + this.#event.macLow);
      return;
    }
    this.#observe(nowMs);
    this.#summaries.add(this.#event, nowMs);
  }

  /** Called for every first packet that the kernel holds, and says what becomes of it. */
  held(packet: Readonly<QueuedPacket>): Verdict {
    const { mark, receivedMs: nowMs } = packet;
    this.#fill(packet, verdictOfPacket(mark), 0, nowMs, false);
    this.#identify(packet, NEW_INDEX, false, nowMs);
    this.#observe(nowMs);
    const verdict = verdictOf(this.#event, this.detection.touched, this.#refusing, (mark & ESSENTIAL) !== 0);
    if (verdict.verdict === 'refuse') {
      this.#event.verdict = VERDICT_REFUSED;
      this.#event.reason = REFUSED_BY_DETECTOR;
    }
    this.#summaries.add(this.#event, nowMs);
    return verdict;
  }

  /** `isAnswer`: sent by the end that was contacted. The mark says who opened the connection, not who sent this packet. */
  #fill(
    packet: Readonly<KernelPacket>,
    verdict: number,
    reason: number,
    nowMs: number,
    isAnswer: boolean,
  ): void {
    const view = this.#view;
    const problem =
      packet.hwProtocol === ETHERTYPE_ARP
        ? decodeArp(view, packet.buffer, packet.payloadOffset, packet.payloadLength)
        : decodeIp(view, packet.buffer, packet.payloadOffset, packet.payloadLength);
    if (problem > 1) this.undecodable += 1;
    const fromDevice = ((packet.mark & (OPENED | SIDE_DEVICE)) !== 0) !== isAnswer;
    let macHigh = NONE;
    let macLow = NONE;
    if (packet.hwAddrLength === 6) {
      macHigh = u24(packet.buffer, packet.hwAddrOffset);
      macLow = u24(packet.buffer, packet.hwAddrOffset + 3);
    }
    if (packet.hwHeaderLength >= 6) {
      view.dstMacHigh = u24(packet.buffer, packet.hwHeaderOffset);
      view.dstMacLow = u24(packet.buffer, packet.hwHeaderOffset + 3);
    }
    const markedId = packet.mark & DEVICE_MASK;
    // Layer 2 refusals carry no device: the sender's MAC says who it was.
    const deviceId =
      markedId !== 0
        ? markedId
        : ((fromDevice ? this.#idByMac.get(macHigh * 0x1000000 + macLow) : undefined) ?? UNKNOWN_DEVICE_ID);
    const event = this.#event;
    fillEvent(
      event,
      view,
      this.#addresses,
      deviceId,
      fromDevice,
      verdict,
      reason,
      macHigh,
      macLow,
      packet.buffer,
    );
    if (fromDevice && event.macHigh !== NONE) this.#note(packet, deviceId, nowMs);
  }

  /** Logged at ports of the device side only, before anything stamped it. */
  #announced(packet: Readonly<KernelPacket>, nowMs: number): void {
    if (packet.hwAddrLength !== 6) return;
    const sender = packet.buffer.readUIntBE(packet.hwAddrOffset, 6);
    const deviceId = this.#idByMac.get(sender) ?? UNKNOWN_DEVICE_ID;
    this.identification.note(packet, ANNOUNCED_INDEX, true, false, deviceId, nowMs);
  }

  #identify(packet: Readonly<KernelPacket>, prefix: number, isAnswer: boolean, nowMs: number): void {
    const { fromDevice, deviceId, macHigh, macLow } = this.#event;
    // The answer of a guarded device to another one: its own MAC says so.
    const answering = isAnswer && !fromDevice ? this.#idByMac.get(macHigh * 0x1000000 + macLow) : undefined;
    const isDevice = fromDevice || answering !== undefined;
    this.identification.note(packet, prefix, isDevice, isAnswer, answering ?? deviceId, nowMs);
  }

  #observe(nowMs: number): void {
    const findings = this.detection.observe(this.#event, nowMs);
    if (findings.length > 0) this.#found(findings);
  }

  #found(findings: readonly Finding[]): void {
    for (const finding of findings) {
      this.#keep(finding);
      // Who only looks at a device must not be able to have it contained.
      if (
        this.#event.fromDevice &&
        finding.device !== null &&
        finding.state === 'open' &&
        finding.severity !== 'info' &&
        (detectorBit(finding.detector as DetectorName) & this.#containing) !== 0
      )
        this.#options.onContain(finding.device, finding);
    }
  }

  /** Called for every connection that ended, with the reader's reused struct. */
  connectionEnd(record: Readonly<ConntrackRecord>): void {
    if (!fillEnd(this.#event, record, this.#addresses)) return;
    this.#observe(this.#options.now());
  }

  /** Called now and then for every connection of many packets that goes on, with the reader's reused struct. */
  connectionGoesOn(record: Readonly<ConntrackRecord>): void {
    const nowMs = this.#options.now();
    if (fillGoing(this.#event, record, this.#addresses, nowMs)) this.#observe(nowMs);
  }

  /** Events for the agent since the last call. */
  flush(): EventMessage[] {
    const nowMs = this.#options.now();
    for (const finding of this.detection.tick(nowMs)) this.#keep(finding);
    const events: EventMessage[] = [];
    const connections = this.#summaries.take(
      (id) => this.nameOf(id),
      (id) => this.#labels.get(id)?.mac ?? null,
    );
    if (connections.length > 0) events.push({ event: 'connections', items: connections });
    const devices = this.#seen.take(nowMs);
    for (let start = 0; start < devices.length; start += 1000)
      events.push({ event: 'devices', items: devices.slice(start, start + 1000) });
    const evidence = this.identification.take();
    if (evidence.length > 0) events.push({ event: 'evidence', items: [...evidence] });
    if (this.#findings.length > 0) events.push({ event: 'findings', items: this.#findings });
    this.#findings = [];
    return events;
  }

  /** Addresses that devices were seen to use and that nobody owns yet. */
  takeClaims(): readonly Claim[] {
    const claims = [...this.#claims.values()];
    this.#claims = new Map();
    return claims;
  }

  dropped(): Record<string, number> {
    return {
      undecodablePackets: this.undecodable,
      connectionSummaries: this.#summaries.dropped(),
      seenDevices: this.#seen.dropped,
      addressClaims: this.claimsDropped,
      findings: this.findingsDropped,
      ...this.identification.dropped(),
      ...this.detection.counters(),
    };
  }

  #note(packet: Readonly<KernelPacket>, deviceId: number, nowMs: number): void {
    const { macHigh, macLow } = this.#event;
    const port = this.#options.portName(packet.physInIfindex === 0 ? packet.inIfindex : packet.physInIfindex);
    // A refused packet proves no address: it may be the spoofed one.
    const address = this.#event.verdict === VERDICT_REFUSED ? NO_ADDRESS : this.#event.local;
    this.#seen.note(macHigh, macLow, this.nameOf(deviceId), port, address, this.#addresses, nowMs);
  }

  #claim(macNumber: number): void {
    const device = this.nameOf(this.#idByMac.get(macNumber) ?? UNKNOWN_DEVICE_ID);
    const text = this.#addresses.text(this.#event.local);
    const address = text === null ? null : parseAddress(text);
    if (device === null || address === null || this.#claims.has(address.text)) return;
    if (this.#claims.size >= MAX_CLAIMS) this.claimsDropped += 1;
    else this.#claims.set(address.text, { device, address });
  }

  #keep(finding: Extract<EventMessage, { event: 'findings' }>['items'][number]): void {
    if (this.#findings.length >= 1000) this.findingsDropped += 1;
    else this.#findings.push(finding);
  }
}

function asPayload(event: DetectEvent, isAnswer: boolean): void {
  event.kind = EVENT_PAYLOAD;
  if (isAnswer) asOpened(event);
}

/** An answer, with ports and direction as its connection was opened with. Its MAC is not the opener's. */
function asOpened(event: DetectEvent): void {
  event.isReply = true;
  event.macHigh = NONE;
  event.macLow = NONE;
  event.fromDevice = !event.fromDevice;
  const { srcPort } = event;
  event.srcPort = event.port;
  event.port = srcPort;
}

function macNumberOf(mac: string): number {
  return Number.parseInt(mac.replaceAll(':', ''), 16);
}
