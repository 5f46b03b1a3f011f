/**
 * All detectors as one: fed by the enforcer with every first packet and refusal, asked about once a second. What they
 * find is told when finding-life.ts says so. Pure; the only room of agent/detect that the enforcer needs to know.
 */
import type { Finding } from '../messages/vocabulary.js';
import { addressKeyOfText } from './address-key.js';
import type { AddressTable } from './address-table.js';
import type { DetectContext, Detector, DeviceLabel } from './detector.js';
import { EVENT_IP, EVENT_KINDS, type DetectEvent } from './event.js';
import { Familiar } from './familiar.js';
import { FindingBook } from './finding-book.js';
import type { Memory } from './memory.js';
import { createHostSweepDetector } from './host-sweep.js';
import { createPortScanDetector } from './port-scan.js';
import type { DetectorName, DetectSettings } from './settings.js';
import { createSpoofingDetector } from './spoofing.js';
import { createBeaconDetector } from './beacon.js';
import { createDnsTunnelDetector } from './dns-tunnel.js';
import { createIcmpTunnelDetector } from './icmp-tunnel.js';
import { createProtocolMismatchDetector } from './protocol-mismatch.js';
import { createVolumeDetector } from './volume.js';
import { createArpSpoofDetector } from './arp-spoof.js';
import { createBruteForceDetector } from './brute-force.js';
import { createConnectionBurstDetector } from './connection-burst.js';
import { createDgaDetector } from './dga.js';
import { createDeviceSilentDetector } from './device-silent.js';
import { createEncryptedDnsDetector } from './encrypted-dns.js';
import { createFailedConnectionsDetector } from './failed-connections.js';
import { createLateralContactDetector } from './lateral-contact.js';
import { createOutlierDetector } from './outlier.js';
import { createRogueServerDetector } from './rogue-server.js';
import { createWormSpreadDetector } from './worm-spread.js';
import { createUnfamiliarNetworkDetector, MAX_NETWORKS_KEPT } from './unfamiliar-network.js';
import { createUnfamiliarPeerDetector, MAX_PEERS_KEPT } from './unfamiliar-peer.js';
import { createUnfamiliarServiceDetector, MAX_SERVICES_KEPT } from './unfamiliar-service.js';

export interface DetectionOptions {
  readonly addresses: AddressTable;
  readonly describe: (deviceId: number) => DeviceLabel;
  /** The number of a device by its name, 0 for one that is not known; without it no memories can be given back. */
  readonly idOf?: (device: string) => number;
}

export interface Detection {
  /** Findings opened or told again because of this event; mostly none, and then nothing is allocated. */
  observe(event: DetectEvent, nowMs: number): readonly Finding[];
  /** Detectors whose findings the last observed event opened or added to, as bits (see verdict.ts). */
  readonly touched: number;
  /** Updates and closings that are due. */
  tick(nowMs: number): readonly Finding[];
  /** Before this time `tick` tells nothing and may be left out, but for one before the next event. Changes with every event and tick. */
  dueMs(): number;
  /** Other thresholds: windows begin anew, open findings, what is familiar and memories stay. */
  useSettings(settings: DetectSettings, nowMs: number): void;
  /** Gives back what was remembered of devices' peers; returns how many were. */
  restoreFamiliar(
    devices: readonly {
      readonly device: string;
      readonly sinceMs: number;
      readonly peers: readonly string[];
    }[],
  ): number;
  /** What detectors learnt since the last call, for the agent's store. Cold path. */
  memories(): Memory[];
  /** Gives memories back; returns how many were of a detector that is on. */
  restoreMemories(memories: readonly Memory[], nowMs: number): number;
  open(): readonly Finding[];
  counters(): Readonly<Record<string, number>>;
}

export function createDetection(settings: DetectSettings, options: DetectionOptions): Detection {
  const book = new FindingBook();
  const context: DetectContext = { ...options, book };
  const familiar = {
    peers: new Familiar(MAX_PEERS_KEPT),
    services: new Familiar(MAX_SERVICES_KEPT),
    networks: new Familiar(MAX_NETWORKS_KEPT),
  };
  let current = settings;
  let named = createDetectors(context, settings, familiar);
  let detectors = listOf(named);
  let turns = turnsOf(detectors);
  const give = (memories: readonly Memory[], nowMs: number): number => {
    let given = 0;
    for (const memory of memories) {
      const detector = detectors.find(({ name }) => name === memory.detector);
      if (!detector?.restore) continue;
      detector.restore(memory, nowMs);
      given++;
    }
    return given;
  };
  const take = (isAll: boolean): Memory[] =>
    detectors.flatMap((detector) => [...(detector.memories?.(isAll) ?? [])]);
  return {
    observe(event, nowMs) {
      book.touched = 0;
      if (event.kind === EVENT_IP) observeFirstPacket(named, event, nowMs);
      else {
        const seeing = turns.seeing[event.kind] ?? NOBODY;
        for (let at = 0; at < seeing.length; at++) seeing[at]?.observe(event, nowMs);
      }
      return book.take();
    },
    get touched() {
      return book.touched;
    },
    tick(nowMs) {
      for (const detector of turns.ticking) detector.tick?.(nowMs);
      book.tick(nowMs);
      return book.take();
    },
    dueMs() {
      let dueMs = book.dueMs();
      for (const detector of turns.timed) dueMs = Math.min(dueMs, detector.dueMs?.() ?? dueMs);
      return dueMs;
    },
    useSettings(next, nowMs) {
      if (JSON.stringify(next) === JSON.stringify(current)) return;
      current = next;
      const memories = take(true);
      named = createDetectors(context, next, familiar);
      detectors = listOf(named);
      turns = turnsOf(detectors);
      give(memories, nowMs);
    },
    restoreFamiliar: (devices) =>
      restorePeers(familiar.peers, devices, current.unfamiliarPeer.peersPerDevice),
    memories: () => take(false).filter(({ values }) => values.every(Number.isFinite)),
    restoreMemories: give,
    open: () => book.list(),
    counters: () =>
      Object.assign(
        { 'findings.refused': book.refused, 'findings.folded': book.folded },
        ...detectors.map((detector) => detector.counters()),
      ) as Record<string, number>,
  };
}

