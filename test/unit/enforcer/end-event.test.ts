import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import { createEvent, EVENT_GOING } from '../../../agent/detect/event.js';
import { fillEnd, fillGoing } from '../../../agent/enforcer/end-event.js';
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
  startedMs: -1,
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

t.test('a connection that goes on lasts since its first packet, and has no outcome', (t) => {
  const event = createEvent();
  const live = { ...record, durationMs: -1, startedMs: 1_000_000.25 };
  t.ok(fillGoing(event, live, createAddressTable(), 1_060_000));
  t.match(event, { kind: EVENT_GOING, durationMs: 60_000, outcome: 0, packetsOut: 9, bytesOut: 900 });
  t.ok(fillGoing(event, { ...live, startedMs: -1 }, createAddressTable(), 1_060_000));
  t.equal(event.durationMs, 0, 'a kernel that does not tell the time');
  t.notOk(fillGoing(event, { ...live, mark: 0 }, createAddressTable(), 1_060_000), 'of no device');
  t.end();
});
