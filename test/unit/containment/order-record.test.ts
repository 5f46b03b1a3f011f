import t from 'tap';
import { containmentRecord, fromRecord, toRecord } from '../../../agent/containment/order-record.js';
import { orderOf } from './support.js';

const BOOT = 'aa'.repeat(16);
const timed = orderOf({
  id: 7,
  endsMs: 100_000,
  remindMs: 40_000,
  scope: { tag: 'icu' },
  members: ['pump-1'],
});
const orders = [timed, orderOf({ id: 8 })];
const record = containmentRecord.parse(JSON.parse(JSON.stringify(toRecord(orders, 9, BOOT, 10_000))));

t.test('within one boot a timed order ends when it was to end, however long the enforcer was away', (t) => {
  t.equal(record.nextId, 9);
  t.match(fromRecord(record, BOOT, 70_000), [{ ...timed, remindMs: 92_500 }, orders[1]]);
  t.end();
});

/** A box without a clock cannot know how long it was off. */
t.test('after a boot it holds for what was left when it was written, never for less', (t) => {
  const steadyMs = 500;
  for (const boot of ['bb'.repeat(16), '']) t.equal(fromRecord(record, boot, steadyMs)[0]?.endsMs, 90_500);
  t.equal(
    fromRecord({ ...record, bootId: '' }, '', 70_000)[0]?.endsMs,
    160_000,
    'two boots that nobody can name are not the same',
  );
  t.equal(
    fromRecord(record, BOOT, 9_000)[0]?.endsMs,
    99_000,
    'a steady clock that went back is another boot',
  );
  t.end();
});

t.test('a reminder that was given is not given again', (t) => {
  const given = toRecord([{ ...timed, remindMs: null }], 9, BOOT, 50_000);
  t.equal(fromRecord(given, BOOT, 60_000)[0]?.remindMs, null);
  t.equal(fromRecord(toRecord([orderOf({ id: 1 })], 2, BOOT, 1), BOOT, 2)[0]?.remindMs, null);
  t.end();
});
