/**
 * The enforcer's part of the inventory: packets that may say what a device is are copied aside while they are decided, and read later in small
 * portions, so that no parser ever stands between a packet and its verdict. What was read goes to the agent, which keeps it. Called by evidence.ts
 * (note) and main.ts (work, take). Bounded in every direction.
 */
import { readPacket, type Sighting } from '../inventory/read-packet.js';
import type { DeviceEvidence } from '../messages/vocabulary.js';
import type { KernelPacket } from '../netlink/kernel-packet.js';
import { decodeArp } from '../packet/decode-arp.js';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../packet/decode-ethernet.js';
import { decodeIp } from '../packet/decode-ip.js';
import { u24, u32 } from '../packet/read.js';
import { LAYER_ETHERNET, createPacketView, resetView, type PacketView } from '../packet/view.js';
import { DATA_SNAP_BYTES } from '../policy/default-policy.js';

/** Packets set aside; a power of two. 256 KiB. */
const SLOTS = 256;
/** A packet of the same device, kind, ports and length says the same again: read once in this time. */
const REPEAT_MS = 600_000;
/** A power of two. */
const REMEMBERED = 8_192;
/** For the agent, until the next flush. */
const MAX_PENDING = 1_000;
const MAX_OBSERVATIONS = 40;

interface Slot {
  readonly bytes: Buffer;
  length: number;
  /** As the kernel says it: a number below 1536 for 802.2 (linux/if_ether.h). */
  etherType: number;
  isAnswer: boolean;
  isFromDevice: boolean;
  isToGroup: boolean;
  macHigh: number;
  macLow: number;
  deviceId: number;
  ifindex: number;
  atMs: number;
}

export interface IdentificationOptions {
  readonly nameOf: (deviceId: number) => string | null;
  readonly portName: (ifindex: number) => string | null;
}

export class Identification {
  readonly #options: IdentificationOptions;
  readonly #slots: readonly Slot[] = Array.from({ length: SLOTS }, emptySlot);
  readonly #view = createPacketView();
  readonly #keys = new Uint32Array(REMEMBERED);
  readonly #readMs = new Float64Array(REMEMBERED);
  #first = 0;
  #waiting = 0;
  #pending: DeviceEvidence[] = [];
  /** Packets that found no room, and what was read but could not be told. */
  skipped = 0;
  untold = 0;

  constructor(options: IdentificationOptions) {
    this.#options = options;
  }

  /** On the way of a verdict: copies at most DATA_SNAP_BYTES, allocates nothing. `isFromDevice`: who sent this packet. */
  note(
    packet: Readonly<KernelPacket>,
    prefix: number,
    isFromDevice: boolean,
    isAnswer: boolean,
    deviceId: number,
    nowMs: number,
  ): void {
    const { buffer, payloadOffset, payloadLength, hwAddrOffset } = packet;
    if (payloadLength === 0 || (isFromDevice && packet.hwAddrLength !== 6)) return;
    const hasMac = packet.hwAddrLength === 6;
    const macHigh = hasMac ? u24(buffer, hwAddrOffset) : 0;
    const macLow = hasMac ? u24(buffer, hwAddrOffset + 3) : 0;
    const key = keyOf(packet, prefix, macHigh, macLow);
    const index = key & (REMEMBERED - 1);
    if (this.#keys[index] === key && nowMs - (this.#readMs[index] ?? 0) < REPEAT_MS) return;
    const slot = this.#slots[(this.#first + this.#waiting) & (SLOTS - 1)];
    if (this.#waiting >= SLOTS || slot === undefined) {
      this.skipped += 1;
      return;
    }
    this.#keys[index] = key;
    this.#readMs[index] = nowMs;
    this.#waiting += 1;
    slot.length = buffer.copy(
      slot.bytes,
      0,
      payloadOffset,
      payloadOffset + Math.min(payloadLength, DATA_SNAP_BYTES),
    );
    slot.etherType = packet.hwProtocol;
    slot.isAnswer = isAnswer;
    slot.isFromDevice = isFromDevice;
    slot.isToGroup = packet.hwHeaderLength >= 6 && ((buffer[packet.hwHeaderOffset] ?? 0) & 1) === 1;
    slot.macHigh = macHigh;
    slot.macLow = macLow;
    slot.deviceId = deviceId;
    slot.ifindex = packet.physInIfindex === 0 ? packet.inIfindex : packet.physInIfindex;
    slot.atMs = nowMs;
  }

  /** Off the way: reads up to `limit` of the packets set aside. */
  work(limit: number): void {
    for (let done = 0; done < limit && this.#waiting > 0; done++) {
      const slot = this.#slots[this.#first];
      this.#first = (this.#first + 1) & (SLOTS - 1);
      this.#waiting -= 1;
      if (slot !== undefined) this.#read(slot);
    }
  }

  /** What was read since the last call. */
  take(): readonly DeviceEvidence[] {
    const items = this.#pending;
    this.#pending = [];
    return items;
  }

  dropped(): Record<string, number> {
    return { identificationSkipped: this.skipped, identificationUntold: this.untold };
  }

  #read(slot: Slot): void {
    const view = this.#view;
    if (decode(view, slot) !== 0 && view.layers === 0) return;
    if (slot.etherType !== ETHERTYPE_ARP) {
      view.layers |= LAYER_ETHERNET;
      view.srcMacHigh = slot.macHigh;
      view.srcMacLow = slot.macLow;
      view.dstMacHigh = slot.isToGroup ? 0x01_00_00 : 0;
      view.dstMacLow = 0;
    }
    for (const sighting of readPacket(view, slot.bytes.subarray(0, slot.length), slot.isAnswer))
      if (isOfDevice(sighting, slot)) this.#tell(sighting, slot);
  }

