import t from 'tap';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { Openings } from '../../../agent/replay/openings.js';

const finding = (key: string, state: Finding['state'], count = 1): Finding => ({
  key,
  detector: 'beacon',
  device: 'pump-1',
  deviceMac: null,
  peer: null,
  severity: 'medium',
  state,
  title: key,
  evidence: {},
  remedy: '',
  firstMs: 1,
  lastMs: 1,
  count,
});
const at = (nowMs: number) => ({ nowMs, startMs: 0, packets: nowMs, flowRecords: 0 });

t.test('an alarm that opens, closes and opens again was raised twice', (t) => {
  const openings = new Openings(10);
  openings.tell(finding('a', 'open'), at(100));
  openings.tell(finding('a', 'open', 7), at(200));
  openings.tell(finding('b', 'closed'), at(250));
  openings.tell(finding('a', 'closed', 8), at(300));
  openings.tell(finding('a', 'open', 1), at(400));
  t.match(openings.all, [
    { atMs: 100, afterPackets: 100, afterMs: 100, finding: { state: 'closed', count: 8 } },
    { atMs: 400, finding: { state: 'open', count: 1 } },
  ]);
  t.equal(openings.all.length, 2, 'what was opened before is none');
  t.end();
});

t.test('beyond the limit an opening is counted once, however often it is told', (t) => {
  const openings = new Openings(1);
  for (const key of ['a', 'b', 'b', 'c']) openings.tell(finding(key, 'open'), at(1));
  openings.tell(finding('b', 'closed'), at(2));
  openings.tell(finding('b', 'open'), at(3));
  t.equal(openings.all.length, 1);
  t.equal(openings.notKept, 3);
  t.end();
});
