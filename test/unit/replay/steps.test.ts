import t from 'tap';
import { createFlowKey } from '../../../agent/flow/flow-key.js';
import { FlowTable } from '../../../agent/flow/flow-table.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { Steps } from '../../../agent/replay/steps.js';
import { createScene, START, SYN } from '../detect/scene.js';

const HOUR_MS = 3_600_000;
const SERVER = 0x0a4d0001;
const OUTSIDE = 0xcb007101;

/** A pump that calls its server every minute and somebody outside every five, scans, falls silent, and speaks again: a day of it. */
function tell(isSkipping: boolean): { told: readonly Finding[]; ticks: number } {
  const scene = createScene({ hostSweep: { windowSeconds: 3_600 }, deviceSilent: { learnSeconds: 3_600 } });
  let nowMs = START;
  let ticks = 0;
  const key = { ...createFlowKey(), family: 4, protocol: 6, src0: 0x0a4d000a, src1: 0, src2: 0, src3: 0 };
  Object.assign(key, { dst1: 0, dst2: 0, dst3: 0 });
  const table = new FlowTable(1_024, (flow) => {
    steps.event();
    scene.end(
      { to: table.word(flow, 4), port: table.answererPort(flow), srcPort: table.openerPort(flow) },
      nowMs,
    );
  });
  const steps = new Steps({
    expire: (atMs) => {
      nowMs = table.nowMs = atMs;
      table.expire();
    },
    flowsDueMs: () => (isSkipping ? table.dueMs() : 0),
    tick: (atMs) => {
      ticks++;
      scene.tick(atMs);
    },
    detectorsDueMs: () => (isSkipping ? scene.detection.dueMs() : 0),
  });
  steps.begin(START);
  const open = (atMs: number, to: number, port: number, srcPort: number): void => {
    steps.advance(atMs);
    nowMs = table.nowMs = atMs;
    key.dst0 = to;
    key.dstPort = port;
    key.srcPort = srcPort;
    table.track(key, SYN, 40);
    if (!table.isNew) return;
    steps.event();
    scene.first({ to, port, srcPort }, atMs);
  };
  for (let call = 0; call < 480; call++) {
    const atMs = START + call * 60_000 + ((call * 7_919) % 9_000);
    open(atMs, SERVER, 104, 20_000 + call);
    if (call % 5 === 0) open(atMs + 100, OUTSIDE, 443, 22_000 + call);
    if (call === 100)
      for (let port = 1; port < 60; port++) open(atMs + port * 14_700, SERVER + 1, port, 33_000);
    if (call === 200)
      for (let host = 1; host < 80; host++) open(atMs + host * 5_300, SERVER + host, 80, 34_000);
  }
  for (let call = 0; call < 9; call++)
    open(START + 20 * HOUR_MS + call * 600_000, SERVER, 104, 40_000 + call);
  steps.advance(START + 24 * HOUR_MS);
  steps.event();
  return { told: scene.told, ticks };
}

t.test('what is told is the same whether idle seconds are skipped or not', (t) => {
  const every = tell(false);
  const few = tell(true);
  t.same(few.told, every.told);
  t.ok(
    every.told.some(({ detector }) => detector === 'beacon'),
    'beacon has opened; it is over after days',
  );
  for (const detector of ['portScan', 'hostSweep', 'failedConnections', 'deviceSilent'])
    t.ok(
      every.told.some((finding) => finding.detector === detector && finding.state === 'closed'),
      `${detector} has opened and closed`,
    );
  t.ok(every.ticks > 80_000, `${every.ticks} ticks`);
  t.ok(few.ticks < 4_000, `${few.ticks} ticks`);
  t.end();
});

t.test('steps', (t) => {
  const seen: string[] = [];
  let detectorsDueMs = Infinity;
  let flowsDueMs = Infinity;
  const steps = new Steps({
    expire: (atMs) => seen.push(`expire ${atMs}`),
    flowsDueMs: () => flowsDueMs,
    tick: (atMs) => seen.push(`tick ${atMs}`),
    detectorsDueMs: () => detectorsDueMs,
  });
  steps.begin(500);
  steps.advance(1_400);
  steps.event();
  t.same(seen, [], 'there are none within a second');

  steps.advance(3_600_600);
  t.same(seen.splice(0), [], 'an idle hour is skipped');
  steps.event();
  t.same(seen.splice(0), ['tick 3600500'], 'but detectors know the time before the next event');

  detectorsDueMs = 3_605_000;
  flowsDueMs = 3_607_600;
  steps.advance(3_610_500);
  t.same(
    seen.splice(0).slice(0, 4),
    ['expire 3605500', 'tick 3605500', 'expire 3606500', 'tick 3606500'],
    'from where something is due on, steps are taken',
  );

  detectorsDueMs = flowsDueMs = Infinity;
  steps.event();
  seen.length = 0;
  steps.advance(3_610_500 + 3_600 * 1_000_000);
  t.equal(seen.length, 7_200, 'a capture that was joined has steps that no box sleeps through');
  t.end();
});
