/**
 * All detectors as one: fed by the enforcer with every first packet and refusal, asked about once a second. What they
 * find is told when finding-life.ts says so. Pure; the only room of agent/detect that the enforcer needs to know.
 */
import type { Finding } from '../messages/vocabulary.js';
import { addressKeyOfText, subnetKeyOfText } from './address-key.js';
import type { AddressTable } from './address-table.js';
import type { DetectContext, Detector, DeviceLabel } from './detector.js';
import {
  createDetectors,
  observeEnd,
  observeFirstPacket,
  observePayload,
  type Detectors,
} from './detectors.js';
import { EVENT_END, EVENT_IP, EVENT_KINDS, EVENT_PAYLOAD, type DetectEvent } from './event.js';
import { Familiar } from './habit/familiar.js';
import { FindingBook } from './finding-book.js';
import type { Memory } from './memory.js';
import type { DetectSettings } from './settings.js';
import { MAX_NETWORKS_KEPT } from './habit/unfamiliar-network.js';
import { MAX_PEERS_KEPT } from './habit/unfamiliar-peer.js';
import { MAX_SERVICES_KEPT } from './habit/unfamiliar-service.js';

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
  let turns = turnsOf(createDetectors(context, settings, familiar));
  const give = (memories: readonly Memory[], nowMs: number): number => {
    let given = 0;
    for (const memory of memories) {
      const detector = turns.all.find(({ name }) => name === memory.detector);
      if (!detector?.restore) continue;
      detector.restore(memory, nowMs);
      given++;
    }
    return given;
  };
  const take = (isAll: boolean): Memory[] =>
    turns.all.flatMap((detector) => [...(detector.memories?.(isAll) ?? [])]);
  return {
    observe(event, nowMs) {
      book.touched = 0;
      if (event.kind === EVENT_IP) observeFirstPacket(turns.named, event, nowMs);
      else if (event.kind === EVENT_END) observeEnd(turns.named, event, nowMs);
      else if (event.kind === EVENT_PAYLOAD) observePayload(turns.named, event, nowMs);
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
      turns = turnsOf(createDetectors(context, next, familiar));
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
        ...turns.all.map((detector) => detector.counters()),
      ) as Record<string, number>,
  };
}

const NOBODY: readonly Detector[] = [];

/** Who is called when, always in the order of the list: most detectors look at one kind of event, and few have anything to do in between. */
interface Turns {
  readonly named: Detectors;
  readonly all: readonly Detector[];
  /** By kind of event. */
  readonly seeing: readonly (readonly Detector[])[];
  readonly ticking: readonly Detector[];
  readonly timed: readonly Detector[];
}

function turnsOf(named: Detectors): Turns {
  const all = Object.values(named).filter((detector) => detector !== null);
  return {
    named,
    all,
    seeing: Array.from({ length: EVENT_KINDS }, (_, kind) =>
      all.filter(({ kinds }) => (kinds & (1 << kind)) !== 0),
    ),
    ticking: all.filter((detector) => detector.tick !== undefined),
    timed: all.filter((detector) => detector.dueMs !== undefined),
  };
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
      // Who opened it was not kept: see unfamiliar-peer.ts.
      const subnet = subnetKeyOfText(text);
      if (!Number.isNaN(subnet) && !circle.known.has(subnet)) familiar.add(circle, subnet, peersPerDevice);
    }
  }
  return restored;
}
