/**
 * How much each device exchanged with whom, from the kernel's ends of connections. Summed between flushes, because a busy
 * device ends thousands of connections a second and the agent writes to an SD card.
 */
import type { ConntrackRecord } from '../netlink/conntrack.js';
import type { FlowEnd } from '../messages/vocabulary.js';
import { addressFromBytes } from '../policy/address.js';
import { deviceOfMark } from '../ruleset/marks.js';

/** Distinct (device, peer, protocol, port) between two flushes; the rest is counted. */
export const MAX_PENDING_FLOW_ENDS = 5_000;

type Sum = { -readonly [K in keyof FlowEnd]: FlowEnd[K] };

export class FlowEnds {
  #sums = new Map<string, Sum>();
  dropped = 0;

  add(record: Readonly<ConntrackRecord>, nameOf: (deviceId: number) => string | null, nowMs: number): void {
    const marked = deviceOfMark(record.mark);
    if (!marked) return;
    const offset = marked.opened ? record.original.destinationOffset : record.original.sourceOffset;
    const key = `${record.mark}/${record.protocol}/${record.original.destinationPort}/${record.buffer.toString('latin1', offset, offset + record.addressBytes)}`;
    let sum = this.#sums.get(key);
    if (!sum) {
      if (this.#sums.size >= MAX_PENDING_FLOW_ENDS) {
        this.dropped += 1;
        return;
      }
      const port = record.original.destinationPort;
      sum = {
        device: nameOf(marked.deviceId),
        from: marked.opened ? 'device' : 'network',
        peer: addressFromBytes(record.buffer.subarray(offset, offset + record.addressBytes)).text,
        protocol: record.protocol,
        port: port > 0 ? port : null,
        flows: 0,
        bytesOut: 0,
        bytesIn: 0,
        packetsOut: 0,
        packetsIn: 0,
        lastMs: nowMs,
      };
      this.#sums.set(key, sum);
    }
    sum.flows += 1;
    sum.bytesOut += Math.max(0, record.bytesOut);
    sum.bytesIn += Math.max(0, record.bytesIn);
    sum.packetsOut += Math.max(0, record.packetsOut);
    sum.packetsIn += Math.max(0, record.packetsIn);
    sum.lastMs = nowMs;
  }

  take(): FlowEnd[] {
    const taken = [...this.#sums.values()];
    this.#sums = new Map();
    return taken;
  }
}
