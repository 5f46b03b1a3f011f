import t from 'tap';
import { endOfSupportFindings, supportTable } from '../../../agent/agent/end-of-support.js';
import { EvidenceBook } from '../../../agent/inventory/evidence-book.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';

const at = (date: string): number => Date.parse(`${date}T12:00:00Z`);

t.test('each step before an end of support is told once, and a later date takes it back', (t) => {
  const book = new EvidenceBook();
  const id = book.declare('00:03:b1:00:00:01', 1) ?? '';
  const enter = (value: string): void => {
    book.setOperatorEntry(id, 'endOfSupport', { value, by: 'nurse', atMs: 1 });
  };
  enter('2027-06-30');
  const told = new Map<string, Finding>();
  const days = [
    '2026-01-01',
    '2026-08-01',
    '2026-08-02',
    '2027-01-15',
    '2027-04-20',
    '2027-06-10',
    '2027-07-01',
  ];
  const seen = days.map((day) => {
    const [item] = endOfSupportFindings(
      book.devices(),
      supportTable(null),
      (key) => told.get(key) ?? null,
      at(day),
    );
    if (item !== undefined) told.set(item.key, item);
    return item === undefined ? null : `${item.severity} ${item.state}`;
  });
  t.strictSame(seen, [null, 'info open', null, 'low open', 'medium open', 'medium open', 'medium open']);
  t.match(told.get(`endOfSupport:${id}`)?.title, /ended on 2027-06-30/);
  enter('2032-06-30');
  const [closed] = endOfSupportFindings(
    book.devices(),
    supportTable(null),
    (key) => told.get(key) ?? null,
    at('2027-07-02'),
  );
  t.equal(closed?.state, 'closed');
  t.end();
});
