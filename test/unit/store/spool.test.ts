import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../../agent/store/open-store.js';
import { HOLD_MS, MAX_HELD_EVENTS, type NewEvent } from '../../../agent/store/spool.js';

const dir = mkdtempSync(join(tmpdir(), 'cordon-spool-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

const event = (uid: string, severity = 2): NewEvent => ({ uid, topic: 'evt', severity, payload: '{}' });
const open = (name: string) => openStore(join(dir, name), 1).store;
const uids = (events: readonly { readonly uid: string }[]): string[] => events.map(({ uid }) => uid);

t.test('a held event is sent in its turn and is on the disk only if nobody took it in time', (t) => {
  const store = open('held.db');
  const { spool } = store;
  spool.add(event('first'));
  spool.hold([event('second'), event('third')], 1_000);
  spool.add(event('fourth'));
  t.strictSame(uids(spool.after(0, 10)), ['first', 'second', 'third', 'fourth']);
  t.strictSame(uids(spool.after(1, 2)), ['second', 'third'], 'also a few at a time');
  t.equal(spool.waiting, 4);
  spool.remove([2]);
  spool.settle(1_000 + HOLD_MS - 1);
  t.strictSame(uids(open('held.db').spool.after(0, 10)), ['first', 'fourth'], 'nothing is due yet');
  spool.settle(1_000 + HOLD_MS);
  t.strictSame(
    uids(open('held.db').spool.after(0, 10)),
    ['first', 'third', 'fourth'],
    'in order, without what was taken',
  );
  spool.remove([1, 3, 4]);
  t.equal(spool.waiting, 0);
  t.strictSame(open('held.db').spool.after(0, 10), []);
  t.end();
});

t.test('a number is never given twice while a delivery may know it', (t) => {
  const { spool } = open('numbers.db');
  spool.hold([event('a')], 0);
  const [first] = spool.after(0, 1);
  spool.remove([first?.seq ?? 0]);
  spool.add(event('b'));
  t.ok((spool.after(0, 1)[0]?.seq ?? 0) > (first?.seq ?? 0));
  t.end();
});

t.test(
  'many held events are written before their time, and a disk that refuses loses the oldest, counted',
  (t) => {
    const store = open('many.db');
    const { spool } = store;
    const many = Array.from({ length: MAX_HELD_EVENTS + 1 }, (_, index) => event(`e${index}`, 3));
    spool.hold(many, 0);
    spool.settle(1);
    t.equal(open('many.db').spool.waiting, MAX_HELD_EVENTS + 1);
    store.close();
    spool.hold(many, 0);
    t.throws(() => {
      spool.settle(HOLD_MS);
    });
    t.equal(spool.dropped()['spoolSeverity3'], 1);
    t.end();
  },
);
