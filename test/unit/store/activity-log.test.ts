import { spawn } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { NewActivity } from '../../../agent/activity/entry.js';
import { DAY_MS, MAX_SEGMENT_BYTES } from '../../../agent/activity/retention.js';
import { ChainVerifier, type ChainReport } from '../../../agent/activity/verify-chain.js';
import { ActivityLog } from '../../../agent/store/activity-log.js';
import { listSegments, readSegment, sha256 } from '../../../agent/store/activity-segments.js';
import { fromRoot } from '../../root.js';

const root = mkdtempSync(join(tmpdir(), 'cordon-activity-'));
t.teardown(() => {
  rmSync(root, { recursive: true, force: true });
});

const START_MS = Date.UTC(2026, 10, 1);

function open(directory: string, clock = { nowMs: START_MS, runMs: 0 }, keepDays = 2_192) {
  const errors: unknown[] = [];
  const log = new ActivityLog({
    directory,
    keepDays,
    nowMs: () => clock.nowMs,
    monotonicMs: () => clock.runMs,
    onWriteError: (error) => errors.push(error),
  });
  log.open();
  return { log, clock, errors };
}

function verify(directory: string): ChainReport & { readonly whats: readonly string[] } {
  const verifier = new ChainVerifier(sha256);
  const whats: string[] = [];
  for (const { path } of listSegments(directory)) {
    const { lines, torn } = readSegment(path);
    lines.forEach((line, index) => {
      const entry = verifier.take(path, index + 1, line);
      if (entry !== null) whats.push(entry.what);
    });
    if (torn.length > 0) verifier.fault(path, lines.length + 1, 'torn');
  }
  return { ...verifier.finish(), whats };
}

const item = (index: number): NewActivity => ({
  atMs: START_MS + index,
  who: 'nurse (uid 0)',
  what: 'containment-ordered',
  object: `pump-${index}`,
  detail: 'scans the ward'.repeat(4),
});

t.test('what was recorded is there after a restart, in one chain', (t) => {
  const directory = join(root, 'plain');
  const first = open(directory);
  first.log.record([item(1), item(2)]);
  const { head } = first.log;
  first.log.close();
  const second = open(directory);
  t.same(second.log.head, head);
  second.log.record([item(3)]);
  second.log.close();
  t.match(verify(directory), {
    problemsTotal: 0,
    entries: 4,
    whats: ['log-begun', ...Array<string>(3).fill('containment-ordered')],
  });
  t.equal(statSync(directory).mode & 0o007, 0, 'not for everybody to read');
  t.end();
});

t.test('nothing is written before it is certain that no other agent runs', (t) => {
  const directory = join(root, 'early');
  const log = new ActivityLog({
    directory,
    keepDays: 1,
    nowMs: () => START_MS,
    onWriteError: (error) => t.fail(String(error)),
  });
  log.record([item(1)]);
  t.throws(() => statSync(directory));
  log.open();
  log.close();
  t.match(verify(directory).whats, ['log-begun', 'containment-ordered']);
  t.end();
});

t.test('a power cut at any byte of the last line costs that line at most, and is recorded', (t) => {
  const directory = join(root, 'torn');
  const { log } = open(directory);
  log.record([item(1), item(2)]);
  log.close();
  const file = join(directory, 'activity-000001.jsonl');
  const whole = readFileSync(file);
  const begins = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  for (let size = begins; size < whole.length; size += 7) {
    writeFileSync(file, whole.subarray(0, size));
    const again = open(directory);
    again.log.record([item(3)]);
    again.log.close();
    const expected = [
      'log-begun',
      'containment-ordered',
      ...(size > begins ? ['tail-repaired'] : []),
      'containment-ordered',
    ];
    const { problemsTotal, whats } = verify(directory);
    if (problemsTotal !== 0 || whats.join() !== expected.join())
      t.same({ size, problemsTotal, whats }, { expected });
  }
  writeFileSync(file, Buffer.concat([whole, Buffer.alloc(4_096)]));
  const zeros = open(directory);
  t.equal(zeros.log.counters()['activityTornTails'], 1, 'zeros of a block that was never written');
  zeros.log.close();
  t.match(verify(directory), { problemsTotal: 0 });
  t.match(
    readFileSync(file, 'utf8'),
    /4096 bytes behind the last whole line were cut off \(SHA-256 [0-9a-f]{64}\)/,
  );
  t.end();
});

t.test(
  'kill -9 in the middle of writing leaves a whole chain, and nothing that was acknowledged is missing',
  async (t) => {
    const directory = join(root, 'killed');
    const dist = fromRoot('dist/store/activity-log.js');
    const program = `
    import { ActivityLog } from ${JSON.stringify(dist)};
    const log = new ActivityLog({ directory: ${JSON.stringify(directory)}, keepDays: 9, nowMs: Date.now, onWriteError: (e) => { throw e; } });
    log.open();
    for (let i = 0; i < 100000; i++) {
      log.record([{ atMs: Date.now(), who: 'x', what: 'login', object: String(i), detail: 'd'.repeat(i % 700) }]);
      process.stdout.write(log.head.seq + '\\n');
    }`;
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let acknowledged = 0;
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        acknowledged = Math.max(acknowledged, ...text.trim().split('\n').map(Number));
        if (acknowledged % 1_000 > 20 + round * 10) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.on('close', resolve));
      const { log } = open(directory, { nowMs: Date.now(), runMs: 0 });
      log.close();
      const report = verify(directory);
      t.equal(report.problemsTotal, 0);
      t.ok(
        report.last.seq >= acknowledged && acknowledged > 20,
        `${report.last.seq} on disk, ${acknowledged} acknowledged`,
      );
    }
  },
);

