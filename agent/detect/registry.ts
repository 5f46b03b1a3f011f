/**
 * All detectors as one thing: the enforcer feeds every first packet to `observe` and calls `tick` about once a second; what
 * comes back is to be told. Pure: time is a parameter, and in steady state (nothing to tell) nothing is allocated.
 */
import type { Finding } from '../messages/vocabulary.js';
import { createAddressTable, type AddressTable } from './address-table.js';
import type { DetectContext, Detector, DeviceLabel } from './detector.js';
import type { DetectEvent } from './event.js';
import { FindingBook } from './finding-book.js';
import { createHostSweepDetector } from './host-sweep.js';
import { PeerMemory } from './peer-memory.js';
import { createPortScanDetector } from './port-scan.js';
import type { DetectSettings } from './settings.js';
import { createSpoofingDetector } from './spoofing.js';
import { UnfamiliarPeer, type FamiliarDevice, type NewPeer } from './unfamiliar-peer.js';

export interface DetectionOptions {
  readonly settings: DetectSettings;
  /** How people know a device id above 1. Called when something is told, not per packet. */
  readonly describe: (deviceId: number) => DeviceLabel;
  readonly addresses?: AddressTable;
}

export interface Detection {
  /** Interns the addresses of events: hand it to `fillEvent`. */
  readonly addresses: AddressTable;
  /** One first packet. Returns the findings that it opened: told at once. */
  observe(event: DetectEvent, nowMs: number): readonly Finding[];
  /** Returns updates and closings that are due. */
  tick(nowMs: number): readonly Finding[];
  /** Every finding that is open now. */
  openFindings(): readonly Finding[];
  /** Takes new thresholds. What is open and what is familiar stays; counts begin anew. */
  configure(settings: DetectSettings): void;
  /** Peers that became familiar since the last call. */
  takeNewPeers(): readonly NewPeer[];
  snapshot(): FamiliarDevice[];
  /** Returns how many peers were restored. */
  restore(devices: readonly FamiliarDevice[], idOf: (name: string) => number | null): number;
  /** What was not kept, by name: for `dropped` in the status. */
  counters(): Readonly<Record<string, number>>;
}

export function createDetection({
  settings,
  describe,
  addresses = createAddressTable(),
}: DetectionOptions): Detection {
  const book = new FindingBook();
  const memory = new PeerMemory();
  const context: DetectContext = { addresses, describe, book };
  let unfamiliarPeer = new UnfamiliarPeer(context, memory, settings.unfamiliarPeer);
  let detectors = createDetectors(context, settings, unfamiliarPeer);

  return {
    addresses,
    observe(event, nowMs) {
      for (const detector of detectors) detector.observe(event, nowMs);
      return book.take();
    },
    tick(nowMs) {
      for (const detector of detectors) detector.tick(nowMs);
      book.tick(nowMs);
      return book.take();
    },
    openFindings: () => book.list(),
    configure(next) {
      unfamiliarPeer = new UnfamiliarPeer(context, memory, next.unfamiliarPeer);
      detectors = createDetectors(context, next, unfamiliarPeer);
    },
    takeNewPeers: () => unfamiliarPeer.takeNew(),
    snapshot: () => unfamiliarPeer.snapshot(),
    restore: (devices, idOf) => unfamiliarPeer.restore(devices, idOf),
    counters: () =>
      Object.assign(
        {
          'detect.addressesEvicted': addresses.evicted,
          'detect.findingsRefused': book.refused,
          'detect.findingsFolded': book.folded,
        },
        ...detectors.map((detector) => detector.counters()),
      ) as Record<string, number>,
  };
}

function createDetectors(
  context: DetectContext,
  settings: DetectSettings,
  unfamiliarPeer: UnfamiliarPeer,
): readonly Detector[] {
  return [
    createPortScanDetector(context, settings.portScan),
    createHostSweepDetector(context, settings.hostSweep),
    createSpoofingDetector(context, settings.spoofing),
    unfamiliarPeer,
  ];
}
