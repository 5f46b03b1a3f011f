import fc from 'fast-check';
import t from 'tap';
import { adoptOrders } from '../../../agent/containment/adopt-orders.js';
import { diffElements, elementsOf, timeoutMs } from '../../../agent/containment/containment-elements.js';
import { effectsOf, levelOf, membersOf, ordersOn, toldLevels } from '../../../agent/containment/effects.js';
import {
  expireOrders,
  releaseOrders,
  toMessage,
  withOrder,
  type Order,
  type Orders,
} from '../../../agent/containment/orders.js';
import { policyOf } from '../ruleset/support.js';
import { orderOf } from './support.js';

const policy = policyOf(`version: 1
site: { name: ward }
devices:
  pump-1: { identity: { macs: ["02:00:00:00:00:01"] }, mode: enforce, tags: [icu, pumps], criticality: life-sustaining }
  pump-2: { identity: { macs: ["02:00:00:00:00:02"] }, mode: enforce, tags: [pumps] }
  ct-1: { identity: { macs: ["02:00:00:00:00:03"] }, mode: enforce }
`);
const ids = new Map([
  ['ct-1', 2],
  ['pump-1', 3],
  ['pump-2', 4],
]);
const pumps = { scope: { tag: 'pumps' }, members: ['pump-1', 'pump-2'] } as const;

/** What is ordered, and the level of pump-1, pump-2, ct-1 and of a device that the policy does not name. */
const TABLE: readonly (readonly [string, Orders, readonly string[]])[] = [
  ['nothing', [], ['normal', 'normal', 'normal', 'normal']],
  ['a device', [orderOf({ id: 1 })], ['contained', 'normal', 'normal', 'normal']],
  ['a device, cut', [orderOf({ id: 1, level: 'cut' })], ['cut', 'normal', 'normal', 'normal']],
  ['a tag', [orderOf({ id: 1, ...pumps })], ['contained', 'contained', 'normal', 'normal']],
  [
    'a tag cut, life-sustaining devices spared',
    [orderOf({ id: 1, ...pumps, level: 'cut', sparesLifeSustaining: true })],
    ['contained', 'cut', 'normal', 'normal'],
  ],
  ['the box', [orderOf({ id: 1, scope: 'box' })], ['contained', 'contained', 'contained', 'contained']],
  ['the box, cut', [orderOf({ id: 1, scope: 'box', level: 'cut' })], ['cut', 'cut', 'cut', 'cut']],
  [
    'the box cut, life-sustaining devices spared',
    [orderOf({ id: 1, scope: 'box', level: 'cut', sparesLifeSustaining: true })],
    ['contained', 'cut', 'cut', 'cut'],
  ],
  [
    'the stricter holds, from whatever scope',
    [orderOf({ id: 1, scope: 'box' }), orderOf({ id: 2, ...pumps, level: 'cut' })],
    ['cut', 'cut', 'contained', 'contained'],
  ],
  [
    'a spared device that somebody cuts by name is cut',
    [
      orderOf({ id: 1, scope: 'box', level: 'cut', sparesLifeSustaining: true }),
      orderOf({ id: 2, level: 'cut' }),
    ],
    ['cut', 'cut', 'cut', 'cut'],
  ],
];

t.test('the level of each device is the strictest of all orders that reach it', (t) => {
  for (const [what, orders, levels] of TABLE) {
    const effects = effectsOf(orders, policy);
    t.same(
      ['pump-1', 'pump-2', 'ct-1', null].map((device) => levelOf(effects, device)),
      levels,
      what,
    );
    const told = toldLevels(
      orders.map((order) => toMessage(order, { wallMs: 0, steadyMs: 0 })),
      policy,
    );
    t.same(['pump-1', 'pump-2', 'ct-1'].map(told), levels.slice(0, 3), `${what}, as told`);
    for (const device of ['pump-1', 'pump-2', 'ct-1', null])
      t.equal(
        ordersOn(orders, device).length > 0,
        levelOf(effects, device) !== 'normal',
        `${what}: who orders it`,
      );
  }
  t.same(membersOf(policy, 'pumps'), ['pump-1', 'pump-2']);
  t.end();
});

t.test('a cut that a containment outlives ends in it: each has its own timeout in the kernel', (t) => {
  const orders = [orderOf({ id: 1, endsMs: 9_000 }), orderOf({ id: 2, level: 'cut', endsMs: 5_000 })];
  t.same(effectsOf(orders, policy).devices.get('pump-1'), { endsMs: 9_000, cutEndsMs: 5_000 });
  const ends = [...elementsOf(effectsOf(orders, policy), ids, policy, 'bridge').values()].map((element) => [
    element.set,
    timeoutMs(element, 1_000),
  ]);
  t.same(ends, [
    ['inet/containment', 8_000],
    ['inet/cut', 4_000],
    ['inet/containment', 8_000],
    ['inet/cut', 4_000],
    ['bridge/cut_macs', 4_000],
  ]);
  t.same(
    effectsOf([orderOf({ id: 1, endsMs: 9_000 }), orderOf({ id: 2, endsMs: null })], policy).devices.get(
      'pump-1',
    ),
    { endsMs: null, cutEndsMs: undefined },
    'without an end is later than any end',
  );
  t.end();
});