t.test('a line that was changed stays as it is; the log goes on in a new segment and says so', (t) => {
  const directory = join(root, 'damaged');
  const { log } = open(directory);
  log.record([item(1), item(2)]);
  log.close();
  const file = join(directory, 'activity-000001.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('pump-2', 'pump-9'));
  const again = open(directory);
  again.log.record([item(3)]);
  again.log.close();
  t.match(readFileSync(file, 'utf8'), 'pump-9');
  const report = verify(directory);
  t.match(report.problems, [{ line: 3, message: /^changed/ }]);
  t.same(report.whats.slice(-3), ['segment-begun', 'damage-found', 'containment-ordered']);
  t.end();
});

t.test(
  'segments follow each other by month and by size without breaking the chain, also when begun in a crash',
  (t) => {
    const directory = join(root, 'rotated');
    const { log, clock, errors } = open(directory);
    log.record([item(1)]);
    clock.nowMs += 31 * DAY_MS;
    log.record([item(2)]);
    t.equal(log.segments, 2);
    const big = Array.from({ length: 2_000 }, (_, index) => ({ ...item(index), detail: 'x'.repeat(600) }));
    log.record(big);
    t.ok(log.sizeBytes > MAX_SEGMENT_BYTES);
    log.record([item(3)]);
    t.equal(log.segments, 3);
    log.close();
    t.same(errors, []);
    t.equal(verify(directory).problemsTotal, 0);
    // Power lost after the file was made and before its first line.
    writeFileSync(join(directory, 'activity-000004.jsonl'), '');
    const again = open(directory, clock);
    again.log.record([item(4)]);
    again.log.close();
    t.match(verify(directory), { problemsTotal: 0 });
    cpSync(directory, join(root, 'without'), { recursive: true });
    rmSync(join(root, 'without/activity-000002.jsonl'));
    t.match(verify(join(root, 'without')).problems, [
      { line: 1, message: /^missing before it: entries 3 to \d+/ },
    ]);
    t.end();
  },
);

t.test(
  'what is older than it must be kept goes by segments, with a record that keeps the rest verifiable',
  (t) => {
    const directory = join(root, 'retained');
    const { log, clock } = open(directory, undefined, 60);
    for (let month = 0; month < 5; month++) {
      log.record([item(month)]);
      clock.nowMs += 31 * DAY_MS;
    }
    t.equal(log.segments, 5);
    log.tick();
    t.equal(log.segments, 5, 'not before the box had an hour to ask for the time');
    clock.runMs += 3_600_000;
    log.tick();
    log.tick();
    t.equal(log.segments, 4, 'one a day');
    for (let day = 0; day < 10; day++) {
      clock.runMs += DAY_MS;
      log.tick();
    }
    const left = readdirSync(directory).sort();
    t.same(left.slice(0, 1), ['activity-000004.jsonl']);
    const report = verify(directory);
    t.match(report, { problemsTotal: 0, droppedTo: 6 });
    log.close();
    // A crash between the record and the removal: the segment is still there, and goes later.
    t.equal(verify(directory).whats.filter((what) => what === 'segment-dropped').length, 3);
    t.end();
  },
);

t.test('a segment that somebody removed is missing, whatever is dropped later', (t) => {
  const directory = join(root, 'removed');
  const { log, clock } = open(directory);
  for (let month = 0; month < 3; month++) {
    log.record([item(month)]);
    clock.nowMs += 31 * DAY_MS;
  }
  log.close();
  rmSync(join(directory, 'activity-000001.jsonl'));
  const again = open(directory, clock);
  again.log.record([item(9)]);
  again.log.close();
  t.match(verify(directory).problems, [{ line: 1, message: /no record says that they were dropped/ }]);
  t.end();
});

t.test('a disk that refuses keeps entries waiting, bounded; what did not fit is recorded as lost', (t) => {
  const directory = join(root, 'refused');
  writeFileSync(directory, 'a file where the directory should be');
  const { log, errors } = open(directory);
  t.ok(errors.length > 0);
  log.record(Array.from({ length: 2_500 }, (_, index) => item(index)));
  t.match(log.counters(), { activityWaiting: 2_000, activityLost: 500 });
  rmSync(directory);
  log.tick();
  t.match(log.counters(), { activityWaiting: 0, activityLost: 500 });
  log.close();
  const report = verify(directory);
  t.match(report, { problemsTotal: 0, entries: 2_002 });
  t.same(report.whats.slice(0, 3), ['log-begun', 'entries-lost', 'containment-ordered']);
  t.end();
});

t.test('a cut log is not noticed by itself, but its head is no longer what it was', (t) => {
  const directory = join(root, 'cut');
  const { log } = open(directory);
  log.record([item(1), item(2)]);
  const { head } = log;
  log.close();
  const file = join(directory, 'activity-000001.jsonl');
  const text = readFileSync(file, 'utf8');
  copyFileSync(file, join(root, 'whole.jsonl'));
  truncateSync(file, Buffer.byteLength(text.split('\n').slice(0, 2).join('\n')) + 1);
  const again = open(directory);
  t.ok(again.log.head.seq < head.seq);
  again.log.close();
  t.end();
});
