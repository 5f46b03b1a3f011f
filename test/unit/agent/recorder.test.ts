import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Recorder } from '../../../agent/agent/recorder.js';
import type { ConnectionSummary, Finding } from '../../../agent/messages/vocabulary.js';
import { openStore } from '../../../agent/store/open-store.js';
import { HOLD_MS } from '../../../agent/store/spool.js';
import { boxTopics } from '../../../agent/upstream/pure/topics.js';

const dir = mkdtempSync(join(tmpdir(), 'cordon-recorder-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

function recorderAt(name: string, hasBroker = false) {
  const clock = { nowMs: 1_000_000 };
  const { store } = openStore(join(dir, name), 1);
  const recorder = new Recorder({
    box: 'box',
    productVersion: '1',
    topics: hasBroker ? boxTopics('box') : null,
    store,
    nowMs: () => clock.nowMs,
    newUid: () => 'uid',
    onSpooled: () => undefined,
    onWriteError: (error) => {
      throw error;
    },
  });
  return { clock, store, recorder };
}

const refusal = (device: number, atMs: number): ConnectionSummary => ({
  device: `pump-${device}`,
  deviceMac: null,
  from: 'device',
  deviceAddress: '10.0.0.9',
  peer: `10.0.0.${device}`,
  protocol: 6,
  port: 443,
  refused: 'policy',
  wouldRefuse: false,
  count: 1,
  firstMs: atMs,
  lastMs: atMs,
});

const finding = (device: number, atMs: number, rest: Partial<Finding> = {}): Finding => ({
  key: `sweep:pump-${device}:10.0.0.0/24`,
  detector: 'sweep',
  device: `pump-${device}`,
  deviceMac: null,
  peer: null,
  severity: 'medium',
  state: 'open',
  title: 'pump tried many hosts',
  evidence: { hosts: Array.from({ length: 20 }, (_, host) => `10.0.0.${host}`) },
  remedy: 'look at what it does',
  firstMs: 1_000_000,
  lastMs: atMs,
  count: 1,
  ...rest,
});

/** Every byte that this process hands to the kernel for writing. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
}

t.test('counts wait for the next write, and none is lost', (t) => {
  const { recorder, store, clock } = recorderAt('counts.db');
  for (let second = 0; second < 10; second++, clock.nowMs += 1_000) {
    recorder.take({ event: 'connections', items: [refusal(1, clock.nowMs)] });
    recorder.tick();
  }
  t.equal(store.refusals.total, 0, 'nothing was written yet');
  recorder.flush();
  t.match(store.refusals.list(10, null).rows, [{ device: 'pump-1', count: 10 }]);
  recorder.take({ event: 'connections', items: [refusal(2, clock.nowMs)] });
  recorder.finish();
  t.equal(store.refusals.total, 2);
  t.end();
});

t.test('a day of 20 devices that are refused every second stays under 20 MB of writes', (t) => {
  const { recorder, clock } = recorderAt('day.db');
  for (let device = 0; device < 20; device++)
    recorder.take({ event: 'connections', items: [refusal(device, clock.nowMs)] });
  recorder.flush();
  const before = writtenBytes();
  const end = clock.nowMs + 86_400_000;
  for (; clock.nowMs < end; clock.nowMs += 5_000) {
    for (let device = 0; device < 20; device++)
      recorder.take({ event: 'connections', items: [refusal(device, clock.nowMs)] });
    recorder.tick();
  }
  const megabytes = (writtenBytes() - before) / 1e6;
  t.comment(`${megabytes.toFixed(1)} MB`);
  t.ok(megabytes < 20, `${megabytes.toFixed(1)} MB`);
  t.end();
});

t.test('a finding is on the disk at once when it is opened, becomes graver and is closed', (t) => {
  const { recorder, clock } = recorderAt('news.db', true);
  const onDisk = () => {
    const { store } = openStore(join(dir, 'news.db'), 1);
    const { rows } = store.findings.list(10, null, null);
    const seen = { rows, events: store.spool.after(0, 10).length };
    store.close();
    return seen;
  };
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs)] });
  t.match(onDisk(), { rows: [{ state: 'open', severity: 'medium' }], events: 1 });
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs, { severity: 'high', count: 2 })] });
  t.match(onDisk(), { rows: [{ severity: 'high', count: 2 }], events: 2 });
  recorder.take({
    event: 'findings',
    items: [finding(1, clock.nowMs, { severity: 'high', state: 'closed', count: 3 })],
  });
  t.match(onDisk(), { rows: [{ state: 'closed', count: 3 }], events: 3 });
  t.end();
});

t.test(
  'a finding that only grew is told at once, once for each pause, and written with the statistics',
  (t) => {
    const { recorder, store, clock } = recorderAt('grown.db', true);
    const grown = (count: number) => {
      recorder.take({ event: 'findings', items: [finding(1, clock.nowMs, { count })] });
    };
    const told = () => store.spool.after(0, 10).length;
    const logBytes = () => statSync(`${store.path}-wal`).size;
    grown(1);
    const before = logBytes();
    clock.nowMs += 61_000;
    grown(2);
    t.equal(told(), 2, 'the event is there for the broker');
    store.spool.remove([2]);
    clock.nowMs += 30_000;
    grown(3);
    recorder.tick();
    t.equal(told(), 1, 'its pause is not over, though the store does not know that it was told');
    t.equal(logBytes(), before, 'and the card was spared');
    t.equal(store.findings.get(finding(1, 0).key)?.finding.count, 1);
    clock.nowMs += 31_000;
    grown(4);
    const toldMs = clock.nowMs;
    clock.nowMs += HOLD_MS;
    recorder.tick();
    const second = openStore(join(dir, 'grown.db'), 1).store;
    t.equal(second.spool.after(0, 10).length, 2, 'nobody took it: it is on the disk');
    second.close();
    recorder.flush();
    t.match(store.findings.get(finding(1, 0).key), {
      finding: { count: 4 },
      reportedMs: toldMs,
    });
    t.end();
  },
);

t.test('a finding that was closed while its counts waited stays closed', (t) => {
  const { recorder, store, clock } = recorderAt('closed.db');
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs)] });
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs, { count: 2 })] });
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs, { count: 3, state: 'closed' })] });
  recorder.finish();
  t.match(store.findings.list(10, null, null).rows, [{ state: 'closed', count: 3 }]);
  t.end();
});

t.test('counts of findings that wait when the database is damaged are handed on', (t) => {
  const { recorder, clock } = recorderAt('handed-on.db');
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs)] });
  recorder.take({ event: 'findings', items: [finding(1, clock.nowMs, { count: 2 })] });
  t.match(recorder.unwritten(), [{ event: 'findings', items: [{ count: 2 }] }]);
  t.end();
});

t.test(
  'memories are kept with the statistics, the newest of each, and a passed contact while nothing is enforced',
  (t) => {
    const { recorder, store } = recorderAt('memories.db');
    const memory = { detector: 'volume', device: 'pump-1', key: '', version: 1 };
    recorder.take({ event: 'memories', items: [{ ...memory, values: [1, 2] }] });
    recorder.take({
      event: 'memories',
      items: [
        { ...memory, values: [3.5, -1] },
        { ...memory, device: 'pump-2', values: [] },
      ],
    });
    const observed = { ...refusal(7, 1), refused: null, wouldRefuse: true };
    recorder.take({ event: 'connections', items: [observed] });
    recorder.tick();
    t.same([...store.memories.all()], [], 'the card is spared');
    recorder.finish();
    t.same(
      [...store.memories.all()],
      [
        { ...memory, values: [3.5, -1] },
        { ...memory, device: 'pump-2', values: [] },
      ],
    );
    t.match([...store.familiar.all()], [{ device: 'pump-7', peers: ['10.0.0.7'] }]);
    t.end();
  },
);

t.test('memories of one detector about one device are bounded: the oldest makes room and is counted', (t) => {
  const { store } = recorderAt('many-memories.db');
  for (let peer = 0; peer < 80; peer++)
    store.memories.put(
      { detector: 'beacon', device: 'pump-1', key: `10.0.0.${peer} 443`, version: 1, values: [peer] },
      peer,
    );
  const kept = [...store.memories.all()];
  t.equal(kept.length, 64);
  t.same(kept[0]?.values, [16]);
  t.equal(store.dropped()['storeMemories'], 16);
  t.end();
});
