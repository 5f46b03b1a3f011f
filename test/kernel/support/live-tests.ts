/** The tests of live connections that are the same in bridge and in router mode. Each adds tests to `t`. */
import type t from 'tap';
import { VERDICT_ALLOWED, VERDICT_OBSERVED, VERDICT_WOULD_REFUSE } from '../../../agent/detect/event.js';
import { verdictOfConnection } from '../../../agent/enforcer/mark-verdict.js';
import { must } from '../../../agent/lab/namespace.js';
import { readBack } from '../../../agent/nftables/read-tables.js';
import { openConntrackEvents } from '../../../agent/netlink/conntrack.js';
import { ascii, icmpError, udp } from './frames.js';
import { Stream } from './streams.js';
import { order, release } from './orders.js';
import { probes, UNLISTED, wardPolicy } from './verdict-probes.js';
import { expectedFate, fateOf, type KernelLog } from './verdicts.js';
import { eventually, type Family, type Ward } from './ward.js';

type Tap = typeof t;
const FAMILIES = [4, 6] as const;

/** What is spoken on a connection: the first data of either end is logged once, and no more of it. */
export function firstData(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: the first data of each direction is logged, once`, async (t) => {
      const told = () =>
        log.lines
          .filter(({ prefix }) => prefix === 'data' || prefix === 'answer')
          .map(({ prefix, device, fromDevice }) => [prefix, device, fromDevice]);
      for (const [from, to, port, opened] of [
        ['pump', 'hospital', 8080, true],
        ['hospital', 'pump', 2576, false],
      ] as const) {
        const before = told().length;
        const stream = await Stream.open(ward, from, to, family, port);
        await stream.goesOn();
        t.same(told().slice(before), [
          ['data', 'pump-1', opened],
          ['answer', 'pump-1', opened],
        ]);
        await stream.stop();
      }
    });
}

/** What a mode let through is told with that verdict from its first data to its end, and is contained like anything else. */
export function lenientConnections(t: Tap, ward: Ward, log: KernelLog): void {
  for (const [mode, verdict] of [
    ['shadow', VERDICT_WOULD_REFUSE],
    ['observe', VERDICT_OBSERVED],
  ] as const)
    for (const family of FAMILIES)
      t.test(`IPv${family}: a connection that ${mode} let through says so until its end`, async (t) => {
        await ward.load(wardPolicy(ward, { pumpMode: mode }), 'refill');
        const ended = new Map<number, number>();
        const onOverrun = (): void => {
          t.fail('ends were lost');
        };
        const ends = openConntrackEvents(
          { groups: ['destroy'], receiveBufferBytes: 1 << 20, onOverrun },
          (_kind, { mark, original }) => ended.set(original.destinationPort, verdictOfConnection(mark)),
        );
        const witness = await Stream.open(ward, 'pump', 'hospital', family, 104);
        const from = log.lines.length;
        const stream = await Stream.open(ward, 'pump', 'hospital', family, UNLISTED);
        const told = log.lines.slice(from).map(({ prefix }, index) => [prefix, log.verdicts[from + index]]);
        t.same(told, [
          [mode === 'observe' ? 'observed' : mode, verdict],
          ['data', verdict],
          ['answer', verdict],
        ]);
        await order(ward, 'pump-1', 'contained');
        t.ok(await stream.standsStill(witness), 'contained');
        await release(ward);
        await Promise.all([stream.goesOn(), witness.goesOn()]);
        await Promise.all([stream.stop(), witness.stop()]);
        await must(['conntrack', '-D', '-p', 'tcp']);
        await eventually(
          () => ended.has(UNLISTED) && ended.has(104),
          () => 'no ends',
        );
        t.same([ended.get(UNLISTED), ended.get(104)], [verdict, VERDICT_ALLOWED]);
        ends.stop();
        await ward.load(wardPolicy(ward), 'refill');
      });
}

/** Both directions: an essential connection and another one, opened by the pump and by the hospital. */
export async function openAll(ward: Ward, family: Family): Promise<{ essential: Stream[]; other: Stream[] }> {
  const [outEssential, out, inEssential, into] = await Promise.all([
    Stream.open(ward, 'pump', 'hospital', family, 104),
    Stream.open(ward, 'pump', 'hospital', family, 8080),
    Stream.open(ward, 'hospital', 'pump', family, 2575),
    Stream.open(ward, 'hospital', 'pump', family, 2576),
  ]);
  return { essential: [outEssential, inEssential], other: [out, into] };
}

export function containment(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(
      `IPv${family}: contain stops live connections at once, and the essential ones go on`,
      async (t) => {
        const { essential, other } = await openAll(ward, family);
        const witness = essential[0];
        if (!witness) throw new Error('no stream');
        await order(ward, 'pump-1', 'contained');
        for (const stream of other) t.ok(await stream.standsStill(witness), `stands still: ${stream.name}`);
        await Promise.all(essential.map((stream) => stream.goesOn()));
        await release(ward);
        await Promise.all(other.map((stream) => stream.goesOn()));
        t.pass('released, they go on');
        await Promise.all([...essential, ...other].map((stream) => stream.stop()));
        // Only now: a connection that stands still sends again, which would count as refused beside the probe.
        await order(ward, 'pump-1', 'contained');
        for (const probe of probes(ward, family)) {
          const expected = CONTAINED[probe.what];
          if (expected === undefined) continue;
          const now = { ...probe, expect: expected };
          t.same(await fateOf(ward, log, now), expectedFate(now), `contained: ${probe.what}`);
        }
        await release(ward);
      },
    );
}

/** New connections of a contained pump. */
const CONTAINED: Readonly<Record<string, 'passes' | 'contained'>> = {
  'permitted TCP': 'passes',
  'permitted TCP inwards': 'passes',
  'permitted TCP in a range': 'contained',
  'permitted UDP': 'contained',
  'permitted ping': 'contained',
  'permitted UDP inwards': 'contained',
  'device to device, both lists permit': 'contained',
  'DHCP as a client': 'passes',
};

export function errorsOfEssential(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(
      `IPv${family}: a contained device still hears that its essential packets are too big`,
      async (t) => {
        const port = 32_000;
        const there = { source: ward.address('pump', family), destination: ward.address('hospital', family) };
        const back = { source: there.destination, destination: there.source };
        await order(ward, 'pump-1', 'contained');
        const tag = ward.tag();
        await ward.send('pump', udp(ward.link('pump', 'hospital'), there, [port, 5002], ascii(tag)));
        await ward.arrives('hospital', tag);
        const error = {
          what: 'packet too big',
          from: 'hospital' as const,
          to: 'pump' as const,
          frame: (each: readonly number[]) =>
            icmpError(
              ward.link('hospital', 'pump'),
              back,
              'too-big',
              { path: there, ports: [port, 5002] },
              each,
            ),
          expect: 'passes' as const,
          logged: null,
        };
        t.same(await fateOf(ward, log, error), expectedFate(error));
        await release(ward);
      },
    );
}

export function cut(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: cut stops everything, and ends by itself where it was given a time`, async (t) => {
      const { essential, other } = await openAll(ward, family);
      await order(ward, 'pump-1', 'cut');
      const witness = await Stream.open(ward, 'monitor', 'hospital', family, 8080);
      for (const stream of [...essential, ...other])
        t.ok(await stream.standsStill(witness), `stands still: ${stream.name}`);
      for (const probe of probes(ward, family)) {
        if (
          ![
            'permitted TCP',
            'permitted TCP inwards',
            'DHCP as a client',
            'device to device, both lists permit',
          ].includes(probe.what)
        )
          continue;
        // What stands still sends again and is counted beside the probe: how often does not matter here.
        const fate = await fateOf(ward, log, { ...probe, expect: 'cut', logged: null });
        t.match(fate, { verdict: /^cut/, arrived: false }, `cut: ${probe.what}`);
      }
      await release(ward);
      await order(ward, 'pump-1', 'cut', 1_000);
      await Promise.all([...essential, ...other].map((stream) => stream.goesOn()));
      t.pass('the time is over: they go on');
      await Promise.all([...essential, ...other, witness].map((stream) => stream.stop()));
    });
}

