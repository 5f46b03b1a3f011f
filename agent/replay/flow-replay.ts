/**
 * Records of a flow log into the events of their first packets and their ends, in order of time. Logs are written in order of ends
 * or starts, so all of it is kept and sorted: bounded.
 */
import type { FlowRecord } from '../capture/flow-record.js';
import {
  createEvent,
  EVENT_END,
  EVENT_IP,
  UNKNOWN_DEVICE,
  VERDICT_OBSERVED,
  type DetectEvent,
} from '../detect/event.js';
import { ROUTER_ADVERTISEMENT } from '../packet/neighbour.js';
import { NONE, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../packet/view.js';
import { addressBytes, type Address } from '../policy/address.js';
import { createEnd, NOT_OURS, type ReplayDevices } from './replay-devices.js';
import type { Replay } from './replay.js';

/** About 400 bytes each. */
const MAX_FLOW_RECORDS = 1_000_000;

interface Moment {
  readonly atMs: number;
  readonly connection: Connection;
  readonly isEnd: boolean;
}

interface Connection {
  readonly record: FlowRecord;
  /** Of its first packet; the end has the same. */
  verdict: number;
}

export class FlowReplay {
  /** Records beyond the limit. */
  dropped = 0;
  readonly #moments: Moment[] = [];
  readonly #event = createEvent();
  readonly #source = createEnd();
  readonly #destination = createEnd();

  add(record: FlowRecord): void {
    if (this.#moments.length >= 2 * MAX_FLOW_RECORDS) {
      this.dropped++;
      return;
    }
    const connection: Connection = { record, verdict: VERDICT_OBSERVED };
    this.#moments.push({ atMs: record.startMs, connection, isEnd: false });
    this.#moments.push({ atMs: record.startMs + record.durationMs, connection, isEnd: true });
  }

  /** Feeds everything; the caller ends the replay. */
  run(replay: Replay, devices: ReplayDevices): void {
    // A start comes before its own end: sorting is stable.
    this.#moments.sort((a, b) => a.atMs - b.atMs);
    for (const { atMs, connection, isEnd } of this.#moments) {
      replay.advanceTo(atMs);
      if (!isEnd) replay.flowRecords++;
      if (!this.#fill(replay, devices, connection.record, isEnd)) {
        if (!isEnd) replay.notOurs++;
        continue;
      }
      const event = this.#event;
      if (isEnd) event.verdict = connection.verdict;
      else {
        replay.judge(event);
        connection.verdict = event.verdict;
      }
      replay.observe(event);
    }
  }

  #fill(replay: Replay, devices: ReplayDevices, record: FlowRecord, isEnd: boolean): boolean {
    fillEnd(this.#source, record.source);
    fillEnd(this.#destination, record.destination);
    const found = devices.ofConnection(this.#source, this.#destination);
    // As in replay.ts: whoever leases addresses or advertises routes is the network, where nobody said who the devices are.
    const device = !devices.isNamed && found > 0 && isNetworkServer(record) ? -UNKNOWN_DEVICE : found;
    if (device === NOT_OURS) return false;
    const event = this.#event;
    const { addresses } = replay;
    const from = this.#source;
    const to = this.#destination;
    const source = addresses.intern(from.family, from.w0, from.w1, from.w2, from.w3);
    const destination = addresses.intern(to.family, to.w0, to.w1, to.w2, to.w3);
    const isFromDevice = device > 0;
    event.kind = isEnd ? EVENT_END : EVENT_IP;
    event.deviceId = Math.abs(device);
    event.fromDevice = isFromDevice;
    event.family = from.family;
    event.local = isFromDevice ? source : destination;
    event.peer = isFromDevice ? destination : source;
    event.protocol = record.protocol;
    fillPorts(event, record);
    event.tcpFlags = record.tcpFlags;
    event.verdict = VERDICT_OBSERVED;
    event.reason = 0;
    event.outcome = isEnd ? record.outcome : 0;
    event.bytesOut = isEnd ? (isFromDevice ? record.sourceBytes : record.destinationBytes) : 0;
    event.bytesIn = isEnd ? (isFromDevice ? record.destinationBytes : record.sourceBytes) : 0;
    event.packetsOut = isEnd ? (isFromDevice ? record.sourcePackets : record.destinationPackets) : 0;
    event.packetsIn = isEnd ? (isFromDevice ? record.destinationPackets : record.sourcePackets) : 0;
    event.durationMs = isEnd ? record.durationMs : 0;
    return true;
  }
}

function isNetworkServer({ protocol, sourcePort, destinationPort }: FlowRecord): boolean {
  if (protocol === PROTOCOL_ICMPV6) return sourcePort === ROUTER_ADVERTISEMENT;
  if (protocol !== PROTOCOL_UDP) return false;
  return (sourcePort === 67 && destinationPort === 68) || (sourcePort === 547 && destinationPort === 546);
}

function fillPorts(event: DetectEvent, record: FlowRecord): void {
  const isIcmp = record.protocol === PROTOCOL_ICMP || record.protocol === PROTOCOL_ICMPV6;
  event.srcPort = isIcmp ? NONE : record.sourcePort;
  event.port = isIcmp ? record.sourcePort * 256 + record.destinationPort : record.destinationPort;
}

function fillEnd(end: ReturnType<typeof createEnd>, address: Address): void {
  const bytes = addressBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => (index * 4 < bytes.length ? view.getUint32(index * 4) : 0);
  end.family = address.family;
  end.w0 = word(0);
  end.w1 = word(1);
  end.w2 = word(2);
  end.w3 = word(3);
  end.mac = -1;
}
