import './support/in-own-namespace.js';
import t from 'tap';
import { readPacketCounter } from '../../agent/netlink/nf-tables-counter.js';
import { readChain, writeCompatHold } from '../../agent/netlink/nf-tables-rules.js';
import { openNfqueue, type NfqueueOptions } from '../../agent/netlink/nfqueue.js';
import { run as runHost } from '../../agent/lab/namespace.js';
import { nft, run } from './support/shell.js';

const AT = { family: 'inet', table: 'lab', chain: 'hold' } as const;
const MARK = 0x00c04d00;
const OPTIONS: NfqueueOptions = {
  queue: 7,
  copyBytes: 64,
  maxLength: 256,
  receiveBufferBytes: 1024 * 1024,
  acceptedMark: MARK,
  now: Date.now,
  onError: (error) => {
    throw error;
  },
};

/** Echo requests out over loopback are held; a later chain counts those that carry the mark of an accepted packet. */
function load(): void {
  nft(`table inet lab {
  counter marked { }
  chain hold {
  }
  chain output { type filter hook output priority 0; policy accept;
    meta mark set 0x4d000003
    icmp type echo-request jump hold
    icmpv6 type echo-request jump hold
  }
  chain later { type filter hook output priority 10; policy accept;
    meta mark ${MARK} counter name marked
  }
}
`);
}

/** Lets the queue be read meanwhile. */
async function ping(address: string): Promise<boolean> {
  return (await runHost(['ping', '-c', '1', '-W', '1', address])).code === 0;
}

function addHold(): void {
  try {
    writeCompatHold(AT, OPTIONS.queue);
  } catch {
    run(`nft add rule inet lab hold queue flags bypass to ${OPTIONS.queue}`);
  }
}

load();
try {
  addHold();
} catch {
  t.comment('NOTICE: *** neither nft_queue nor xt NFQUEUE: holding packets was NOT TESTED ***');
  process.exit(0);
}

t.test('a packet waits for its verdict: accepted and marked, or dropped', async (t) => {
  t.match(await readChain(AT), [{ queue: OPTIONS.queue }]);
  t.ok(await ping('127.0.0.1'), 'nobody listens: it goes on');
  let accepts = true;
  const seen: { family: number; mark: number; version: number }[] = [];
  const queue = openNfqueue(OPTIONS, ({ family, mark, buffer, payloadOffset }) => {
    seen.push({ family, mark, version: (buffer[payloadOffset] ?? 0) >> 4 });
    return accepts;
  });
  t.teardown(() => {
    queue.stop();
  });
  t.ok(await ping('127.0.0.1'));
  t.ok(await ping('::1'));
  t.same(seen, [
    { family: 2, mark: 0x4d000003, version: 4 },
    { family: 10, mark: 0x4d000003, version: 6 },
  ]);
  t.equal(await readPacketCounter('inet', 'lab', 'marked'), 2, 'with the mark of an accepted packet');
  accepts = false;
  t.notOk(await ping('127.0.0.1'));
  t.notOk(await ping('::1'));
  t.match(queue.counters(), { received: 4, accepted: 2, dropped: 2, verdictErrors: 0, decodeErrors: 0 });
  queue.stop();
  queue.stop();
  t.ok(await ping('127.0.0.1'), 'stopped: it goes on again');
});

t.test('one process holds a queue; the next gets it when that one stops', (t) => {
  const first = openNfqueue(OPTIONS, () => true);
  t.throws(() => openNfqueue(OPTIONS, () => true), { code: 'EPERM' });
  first.stop();
  openNfqueue(OPTIONS, () => true).stop();
  t.end();
});

t.test('a decision that throws lets the packet go, and is told', async (t) => {
  const errors: unknown[] = [];
  const queue = openNfqueue({ ...OPTIONS, onError: (error) => errors.push(error) }, () => {
    throw new Error('no decision');
  });
  t.teardown(() => {
    queue.stop();
  });
  t.ok(await ping('127.0.0.1'));
  t.equal(errors.length, 1);
  t.match(queue.counters(), { received: 1, accepted: 1, undecided: 1 });
});

t.test('a rule that is not a hold with bypass is not taken for one', async (t) => {
  run('nft add rule inet lab hold accept');
  t.same(
    (await readChain(AT)).map((rule) => rule === null),
    [false, true],
  );
  t.same(await readChain({ ...AT, chain: 'absent' }), []);
  await t.rejects(readPacketCounter('inet', 'lab', 'absent'), { code: 'ENOENT' });
});
