import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import {
  createEvent,
  EVENT_IP,
  reasonIndex,
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  VERDICT_REFUSED,
  type DetectEvent,
} from '../../../agent/detect/event.js';
import { createDetection, type Detection } from '../../../agent/detect/registry.js';
import { detectSettings } from '../../../agent/detect/settings.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';

const PUMP = 2;
const START = 1_800_000_000_000;

function scene(settings: object = {}): {
  detection: Detection;
  feed: (change: Partial<DetectEvent> & { to?: number }, nowMs: number) => readonly Finding[];
} {
  const addresses = createAddressTable();
  const detection = createDetection(detectSettings.parse(settings), {
    addresses,
    describe: (id) => ({ name: id === PUMP ? 'pump-1' : null, mac: null }),
  });
  const local = addresses.intern(4, 0x0a4d000a, 0, 0, 0);
  const feed = (
    { to = 0x0a4d0001, ...change }: Partial<DetectEvent> & { to?: number },
    nowMs: number,
  ): readonly Finding[] => {
    const event: DetectEvent = {
      ...createEvent(),
      kind: EVENT_IP,
      deviceId: PUMP,
      fromDevice: true,
      family: 4,
      local,
      peer: addresses.intern(4, to, 0, 0, 0),
      protocol: 6,
      srcPort: 40_000,
      port: 104,
      tcpFlags: 2,
      verdict: VERDICT_REFUSED,
      reason: reasonIndex('policy'),
      ...change,
    };
    return detection.observe(event, nowMs);
  };
  return { detection, feed };
}

t.test('a hundred ports of one host within a minute are one finding, named, with evidence', (t) => {
  const { feed } = scene();
  const told: Finding[] = [];
  for (let port = 1; port <= 100; port += 1) told.push(...feed({ port }, START + port * 10));
  t.equal(told.length, 1, 'told once');
  t.match(told[0], {
    detector: 'portScan',
    device: 'pump-1',
    peer: '10.77.0.1',
    severity: 'high',
    state: 'open',
  });
  t.match(told[0]?.evidence, { thresholdPorts: 15, windowSeconds: 60 });
  t.ok((told[0]?.remedy.length ?? 0) > 0);
  t.end();
});

t.test('the same scan at the device is recognised from the other side', (t) => {
  const { feed } = scene();
  const told: Finding[] = [];
  for (let port = 1; port <= 40; port += 1) told.push(...feed({ port, fromDevice: false }, START + port));
  t.match(
    told.map(({ title }) => title),
    [/10\.77\.0\.1 scans pump-1/],
  );
  t.end();
});

t.test('many hosts on one port are a sweep; what an entry allows never counts', (t) => {
  const refused = scene();
  const told: Finding[] = [];
  for (let host = 1; host <= 20; host += 1)
    told.push(...refused.feed({ to: 0x0a4d0100 + host, port: 445 }, START + host));
  t.match(
    told.map(({ detector }) => detector),
    ['hostSweep'],
  );
  const allowed = scene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
  for (let host = 1; host <= 200; host += 1)
    t.same(allowed.feed({ to: 0x0a4d0100 + host, verdict: VERDICT_ALLOWED, reason: 0 }, START + host), []);
  t.end();
});

t.test('a device whose server is down and that retries one port for ever scans nothing', (t) => {
  const { feed, detection } = scene();
  const told = new Set<string>();
  for (let attempt = 0; attempt < 5_000; attempt += 1)
    for (const finding of [
      ...feed({ srcPort: 1024 + (attempt % 60_000) }, START + attempt * 1000),
      ...detection.tick(START + attempt * 1000),
    ])
      told.add(finding.detector);
  t.same([...told], ['beacon'], 'regular it is');
  t.end();
});

t.test('a finding is closed after its quiet time, once', (t) => {
  const { feed, detection } = scene();
  for (let port = 1; port <= 30; port += 1) feed({ port }, START + port);
  const told: Finding[] = [];
  for (let second = 1; second < 1000; second += 1) told.push(...detection.tick(START + second * 1000));
  t.equal(told.filter(({ state }) => state === 'closed').length, 1);
  t.ok(told.length <= 3, 'and it was not told again and again', { told: told.length });
  t.end();
});

t.test(
  'after its learning time a device that meets somebody new is told; what was remembered is not new',
  (t) => {
    const { feed, detection } = scene({ unfamiliarPeer: { learnSeconds: 60 } });
    detection.restoreFamiliar([
      { device: 'pump-1', sinceMs: START - 100_000, peers: ['10.77.0.1', 'fd77::1'] },
    ]);
    t.same(feed({ verdict: VERDICT_OBSERVED, reason: 0 }, START), [], 'a familiar peer');
    const [finding] = feed({ to: 0x0a4d0099, verdict: VERDICT_OBSERVED, reason: 0 }, START + 1);
    t.match(finding, { detector: 'unfamiliarPeer', severity: 'low', peer: '10.77.0.153' });
    t.same(feed({ to: 0x0a4d0099, verdict: VERDICT_OBSERVED, reason: 0 }, START + 2), [], 'told once');
    t.same(
      feed({ to: 0x0a4d0098 }, START + 3),
      [],
      'a refused contact makes nobody familiar and is no meeting',
    );
    t.end();
  },
);

t.test('a million events of a flood leave memory bounded and are counted', (t) => {
  const { feed, detection } = scene();
  let told = 0;
  for (let index = 0; index < 300_000; index += 1)
    told += feed({ to: Math.imul(index, 2654435761) >>> 0, port: index & 0xffff }, START + index).length;
  t.ok(told < 2_000, `${told} told`);
  t.ok(detection.open().length <= 1_024);
  t.end();
});
