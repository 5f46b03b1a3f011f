import t from 'tap';
import {
  OUTCOME_ANSWERED,
  OUTCOME_REJECTED,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
} from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const NETWORK = 0x0a4e0000;
const HOUR_MS = 3_600_000;
const MANY = 72;

/** Hosts take turns at ever other ports of the pump. */
function share(
  scene: Scene,
  hosts: number,
  everyMs: number,
  change: (n: number) => Change,
  atMs = START,
): void {
  for (let n = 0; n < MANY; n += 1) {
    const probe: Change = {
      fromDevice: false,
      to: NETWORK + 1 + (n % hosts),
      port: 1 + n * 13,
      outcome: OUTCOME_REJECTED,
      ...change(n),
    };
    scene.first(probe, atMs + n * everyMs);
    if (probe.verdict !== VERDICT_REFUSED) scene.end(probe, atMs + n * everyMs + 100);
    scene.tick(atMs + n * everyMs + 500);
  }
}

t.test('a scan of a device that six hosts share, a dozen ports each, is one', (t) => {
  for (const [name, change] of [
    ['met a closed port', {}],
    ['met nobody', { outcome: 1 }],
    ['refused by the box', { verdict: VERDICT_REFUSED }],
    ['UDP', { protocol: 17, tcpFlags: 0 }],
  ] as const) {
    const scene = createScene();
    share(scene, 6, 3_000, () => change);
    scene.tick(START + 24 * HOUR_MS);
    const [opened, ...more] = scene.by('portScan');
    t.match(
      opened,
      {
        severity: 'medium',
        device: 'pump-1',
        peer: null,
        title: /^6 hosts together scan pump-1: 40 ports/,
        evidence: { distinctHosts: 6, countsOnlyFailed: true },
      },
      name,
    );
    const [closed, ...others] = scene.told.filter(({ state }) => state === 'closed');
    t.match([closed?.detector, others.length], ['portScan', 0], `${name}, once`);
    t.ok(more.every(({ key }) => key === opened?.key));
  }
  t.end();
});

t.test('who works with a device, few hosts, and hosts that each scan it do not share a scan', (t) => {
  const used = createScene();
  share(used, 6, 3_000, () => ({ outcome: OUTCOME_ANSWERED, packetsIn: 9, packetsOut: 9, bytesIn: 9_000 }));
  share(used, 6, 60_000, () => ({}), START + 100 * HOUR_MS);
  t.same(used.by('portScan'), [], 'a device that is off, with many services that were used');
  const two = createScene();
  share(two, 2, 600_000, () => ({}));
  t.same(two.by('portScan'), [], 'two hosts');
  const clients = createScene();
  share(clients, 6, 3_000, (n) => ({ port: 40_000 + n }));
  t.same(clients.by('portScan'), [], 'ports that clients have');
  const search = createScene();
  share(search, 6, 3_000, (n) => ({
    port: 1_025 + n,
    srcPort: 50_000,
    protocol: 17,
    tcpFlags: 0,
    outcome: 1,
  }));
  t.same(search.by('portScan'), [], 'answers to searches of the link');
  const allowed = createScene();
  share(allowed, 6, 3_000, () => ({ verdict: VERDICT_ALLOWED, outcome: 1 }));
  t.same(allowed.by('portScan'), [], 'what entries allow');
  const each = createScene();
  for (let host = 0; host < 4; host += 1)
    share(each, 1, 100, () => ({ to: NETWORK + 50 + host }), START + host * 60_000);
  t.ok(
    each.by('portScan').every(({ peer }) => peer !== null),
    'scanners that are told',
  );
  t.end();
});

t.test('a monitor with old settings keeps no scan open, and hides no later one', (t) => {
  const scene = createScene();
  const probe = (port: number, atMs: number): void => {
    const contact = { fromDevice: false, to: NETWORK + 1 + (port % 6), port, outcome: OUTCOME_REJECTED };
    scene.end(contact, atMs);
    scene.tick(atMs + 9 * 60_000);
  };
  for (let n = 0; n < 60; n += 1) probe(100 + n, START + n * 600_000);
  for (let n = 60; n < 1_000; n += 1) probe(100, START + n * 600_000);
  t.equal(
    scene.told.filter(({ detector, state }) => detector === 'portScan' && state === 'closed').length,
    1,
  );
  const laterMs = START + 1_000 * 600_000;
  for (let n = 0; n < 60; n += 1) probe(500 + n, laterMs + n * 600_000);
  t.ok(
    scene.by('portScan').some(({ lastMs }) => lastMs > laterMs),
    'told again',
  );
  t.end();
});
