import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Recorder } from '../../../agent/agent/recorder.js';
import type { ConnectionSummary } from '../../../agent/messages/vocabulary.js';
import { openStore } from '../../../agent/store/open-store.js';

const dir = mkdtempSync(join(tmpdir(), 'cordon-recorder-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

function recorderAt(name: string) {
  const clock = { nowMs: 1_000_000 };
  const { store } = openStore(join(dir, name), 1);
  const recorder = new Recorder({
    box: 'box',
    productVersion: '1',
    topics: null,
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
