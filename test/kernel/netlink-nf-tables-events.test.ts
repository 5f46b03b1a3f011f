import './support/in-own-namespace.js';
import t from 'tap';
import { markKey } from '../../agent/netlink/keys.js';
import { type NfTablesTransaction, watchNfTables } from '../../agent/netlink/nf-tables-events.js';
import { changeSetElements } from '../../agent/netlink/set-elements.js';
import { nft, run } from './support/shell.js';

const RULESET = `
table inet lab {
  set marks { type mark
  }
  chain in { type filter hook input priority 0;
    accept
    drop
  }
}
`;

/** Runs one change and returns the transaction the kernel reports for it. */
async function reportOf(change: () => unknown, elements = false): Promise<NfTablesTransaction> {
  let stop: () => void = () => undefined;
  const report = new Promise<NfTablesTransaction>((resolve, reject) => {
    const watch = watchNfTables(
      {
        receiveBufferBytes: 1 << 20,
        elements,
        ref: true,
        onOverrun: () => {
          reject(new Error('overrun'));
        },
      },
      resolve,
    );
    stop = () => {
      watch.stop();
    };
  });
  try {
    await change();
    return await report;
  } finally {
    stop();
    stop();
  }
}

t.beforeEach(() => {
  run('nft flush ruleset');
});

t.test('a new table is one transaction, and says who made it', async (t) => {
  const report = await reportOf(() => {
    nft(RULESET);
  });
  t.equal(report.processName, 'nft');
  t.ok((report.processId ?? 0) > 1);
  t.ok(report.generation > 0);
  t.same(
    report.changes.map(({ type, family, table, name, count }) =>
      [type, family, table, name, count].join(' '),
    ),
    ['new-table 1 lab  1', 'new-chain 1 lab in 1', 'new-set 1 lab marks 1', 'new-rule 1 lab in 2'],
  );
});

t.test('flushing or deleting a table is seen, whoever does it', async (t) => {
  const cases = [
    { command: 'flush table inet lab', expected: ['delete-rule'] },
    {
      command: 'delete table inet lab',
      expected: ['delete-chain', 'delete-rule', 'delete-set', 'delete-table'],
    },
    { command: 'flush ruleset', expected: ['delete-chain', 'delete-rule', 'delete-set', 'delete-table'] },
  ];
  for (const { command, expected } of cases) {
    run('nft flush ruleset');
    nft(RULESET);
    const report = await reportOf(() => run(`nft ${command}`));
    t.same([...new Set(report.changes.map(({ type }) => type))].sort(), expected, command);
    t.ok(report.changes.every(({ table }) => table === 'lab'));
  }
});

t.test('set elements are reported on request only', async (t) => {
  nft(RULESET);
  const add = (mark: number): Promise<void> =>
    changeSetElements([
      { op: 'add', family: 'inet', table: 'lab', set: 'marks', elements: [{ key: markKey(mark) }] },
    ]);
  const quiet = await reportOf(async () => {
    await add(1);
    run('nft add table inet other');
  });
  t.same(
    quiet.changes.map(({ table }) => table),
    ['other'],
  );
  const told = await reportOf(() => add(2), true);
  t.match(told.changes, [{ type: 'new-element', table: 'lab', name: 'marks', count: 1 }]);
  t.match(told.processName, /^node|MainThread/);
});
