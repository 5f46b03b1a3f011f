import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import { createEvent } from '../../../agent/detect/event.js';
import { fillEnd } from '../../../agent/enforcer/end-event.js';
import type { ConntrackRecord } from '../../../agent/netlink/conntrack.js';
import { FIRST_DEVICE_ID, OPENED } from '../../../agent/ruleset/marks.js';

const tuple = {
  sourceOffset: 0,
  destinationOffset: 4,
  sourcePort: 40_000,
  destinationPort: 22,
  icmpType: 8,
  icmpCode: 0,
  icmpId: 1,
};
const record: ConntrackRecord = {
  family: 4,
  addressBytes: 4,
  buffer: Buffer.from([10, 0, 0, 1, 10, 0, 0, 2]),
  protocol: 6,
  original: tuple,
  reply: tuple,
  zone: 0,
  mark: OPENED | FIRST_DEVICE_ID,
  id: 1,
  status: 2 | 4,
  timeoutSeconds: -1,
  tcpState: 7,
  packetsOut: 9,
  bytesOut: 900,
  packetsIn: 9,
  bytesIn: 900,
  durationMs: 122_345.678_9,
};

t.test('a connection lasted until its last packet, not until the kernel forgot it', (t) => {
  const lasted = (change: Partial<ConntrackRecord>): number => {
    const event = createEvent();
    t.ok(fillEnd(event, { ...record, ...change }, createAddressTable()));
    return event.durationMs;
  };
  t.equal(lasted({}), 2_346, 'TIME_WAIT lasts 120 s; whole milliseconds');
  t.equal(lasted({ tcpState: 8, durationMs: 12_000 }), 2_000, 'reset');
  t.equal(lasted({ tcpState: 3, durationMs: 600_000 }), 600_000, 'deleted while it lived');
  t.equal(lasted({ tcpState: 7, durationMs: 40_000 }), 0, 'evicted early');
  t.equal(lasted({ tcpState: -1, durationMs: 5_000 }), 5_000, 'a kernel that does not tell the state');
  t.equal(lasted({ protocol: 17, status: 2 | 4, durationMs: 121_000 }), 1_000, 'UDP, answered');
  t.equal(lasted({ protocol: 17, status: 0, durationMs: 31_000 }), 1_000, 'UDP, one way');
  t.equal(lasted({ protocol: 1, durationMs: 30_500 }), 500, 'ICMP');
  t.end();
});
