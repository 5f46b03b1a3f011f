import './support/in-own-namespace.js';
import { readdirSync, readlinkSync } from 'node:fs';
import t from 'tap';
import {
  addressKey,
  concatKey,
  intervalMarkKey,
  markKey,
  portKey,
  protocolKey,
  splitKey,
} from '../../agent/netlink/keys.js';
import {
  changeSetElements,
  readSetElements,
  SetElementError,
  type SetElement,
} from '../../agent/netlink/set-elements.js';
import { nft, nftJson, run } from './support/shell.js';

const V4 = Uint8Array.of(10, 20, 30, 40);
const V6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7);
const MAC = Uint8Array.of(2, 0, 0, 0xaa, 0xbb, 0xcc);

const RULESET = `
table inet lab {
  chain end { accept
  }
  set marks { type mark
    size 65536; flags timeout;
  }
  set macs { type ether_addr
  }
  set allow4 { type mark . ipv4_addr . inet_proto . inet_service
    flags timeout
  }
  set allow6 { type mark . ipv6_addr . inet_proto . inet_service
    flags timeout
  }
  set pairs { type ether_addr . ipv4_addr
  }
  set ranges4 { type mark . ipv4_addr . inet_proto . inet_service
    flags interval
  }
  map device_by_mac { type ether_addr : mark
  }
  map device_by_ip6 { type ipv6_addr : mark
  }
  map verdicts { type mark . inet_proto : verdict
    flags timeout
  }
}
table bridge lab {
  set macs { type ether_addr
  }
}
`;

t.beforeEach(() => {
  run('nft flush ruleset');
  nft(RULESET);
});

/** The `elem` array of one set, as nft prints it. */
function listed(set: string, family = 'inet', kind = 'set'): unknown {
  for (const item of nftJson(`${kind} ${family} lab ${set}`)) {
    if (typeof item !== 'object' || item === null || !(kind in item)) continue;
    const body: unknown = (item as Record<string, unknown>)[kind];
    if (typeof body === 'object' && body !== null) return 'elem' in body ? body.elem : [];
  }
  return undefined;
}

async function add(set: string, elements: SetElement[], family: 'inet' | 'bridge' = 'inet'): Promise<void> {
  await changeSetElements([{ op: 'add', family, table: 'lab', set, elements }]);
}

t.test('what is added is what nft lists', async (t) => {
  const allow = (address: Uint8Array): Uint8Array =>
    concatKey([markKey(0x1_0002), addressKey(address), protocolKey(6), portKey(11112)]);
  const cases: { set: string; kind?: string; family?: 'bridge'; element: SetElement; expected: unknown }[] = [
    { set: 'marks', element: { key: markKey(66051) }, expected: [66051] },
    { set: 'macs', element: { key: addressKey(MAC) }, expected: ['02:00:00:aa:bb:cc'] },
    {
      set: 'macs',
      family: 'bridge',
      element: { key: addressKey(MAC), comment: 'policy devices.pump-3' },
      expected: [{ elem: { val: '02:00:00:aa:bb:cc', comment: 'policy devices.pump-3' } }],
    },
    {
      set: 'allow4',
      element: { key: allow(V4) },
      expected: [{ concat: [0x1_0002, '10.20.30.40', 'tcp', 11112] }],
    },
    {
      set: 'allow6',
      element: { key: allow(V6) },
      expected: [{ concat: [0x1_0002, '2001:db8::7', 'tcp', 11112] }],
    },
    {
      set: 'pairs',
      element: { key: concatKey([addressKey(MAC), addressKey(V4)]) },
      expected: [{ concat: ['02:00:00:aa:bb:cc', '10.20.30.40'] }],
    },
    {
      set: 'ranges4',
      element: {
        key: concatKey([intervalMarkKey(5), Uint8Array.of(10, 1, 0, 0), protocolKey(17), portKey(1024)]),
        keyEnd: concatKey([
          intervalMarkKey(5),
          Uint8Array.of(10, 1, 255, 255),
          protocolKey(17),
          portKey(2047),
        ]),
      },
      expected: [
        {
          concat: [5, { prefix: { addr: '10.1.0.0', len: 16 } }, 'udp', { range: [1024, 2047] }],
        },
      ],
    },
    {
      set: 'device_by_mac',
      kind: 'map',
      element: { key: addressKey(MAC), data: { mark: 66051 } },
      expected: [['02:00:00:aa:bb:cc', 66051]],
    },
    {
      set: 'device_by_ip6',
      kind: 'map',
      element: { key: addressKey(V6), data: { mark: 7 } },
      expected: [['2001:db8::7', 7]],
    },
    {
      set: 'verdicts',
      kind: 'map',
      element: { key: concatKey([markKey(9), protocolKey(17)]), data: { verdict: 'drop' } },
      expected: [[{ concat: [9, 'udp'] }, { drop: null }]],
    },
    {
      set: 'verdicts',
      kind: 'map',
      element: { key: concatKey([markKey(9), protocolKey(6)]), data: { verdict: 'jump', chain: 'end' } },
      expected: [[{ concat: [9, 'tcp'] }, { jump: { target: 'end' } }]],
    },
  ];
  for (const { set, kind = 'set', family = 'inet', element, expected } of cases) {
    await add(set, [element], family);
    t.same(listed(set, family, kind), expected, `${family} ${set}`);
    const read = await readSetElements(family, 'lab', set);
    t.equal(read.length, 1);
    t.same(read[0]?.key, element.key, 'and reads back');
    t.equal(read[0]?.comment, element.comment);
    await changeSetElements([{ op: 'delete', family, table: 'lab', set, elements: [element] }]);
    t.same(await readSetElements(family, 'lab', set), []);
  }
});

