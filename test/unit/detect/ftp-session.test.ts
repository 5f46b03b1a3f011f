import t from 'tap';
import { EVENT_END, EVENT_GOING, EVENT_PAYLOAD, OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { createScene, START, type Change } from './scene.js';

const CLIENT = 0x0a4d0063;
/** A session of so many commands: what its counters say when so much time has passed. */
const session = (commands: number, seconds: number, change: Change = {}): Change => ({
  kind: EVENT_END,
  outcome: OUTCOME_ANSWERED,
  port: 21,
  fromDevice: false,
  to: CLIENT,
  packetsIn: commands * 2 + 3,
  packetsOut: commands * 2 + 3,
  bytesIn: commands * (2 * 40 + 13) + 140,
  bytesOut: commands * (2 * 40 + 24) + 160,
  durationMs: seconds * 1_000,
  ...change,
});

t.test('passwords guessed in one session of FTP are told while it goes on, and once', (t) => {
  const scene = createScene();
  scene.first(session(60, 120, { kind: EVENT_GOING, outcome: 0 }), START + 120_000);
  t.match(scene.by('bruteForce'), [
    {
      severity: 'medium',
      device: 'pump-1',
      peer: '10.77.0.99',
      evidence: { kind: 'guessing in one session' },
    },
  ]);
  for (let day = 1; day < 5; day += 1) scene.first(session(400, 200), START + day * 86_400_000);
  t.equal(new Set(scene.by('bruteForce').map(({ firstMs }) => firstMs)).size, 1);
  const outward = createScene();
  const turned = { fromDevice: true, bytesIn: 12_000, bytesOut: 8_000 };
  outward.first(session(100, 200, turned), START + 200_000);
  t.match(outward.by('bruteForce'), [{ title: /^pump-1 seems to guess passwords of 10\.77\.0\.99 in one/ }]);
  t.end();
});

t.test('sessions of FTP with files, that are kept open, or that name paths guess nothing', (t) => {
  for (const data of [
    { port: 50_010, fromDevice: false },
    { port: 50_010, srcPort: 20, fromDevice: true },
  ]) {
    const files = createScene();
    const hello = { kind: EVENT_PAYLOAD, isReply: true, bytes: Buffer.from('220'), payloadLength: 3 };
    files.first(session(0, 0, hello), START);
    files.end({ to: CLIENT, outcome: OUTCOME_ANSWERED, durationMs: 500, ...data }, START + 30_000);
    files.first(session(200, 120), START + 120_000);
    t.same(files.by('bruteForce'), [], 'a file');
  }
  const kept = createScene();
  kept.first(session(2_880, 86_400), START + 86_400_000);
  t.same(kept.by('bruteForce'), [], 'NOOP each half a minute');
  const paths = createScene();
  paths.first(session(200, 120, { bytesIn: 200 * (80 + 75) }), START + 120_000);
  t.same(paths.by('bruteForce'), [], 'MDTM of many files');
  t.end();
});
