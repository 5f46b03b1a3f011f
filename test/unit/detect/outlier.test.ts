import t from 'tap';
import { EVENT_END, OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { HalfSpaceTrees } from '../../../agent/detect/habit/half-space-trees.js';
import { createScene, START, type Scene } from './scene.js';

const SPAN_MS = 600_000;

/** So many connections within ten minutes, each to one of so many hosts. */
function span(scene: Scene, index: number, connections: number, hosts: number, bytesOut: number): void {
  const nowMs = START + index * SPAN_MS;
  for (let n = 0; n < connections; n += 1) {
    scene.first({ to: 0x0a4d0100 + ((n * 7) % hosts), port: 443 }, nowMs + n);
    scene.first(
      { kind: EVENT_END, outcome: OUTCOME_ANSWERED, to: 0x0a4d0100, bytesOut, bytesIn: 900 },
      nowMs + n,
    );
  }
}

t.test('points that fall where others fell are usual, others are not; the same on every box', (t) => {
  const score = (): number[] => {
    const trees = new HalfSpaceTrees(2, 2, 100);
    for (let n = 0; n < 100; n += 1) trees.add(1, Float64Array.of(0.4 + (n % 10) / 100, 0.5 + (n % 7) / 100));
    trees.turn(1);
    return [trees.add(1, Float64Array.of(0.45, 0.53)), trees.add(1, Float64Array.of(0.95, 0.05))];
  };
  const [usual = 0, odd = 0] = score();
  t.ok(odd < usual / 10, `${odd} of ${usual}`);
  t.same(score(), [usual, odd]);
  t.end();
});

t.test('off as shipped; turned on, it tells what does not fit the last days, and not what does', (t) => {
  const live = (settings: object): Scene => {
    const scene = createScene(settings);
    for (let index = 0; index < 400; index += 1)
      span(scene, index, 5 + ((index * 7) % 10), 3, 1_000 + (index % 9) * 200);
    t.same(scene.by('outlier'), [], 'nothing yet');
    for (let index = 400; index < 404; index += 1) span(scene, index, 300, 250, 200_000);
    return scene;
  };
  t.same(live({}).by('outlier'), []);
  t.match(live({ outlier: { enabled: true } }).by('outlier')[0], {
    severity: 'low',
    device: 'pump-1',
    evidence: { spanMinutes: 10 },
  });
  t.end();
});