const NOBODY: readonly Detector[] = [];

/** By name, in the order in which they are called. */
type Detectors = Readonly<Record<Exclude<DetectorName, 'outlier'>, Detector>> & {
  readonly outlier: Detector | null;
};

/** Who is called when, always in the order of the list: most detectors look at one kind of event, and few have anything to do in between. */
interface Turns {
  /** By kind of event. */
  readonly seeing: readonly (readonly Detector[])[];
  readonly ticking: readonly Detector[];
  readonly timed: readonly Detector[];
}

function turnsOf(detectors: readonly Detector[]): Turns {
  return {
    seeing: Array.from({ length: EVENT_KINDS }, (_, kind) =>
      detectors.filter(({ kinds }) => (kinds & (1 << kind)) !== 0),
    ),
    ticking: detectors.filter((detector) => detector.tick !== undefined),
    timed: detectors.filter((detector) => detector.dueMs !== undefined),
  };
}

/**
 * All that look at the first packet of a connection, in the order of the list. Written out, because such a packet waits meanwhile: V8 cannot
 * know whom one place in a loop calls, and asking anew each time was a twentieth of what a held packet costs.
 */
function observeFirstPacket(to: Detectors, event: DetectEvent, nowMs: number): void {
  to.portScan.observe(event, nowMs);
  to.hostSweep.observe(event, nowMs);
  to.unfamiliarPeer.observe(event, nowMs);
  to.unfamiliarService.observe(event, nowMs);
  to.unfamiliarNetwork.observe(event, nowMs);
  to.spoofing.observe(event, nowMs);
  to.failedConnections.observe(event, nowMs);
  to.wormSpread.observe(event, nowMs);
  to.connectionBurst.observe(event, nowMs);
  to.lateralContact.observe(event, nowMs);
  to.rogueServer.observe(event, nowMs);
  to.deviceSilent.observe(event, nowMs);
  to.beacon.observe(event, nowMs);
  to.dnsTunnel.observe(event, nowMs);
  to.icmpTunnel.observe(event, nowMs);
  to.dga.observe(event, nowMs);
  to.outlier?.observe(event, nowMs);
  to.encryptedDns.observe(event, nowMs);
}

function listOf(named: Detectors): readonly Detector[] {
  return Object.values(named).filter((detector) => detector !== null);
}

function restorePeers(
  familiar: Familiar,
  devices: Parameters<Detection['restoreFamiliar']>[0],
  peersPerDevice: number,
): number {
  let restored = 0;
  for (const { device, sinceMs, peers } of devices) {
    const circle = familiar.circle(device, sinceMs);
    circle.sinceMs = Math.min(circle.sinceMs, sinceMs);
    for (const text of peers) {
      const key = addressKeyOfText(text);
      if (key === null) continue;
      restored += 1;
      if (!circle.known.has(key)) familiar.add(circle, key, peersPerDevice);
    }
  }
  return restored;
}

function createDetectors(
  context: DetectContext,
  settings: DetectSettings,
  familiar: { readonly peers: Familiar; readonly services: Familiar; readonly networks: Familiar },
): Detectors {
  return {
    portScan: createPortScanDetector(context, settings.portScan),
    hostSweep: createHostSweepDetector(context, settings.hostSweep),
    unfamiliarPeer: createUnfamiliarPeerDetector(context, settings.unfamiliarPeer, familiar.peers),
    unfamiliarService: createUnfamiliarServiceDetector(
      context,
      settings.unfamiliarService,
      familiar.services,
    ),
    unfamiliarNetwork: createUnfamiliarNetworkDetector(
      context,
      settings.unfamiliarNetwork,
      familiar.networks,
    ),
    spoofing: createSpoofingDetector(context, settings.spoofing),
    failedConnections: createFailedConnectionsDetector(context, settings.failedConnections),
    wormSpread: createWormSpreadDetector(context, settings.wormSpread),
    connectionBurst: createConnectionBurstDetector(context, settings.connectionBurst),
    bruteForce: createBruteForceDetector(context, settings.bruteForce),
    lateralContact: createLateralContactDetector(context, settings.lateralContact),
    arpSpoof: createArpSpoofDetector(context, settings.arpSpoof),
    rogueServer: createRogueServerDetector(context, settings.rogueServer),
    deviceSilent: createDeviceSilentDetector(context, settings.deviceSilent),
    beacon: createBeaconDetector(context, settings.beacon),
    volume: createVolumeDetector(context, settings.volume),
    dnsTunnel: createDnsTunnelDetector(context, settings.dnsTunnel),
    icmpTunnel: createIcmpTunnelDetector(context, settings.icmpTunnel),
    dga: createDgaDetector(context, settings.dga),
    outlier: settings.outlier.enabled ? createOutlierDetector(context, settings.outlier) : null,
    encryptedDns: createEncryptedDnsDetector(context, settings.encryptedDns),
    protocolMismatch: createProtocolMismatchDetector(context, settings.protocolMismatch),
  };
}