t.test('a read element can be taken apart and written again', async (t) => {
  const verdict = {
    key: concatKey([markKey(9), protocolKey(17)]),
    data: { verdict: 'goto', chain: 'end' },
  } as const;
  await add('verdicts', [verdict]);
  await add('device_by_mac', [{ key: addressKey(MAC), data: { mark: 0x01020304 } }]);
  const [read] = await readSetElements('inet', 'lab', 'verdicts');
  t.same(read?.data, verdict.data);
  t.same(splitKey(read?.key ?? new Uint8Array(0), [4, 1]), [markKey(9), protocolKey(17)]);
  const [mapped] = await readSetElements('inet', 'lab', 'device_by_mac');
  t.same(mapped?.data, { bytes: markKey(0x01020304) });
});

t.test('a timeout counts down in the kernel and the element goes by itself', async (t) => {
  await add('marks', [
    { key: markKey(1), timeoutMs: 60_000 },
    { key: markKey(2), timeoutMs: 300 },
  ]);
  await add('marks', [{ key: markKey(3), timeoutMs: 60_000, expirationMs: 5_000 }, { key: markKey(4) }]);
  const marks = async (): Promise<Map<number, SetElement>> =>
    new Map((await readSetElements('inet', 'lab', 'marks')).map((element) => [element.key[0] ?? 0, element]));
  const first = await marks();
  t.equal(first.get(1)?.timeoutMs, 60_000);
  t.ok((first.get(1)?.expirationMs ?? 0) > 55_000 && (first.get(1)?.expirationMs ?? 0) <= 60_000);
  t.ok((first.get(3)?.expirationMs ?? 9e9) <= 5_000, 'a shorter rest of the timeout is kept');
  t.equal(first.get(4)?.timeoutMs, undefined, 'no timeout: for ever');
  const deadline = Date.now() + 10_000;
  while ((await marks()).has(2) && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
  t.same([...(await marks()).keys()].sort(), [1, 3, 4]);
});

t.test('10,000 elements go in as one transaction, and out again', async (t) => {
  const elements = Array.from({ length: 10_000 }, (_, index) => ({
    key: concatKey([markKey(index + 2), addressKey(V6), protocolKey(6), portKey(443)]),
    comment: `policy devices.d${index}`,
  }));
  await add('allow6', elements);
  t.equal((await readSetElements('inet', 'lab', 'allow6')).length, 10_000);
  await changeSetElements([
    { op: 'delete', family: 'inet', table: 'lab', set: 'allow6', elements, ignoreMissing: true },
  ]);
  t.same(await readSetElements('inet', 'lab', 'allow6'), []);
});

t.test('one bad element: nothing is applied, and the error says which', async (t) => {
  await add('marks', [{ key: markKey(500) }]);
  const elements = Array.from({ length: 1000 }, (_, index) => ({ key: markKey(index) }));
  const error: unknown = await changeSetElements([
    { op: 'add', family: 'inet', table: 'lab', set: 'macs', elements: [{ key: addressKey(MAC) }] },
    { op: 'add', family: 'inet', table: 'lab', set: 'marks', elements },
  ]).catch((reason: unknown) => reason);
  if (!(error instanceof SetElementError)) throw new Error('expected a SetElementError', { cause: error });
  t.match(error, { code: 'EEXIST', changeIndex: 1, elementIndex: 500 });
  t.equal(error.message, 'add element 500 of inet lab marks: EEXIST');
  t.equal((await readSetElements('inet', 'lab', 'marks')).length, 1);
  t.same(await readSetElements('inet', 'lab', 'macs'), []);
});

t.test('failures carry the change and the code', async (t) => {
  const wrongTable = {
    op: 'add',
    family: 'inet',
    table: 'absent',
    set: 'x',
    elements: [{ key: markKey(1) }],
  } as const;
  const cases = [
    { change: wrongTable, code: 'ENOENT', elementIndex: -1 },
    { change: { ...wrongTable, table: 'lab' }, code: 'ENOENT', elementIndex: -1 },
    {
      change: { ...wrongTable, table: 'lab', set: 'marks', elements: [{ key: V6 }] },
      code: 'EINVAL',
      elementIndex: 0,
    },
    {
      change: { ...wrongTable, op: 'delete', table: 'lab', set: 'marks' },
      code: 'ENOENT',
      elementIndex: 0,
    },
    {
      change: { ...wrongTable, op: 'delete', table: 'absent', ignoreMissing: true },
      code: 'ENOENT',
      elementIndex: -1,
    },
  ] as const;
  for (const { change, code, elementIndex } of cases) {
    await t.rejects(
      changeSetElements([change]),
      { code, changeIndex: 0, elementIndex },
      `${change.op} ${change.table} ${change.set}`,
    );
  }
  await t.rejects(readSetElements('inet', 'lab', 'absent'), { code: 'ENOENT' });
});

t.test('what is there already, or gone already, may be ignored', async (t) => {
  const target = { family: 'inet', table: 'lab', set: 'marks' } as const;
  await add('marks', [{ key: markKey(1) }, { key: markKey(2) }]);
  await changeSetElements([
    {
      ...target,
      op: 'add',
      ignoreExisting: true,
      elements: [{ key: markKey(2) }, { key: markKey(3) }],
    },
    {
      ...target,
      op: 'delete',
      ignoreMissing: true,
      elements: [8, 1, 9].map((mark) => ({ key: markKey(mark) })),
    },
  ]);
  const left = (await readSetElements('inet', 'lab', 'marks')).map((element) => element.key[0]);
  t.same(left.sort(), [2, 3]);
  await changeSetElements([
    { ...target, op: 'delete', ignoreMissing: true, elements: [{ key: markKey(77) }] },
  ]);
  await changeSetElements([]);
});

t.test('a delete before an add replaces an element in one step', async (t) => {
  const target = { family: 'inet', table: 'lab', set: 'device_by_mac' } as const;
  const element = { key: addressKey(MAC), data: { mark: 4 } };
  await changeSetElements([{ ...target, op: 'add', elements: [element] }]);
  await changeSetElements([
    { ...target, op: 'delete', elements: [{ key: element.key }] },
    { ...target, op: 'add', elements: [{ ...element, data: { mark: 5 } }] },
  ]);
  t.same(listed('device_by_mac', 'inet', 'map'), [['02:00:00:aa:bb:cc', 5]]);
});

t.test(
  'a socket is asked again: closing one waits for the kernel, and a refusal leaves nothing behind on it',
  async (t) => {
    const sockets = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
        } catch {
          return false; // that of the reading itself
        }
      }).length;
    const change = (op: 'add' | 'delete', mark: number) => ({
      op,
      family: 'inet' as const,
      table: 'lab',
      set: 'marks',
      elements: [{ key: markKey(mark) }],
    });
    await changeSetElements([change('add', 1)]);
    await readSetElements('inet', 'lab', 'marks');
    const before = sockets();
    for (let round = 2; round < 22; round += 1) {
      await changeSetElements([change('add', round)]);
      await t.rejects(changeSetElements([change('delete', 1_000)]), { code: 'ENOENT' });
      await t.rejects(readSetElements('inet', 'lab', 'absent'), { code: 'ENOENT' });
      t.equal((await readSetElements('inet', 'lab', 'marks')).length, round);
    }
    t.equal(sockets(), before);
    await Promise.all(Array.from({ length: 20 }, () => readSetElements('inet', 'lab', 'marks')));
    t.ok(sockets() <= before + 4, 'of many at once only a few are kept');
  },
);
