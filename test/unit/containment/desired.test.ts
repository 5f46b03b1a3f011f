import fc from 'fast-check';
import t from 'tap';
import {
  admitDocument,
  desiredDocument,
  planDesired,
  type KeyRole,
} from '../../../agent/containment/desired.js';
import { boxTopics, parseTopic } from '../../../agent/upstream/pure/topics.js';
import { policyOf } from '../ruleset/support.js';
import { orderOf } from './support.js';

const policy = policyOf(`version: 1
site: { name: ward }
devices:
  pump-1: { identity: { macs: ["02:00:00:00:00:01"] }, mode: enforce, tags: [icu] }
  vent-1: { identity: { macs: ["02:00:00:00:00:02"] }, mode: enforce, tags: [icu], automation: none }
`);
const entry = { level: 'contained', by: 'soc', reason: 'beacons' } as const;
const pump = { ...entry, scope: { device: 'pump-1' } };
const plan = (role: KeyRole, document: object, orders = [orderOf({ id: 1 })]) =>
  planDesired(desiredDocument.parse({ aud: 'box-1', ver: 3, orders: [], ...document }), {
    box: 'box-1',
    kid: 'k1',
    role,
    orders,
    policy,
  });

/** What an online key asks, and what comes of it. */
const ONLINE: readonly (readonly [string, object, object])[] = [
  ['contains a device', { orders: [pump] }, { ok: true, give: [{ by: 'soc (key k1)', source: 'fleet' }] }],
  ['not a ward', { orders: [{ ...entry, scope: { tag: 'icu' } }] }, { ok: false, problem: /by name only/ }],
  ['not the box', { orders: [{ ...entry, scope: 'box' }] }, { ok: false, problem: /by name only/ }],
  [
    'cuts nothing',
    { orders: [{ ...pump, level: 'cut', confirmedBy: 'x' }] },
    { ok: false, problem: /by name only/ },
  ],
  [
    'releases nothing',
    { releases: [{ scope: { device: 'pump-1' }, by: 'soc', reason: 'r', orders: 'all' }] },
    { ok: false, problem: /releases nothing/ },
  ],
  [
    'leaves a device to people that its policy leaves to people',
    { orders: [pump, { ...entry, scope: { device: 'vent-1' } }] },
    { ok: true, withheld: ['vent-1'], give: [{ scope: { device: 'pump-1' } }] },
  ],
  ['is for this box', { aud: 'box-2', orders: [pump] }, { ok: false, problem: /for the box box-2/ }],
];

t.test('an online key contains devices by name, and does nothing else', (t) => {
  for (const [what, document, expected] of ONLINE) t.match(plan('online', document), expected, what);
  const held = [orderOf({ id: 7, source: 'fleet', by: 'soc (key k1)' })];
  t.match(
    plan('online', { orders: [] }, held),
    { ok: true, give: [], release: [] },
    'and lists less: nothing opens',
  );
  t.end();
});

t.test(
  'the policy key says all that the fleet wants; what people ordered ends only where it names it',
  (t) => {
    const held = [
      orderOf({ id: 1 }),
      orderOf({ id: 2, source: 'fleet', by: 'soc (key k1)' }),
      orderOf({ id: 3, source: 'fleet', by: 'soc (key online)', scope: { device: 'vent-1' } }),
    ];
    t.match(plan('policy', { orders: [pump] }, held), { ok: true, give: [{}], release: [{ orders: [3] }] });
    t.match(
      plan(
        'policy',
        { releases: [{ scope: { device: 'pump-1' }, by: 'ciso', reason: 'r', orders: [1] }] },
        held,
      ),
      { release: [{ orders: [2] }, { orders: [3] }, { orders: [1], by: 'ciso (key k1)' }] },
    );
    t.match(
      plan('policy', {
        orders: [
          { ...entry, scope: { tag: 'icu' } },
          { ...entry, scope: { device: 'new-1' } },
        ],
      }),
      {
        ok: true,
        withheld: [],
        waiting: ['new-1'],
      },
    );
    const cut = { ...pump, level: 'cut' };
    for (const [confirmedBy, ok] of [
      [null, false],
      ['soc', false],
      ['pump-1', true],
      ['ciso', true],
    ] as const)
      t.equal(
        plan('policy', { orders: [{ ...cut, confirmedBy }] }).ok,
        ok,
        `a cut confirmed by ${confirmedBy}`,
      );
    t.end();
  },
);

t.test('the number alone says what is old', (t) => {
  const taken = { ver: 5, sha256: 'aa', isApplied: true };
  t.equal(admitDocument(undefined, 1, 'aa'), 'new');
  t.equal(admitDocument(taken, 6, 'bb'), 'new');
  t.equal(admitDocument(taken, 5, 'aa'), 'known');
  t.equal(admitDocument({ ...taken, isApplied: false }, 5, 'aa'), 'new', 'what did not come to its end');
  t.match(admitDocument(taken, 4, 'cc'), { refused: /older/ });
  t.match(admitDocument(taken, 5, 'bb'), { refused: /another document/ });
  t.end();
});

t.test('no document throws, and an online key never opens nor cuts', (t) => {
  const scope = fc.oneof(
    fc.constant('box'),
    fc.record({ device: fc.constantFrom('pump-1', 'vent-1', 'x', '__proto__') }),
    fc.record({ tag: fc.constantFrom('icu', 'x') }),
  );
  const document = fc.record({
    aud: fc.constant('box-1'),
    ver: fc.integer({ min: -1, max: 9 }),
    orders: fc.array(
      fc.record({
        scope,
        level: fc.constantFrom('contained', 'cut', 'normal'),
        by: fc.string(),
        reason: fc.string(),
      }),
    ),
    releases: fc.array(
      fc.record({ scope, by: fc.string(), reason: fc.string(), orders: fc.constant('all') }),
    ),
  });
  fc.assert(
    fc.property(fc.oneof(document, fc.jsonValue()), (value) => {
      const parsed = desiredDocument.safeParse(value);
      if (!parsed.success) return true;
      const made = plan('online', parsed.data);
      return !made.ok || (made.release.length === 0 && made.give.every(({ level }) => level === 'contained'));
    }),
  );
  t.end();
});

t.test('the topic of desired state is read as it is written', (t) => {
  const topic = boxTopics('box-1').desired('containment');
  t.equal(topic, 'cordon/v1/box-1/desired/containment');
  t.same(parseTopic(topic), { box: 'box-1', kind: 'desired', name: 'containment' });
  t.equal(parseTopic('cordon/v1/box-1/desired/firmware'), null);
  t.end();
});
