/** A detection with one named pump, and short ways to say what it is fed. */
import { createAddressTable } from '../../../agent/detect/address-table.js';
import {
  createEvent,
  EVENT_ARP,
  EVENT_END,
  EVENT_IP,
  OUTCOME_NO_ANSWER,
  VERDICT_OBSERVED,
  type DetectEvent,
} from '../../../agent/detect/event.js';
import { createDetection, type Detection } from '../../../agent/detect/registry.js';
import { detectSettings } from '../../../agent/detect/settings.js';
import { finding as findingSchema, type Finding } from '../../../agent/messages/vocabulary.js';

export const PUMP = 2;
export const PUMP_ADDRESS = 0x0a4d000a;
export const START = 1_800_000_000_000;
export const SYN = 2;
/** Nothing is told for being new alone. */
export const WATCHED_LONG = {
  unfamiliarPeer: { learnSeconds: 31_536_000 },
  unfamiliarService: { learnSeconds: 31_536_000 },
  unfamiliarNetwork: { learnSeconds: 31_536_000 },
};

/** Addresses as IPv4 numbers, or four words for IPv6. */
export type Address = number | readonly [number, number, number, number];
export type Change = Partial<Omit<DetectEvent, 'local' | 'peer'>> & { to?: Address; at?: Address };

export interface Scene {
  readonly detection: Detection;
  /** The first packet of a connection. */
  first(change: Change, nowMs: number): void;
  /** The end of one. */
  end(change: Change, nowMs: number): void;
  /** ARP or, with addresses of IPv6, neighbour discovery. */
  arp(operation: number, mac: number, sender: Address, target: Address, nowMs: number, change?: Change): void;
  tick(nowMs: number): void;
  /** Everything told so far. */
  readonly told: Finding[];
  /** What one detector told of open findings. */
  by(detector: string): Finding[];
}

export function createScene(settings: object = {}): Scene {
  const addresses = createAddressTable();
  const detection = createDetection(detectSettings.parse(settings), {
    addresses,
    describe: (id) => ({ name: id >= PUMP ? `pump-${id - 1}` : null, mac: null }),
    idOf: (name) => Number(/^pump-(\d+)$/.exec(name)?.[1] ?? -1) + 1,
  });
  const told: Finding[] = [];
  // What a detector says must fit the message that carries it.
  const keep = (findings: readonly Finding[]): void => {
    for (const finding of findings) told.push(findingSchema.parse(finding));
  };
  const intern = (address: Address): number =>
    typeof address === 'number'
      ? addresses.intern(4, address, 0, 0, 0)
      : addresses.intern(6, address[0], address[1], address[2], address[3]);
  const feed = ({ to = 0x0a4d0001, at = PUMP_ADDRESS, ...change }: Change, nowMs: number): void => {
    const event: DetectEvent = {
      ...createEvent(),
      bytesOut: 0,
      bytesIn: 0,
      packetsOut: 0,
      packetsIn: 0,
      durationMs: 0,
      kind: EVENT_IP,
      deviceId: PUMP,
      fromDevice: true,
      family: typeof to === 'number' ? 4 : 6,
      local: intern(at),
      peer: intern(to),
      protocol: 6,
      srcPort: 40_000,
      port: 104,
      tcpFlags: SYN,
      verdict: VERDICT_OBSERVED,
      ...change,
    };
    keep(detection.observe(event, nowMs));
  };
  return {
    detection,
    told,
    first: feed,
    end: (change, nowMs) => {
      feed({ kind: EVENT_END, tcpFlags: -1, outcome: OUTCOME_NO_ANSWER, ...change }, nowMs);
    },
    arp: (operation, mac, sender, target, nowMs, change = {}) => {
      feed(
        {
          kind: EVENT_ARP,
          protocol: -1,
          srcPort: -1,
          tcpFlags: 0,
          port: operation,
          deviceId: 1,
          macHigh: Math.floor(mac / 0x1000000),
          macLow: mac % 0x1000000,
          at: sender,
          to: target,
          ...change,
        },
        nowMs,
      );
    },
    tick: (nowMs) => {
      keep(detection.tick(nowMs));
    },
    by: (detector) => told.filter((finding) => finding.detector === detector && finding.state === 'open'),
  };
}

/** Deterministic, in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
