import './support/in-own-namespace.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { countSetElements, readTableStructure } from '../../agent/netlink/table-structure.js';
import { nft, run } from './support/shell.js';

const ELEMENTS = 30_000;
const CHANGES = 10;
const RULESET = `
table inet lab {
  set large { type ipv4_addr . inet_service
  }
  set ranges { type ipv4_addr . inet_service
    flags interval
  }
  set beat { type nf_proto
    flags timeout
  }
  map verdicts { type mark : verdict
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    tcp dport { 80, 443 } accept
    drop
  }
  chain input { type filter hook input priority 0;
  }
  chain empty {
  }
}
table bridge lab {
  chain other { accept
  }
}
table inet other {
  chain forward { accept
  }
}
`;

t.beforeEach(() => {
  run('nft flush ruleset');
  nft(RULESET);
});

t.test('chains with their policy and rules, and sets, of this table only', async (t) => {
  const structure = await readTableStructure('inet', 'lab');
  t.same(
    [...(structure?.chains ?? [])].sort(([a], [b]) => a.localeCompare(b)),
    [
      ['empty', { policy: null, rules: 0 }],
      ['forward', { policy: 'drop', rules: 2 }],
      ['input', { policy: 'accept', rules: 0 }],
    ],
  );
  for (const set of ['large', 'ranges', 'beat', 'verdicts']) t.ok(structure?.sets.has(set), set);
  t.same(
    [...((await readTableStructure('bridge', 'lab'))?.chains.keys() ?? [])],
    ['other'],
    'of the same name in another family',
  );
});

t.test('a table that is not there is null, a set that is not there an error', async (t) => {
  t.equal(await readTableStructure('inet', 'absent'), null);
  await t.rejects(countSetElements('inet', 'lab', 'absent'), { code: 'ENOENT' });
});

t.test('a large table is read although another set changes all the time', async (t) => {
  const texts = Array.from({ length: ELEMENTS }, (_, index) => `10.0.${index >> 8}.${index & 255} . 80`);
  nft(
    `add element inet lab large { ${texts.join(', ')} }\nadd element inet lab ranges { 10.0.0.1-10.0.0.9 . 80-90 }`,
  );
  // Each turn is a change of nf_tables: what interrupts a dump.
  const change = 'nft "add element inet lab beat { ipv4 timeout 9s }; delete element inet lab beat { ipv4 }"';
  const beat = spawn('sh', ['-c', `while :; do ${change} && echo; done`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let beats = 0;
  const counts = new Set<number>();
  const chains = new Set<number | undefined>();
  beat.stdout.on('data', (chunk: Buffer) => (beats += chunk.length));
  await once(beat.stdout, 'data');
  try {
    // Counted in changes, not in rounds: on a busy machine the reader may have the processor for itself for long.
    const deadlineMs = Date.now() + 45_000;
    while (beats < CHANGES && Date.now() < deadlineMs) {
      counts.add(await countSetElements('inet', 'lab', 'large'));
      chains.add((await readTableStructure('inet', 'lab'))?.chains.size);
      // A short dump is read in one turn: what the other process wrote is heard in the next.
      await nextTurn();
    }
    t.same([...counts], [ELEMENTS]);
    t.same([...chains], [3]);
    t.equal(await countSetElements('inet', 'lab', 'ranges'), 1);
  } finally {
    beat.kill();
  }
  t.ok(beats >= CHANGES, `it changed meanwhile, ${beats} times`);
});