  #tell(sighting: Sighting, slot: Slot): void {
    if (this.#pending.length >= MAX_PENDING) {
      this.untold += 1;
      return;
    }
    const { nameOf, portName } = this.#options;
    const { mac, address, isClaimed, observations } = sighting;
    this.#pending.push({
      mac,
      address,
      isClaimed,
      name: nameOf(slot.deviceId),
      port: slot.isFromDevice ? portName(slot.ifindex) : null,
      atMs: slot.atMs,
      observations: observations
        .slice(0, MAX_OBSERVATIONS)
        .map(({ field, value, source, confidence }) => ({ field, value, source, confidence })),
    });
  }
}

/** A packet that bridges and routers carry, or a frame that only the link knows. */
function decode(view: PacketView, { bytes, length, etherType }: Slot): number {
  if (etherType === ETHERTYPE_ARP) return decodeArp(view, bytes, 0, length);
  if (isIp(etherType)) return decodeIp(view, bytes, 0, length);
  resetView(view);
  view.etherType = etherType;
  view.payloadOffset = 0;
  view.payloadLength = length;
  return 0;
}

/** 0: the kernel did not say, as for what a routed box logs. */
function isIp(etherType: number): boolean {
  return etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6 || etherType === 0;
}

/** Only what is behind the box: what a device sent, and what the other end calls the device that it speaks to. */
function isOfDevice(sighting: Sighting, slot: Slot): boolean {
  if (slot.isFromDevice)
    return sighting.mac !== null || sighting.observations.every((one) => one.about === undefined);
  return sighting.mac === null && sighting.observations.some(({ about }) => about === 'receiver');
}

/** FNV-1a over what makes two packets alike: of a frame that is no packet, all of it, as there are few. */
function keyOf(packet: Readonly<KernelPacket>, prefix: number, macHigh: number, macLow: number): number {
  const { buffer, payloadOffset: at, payloadLength } = packet;
  if (!isIp(packet.hwProtocol) && packet.hwProtocol !== ETHERTYPE_ARP)
    return frameKeyOf(packet, prefix, macHigh, macLow);
  const isIp6 = (buffer[at] ?? 0) >>> 4 === 6;
  const transport = at + (isIp6 ? 40 : ((buffer[at] ?? 0) & 15) * 4);
  const end = at + payloadLength;
  const ports = transport + 4 <= end ? u32(buffer, transport) : 0;
  // The client's port is another one each time.
  const source = ports >>> 16 > 32_767 ? 0 : ports >>> 16;
  const target = (ports & 0xffff) > 32_767 ? 0 : ports & 0xffff;
  let hash = 0x811c9dc5;
  for (let part = 0; part < 6; part++) {
    const value =
      part === 0
        ? macHigh
        : part === 1
          ? macLow
          : part === 2
            ? prefix
            : part === 3
              ? source
              : part === 4
                ? target
                : payloadLength;
    hash = Math.imul(hash ^ value, 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function frameKeyOf(packet: Readonly<KernelPacket>, prefix: number, macHigh: number, macLow: number): number {
  const { buffer, payloadOffset, payloadLength } = packet;
  const end = payloadOffset + Math.min(payloadLength, DATA_SNAP_BYTES);
  let hash = Math.imul(0x811c9dc5 ^ macHigh, 0x01000193);
  hash = Math.imul(hash ^ macLow, 0x01000193);
  hash = Math.imul(hash ^ prefix, 0x01000193);
  for (let at = payloadOffset; at < end; at++) hash = Math.imul(hash ^ (buffer[at] ?? 0), 0x01000193);
  hash ^= hash >>> 15;
  return hash >>> 0;
}

function emptySlot(): Slot {
  return {
    bytes: Buffer.alloc(DATA_SNAP_BYTES),
    length: 0,
    etherType: 0,
    isAnswer: false,
    isFromDevice: false,
    isToGroup: false,
    macHigh: 0,
    macLow: 0,
    deviceId: 0,
    ifindex: 0,
    atMs: 0,
  };
}
