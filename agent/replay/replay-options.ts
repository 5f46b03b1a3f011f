/** What a replay is told: thresholds, who the devices are, and who wants to see what. */
import type { AddressTable } from '../detect/address-table.js';
import type { DetectEvent } from '../detect/event.js';
import type { DetectSettings } from '../detect/settings.js';
import type { Finding } from '../messages/vocabulary.js';
import type { PacketView } from '../packet/view.js';
import type { ReplayDevices } from './replay-devices.js';

/** Detectors that have a learning time of their own for what a device is used to. */
export const LEARNING = [
  'unfamiliarPeer',
  'unfamiliarService',
  'unfamiliarNetwork',
  'lateralContact',
] as const;

/** What may be said about a first packet instead of "observed". */
export type Judge = (event: DetectEvent, addresses: AddressTable) => number;

export interface ReplayOptions {
  readonly settings: DetectSettings;
  readonly devices: ReplayDevices;
  readonly onFinding: (finding: Finding) => void;
  readonly judge?: Judge;
  /** Sees what the detectors are fed, before them; copies what it wants to keep. */
  readonly onEvent?: (event: Readonly<DetectEvent>, addresses: AddressTable) => void;
  /** The time of every packet or record. */
  readonly onTime?: (nowMs: number) => void;
  /** Every datagram (UDP) that a device, by its number, gets as an answer; `bytes` hold the packet. */
  readonly onAnswer?: (deviceId: number, view: PacketView, bytes: Uint8Array) => void;
  /** A power of two. */
  readonly flowCapacity?: number;
}
