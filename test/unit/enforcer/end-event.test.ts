import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import {
  createEvent,
  EVENT_GOING,
  OUTCOME_ANSWERED,
  OUTCOME_NO_ANSWER,
  OUTCOME_REJECTED,
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  VERDICT_WOULD_REFUSE,
} from '../../../agent/detect/event.js';
import { fillEnd, fillGoing } from '../../../agent/enforcer/end-event.js';
import type { ConntrackRecord } from '../../../agent/netlink/conntrack.js';
import {
  CONNECTION_OBSERVED,
  CONNECTION_WOULD_REFUSE,
  FIRST_DEVICE_ID,
  OPENED,
} from '../../../agent/ruleset/marks.js';

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

t.test('a connection ends with the verdict of its first packet', (t) => {
  const verdictWith = (bits: number): number => {
    const event = createEvent();
    t.ok(fillEnd(event, { ...record, mark: record.mark | bits }, createAddressTable()));
    return event.verdict;
  };
  t.equal(verdictWith(0), VERDICT_ALLOWED);
  t.equal(verdictWith(CONNECTION_OBSERVED), VERDICT_OBSERVED);
  t.equal(verdictWith(CONNECTION_WOULD_REFUSE), VERDICT_WOULD_REFUSE);
  t.end();
});

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

t.test(
  'a port that aborts or resets has not answered; who opened by SYN is known while nothing else came',
  (t) => {
    const SEEN_REPLY = 2;
    const ASSURED = 4;
    for (const [what, change, outcome, tcpFlags] of [
      ['SCTP, aborted', { protocol: 132, status: SEEN_REPLY }, OUTCOME_REJECTED, 0],
      ['SCTP, an association', { protocol: 132, status: SEEN_REPLY | ASSURED }, OUTCOME_ANSWERED, 0],
      ['SCTP, silent', { protocol: 132, status: 0 }, OUTCOME_NO_ANSWER, 0],
      ['UDP', { protocol: 17, status: SEEN_REPLY }, OUTCOME_ANSWERED, 0],
      ['a silent SYN', { tcpState: 1, status: 0 }, OUTCOME_NO_ANSWER, 2],
      ['a reset', { tcpState: 8, status: SEEN_REPLY }, OUTCOME_REJECTED, -1],
    ] as const) {
      const event = createEvent();
      fillEnd(event, { ...record, ...change }, createAddressTable());
      t.same({ outcome: event.outcome, tcpFlags: event.tcpFlags }, { outcome, tcpFlags }, what);
    }
    t.end();
  },
);
