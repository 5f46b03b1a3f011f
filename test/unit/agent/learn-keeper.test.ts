import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { LearnKeeper } from '../../../agent/agent/learn-keeper.js';
import type { ConnectionSummary, StateChange } from '../../../agent/messages/vocabulary.js';
import { openStore } from '../../../agent/store/open-store.js';
import { DAY_MS, findingOf, MONDAY_MS, told } from '../learn/support.js';

const dir = mkdtempSync(join(tmpdir(), 'cordon-learn-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

function keeperAt(name: string, nowMs = MONDAY_MS) {
  const clock = { nowMs };
  const { store } = openStore(join(dir, name), 1);
  const errors: unknown[] = [];
  const keeper = new LearnKeeper({
    store,
    nowMs: () => clock.nowMs,
    offsetMinutes: () => 0,
    isWatching: () => true,
    onWriteError: (error) => errors.push(error),
  });
  return { clock, store, keeper, errors };
}

const summary = (port: number, more: Partial<ConnectionSummary> = {}): ConnectionSummary => ({
  ...{ device: 'pump-1', deviceMac: '02:00:00:00:00:0a', from: 'device', deviceAddress: '10.77.0.10' },
  ...{ peer: '10.77.0.1', protocol: 6, port, refused: null, wouldRefuse: true, count: 1 },
  ...{ firstMs: MONDAY_MS, lastMs: MONDAY_MS },
  ...more,
});

t.test('what passed is learnt, what was refused is not', (t) => {
  const { keeper } = keeperAt('passed.db');
  const items = [summary(104), summary(104), summary(23, { refused: 'policy', wouldRefuse: false })];
  keeper.take({ event: 'connections', items });
  t.same(told(keeper.book, 'pump-1'), ['out 10.77.0.1 6 104: 2']);
  const change: StateChange = {
    kind: 'policy-applied',
    atMs: 1,
    by: 'x',
    device: null,
    generation: 2,
    detail: '',
  };
  t.match(keeper.show('pump-1')?.habits, [{ unlisted: 2 }]);
  keeper.take({ event: 'state', items: [change] });
  t.match(keeper.show('pump-1')?.habits, [{ unlisted: 0 }]);
  t.end();
});

t.test('it survives a restart: habits, names, when it was watched', (t) => {
  const first = keeperAt('restart.db');
  const looked = {
    device: 'pump-1',
    name: 'pacs.example',
    resolver: '10.77.0.53',
    isTrusted: false,
    ttlSeconds: 60,
  };
  const lookup = {
    ...looked,
    outcome: 'addresses' as const,
    addresses: ['10.77.0.1'],
    aliases: [],
    count: 1,
  };
  first.keeper.take({ event: 'lookups', items: [{ ...lookup, firstMs: MONDAY_MS, lastMs: MONDAY_MS }] });
  first.keeper.take({ event: 'connections', items: [summary(104)] });
  for (; first.clock.nowMs < MONDAY_MS + DAY_MS; first.clock.nowMs += 60_000) first.keeper.tick();
  first.keeper.take({ event: 'connections', items: [summary(104)] });
  first.keeper.finish();
  first.store.close();
  const second = keeperAt('restart.db', MONDAY_MS + DAY_MS);
  const shown = second.keeper.show('02:00:00:00:00:0a');
  t.match(shown, {
    device: { key: 'pump-1', resolvers: ['10.77.0.53'], addresses: ['10.77.0.10'] },
    coverage: { hoursWatched: 24 },
    habits: [{ count: 2, names: ['pacs.example'] }],
  });
  t.equal(second.keeper.rows().length, 1);
  second.store.close();
  t.end();
});

t.test('a device that got a name is not there twice after a restart', (t) => {
  const first = keeperAt('renamed.db');
  first.keeper.take({ event: 'connections', items: [summary(104, { device: null })] });
  first.clock.nowMs += 600_000;
  first.keeper.tick();
  first.keeper.take({ event: 'connections', items: [summary(80)] });
  first.keeper.finish();
  first.store.close();
  const { keeper, store } = keeperAt('renamed.db');
  t.same(
    keeper.rows().map(({ device }) => device.key),
    ['pump-1'],
  );
  t.same(told(keeper.book, 'pump-1').length, 2);
  store.close();
  t.end();
});

t.test('findings about the device and its peers come along, others do not', (t) => {
  const { keeper, store } = keeperAt('findings.db');
  keeper.take({ event: 'connections', items: [summary(104)] });
  const nobody = { device: null, deviceMac: null };
  for (const [index, finding] of [
    findingOf({}),
    findingOf({ device: 'pump-2' }),
    findingOf({ ...nobody, peer: '10.77.0.1' }),
    findingOf({ ...nobody, peer: '10.77.0.9' }),
    findingOf({ device: null, deviceMac: '02:00:00:00:00:0a' }),
  ].entries())
    store.findings.put({ ...finding, key: String(index) }, null);
  t.same(
    keeper
      .show('pump-1')
      ?.findings.map(({ key }) => key)
      .sort(),
    ['0', '2', '4'],
  );
  store.close();
  t.end();
});

t.test('the card: ten minutes of chatter are one write, and what only grew waits for the hour', (t) => {
  const { keeper, clock, store } = keeperAt('card.db');
  const writtenBytes = (): number =>
    Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
  const chatter = (minutes: number): number => {
    const before = writtenBytes();
    for (let second = 0; second < minutes * 60; second++, clock.nowMs += 1_000) {
      keeper.take({ event: 'connections', items: [summary(104 + (second % 50), { lastMs: clock.nowMs })] });
      keeper.tick();
    }
    return writtenBytes() - before;
  };
  t.equal(chatter(9), 0, 'nothing yet');
  t.ok(chatter(2) > 0, 'the new ones');
  t.equal(chatter(19), 0, 'nothing new: not even that it watched');
  const [before] = store.habits.watched();
  t.ok(chatter(11) > 0, 'that it watched, once in half an hour');
  t.ok((store.habits.watched()[0]?.toMs ?? 0) - (before?.toMs ?? 0) >= 1_800_000);
  const stored = (): number[] =>
    [...store.habits.load()].flatMap(({ habits }) => habits.map(({ count }) => count));
  const early = Math.max(...stored());
  chatter(21);
  t.ok(Math.max(...stored()) > early, 'counts, with the hour');
  store.close();
  t.end();
});

t.test('a disk that refuses loses nothing', (t) => {
  const { keeper, store, errors } = keeperAt('full.db');
  keeper.take({ event: 'connections', items: [summary(104)] });
  const { putDevice } = store.habits;
  store.habits.putDevice = () => {
    throw new Error('disk full');
  };
  keeper.finish();
  t.equal(errors.length, 1);
  store.habits.putDevice = putDevice;
  keeper.finish();
  store.close();
  const again = keeperAt('full.db');
  t.same(told(again.keeper.book, 'pump-1'), ['out 10.77.0.1 6 104: 1']);
  again.store.close();
  t.end();
});
