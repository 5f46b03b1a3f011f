/**
 * From a decoded packet to who it is about and what it says: chooses the parser by ethertype, port and first bytes. Called for captured frames and
 * for the first packets of connections, never for each packet of a flow: what it returns has strings in it. Never throws, whatever the bytes.
 */
import { formatAddress, formatMac } from '../packet/format.js';
import {
  LAYER_ARP,
  LAYER_ETHERNET,
  LAYER_ICMPV6,
  LAYER_IPV4,
  LAYER_IPV6,
  LAYER_TCP,
  LAYER_UDP,
  type PacketView,
} from '../packet/view.js';
import { CONFIDENCE, NO_OBSERVATIONS, type Observation } from './observation.js';
import { isBacnetFrame, readBacnetFrame } from './wire/read-bacnet.js';
import { isCdp, readCdp } from './wire/read-cdp.js';
import { readDhcp4 } from './wire/read-dhcp4.js';
import { ETHERTYPE_LLDP, readLldp } from './wire/read-lldp.js';
import { readArpClaim, readNeighbourClaim, type Claim } from './wire/read-neighbours.js';
import { readExposure } from './read-exposure.js';
import { readTcpSyn } from './wire/read-tcp-syn.js';
import { readTcpPayload, readUdpPayload } from './read-payload.js';

/** One party of a packet, and what the packet says of it. */
export interface Sighting {
  /** Null where the party is behind a router, or the link has no addresses. */
  readonly mac: string | null;
  readonly address: string | null;
  /** The party itself said that this address is its own: ARP, neighbour discovery, DHCP. */
  readonly isClaimed: boolean;
  readonly observations: readonly Observation[];
}

const NOTHING: readonly Sighting[] = [];
const DHCP4_SERVER = 67;
const DHCP4_CLIENT = 68;

/** `isAnswer`: the packet is known to come from the end that was contacted. */
export function readPacket(view: PacketView, bytes: Uint8Array, isAnswer = false): readonly Sighting[] {
  if ((view.layers & LAYER_ARP) !== 0) return fromClaim(readArpClaim(view));
  if ((view.layers & (LAYER_IPV4 | LAYER_IPV6)) !== 0) return readIpPacket(view, bytes, isAnswer);
  if ((view.layers & LAYER_ETHERNET) === 0 || view.payloadOffset < 0) return NOTHING;
  const start = view.payloadOffset;
  const end = start + view.payloadLength;
  const mac = macOf(view.srcMacHigh, view.srcMacLow);
  if (mac === null) return NOTHING;
  if (view.etherType === ETHERTYPE_LLDP) return [said(mac, null, readLldp(bytes, start, end))];
  if (view.etherType < 1536 && isCdp(bytes, start, end)) return [said(mac, null, readCdp(bytes, start, end))];
  if (view.etherType < 1536 && isBacnetFrame(bytes, start, end))
    return [said(mac, null, readBacnetFrame(bytes, start, end))];
  return [said(mac, null, NO_OBSERVATIONS)];
}

function readIpPacket(view: PacketView, bytes: Uint8Array, isAnswer: boolean): readonly Sighting[] {
  // A later fragment's bytes are from the middle of something: no parser may take them for a beginning.
  if (view.isFragment && !view.isFirstFragment) return NOTHING;
  const start = view.payloadOffset;
  const end = start + view.payloadLength;
  if ((view.layers & LAYER_ICMPV6) !== 0 && start >= 0) {
    const claim = readNeighbourClaim(view, bytes, start, end);
    if (claim !== null) return fromClaim(claim);
  }
  const isUdp = (view.layers & LAYER_UDP) !== 0;
  if (isUdp && isDhcp4(view)) return fromDhcp(view, bytes, start, end);
  const mac = isRouted(view) ? null : macOf(view.srcMacHigh, view.srcMacLow);
  const address = addressOf(view, true);
  if (address === null && mac === null) return NOTHING;
  let observations = NO_OBSERVATIONS;
  if (isUdp && view.payloadLength > 0) observations = readUdpPayload(view, bytes, start, end);
  if ((view.layers & LAYER_TCP) !== 0) {
    const syn = readTcpSyn(view, bytes);
    observations = view.payloadLength > 0 ? [...syn, ...readTcpPayload(view, bytes, start, end)] : syn;
  }
  const receiver = addressOf(view, false);
  observations = [...observations, ...readExposure(view, bytes, address, receiver, isAnswer)];
  const ofReceiver = observations.filter(({ about }) => about === 'receiver');
  const sender = said(mac, address, ofReceiver.length === 0 ? observations : without(observations));
  return ofReceiver.length === 0 || receiver === null ? [sender] : [sender, said(null, receiver, ofReceiver)];
}

