/**
 * How much each device exchanged with whom, from the kernel's ends of connections. Summed between flushes, because a busy
 * device ends thousands of connections a second and the agent writes to an SD card.
 */
import type { ConntrackRecord } from '../netlink/conntrack.js';
import type { FlowEnd } from '../messages/vocabulary.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../packet/view.js';
import { addressFromBytes } from '../policy/address.js';
import { deviceOfMark } from '../ruleset/marks.js';

/** Distinct (device, its address, peer, protocol, port) between two flushes; the rest is counted. */
export const MAX_PENDING_FLOW_ENDS = 5_000;

type Sum = { -readonly [K in keyof FlowEnd]: FlowEnd[K] };

export class FlowEnds {
  #sums = new Map<string, Sum>();
  dropped = 0;

  add(record: Readonly<ConntrackRecord>, nameOf: (deviceId: number) => string | null, nowMs: number): void {
    const marked = deviceOfMark(record.mark);
    if (!marked) return;
    const { original, buffer, addressBytes } = record;
    const port = portOf(record);
    const addressAt = (offset: number): Uint8Array => buffer.subarray(offset, offset + addressBytes);
    const ends = `${buffer.toString('latin1', original.sourceOffset, original.sourceOffset + addressBytes)}${buffer.toString('latin1', original.destinationOffset, original.destinationOffset + addressBytes)}`;
    const key = `${record.mark}/${record.protocol}/${port}/${ends}`;
    let sum = this.#sums.get(key);
    if (!sum) {
      if (this.#sums.size >= MAX_PENDING_FLOW_ENDS) {
        this.dropped += 1;
        return;
      }
      const source = addressFromBytes(addressAt(original.sourceOffset)).text;
      const destination = addressFromBytes(addressAt(original.destinationOffset)).text;
      sum = {
        device: nameOf(marked.deviceId),
        deviceAddress: marked.opened ? source : destination,
        from: marked.opened ? 'device' : 'network',
        peer: marked.opened ? destination : source,
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
    // The kernel counts from the opener; here out is away from the device.
    sum.bytesOut += Math.max(0, marked.opened ? record.bytesOut : record.bytesIn);
    sum.bytesIn += Math.max(0, marked.opened ? record.bytesIn : record.bytesOut);
    sum.packetsOut += Math.max(0, marked.opened ? record.packetsOut : record.packetsIn);
    sum.packetsIn += Math.max(0, marked.opened ? record.packetsIn : record.packetsOut);
    sum.lastMs = nowMs;
  }

  take(): FlowEnd[] {
    const taken = [...this.#sums.values()];
    this.#sums = new Map();
    return taken;
  }
}

function portOf({ protocol, original }: Readonly<ConntrackRecord>): number {
  const isIcmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
  return isIcmp ? original.icmpType * 256 + original.icmpCode : original.destinationPort;
}
