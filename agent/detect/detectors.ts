/** Every detector by its name, and who is shown what of a connection. Pure; called by registry.ts. */
import type { DetectContext, Detector } from './detector.js';
import type { DetectEvent } from './event.js';
import type { Familiar } from './habit/familiar.js';
import type { DetectorName, DetectSettings } from './settings.js';
import { createHostSweepDetector } from './scan/host-sweep.js';
import { createPortScanDetector } from './scan/port-scan.js';
import { createSpoofingDetector } from './identity/spoofing.js';
import { createBeaconDetector } from './habit/beacon.js';
import { createDnsTunnelDetector } from './names/dns-tunnel.js';
import { createIcmpTunnelDetector } from './content/icmp-tunnel.js';
import { createProtocolMismatchDetector } from './content/protocol-mismatch.js';
import { createVolumeDetector } from './habit/volume.js';
import { createArpSpoofDetector } from './identity/arp-spoof.js';
import { createBruteForceDetector } from './guess/brute-force.js';
import { createConnectionBurstDetector } from './habit/connection-burst.js';
import { createDgaDetector } from './names/dga.js';
import { createDeviceSilentDetector } from './habit/device-silent.js';
import { createEncryptedDnsDetector } from './names/encrypted-dns.js';
import { createFailedConnectionsDetector } from './scan/failed-connections.js';
import { createLateralContactDetector } from './habit/lateral-contact.js';
import { createOutlierDetector } from './habit/outlier.js';
import { createRogueServerDetector } from './identity/rogue-server.js';
import { createWormSpreadDetector } from './habit/worm-spread.js';
import { createUnfamiliarNetworkDetector } from './habit/unfamiliar-network.js';
import { createUnfamiliarPeerDetector } from './habit/unfamiliar-peer.js';
import { createUnfamiliarServiceDetector } from './habit/unfamiliar-service.js';

/** By name, in the order in which they are called. */
export type Detectors = Readonly<Record<Exclude<DetectorName, 'outlier'>, Detector>> & {
  readonly outlier: Detector | null;
};

/**
 * All that look at the first packet of a connection, in the order of the list. Written out, because such a packet waits meanwhile: V8 cannot
 * know whom one place in a loop calls, and asking anew each time was a twentieth of what a held packet costs.
 */
export function observeFirstPacket(to: Detectors, event: DetectEvent, nowMs: number): void {
  to.portScan.observe(event, nowMs);
  to.hostSweep.observe(event, nowMs);
  to.unfamiliarPeer.observe(event, nowMs);
  to.unfamiliarService.observe(event, nowMs);
  to.unfamiliarNetwork.observe(event, nowMs);
  to.spoofing.observe(event, nowMs);
  to.failedConnections.observe(event, nowMs);
  to.wormSpread.observe(event, nowMs);
  to.connectionBurst.observe(event, nowMs);
  to.bruteForce.observe(event, nowMs);
  to.lateralContact.observe(event, nowMs);
  to.rogueServer.observe(event, nowMs);
  to.deviceSilent.observe(event, nowMs);
  to.beacon.observe(event, nowMs);
  to.dnsTunnel.observe(event, nowMs);
  to.icmpTunnel.observe(event, nowMs);
  to.dga.observe(event, nowMs);
  to.outlier?.observe(event, nowMs);
  to.encryptedDns.observe(event, nowMs);
  to.protocolMismatch.observe(event, nowMs);
}

/** As above, for the first data of a direction. */
export function observePayload(to: Detectors, event: DetectEvent, nowMs: number): void {
  to.portScan.observe(event, nowMs);
  to.bruteForce.observe(event, nowMs);
  to.deviceSilent.observe(event, nowMs);
  to.dnsTunnel.observe(event, nowMs);
  to.encryptedDns.observe(event, nowMs);
  to.protocolMismatch.observe(event, nowMs);
}

/** As above, for the end. */
export function observeEnd(to: Detectors, event: DetectEvent, nowMs: number): void {
  to.portScan.observe(event, nowMs);
  to.hostSweep.observe(event, nowMs);
  to.failedConnections.observe(event, nowMs);
  to.wormSpread.observe(event, nowMs);
  to.connectionBurst.observe(event, nowMs);
  to.bruteForce.observe(event, nowMs);
  to.deviceSilent.observe(event, nowMs);
  to.beacon.observe(event, nowMs);
  to.volume.observe(event, nowMs);
  to.dnsTunnel.observe(event, nowMs);
  to.icmpTunnel.observe(event, nowMs);
  to.outlier?.observe(event, nowMs);
}

export function createDetectors(
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
