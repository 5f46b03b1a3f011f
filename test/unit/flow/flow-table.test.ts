import t from 'tap';
import { createFlowKey, type FlowKey } from '../../../agent/flow/flow-key.js';
import { BYTES_PER_FLOW, FlowTable } from '../../../agent/flow/flow-table.js';
import {
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from '../../../agent/packet/view.js';
import { countAllocations } from '../packet/count-allocations.js';

const OPENER = 1;
const ANSWERER = 2;
/** What is said about the end of a flow. */
type End = 'no answer' | 'rejected' | 'answered';

function keyOf(from: number, to: number, port: number, protocol: number = PROTOCOL_TCP): FlowKey {
  const isForth = from < to;
  return {
    ...createFlowKey(),
    ...{ src1: 0, src2: 0, src3: 0, dst1: 0, dst2: 0, dst3: 0 },
    family: 4,
    src0: from,
    dst0: to,
    protocol,
    srcPort: isForth ? port : 104,
    dstPort: isForth ? 104 : port,
  };
}

function track(table: FlowTable, key: FlowKey, flags: number, bytes: number, nowMs: number): number {
  table.nowMs = nowMs;
  return table.track(key, flags, bytes);
}

function expire(table: FlowTable, nowMs: number): void {
  table.nowMs = nowMs;
  table.expire();
}

function endOf(table: FlowTable, flow: number): End {
  if (table.wasEstablished(flow)) return 'answered';
  return table.hasReply(flow) || table.wasRejected(flow) ? 'rejected' : 'no answer';
}

const there = { from: OPENER, to: ANSWERER };
const back = { from: ANSWERER, to: OPENER };
const conversations: readonly {
  readonly what: string;
  readonly protocol?: number;
  readonly packets: readonly { readonly from: number; readonly to: number; readonly flags: number }[];
  readonly end: End;
  readonly afterMs: number;
}[] = [
  { what: 'a SYN alone', packets: [{ ...there, flags: TCP_SYN }], end: 'no answer', afterMs: 120_000 },
  {
    what: 'a SYN that is reset',
    packets: [
      { ...there, flags: TCP_SYN },
      { ...back, flags: TCP_RST | TCP_ACK },
    ],
    end: 'rejected',
    afterMs: 10_000,
  },
  {
    what: 'a half-open scan of an open port',
    packets: [
      { ...there, flags: TCP_SYN },
      { ...back, flags: TCP_SYN | TCP_ACK },
      { ...there, flags: TCP_RST },
    ],
    end: 'rejected',
    afterMs: 10_000,
  },
  {
    what: 'a whole connection',
    packets: [
      { ...there, flags: TCP_SYN },
      { ...back, flags: TCP_SYN | TCP_ACK },
      { ...there, flags: TCP_ACK },
      { ...there, flags: TCP_FIN | TCP_ACK },
      { ...back, flags: TCP_FIN | TCP_ACK },
      { ...there, flags: TCP_ACK },
    ],
    end: 'answered',
    afterMs: 120_000,
  },
  {
    what: 'an established connection that falls silent',
    packets: [
      { ...there, flags: TCP_SYN },
      { ...back, flags: TCP_SYN | TCP_ACK },
      { ...there, flags: TCP_ACK },
    ],
    end: 'answered',
    afterMs: 432_000_000,
  },
  { what: 'a FIN probe', packets: [{ ...there, flags: TCP_FIN }], end: 'no answer', afterMs: 300_000 },
  {
    what: 'a connection picked up in the middle',
    packets: [
      { ...there, flags: TCP_ACK },
      { ...back, flags: TCP_ACK },
    ],
    end: 'answered',
    afterMs: 432_000_000,
  },
  {
    what: 'UDP with an answer',
    protocol: PROTOCOL_UDP,
    packets: [
      { ...there, flags: 0 },
      { ...back, flags: 0 },
    ],
    end: 'answered',
    afterMs: 120_000,
  },
  {
    what: 'an SCTP port that aborts',
    protocol: PROTOCOL_SCTP,
    packets: [
      { ...there, flags: 0 },
      { ...back, flags: 0 },
    ],
    end: 'rejected',
    afterMs: 600_000,
  },
  {
    what: 'an SCTP association',
    protocol: PROTOCOL_SCTP,
    packets: [
      { ...there, flags: 0 },
      { ...back, flags: 0 },
      { ...there, flags: 0 },
      { ...back, flags: 0 },
    ],
    end: 'answered',
    afterMs: 600_000,
  },
];

t.test('how a flow ends, and when', (t) => {
  for (const { what, protocol, packets, end, afterMs } of conversations) {
    const ends: End[] = [];
    const table: FlowTable = new FlowTable(16, (flow) => ends.push(endOf(table, flow)));
    for (const { from, to, flags } of packets)
      track(table, keyOf(from, to, 40_000, protocol), flags, 60, 1_000_000);
    expire(table, 1_000_000 + afterMs - 1);
    t.same(ends, [], `${what}: lives until its time`);
    expire(table, 1_000_000 + afterMs + 1_000);
    t.same(ends, [end], what);
    t.equal(table.size, 0);
  }
  t.end();
});

t.test('a new SYN on a closed connection opens another', (t) => {
  let ends = 0;
  const table = new FlowTable(16, () => ends++);
  track(table, keyOf(OPENER, ANSWERER, 40_000), TCP_SYN, 60, 1_000);
  track(table, keyOf(ANSWERER, OPENER, 40_000), TCP_RST, 60, 1_001);
  track(table, keyOf(OPENER, ANSWERER, 40_000), TCP_SYN, 60, 1_002);
  t.ok(table.isNew);
  t.equal(ends, 1);
  t.end();
});

t.test('100,000 live flows stay within the stated memory; more make room and are counted', (t) => {
  const capacity = 131_072;
  const table = new FlowTable(capacity, () => undefined);
  t.ok(table.byteLength <= capacity * BYTES_PER_FLOW + 4_096, `${table.byteLength / capacity} bytes a flow`);
  const key = keyOf(OPENER, ANSWERER, 1);
  for (let opener = 0; opener < capacity + 1_000; opener++) {
    key.src0 = 0x0a000000 + opener;
    track(table, key, TCP_SYN, 60, 1_000);
    if (opener === 100_000) t.equal(table.evicted, 0);
  }
  t.equal(table.size, capacity);
  t.equal(table.evicted, 1_000);
  t.end();
});

t.test('agrees with a plain map over random packets', (t) => {
  const table: FlowTable = new FlowTable(1_024, (flow) => {
    ended.push(`${table.word(flow, 0)}>${table.word(flow, 4)}:${table.openerPort(flow)}`);
  });
  const ended: string[] = [];
  interface Plain {
    readonly opener: number;
    packets: [number, number];
    lastMs: number;
    isAnswered: boolean;
  }
  const model = new Map<string, Plain>();
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    return (seed >>> 8) % below;
  };
  let nowMs = 5_000_000;
  for (let packet = 0; packet < 60_000; packet++) {
    nowMs += random(1_000) === 0 ? 45_000 : random(400);
    for (const [name, flow] of model) {
      // Lazy expiry works in whole seconds: keep away from the edge in both directions.
      const ageMs = nowMs - flow.lastMs;
      const limitMs = flow.isAnswered ? 120_000 : 30_000;
      if (ageMs >= limitMs) model.delete(name);
    }
    nowMs = Math.ceil(nowMs / 1_000) * 1_000;
    expire(table, nowMs);
    const [a, b] = [random(12), 100 + random(6)];
    const port = 1_024 + random(4);
    const isForth = random(3) > 0;
    const key = isForth ? keyOf(a, b, port, PROTOCOL_UDP) : keyOf(b, a, port, PROTOCOL_UDP);
    const name = `${a}-${b}-${port}`;
    for (const [other, flow] of model)
      if (nowMs - flow.lastMs >= (flow.isAnswered ? 120_000 : 30_000)) model.delete(other);
    const known = model.get(name);
    const flow = track(table, key, 0, 100, nowMs);
    if (known === undefined)
      model.set(name, { opener: key.src0, packets: [1, 0], lastMs: nowMs, isAnswered: false });
    else {
      const isReply = key.src0 !== known.opener;
      known.packets[isReply ? 1 : 0]++;
      known.isAnswered ||= isReply;
      known.lastMs = nowMs;
    }
    const plain = model.get(name);
    const mine = [
      table.isNew,
      table.word(flow, 0),
      table.packets(flow, 0),
      table.packets(flow, 1),
      table.size,
    ];
    const theirs = [known === undefined, plain?.opener, plain?.packets[0], plain?.packets[1], model.size];
    if (mine.join() !== theirs.join()) {
      t.same(mine, theirs, `packet ${packet}`);
      break;
    }
  }
  t.ok(ended.length > 100, `${ended.length} ends`);
  t.end();
});

