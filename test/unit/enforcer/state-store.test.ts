import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { StateStore } from '../../../agent/enforcer/state-store.js';
import { toRecord } from '../../../agent/containment/order-record.js';
import { orderOf } from '../containment/support.js';

const record = toRecord([orderOf({ id: 1, level: 'cut', reason: 'ransomware' })], 2, 'boot', 5);
const FILES = ['containment.json', 'containment.copy.json'];

/** What can have become of a file when the power went, or the card. */
const DAMAGES: readonly (readonly [string, (text: string) => string])[] = [
  ['empty', () => ''],
  ['cut off', (text) => text.slice(0, text.length / 2)],
  ['zeros', (text) => '\0'.repeat(text.length)],
  ['another shape', () => '{"orders":[{"device":"pump-1"}]}'],
  ['no object', () => 'null'],
];

t.test('containment orders survive one damaged file, and a lost one never stops the start', async (t) => {
  for (const [what, damage] of DAMAGES) {
    for (const damaged of [FILES.slice(0, 1), FILES.slice(1), FILES]) {
      const dir = t.testdir();
      const store = new StateStore(dir);
      await store.open();
      t.same(await store.readContainment(), { record: null, problem: null }, 'a new box');
      await store.writeContainment(record, '');
      for (const name of damaged) {
        const path = join(dir, name);
        await writeFile(path, damage(await readFile(path, 'utf8')));
      }
      const read = await store.readContainment();
      const isLost = damaged.length === FILES.length;
      t.same(read.record, isLost ? null : record, `${what}: ${damaged.join(', ')}`);
      t.equal(read.problem === null, damaged[0] !== FILES[0], 'and it is told');
      if (isLost) t.match(read.problem, /containment\.json cannot be read .* is taken over/);
      if (isLost)
        t.ok(
          await readFile(join(dir, 'containment.json.damaged'), 'utf8').then(() => true),
          'kept to look at',
        );
    }
  }
});

t.test(
  'a missing first file is no damage; learnt addresses that cannot be read are learnt again',
  async (t) => {
    const dir = t.testdir();
    const store = new StateStore(dir);
    await store.open();
    await store.writeContainment(record, '');
    await rm(join(dir, 'containment.json'));
    t.same(await store.readContainment(), { record, problem: null });
    await store.writeLearned({ 'pump-1': ['10.0.0.1'] });
    t.same(await store.readLearned(), { 'pump-1': ['10.0.0.1'] });
    for (const text of ['', '{', 'null', '{"devices":3}']) {
      await writeFile(join(dir, 'learned.json'), text);
      t.same(await store.readLearned(), {});
    }
  },
);

t.test('learnt addresses are written when they differ from what is on disk, and not again', async (t) => {
  const dir = t.testdir();
  const store = new StateStore(dir);
  await store.open();
  const file = async (): Promise<number> => (await stat(join(dir, 'learned.json'))).ino;
  await store.writeLearned({ 'pump-1': ['10.0.0.1'] });
  const first = await file();
  await store.writeLearned({ 'pump-1': ['10.0.0.1'] });
  t.equal(await file(), first);
  await store.writeLearned({ 'pump-1': ['10.0.0.2'] });
  t.not(await file(), first);
  t.same(await store.readLearned(), { 'pump-1': ['10.0.0.2'] });
});
