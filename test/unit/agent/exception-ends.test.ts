import t from 'tap';
import { createExceptionReminder, exceptionFindings } from '../../../agent/agent/exception-ends.js';
import type { EnforcerStatus, Finding, PolicyException } from '../../../agent/messages/vocabulary.js';

const at = (date: string): number => Date.parse(`${date}T12:00:00Z`);

function rows(change: Partial<PolicyException> = {}): EnforcerStatus['exceptions'] {
  const row: PolicyException = {
    path: 'devices.pump-1.allow[2]',
    text: 'out tcp 22 to 10.0.0.5, until 2027-03-01: service',
    devices: ['pump-1'],
    devicesTotal: 1,
    until: '2027-03-01',
    endsMs: Date.parse('2027-03-02T00:00:00Z'),
    essential: false,
    state: 'running',
    ...change,
  };
  return { endedByMs: 0, isClockSettled: true, rows: [row] };
}

/** What is told on each day, the store between them. */
function told(days: readonly (readonly [string, Partial<PolicyException>?])[]): (string | null)[] {
  const open = new Map<string, Finding>();
  return days.map(([day, change]) => {
    const items = exceptionFindings(rows(change), [...open.values()], at(day));
    for (const item of items) {
      if (item.state === 'open') open.set(item.key, item);
      else open.delete(item.key);
    }
    return items.length === 0 ? null : items.map(({ severity, state }) => `${severity} ${state}`).join(', ');
  });
}

t.test('a month, a week and a day before, and when it is over, each is told once', (t) => {
  t.strictSame(
    told([
      ['2027-01-01'],
      ['2027-02-01'],
      ['2027-02-02'],
      ['2027-02-23'],
      ['2027-02-24'],
      ['2027-03-01'],
      ['2027-03-02', { state: 'due' }],
      ['2027-03-02', { state: 'ended' }],
      ['2027-04-02', { state: 'ended' }],
    ]),
    [null, 'info open', null, 'low open', null, 'medium open', null, 'medium open', null],
  );
  t.strictSame(told([['2027-03-05', { state: 'overdue', essential: true }]]), ['high open']);
  t.end();
});

t.test('a later end, or none, takes the reminder back', (t) => {
  const open = exceptionFindings(rows(), [], at('2027-02-20'));
  t.match(open, [{ title: /ends in 10 days \(until 2027-03-01\)/, device: 'pump-1', severity: 'info' }]);
  const later = rows({ endsMs: at('2028-01-01'), until: '2028-01-01' });
  t.match(exceptionFindings(later, open, at('2027-02-21')), [{ state: 'closed' }]);
  t.match(exceptionFindings({ ...later, rows: [] }, open, at('2027-02-21')), [{ state: 'closed' }]);
  t.end();
});

t.test('the store is asked when something is new, and once an hour', (t) => {
  let nowMs = at('2027-02-20');
  let asked = 0;
  const errors: unknown[] = [];
  const items: Finding[] = [];
  let isBroken = true;
  const remind = createExceptionReminder({
    nowMs: () => nowMs,
    openFindings: () => {
      asked += 1;
      if (isBroken) throw new Error('disk');
      return items;
    },
    take: (more) => items.push(...more),
    onError: (error) => errors.push(error),
  });
  remind(rows());
  isBroken = false;
  remind(rows());
  remind(rows());
  t.strictSame([asked, errors.length, items.length], [2, 1, 1], 'a store that failed is asked again');
  nowMs += 3_600_000;
  remind(rows());
  t.strictSame([asked, items.length], [3, 1]);
  t.end();
});
