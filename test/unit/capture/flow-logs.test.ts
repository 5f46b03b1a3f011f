import t from 'tap';
import { createZeekConnReader, isZeekConn } from '../../../agent/capture/zeek-conn.js';
import type { FlowRecord } from '../../../agent/capture/flow-record.js';
import { OUTCOME_ANSWERED, OUTCOME_NO_ANSWER } from '../../../agent/detect/event.js';

const FIELDS = [
  ...['ts', 'uid', 'id.orig_h', 'id.orig_p', 'id.resp_h', 'id.resp_p', 'proto', 'service', 'duration'],
  ...['orig_bytes', 'resp_bytes', 'conn_state', 'missed_bytes', 'history'],
  ...['orig_pkts', 'orig_ip_bytes', 'resp_pkts', 'resp_ip_bytes'],
];
const VALUES = [
  ...[
    '1526756261.866635',
    'CsasIY23Iklb9X5lC3',
    '192.168.1.195',
    '41101',
    '185.244.25.235',
    '6667',
    'tcp',
    '-',
  ],
  ...['2.998333', '0', '0', 'S0', '0', 'S', '3', '180', '0', '0'],
];

const ROW = {
  ts: 1526756261.5,
  'id.orig_h': '192.168.1.195',
  'id.orig_p': 41101,
  'id.resp_h': '185.244.25.235',
  'id.resp_p': 6667,
  proto: 'tcp',
  conn_state: 'SF',
  duration: 2,
  orig_pkts: 3,
  orig_ip_bytes: 180,
  resp_pkts: 2,
  resp_ip_bytes: 100,
};

void t.test('zeek: tab-separated, with the labels of IoT-23', (t) => {
  const read = createZeekConnReader();
  t.equal(read('#separator \\x09'), null);
  t.equal(read(`#fields\t${FIELDS.join('\t')}\ttunnel_parents   label   detailed-label`), null);
  const record = read(`${VALUES.join('\t')}\t-   Malicious   PartOfAHorizontalPortScan`);
  t.match(record, {
    startMs: 1526756261866.635,
    durationMs: 2998.333,
    source: { text: '192.168.1.195' },
    destinationPort: 6667,
    outcome: OUTCOME_NO_ANSWER,
    sourceBytes: 180,
    sourcePackets: 3,
    label: 'Malicious PartOfAHorizontalPortScan',
  });
  t.match(read(`${VALUES.join('\t')}\t(empty)   Benign   -`), { label: 'Benign' });
  t.end();
});

void t.test('zeek: JSON in the ways that it is written', (t) => {
  const startMs = 1526756261500;
  t.match(json(ROW), { startMs, outcome: OUTCOME_ANSWERED, sourceBytes: 180, destinationBytes: 100 });
  t.match(json({ ...ROW, ts: '2018-05-19T18:57:41.500000Z' }), { startMs }, 'ISO 8601');
  t.match(json({ ...ROW, ts: startMs }), { startMs }, 'milliseconds');
  t.match(json({ ...ROW, ts: '1526756261.5' }), { startMs }, 'a number as text');
  for (const ts of ['', '-', 'yesterday', null, undefined, Infinity])
    t.equal(json({ ...ROW, ts }), null, `ts: ${String(ts)}`);
  const withoutPacketBytes = { ...ROW, orig_ip_bytes: undefined, resp_ip_bytes: undefined, orig_bytes: 60 };
  t.match(json(withoutPacketBytes), { sourceBytes: 60, destinationBytes: 0 }, 'payload where that is all');
  t.match(json({ ...ROW, proto: 'unknown_transport', ip_proto: 2 }), { protocol: 2 });
  t.equal(json({ ...ROW, proto: 'unknown_transport' }), null);
  t.end();
});

void t.test('zeek: how a log is known', (t) => {
  const sorted = Object.fromEntries(Object.entries(ROW).sort(([a], [b]) => (a < b ? -1 : 1)));
  t.ok(isZeekConn(JSON.stringify(ROW)));
  t.ok(isZeekConn(JSON.stringify(sorted)), 'whatever the order of its keys');
  t.ok(isZeekConn('#separator \\x09\n#set_separator\t,\n#path\tconn\n'));
  t.notOk(isZeekConn('#separator \\x09\n#path\tdns\n'));
  t.notOk(isZeekConn('{"ts":1,"id.orig_h":"10.0.0.1","query":"a"}\n{"conn_state":"SF"}'), 'dns.log');
  t.end();
});

function json(row: Readonly<Record<string, unknown>>): FlowRecord | null {
  return createZeekConnReader()(JSON.stringify(row));
}