t.test('hostile times neither hang nor break it', (t) => {
  const table = new FlowTable(16, () => undefined);
  for (const nowMs of [0, 8.64e15, 8.64e15, 1e18, 1e300]) track(table, keyOf(1, 2, 3), TCP_SYN, 60, nowMs);
  t.ok(table.size <= 1);
  t.end();
});

t.test('300,000 packets allocate nothing', (t) => {
  const room = new URL('../../../agent/flow/', import.meta.url).href;
  const setup = `
    import { FlowTable } from '${room}flow-table.js';
    import { createFlowKey } from '${room}flow-key.js';
    const table = new FlowTable(65536, () => {});
    const key = createFlowKey();
    key.family = 4; key.protocol = 6; key.dst0 = 0xfffffffe; key.dstPort = 443;
    key.src1 = key.src2 = key.src3 = key.dst1 = key.dst2 = key.dst3 = 0;
    table.nowMs = 1.7e12;
    function run(count) {
      for (let i = 0; i < count; i++) {
        key.src0 = 0xc0000000 + (i % 50000); key.srcPort = 40000;
        table.nowMs += 1;
        table.track(key, i % 3 === 0 ? 2 : 16, 1500);
      }
    }
  `;
  const bytes = countAllocations(setup, 300_000);
  t.ok(bytes < 64 * 1024, `${bytes} bytes`);
  t.end();
});