t.test('a whole box is four elements, however many devices; router mode has no layer 2', (t) => {
  const cut = effectsOf([orderOf({ id: 1, scope: 'box', level: 'cut' })], policy);
  t.same(
    [...elementsOf(cut, ids, policy, 'bridge').keys()],
    [
      'inet/containment 16777216',
      'inet/cut 16777216',
      'inet/containment 33554432',
      'inet/cut 33554432',
      'bridge/cut_sides 268435456',
      'bridge/cut_sides 536870912',
    ],
  );
  t.equal(elementsOf(cut, ids, policy, 'router').size, 4);
  t.equal(
    elementsOf(effectsOf([orderOf({ id: 1, scope: { device: 'gone' } })], policy), ids, policy, 'bridge')
      .size,
    0,
    'an order on a device that the policy never had waits',
  );
  t.end();
});

t.test('only elements that differ are changed', (t) => {
  const of = (orders: Orders) => elementsOf(effectsOf(orders, policy), ids, policy, 'bridge');
  const contained = of([orderOf({ id: 1 })]);
  const cut = of([orderOf({ id: 1 }), orderOf({ id: 2, level: 'cut' })]);
  t.same(
    diffElements(contained, cut).fresh.map(({ set }) => set),
    ['inet/cut', 'inet/cut', 'bridge/cut_macs'],
  );
  t.same(diffElements(contained, cut).gone, []);
  t.same(diffElements(cut, cut), { gone: [], fresh: [] });
  const later = of([orderOf({ id: 1, endsMs: 5 })]);
  t.equal(diffElements(contained, later).gone.length, 2, 'an end that moved is an element put in anew');
  t.end();
});

t.test('what the kernel holds without a record is taken over, so that it can be seen and released', (t) => {
  const orders = [
    orderOf({ id: 1, endsMs: 9_000 }),
    orderOf({ id: 2, level: 'cut', endsMs: 5_000 }),
    orderOf({ id: 3, scope: { device: 'ct-1' }, level: 'cut' }),
    orderOf({ id: 4, scope: 'box' }),
  ];
  const inKernel = elementsOf(effectsOf(orders, policy), ids, policy, 'bridge');
  t.same(adoptOrders(inKernel, new Map(), ids), [
    { scope: { device: 'pump-1' }, level: 'contained', endsMs: 9_000 },
    { scope: { device: 'pump-1' }, level: 'cut', endsMs: 5_000 },
    { scope: { device: 'ct-1' }, level: 'cut', endsMs: null },
    { scope: 'box', level: 'contained', endsMs: null },
  ]);
  t.same(adoptOrders(inKernel, inKernel, ids), [], 'and nothing that a record explains');
  t.end();
});

/** Steps of several people at once: after each, the level is what the orders that are left say, and nothing else. */
t.test('no order, release or end opens a device that another order holds', (t) => {
  const scopes = [{ device: 'pump-1' }, { device: 'ct-1' }, { tag: 'pumps' }, 'box'] as const;
  const step = fc.record({
    kind: fc.constantFrom('order' as const, 'release' as const, 'time' as const),
    scope: fc.constantFrom(...scopes),
    level: fc.constantFrom('contained' as const, 'cut' as const),
    by: fc.constantFrom('a', 'b', 'c'),
    seconds: fc.option(fc.integer({ min: 1, max: 50 })),
  });
  const rank = { normal: 0, contained: 1, cut: 2 } as const;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let orders: Orders = [];
      let nowMs = 0;
      let id = 0;
      for (const { kind, scope, level, by, seconds } of steps) {
        const before = effectsOf(orders, policy);
        let gone: Orders = [];
        if (kind === 'order') {
          id += 1;
          const members = typeof scope === 'object' && 'tag' in scope ? pumps.members : [];
          const endsMs = seconds === null ? null : nowMs + seconds * 1000;
          orders = withOrder(orders, orderOf({ id, scope, level, by, endsMs, members })).orders;
        } else if (kind === 'release') {
          const first: Order | undefined = orders.find((order) => order.by === by);
          if (!first) continue;
          ({ orders, released: gone } = releaseOrders(orders, first.scope, [first.id]));
        } else {
          nowMs += (seconds ?? 0) * 1000;
          ({ orders, released: gone } = expireOrders(orders, nowMs));
        }
        const after = effectsOf(orders, policy);
        for (const device of ['pump-1', 'pump-2', 'ct-1', null]) {
          const [was, is] = [rank[levelOf(before, device)], rank[levelOf(after, device)]];
          const left = ordersOn(orders, device).map((order) => rank[order.level]);
          if (is !== Math.max(0, ...left)) return false;
          if (is < was && ordersOn(gone, device).length === 0) return false;
        }
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.end();
});
