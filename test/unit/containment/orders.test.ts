import t from 'tap';
import {
  REMINDER_MS,
  confirmationWord,
  createOrder,
  expireOrders,
  isConfirmed,
  needsConfirmation,
  nextMomentMs,
  releaseOrders,
  remindOrders,
  scopeText,
  toMessage,
  withMembers,
  withOrder,
  type Order,
} from '../../../agent/containment/orders.js';
import { containmentOrder } from '../../../agent/messages/vocabulary.js';
import { ordered, orderOf } from './support.js';

t.test('the same person ordering the same again has one order, which may only last longer', (t) => {
  for (const [what, first, second, endsMs] of [
    ['no end stays no end', null, 500, null],
    ['an end may go', 500, null, null],
    ['an end does not come nearer', 900, 500, 900],
    ['an end may be put off', 500, 900, 900],
  ] as const) {
    const before = orderOf({ id: 1, endsMs: first, sinceMs: 3 });
    const { orders, held } = withOrder(
      [before],
      orderOf({ id: 2, endsMs: second, sinceMs: 7, reason: 'again' }),
    );
    t.same(orders, [held], what);
    t.match(held, { id: 1, sinceMs: 3, endsMs, reason: 'again' }, what);
  }
  t.end();
});

t.test('orders of another person, source, level, scope or mercy stand beside it', (t) => {
  const first = orderOf({ id: 1 });
  for (const other of [
    { by: 'other' },
    { source: 'detector' },
    { level: 'cut' },
    { scope: 'box' },
    { scope: { tag: 'pump-1' } },
    { sparesLifeSustaining: true },
  ] as const)
    t.equal(withOrder([first], orderOf({ id: 2, ...other })).orders.length, 2, JSON.stringify(other));
  t.end();
});

t.test('releasing one order does not release another, nor one of another scope', (t) => {
  const orders = [
    orderOf({ id: 1 }),
    orderOf({ id: 2, source: 'detector' }),
    orderOf({ id: 3, scope: { tag: 'icu' } }),
    orderOf({ id: 4, scope: 'box' }),
  ];
  const ids = (list: readonly Order[]): number[] => list.map(({ id }) => id);
  t.same(ids(releaseOrders(orders, { device: 'pump-1' }, [1]).orders), [2, 3, 4]);
  t.same(ids(releaseOrders(orders, { device: 'pump-1' }, 'all').orders), [3, 4]);
  t.same(
    ids(releaseOrders(orders, { device: 'pump-1' }, [3]).orders),
    [1, 2, 3, 4],
    'not by a foreign number',
  );
  t.same(ids(releaseOrders(orders, { tag: 'icu' }, 'all').released), [3]);
  t.same(ids(releaseOrders(orders, 'box', 'all').released), [4]);
  t.end();
});

t.test('a reminder comes before the end, once; the end at its time and not before', (t) => {
  const now = { wallMs: 1e12, steadyMs: 1_000 };
  const long = createOrder(ordered({ forSeconds: 7_200 }), 1, [], now);
  t.same([long.endsMs, long.remindMs], [7_201_000, 7_201_000 - REMINDER_MS]);
  const short = createOrder(ordered({ forSeconds: 60 }), 2, [], now);
  t.same([short.endsMs, short.remindMs], [61_000, 46_000], 'at three quarters of a short one');
  t.equal(nextMomentMs([long, short, orderOf({ id: 3 })]), 46_000);
  const { orders, due } = remindOrders([long, short], 46_000);
  t.same(
    due.map(({ id }) => id),
    [2],
  );
  t.same(remindOrders(orders, 60_999).due, [], 'once');
  t.equal(nextMomentMs(orders), 61_000);
  t.same(expireOrders(orders, 60_999).released, []);
  t.match(expireOrders(orders, 61_000).released, [{ id: 2 }]);
  t.equal(nextMomentMs([orderOf({ id: 3 })]), null);
  t.end();
});

t.test('what is told is in the clock of people, as it is now', (t) => {
  const order = createOrder(ordered({ forSeconds: 60 }), 1, ['pump-1'], { wallMs: 5_000, steadyMs: 1_000 });
  // Ten years on, by a clock that was set: 30 s have passed.
  const told = toMessage(order, { wallMs: 315_000_000_000, steadyMs: 31_000 });
  t.match(told, { sinceMs: 5_000, untilMs: 315_000_030_000 });
  t.same(containmentOrder.parse(told), told);
  t.end();
});

t.test('who had a tag since the order was given stays under it', (t) => {
  const icu = orderOf({ id: 1, scope: { tag: 'icu' }, members: ['pump-1'] });
  const orders = [icu, orderOf({ id: 2 })];
  t.equal(
    withMembers(orders, () => ['pump-1']),
    orders,
  );
  const [grown] = withMembers(orders, () => ['pump-2']);
  t.same(grown?.members, ['pump-1', 'pump-2']);
  t.end();
});

t.test('a cut wants a second person, or the name typed again', (t) => {
  for (const source of ['cli', 'page', 'fleet'] as const)
    t.ok(needsConfirmation({ level: 'cut', source }), source);
  for (const source of ['button', 'detector'] as const)
    t.notOk(needsConfirmation({ level: 'cut', source }), source);
  t.notOk(needsConfirmation({ level: 'contained', source: 'cli' }));
  for (const second of ['pump-1', 'Shepherd', ' pump-1 '])
    t.ok(isConfirmed('pump-1', 'Grey', second), second);
  for (const second of [null, '', ' ', 'Grey', ' grey '])
    t.notOk(isConfirmed('pump-1', 'Grey', second), String(second));
  for (const [scope, word, text] of [
    [{ device: 'pump-1' }, 'pump-1', 'pump-1'],
    [{ tag: 'icu' }, 'icu', 'tag icu'],
    ['box', 'box-7', 'the whole box'],
  ] as const) {
    t.equal(confirmationWord(scope, 'box-7'), word);
    t.equal(scopeText(scope), text);
  }
  t.end();
});
