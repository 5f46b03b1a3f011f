import t from 'tap';
import {
  effectOn,
  expireOrders,
  isConfirmed,
  needsConfirmation,
  nextExpiryMs,
  releaseDevice,
  withOrder,
  type Orders,
} from '../../../agent/containment/orders.js';
import type { ContainmentOrder } from '../../../agent/messages/vocabulary.js';

const order = (
  level: 'contained' | 'cut',
  source: ContainmentOrder['source'],
  untilMs: number | null,
): ContainmentOrder => ({ device: 'pump-1', level, by: 'x', source, reason: 'y', sinceMs: 0, untilMs });

/** Orders, and what holds. */
const TABLE: readonly (readonly [string, Orders, ReturnType<typeof effectOn>])[] = [
  ['nothing ordered', [], null],
  ['contained until released', [order('contained', 'cli', null)], { level: 'contained', untilMs: null }],
  ['contained for a time', [order('contained', 'cli', 500)], { level: 'contained', untilMs: 500 }],
  [
    'the stricter holds',
    [order('contained', 'cli', null), order('cut', 'fleet', null)],
    { level: 'cut', untilMs: null },
  ],
  [
    'the longer of two equal ones holds',
    [order('contained', 'cli', 500), order('contained', 'fleet', 900)],
    { level: 'contained', untilMs: 900 },
  ],
  [
    'the kernel may not end a cut that a containment outlives',
    [order('contained', 'cli', null), order('cut', 'fleet', 500)],
    { level: 'cut', untilMs: null },
  ],
];

t.test('the stricter order holds, and the kernel never re-opens on its own', (t) => {
  for (const [what, orders, effect] of TABLE) t.same(effectOn(orders, 'pump-1'), effect, what);
  t.equal(effectOn([order('cut', 'cli', null)], 'pump-2'), null, 'another device is not concerned');
  t.end();
});

t.test('an order ends by release or at its time, and not otherwise', (t) => {
  const { orders } = withOrder(
    withOrder([], order('contained', 'cli', 500)).orders,
    order('cut', 'fleet', null),
  );
  t.equal(nextExpiryMs(orders), 500);
  t.same(expireOrders(orders, 499).released, []);
  t.same(
    expireOrders(orders, 500).released.map(({ level }) => level),
    ['contained'],
  );
  t.same(effectOn(expireOrders(orders, 500).orders, 'pump-1'), { level: 'cut', untilMs: null });
  t.equal(releaseDevice(orders, 'pump-1').released.length, 2);
  t.equal(
    withOrder(orders, order('contained', 'cli', null)).orders.length,
    2,
    'given again, it replaces its own',
  );
  t.end();
});

/** What was ordered, what the same source orders then, and what holds. */
const AGAIN: readonly (readonly [string, ContainmentOrder, ContainmentOrder, ReturnType<typeof effectOn>])[] =
  [
    [
      'a containment does not weaken a cut',
      order('cut', 'cli', null),
      order('contained', 'cli', null),
      { level: 'cut', untilMs: null },
    ],
    [
      'a cut tightens a containment',
      order('contained', 'cli', null),
      order('cut', 'cli', null),
      { level: 'cut', untilMs: null },
    ],
    [
      'an end is not given to what has none',
      order('contained', 'cli', null),
      order('contained', 'cli', 500),
      { level: 'contained', untilMs: null },
    ],
    [
      'an end does not come nearer',
      order('contained', 'cli', 900),
      order('contained', 'cli', 500),
      { level: 'contained', untilMs: 900 },
    ],
    [
      'an end may be put off',
      order('contained', 'cli', 500),
      order('contained', 'cli', 900),
      { level: 'contained', untilMs: 900 },
    ],
  ];

t.test('a second order may only tighten or lengthen the first', (t) => {
  for (const [what, first, second, effect] of AGAIN) {
    const { orders, held } = withOrder(withOrder([], first).orders, { ...second, by: 'y', sinceMs: 7 });
    t.same(effectOn(orders, 'pump-1'), effect, what);
    t.equal(held.by, 'y', what);
    t.ok(orders.includes(held), what);
  }
  t.end();
});

t.test("a person's cut wants a second person, or the device's name", (t) => {
  for (const source of ['cli', 'page'] as const) t.ok(needsConfirmation(order('cut', source, null)), source);
  for (const source of ['fleet', 'button', 'detector'] as const)
    t.notOk(needsConfirmation(order('cut', source, null)), source);
  t.notOk(needsConfirmation(order('contained', 'cli', null)));
  const asked = { device: 'pump-1', by: 'Grey' };
  for (const second of ['pump-1', 'Shepherd', ' pump-1 ']) t.ok(isConfirmed(asked, second), second);
  for (const second of [null, '', ' ', 'Grey', ' grey ']) t.notOk(isConfirmed(asked, second), String(second));
  t.end();
});