/** A cut device opens nothing to another guarded device, and is reached by none, whatever the packet is. */
export function cutBetweenDevices(t: Tap, ward: Ward, log: KernelLog): void {
  t.test('between two guarded devices the order on either end holds', async (t) => {
    for (const family of FAMILIES) {
      const stream = await Stream.open(ward, 'pump', 'monitor', family, 6000);
      const witness = await Stream.open(ward, 'pump', 'hospital', family, 104);
      const [client, server] = family === 4 ? [68, 67] : [546, 547];
      const lease = {
        what: 'a DHCP request from the pump to the monitor',
        from: 'pump' as const,
        to: 'monitor' as const,
        frame: (tag: readonly number[]) =>
          udp(
            ward.link('pump', 'monitor'),
            { source: ward.address('pump', family), destination: ward.address('monitor', family) },
            [client, server],
            tag,
          ),
        expect: 'cut' as const,
        logged: null,
      };
      await order(ward, 'monitor-1', 'cut');
      t.ok(await stream.standsStill(witness), 'the one contacted is cut');
      t.match(await fateOf(ward, log, lease), { verdict: 'cut', arrived: false }, lease.what);
      await release(ward);
      await stream.goesOn();
      await order(ward, 'pump-1', 'cut');
      t.match(
        await fateOf(ward, log, lease),
        { verdict: 'cut', arrived: false },
        `${lease.what}, which is cut`,
      );
      await release(ward);
      await order(ward, 'pump-1', 'contained');
      t.ok(await stream.standsStill(witness), 'the opener is contained');
      await release(ward);
      await Promise.all([stream.stop(), witness.stop()]);
    }
  });
}