function without(observations: readonly Observation[]): readonly Observation[] {
  return observations.filter(({ about }) => about === undefined);
}

function said(mac: string | null, address: string | null, observations: readonly Observation[]): Sighting {
  return { mac, address, isClaimed: false, observations };
}

function fromClaim(claim: Claim | null): readonly Sighting[] {
  if (claim === null) return NOTHING;
  const { mac, address, source, isRouter } = claim;
  const observations: Observation[] = [
    { field: 'address', value: address, source, confidence: CONFIDENCE.own },
  ];
  if (isRouter)
    observations.push({ field: 'role', value: 'router', source, confidence: CONFIDENCE.declared });
  return [{ mac, address, isClaimed: true, observations }];
}

function isDhcp4(view: PacketView): boolean {
  return (
    view.family === 4 &&
    (view.dstPort === DHCP4_SERVER || view.dstPort === DHCP4_CLIENT) &&
    (view.srcPort === DHCP4_SERVER || view.srcPort === DHCP4_CLIENT)
  );
}

/** A server's message is about the client that it names, and says that its sender is a server. */
function fromDhcp(view: PacketView, bytes: Uint8Array, start: number, end: number): readonly Sighting[] {
  const reading = readDhcp4(bytes, start, end);
  if (reading === null) return NOTHING;
  const { mac, address, observations } = reading;
  if (isGroupMac(mac) || mac === NO_MAC) return NOTHING;
  const known: Observation[] =
    address === null
      ? []
      : [{ field: 'address', value: address, source: 'dhcp4.address', confidence: CONFIDENCE.own }];
  const client = { mac, address, isClaimed: address !== null, observations: [...known, ...observations] };
  if (!reading.isReply) return [client];
  const role: Observation = {
    field: 'role',
    value: 'DHCP server',
    source: 'dhcp4.server',
    confidence: CONFIDENCE.declared,
  };
  const serverMac = isRouted(view) ? null : macOf(view.srcMacHigh, view.srcMacLow);
  return [client, said(serverMac, addressOf(view, true), [role])];
}

const NO_MAC = '00:00:00:00:00:00';

function isGroupMac(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

function macOf(high: number, low: number): string | null {
  if ((high & 0x010000) !== 0 || (high === 0 && low === 0)) return null;
  return formatMac(high, low);
}

/** Hop limits that stacks begin with, for packets to one receiver. */
const INITIAL_HOP_LIMITS = new Set([30, 32, 60, 64, 128, 255]);

/**
 * A hop limit that no stack begins with has met a router: the frame's sender is that router and not the packet's. Multicast and broadcast start with
 * other values and do not leave the link.
 */
function isRouted(view: PacketView): boolean {
  const isToGroup = (view.dstMacHigh & 0x010000) !== 0;
  return !isToGroup && !INITIAL_HOP_LIMITS.has(view.hopLimit);
}

/** Null for the unspecified address, multicast and broadcast. */
function addressOf(view: PacketView, isSource: boolean): string | null {
  const [w0, w1, w2, w3] = isSource
    ? [view.src0, view.src1, view.src2, view.src3]
    : [view.dst0, view.dst1, view.dst2, view.dst3];
  const first = w0 >>> 24;
  const isUsable =
    view.family === 4 ? first !== 0 && first < 224 && first !== 127 : w0 !== 0 && first !== 0xff;
  return isUsable ? formatAddress(view.family, w0, w1, w2, w3) : null;
}
