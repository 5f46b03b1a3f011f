/**
 * All detectors as one: fed by the enforcer with every first packet and refusal, asked about once a second. What they
 * find is told when finding-life.ts says so. Pure; the only room of agent/detect that the enforcer needs to know.
 */
import type { Finding } from '../messages/vocabulary.js';
import type { AddressTable } from './address-table.js';
import type { DetectContext, Detector, DeviceLabel } from './detector.js';
import type { DetectEvent } from './event.js';
import { FindingBook } from './finding-book.js';
import { createHostSweepDetector } from './host-sweep.js';
import { createPortScanDetector } from './port-scan.js';
import type { DetectSettings } from './settings.js';
import { createSpoofingDetector } from './spoofing.js';
import { createBeaconDetector } from './beacon.js';
import { createDnsTunnelDetector } from './dns-tunnel.js';
import { createIcmpTunnelDetector } from './icmp-tunnel.js';
import { createProtocolMismatchDetector } from './protocol-mismatch.js';
import { createVolumeDetector } from './volume.js';
import { createArpSpoofDetector } from './arp-spoof.js';
import { createBruteForceDetector } from './brute-force.js';
import { createConnectionBurstDetector } from './connection-burst.js';
import { createDeviceSilentDetector } from './device-silent.js';
import { createFailedConnectionsDetector } from './failed-connections.js';
import { createLateralContactDetector } from './lateral-contact.js';
import { createRogueServerDetector } from './rogue-server.js';
import { createWormSpreadDetector } from './worm-spread.js';
import { FamiliarPeers, createUnfamiliarPeerDetector } from './unfamiliar-peer.js';

export interface DetectionOptions {
  readonly addresses: AddressTable;
  readonly describe: (deviceId: number) => DeviceLabel;
}

export interface Detection {
  /** Findings opened or told again because of this event; mostly none, and then nothing is allocated. */
  observe(event: DetectEvent, nowMs: number): readonly Finding[];
  /** Detectors whose findings the last observed event opened or added to, as bits (see verdict.ts). */
  readonly touched: number;
  /** Updates and closings that are due. */
  tick(nowMs: number): readonly Finding[];
  /** Other thresholds: windows begin anew, open findings and what is familiar stay. */
  useSettings(settings: DetectSettings): void;
  /** Gives back what was remembered of devices' peers; returns how many were. */
  restoreFamiliar(
    devices: readonly {
      readonly device: string;
      readonly sinceMs: number;
      readonly peers: readonly string[];
    }[],
  ): number;
  open(): readonly Finding[];
  counters(): Readonly<Record<string, number>>;
}

export function createDetection(settings: DetectSettings, options: DetectionOptions): Detection {
  const book = new FindingBook();
  const context: DetectContext = { ...options, book };
  const familiar = new FamiliarPeers();
  let current = settings;
  let detectors = createDetectors(context, settings, familiar);
  return {
    observe(event, nowMs) {
      book.touched = 0;
      for (const detector of detectors) detector.observe(event, nowMs);
      return book.take();
    },
    get touched() {
      return book.touched;
    },
    tick(nowMs) {
      for (const detector of detectors) detector.tick(nowMs);
      book.tick(nowMs);
      return book.take();
    },
    useSettings(next) {
      if (JSON.stringify(next) === JSON.stringify(current)) return;
      current = next;
      detectors = createDetectors(context, next, familiar);
    },
    restoreFamiliar: (devices) => familiar.restore(devices, current.unfamiliarPeer.peersPerDevice),
    open: () => book.list(),
    counters: () =>
      Object.assign(
        { 'findings.refused': book.refused, 'findings.folded': book.folded },
        ...detectors.map((detector) => detector.counters()),
      ) as Record<string, number>,
  };
}

function createDetectors(
  context: DetectContext,
  settings: DetectSettings,
  familiar: FamiliarPeers,
): readonly Detector[] {
  return [
    createPortScanDetector(context, settings.portScan),
    createHostSweepDetector(context, settings.hostSweep),
    createUnfamiliarPeerDetector(context, settings.unfamiliarPeer, familiar),
    createSpoofingDetector(context, settings.spoofing),
    createFailedConnectionsDetector(context, settings.failedConnections),
    createWormSpreadDetector(context, settings.wormSpread),
    createConnectionBurstDetector(context, settings.connectionBurst),
    createBruteForceDetector(context, settings.bruteForce),
    createLateralContactDetector(context, settings.lateralContact),
    createArpSpoofDetector(context, settings.arpSpoof),
    createRogueServerDetector(context, settings.rogueServer),
    createDeviceSilentDetector(context, settings.deviceSilent),
    createBeaconDetector(context, settings.beacon),
    createVolumeDetector(context, settings.volume),
    createDnsTunnelDetector(context, settings.dnsTunnel),
    createIcmpTunnelDetector(context, settings.icmpTunnel),
    createProtocolMismatchDetector(context, settings.protocolMismatch),
  ];
}