export function refill(t: Tap, ward: Ward): void {
  t.test(
    'a change of policy leaves live connections, containment and the tables of others alone',
    async (t) => {
      await must(['nft', 'add', 'table', 'inet', 'admin']);
      await must([
        'nft',
        'add',
        'chain',
        'inet',
        'admin',
        'mine',
        '{ type filter hook forward priority 10; }',
      ]);
      await must(['nft', 'add', 'rule', 'inet', 'admin', 'mine', 'counter']);
      const theirs = (): Promise<string> => must(['nft', '-s', 'list', 'table', 'inet', 'admin']);
      const before = await theirs();
      const stream = await Stream.open(ward, 'pump', 'hospital', 4, 104);
      const six = await Stream.open(ward, 'hospital', 'pump', 6, 2576);
      const permitted = await ward.counter('permitted_new');
      const refilled = await ward.load(wardPolicy(ward, { monitorMode: 'shadow' }), 'refill');
      t.same(await readBack(refilled), { ok: true });
      await ward.load(wardPolicy(ward), 'refill');
      await stream.goesOn();
      await six.goesOn();
      t.equal(await ward.counter('permitted_new'), permitted, 'no connection began anew');
      await order(ward, 'pump-1', 'contained', 3_600_000);
      await ward.load(wardPolicy(ward, { monitorMode: 'shadow' }), 'refill');
      t.ok(await six.standsStill(stream), 'contained before, contained after');
      t.match(
        await must(['nft', 'list', 'map', 'inet', 'cordon', 'containment']),
        /timeout 1h expires (59m|1h)/,
      );
      await release(ward);
      await ward.load(wardPolicy(ward), 'replace');
      await Promise.all([stream.goesOn(), six.goesOn()]);
      t.equal(await theirs(), before, 'their table is as it was');
      await eventually(
        async () => /packets [1-9]/.test(await must(['nft', 'list', 'table', 'inet', 'admin'])),
        () => 'their counter does not count',
      );
      await Promise.all([stream.stop(), six.stop()]);
      await must(['nft', 'delete', 'table', 'inet', 'admin']);
    },
  );
}
