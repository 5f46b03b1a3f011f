import t from 'tap';
import { OUTCOME_ANSWERED, OUTCOME_REJECTED, VERDICT_REFUSED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const SITE = 0x0a4e0000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The n-th host of a site, spread over four of its subnets. */
const host = (n: number): number => SITE + (n % 4) * 256 + 10 + n;
const isSlow = ({ evidence }: { evidence: Record<string, unknown> }): boolean =>
  evidence['windowSeconds'] === DAY_MS / 1000;

function tryAll(
  scene: Scene,
  hosts: number,
  everyMs: number,
  change: (n: number) => Change,
  at = START,
): void {
  for (let n = 0; n < hosts; n += 1) {
    const contact = { to: host(n), ...change(n) };
    scene.first(contact, at + n * everyMs);
    if (contact.verdict !== VERDICT_REFUSED) scene.end(contact, at + n * everyMs + 1_000);
    scene.tick(at + n * everyMs + 2_000);
  }
}

t.test('hosts of a site that are tried one after the other, over a day, are a sweep', (t) => {
  for (const [name, everyMs, change] of [
    ['one port, a host every five minutes', 5 * MINUTE_MS, () => ({ port: 104 })],
    ['refused by the hosts', 30_000, () => ({ port: 104, outcome: OUTCOME_REJECTED })],
    ['refused by the box', 30_000, () => ({ port: 104, verdict: VERDICT_REFUSED })],
    ['ever other ports', 15_000, (n: number) => ({ port: 20 + n * 7 })],
    ['pings', 15_000, () => ({ protocol: 1, port: 0x0800, srcPort: -1, tcpFlags: 0 })],
    [
      'a sixth answers',
      15_000,
      (n: number) => (n % 6 === 5 ? { port: 104, outcome: OUTCOME_ANSWERED } : { port: 104 }),
    ],
  ] as const) {
    const scene = createScene();
    tryAll(scene, 60, everyMs, change);
    t.match(
      scene.by('hostSweep').slice(0, 1),
      [{ severity: 'medium', evidence: { network: '10.78.0.0/16' } }],
      name,
    );
    scene.tick(START + DAY_MS);
    t.equal(
      scene.told.filter(({ detector, state }) => detector === 'hostSweep' && state === 'closed').length,
      1,
    );
  }
  const scattered = createScene();
  tryAll(scattered, 40, 15_000, (n) => ({ port: 20 + (n % 3) }));
  const last = scattered.detection.open().find(({ detector }) => detector === 'hostSweep');
  t.match(last, { evidence: { services: ['tcp/21', 'tcp/22', 'tcp/20'], distinctHosts: 40 } });
  t.end();
});

t.test('a fast sweep over several services is told once', (t) => {
  const scene = createScene();
  for (let n = 0; n < 60; n += 1)
    scene.first({ to: SITE + 10 + n, port: n % 2 === 0 ? 80 : 443, verdict: VERDICT_REFUSED }, START + n * 5);
  t.same(new Set(scene.by('hostSweep').map(({ severity }) => severity)), new Set(['high']));
  t.notOk(scene.by('hostSweep').some(isSlow));
  t.end();
});

t.test('servers that are down, few hosts that are gone, and logs are no slow sweep', (t) => {
  const down = createScene();
  tryAll(down, 40, MINUTE_MS, () => ({ port: 443, outcome: OUTCOME_ANSWERED }));
  for (let day = 1; day < 6; day += 1)
    tryAll(down, 40, MINUTE_MS, () => ({ port: 443 }), START + day * (DAY_MS + MINUTE_MS));
  t.same(down.by('hostSweep'), [], 'they answered within a week');
  const few = createScene();
  for (let day = 0; day < 9; day += 1)
    tryAll(few, 15, MINUTE_MS, () => ({ port: 443 }), START + day * DAY_MS);
  t.same(few.by('hostSweep'), [], 'fifteen hosts');
  const poll = createScene();
  tryAll(poll, 60, MINUTE_MS, (n) => ({ port: 161, ...(n % 3 === 0 ? { outcome: OUTCOME_ANSWERED } : {}) }));
  t.same(poll.by('hostSweep'), [], 'a third of them answers');
  const logs = createScene();
  tryAll(logs, 60, MINUTE_MS, () => ({ port: 514, protocol: 17, tcpFlags: 0 }));
  t.same(logs.by('hostSweep'), [], 'nobody answers to logs');
  t.end();
});

t.test('what ends after a fast sweep belongs to it', (t) => {
  const scene = createScene();
  const probe = (n: number): Change => ({ to: SITE + n, port: 445 });
  for (let n = 0; n < 200; n += 1) scene.first(probe(n), START + n * 100);
  for (let n = 0; n < 200; n += 1) scene.end(probe(n), START + 130_000 + n * 100);
  scene.tick(START + 3_600_000);
  for (let n = 200; n < 204; n += 1) scene.end(probe(n), START + 7_200_000 + n * MINUTE_MS);
  t.equal(scene.by('hostSweep').filter(isSlow).length, 0);
  t.match(scene.by('hostSweep'), [{ severity: 'high' }]);
  t.end();
});

t.test('a server that is gone keeps no sweep open, and hides no later one', (t) => {
  const scene = createScene();
  const gone: Change = { to: SITE + 5, port: 104 };
  const ask = (contact: Change, atMs: number): void => {
    scene.first(contact, atMs);
    scene.end(contact, atMs + 1_000);
    scene.tick(atMs + 9 * MINUTE_MS);
  };
  tryAll(scene, 60, 5 * MINUTE_MS, () => ({ port: 104 }));
  for (let n = 0; n < 1_000; n += 1) ask(gone, START + (300 + n * 10) * MINUTE_MS);
  const isOver = ({ detector, state }: { detector: string; state: string }): boolean =>
    detector === 'hostSweep' && state === 'closed';
  t.equal(scene.told.filter(isOver).length, 1);
  const laterMs = START + 10_300 * MINUTE_MS;
  for (let n = 0; n < 40; n += 1) ask({ to: SITE + 0x400 + n, port: 104 }, laterMs + n * 10 * MINUTE_MS);
  t.ok(
    scene.by('hostSweep').some(({ lastMs }) => lastMs > laterMs),
    'told again',
  );
  t.end();
});
