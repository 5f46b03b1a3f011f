/** The tests of verdicts that are the same in bridge and in router mode. Each adds tests to `t`. */
import type t from 'tap';
import { must } from '../../../agent/lab/namespace.js';
import { ascii, icmpError, udp } from './frames.js';
import { probes, wardPolicy, type PolicyOptions } from './verdict-probes.js';
import { expectedFate, fateOf, type KernelLog, type Logged } from './verdicts.js';
import { eventually, type Family, type Ward } from './ward.js';

type Tap = typeof t;
const FAMILIES = [4, 6] as const;

/** `but`: probes that say nothing here. */
export function verdicts(t: Tap, ward: Ward, log: KernelLog, but: readonly string[] = []): void {
  for (const family of FAMILIES)
    t.test(
      `IPv${family}: every probe passes, or is refused, counted and logged for its reason`,
      async (t) => {
        for (const probe of probes(ward, family).filter(({ what }) => !but.includes(what)))
          t.same(await fateOf(ward, log, probe), expectedFate(probe), probe.what);
      },
    );
}

export function oneWay(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: one-way UDP goes on passing and is logged as new once`, async (t) => {
      const path = { source: ward.address('pump', family), destination: ward.address('hospital', family) };
      const before = await ward.counter('permitted_new');
      const tags = [ward.tag(), ward.tag(), ward.tag()];
      for (const tag of tags) {
        await ward.send('pump', udp(ward.link('pump', 'hospital'), path, [30_000, 5002], ascii(tag)));
        await ward.arrives('hospital', tag);
      }
      await eventually(
        () => log.of(tags[0] ?? '').length > 0,
        () => 'not logged',
      );
      t.same(
        tags.map((tag) => log.of(tag).length),
        [1, 0, 0],
      );
      t.equal((await ward.counter('permitted_new')) - before, 1);
    });
}

/** ICMP errors about a live connection pass; a redirect is one to connection tracking, and devices are no routers. */
export function redirects(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: errors about a live connection pass, redirects of a device do not`, async (t) => {
      const port = 31_000;
      const [there, back] = ends(ward, family);
      const tag = ward.tag();
      await ward.send('pump', udp(ward.link('pump', 'hospital'), there, [port, 5002], ascii(tag)));
      await ward.arrives('hospital', tag);
      const quoted = { path: back, ports: [5002, port] as const };
      const send = (kind: 'unreachable' | 'redirect') => ({
        what: `${kind} from the pump`,
        from: 'pump' as const,
        to: 'hospital' as const,
        frame: (each: readonly number[]) =>
          icmpError(ward.link('pump', 'hospital'), there, kind, quoted, each),
      });
      const error = { ...send('unreachable'), expect: 'passes' as const, logged: null };
      t.same(await fateOf(ward, log, error), expectedFate(error));
      // Whether connection tracking relates an IPv6 redirect to the connection depends on the kernel: refused either way.
      const fate = await fateOf(ward, log, { ...send('redirect'), expect: 'rogue-ra', logged: null });
      t.match(fate.verdict, family === 4 ? /^rogue-ra$/ : /^(rogue-ra|invalid)$/);
      t.notOk(fate.arrived);
    });
}

function ends(ward: Ward, family: Family) {
  const pump = ward.address('pump', family);
  const hospital = ward.address('hospital', family);
  return [
    { source: pump, destination: hospital },
    { source: hospital, destination: pump },
  ] as const;
}

/** What the allow-lists do not permit, in modes that let it pass: the lists' own reasons become a prefix of the log. */
export function lenientVerdicts(t: Tap, ward: Ward, log: KernelLog): void {
  const cases: readonly (readonly [string, PolicyOptions, string])[] = [
    ['shadow', { pumpMode: 'shadow', monitorMode: 'shadow' }, 'shadow'],
    ['observe', { pumpMode: 'observe', monitorMode: 'observe', unknownDevices: 'observe' }, 'observed'],
  ];
  for (const [mode, options, prefix] of cases)
    t.test(`in ${mode} the lists refuse nothing, and what they would refuse is told`, async (t) => {
      await ward.load(wardPolicy(ward, options), 'refill');
      for (const family of FAMILIES)
        for (const probe of probes(ward, family)) {
          const isOfLists =
            probe.expect === 'policy' || (mode === 'observe' && probe.expect === 'unknown-device');
          const isBetweenDevices = probe.from !== 'hospital' && probe.to !== 'hospital';
          if (probe.expect === 'passes' || (isOfLists && isBetweenDevices)) continue;
          // Where little is refused, one probe is the answer to another: each is to be the first packet.
          await must(['conntrack', '-F']);
          if (!isOfLists) t.same(await fateOf(ward, log, probe), expectedFate(probe), `still: ${probe.what}`);
          else {
            const passing = { ...probe, expect: 'passes' as const };
            t.same(await fateOf(ward, log, passing), expectedFate(passing, prefix), probe.what);
          }
        }
    });

  t.test('between two guarded devices each list is told of by itself', async (t) => {
    await ward.load(wardPolicy(ward, { pumpMode: 'enforce', monitorMode: 'shadow' }), 'refill');
    const probe = probes(ward, 4).find(({ what }) => what === 'device to device, only the caller permits');
    if (!probe) throw new Error('no such probe');
    const fate = await fateOf(ward, log, { ...probe, expect: 'passes' });
    t.equal(fate.verdict, 'passes');
    const lines: readonly Omit<Logged, 'payload'>[] = [
      { prefix: 'shadow', device: 'monitor-1', fromDevice: false },
      { prefix: 'new', device: 'pump-1', fromDevice: true },
    ];
    t.same(fate.log, lines);
    await ward.load(wardPolicy(ward), 'refill');
  });
}
