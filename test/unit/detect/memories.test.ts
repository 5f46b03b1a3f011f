import t from 'tap';
import { EVENT_END, OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { detectSettings } from '../../../agent/detect/settings.js';
import { createScene, START, type Scene } from './scene.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Nine days of a device's life: a poll every four hours, a megabyte an hour, an administrator's SSH in the beginning. */
function live(scene: Scene): void {
  scene.first({ port: 22, to: 0x0a4d0063, fromDevice: false }, START);
  for (let minute = 0; minute < 9 * 24 * 60; minute += 10) {
    const nowMs = START + minute * 60_000;
    if (minute % 240 === 0) scene.first({ to: 0xcb00710a, port: 8443 }, nowMs);
    scene.first({ port: 104 }, nowMs);
    scene.first(
      { kind: EVENT_END, outcome: OUTCOME_ANSWERED, bytesOut: 160_000, bytesIn: 1_000, durationMs: 500 },
      nowMs + 1_000,
    );
    if (minute % 60 === 0) scene.tick(nowMs);
  }
}

t.test('what a device is used to comes back after a restart, and is not new', (t) => {
  const before = createScene();
  live(before);
  const memories = before.detection.memories();
  t.same([...new Set(memories.map(({ detector }) => detector))].sort(), [
    'beacon',
    'bruteForce',
    'connectionBurst',
    'deviceSilent',
    'lateralContact',
    'portScan',
    'unfamiliarNetwork',
    'unfamiliarService',
    'volume',
    'wormSpread',
  ]);
  t.ok(
    memories.every(({ device, values }) => device === 'pump-1' && values.length <= 512),
    'by name, bounded',
  );
  t.same(before.detection.memories(), [], 'taken once');

  const nowMs = START + 9 * DAY_MS + 60_000;
  const after = createScene();
  t.equal(
    after.detection.restoreMemories(JSON.parse(JSON.stringify(memories)) as typeof memories, nowMs),
    memories.length,
  );
  after.first({ port: 22, to: 0x0a4d0063, fromDevice: false }, nowMs);
  after.first({ port: 104 }, nowMs);
  t.same(
    after.told.map(({ detector }) => detector),
    [],
    'nothing of it is new',
  );
  after.first({ port: 3389, to: 0x0a4d0064 }, nowMs);
  t.match(after.by('lateralContact'), [{ severity: 'medium' }], 'it need not learn again');
  t.match(after.by('unfamiliarService'), [{ evidence: { services: ['tcp/3389'] } }]);
  after.end(
    { outcome: OUTCOME_ANSWERED, bytesOut: 900_000_000, bytesIn: 1_000, durationMs: 500 },
    nowMs + 5_000,
  );
  t.match(after.by('volume'), [{ device: 'pump-1' }], 'far more than it ever sent');
  t.end();
});

t.test('other thresholds leave memories as they are', (t) => {
  const scene = createScene();
  live(scene);
  const nowMs = START + 9 * DAY_MS + 60_000;
  scene.detection.useSettings(detectSettings.parse({ volume: { timesUsual: 9 } }), nowMs);
  scene.end({ outcome: OUTCOME_ANSWERED, bytesOut: 900_000_000, bytesIn: 1_000, durationMs: 500 }, nowMs);
  t.match(scene.by('volume'), [{ device: 'pump-1' }]);
  t.ok(scene.detection.memories().length > 5, 'and they are still to be taken');
  t.end();
});

t.test('memories of who is not known, or that make no sense, are left out', (t) => {
  const scene = createScene();
  const memory = { device: 'pump-1', key: '', values: [] };
  for (const detector of [
    'volume',
    'connectionBurst',
    'deviceSilent',
    'beacon',
    'lateralContact',
    'portScan',
  ] as const) {
    scene.detection.restoreMemories(
      [
        { ...memory, detector },
        { ...memory, detector, device: 'gone' },
      ],
      START,
    );
    scene.detection.restoreMemories([{ ...memory, detector, key: 'x y', values: [1, 2, 3] }], START);
  }
  t.equal(scene.detection.restoreMemories([{ ...memory, detector: 'spoofing' }], START), 0);
  scene.tick(START + 1_000);
  t.same(scene.told, []);
  t.end();
});
