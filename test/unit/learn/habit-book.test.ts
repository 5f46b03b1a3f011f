import fc from 'fast-check';
import t from 'tap';
import { HabitBook, MAX_HABITS_PER_DEVICE } from '../../../agent/learn/habit-book.js';
import { connectionOf, DAY_MS, MONDAY_MS, told } from './support.js';

t.test('connections become habits with counts, days and the name that was looked up', (t) => {
  const book = new HabitBook();
  const answer = { name: 'pacs.example', addresses: ['10.77.0.1'], resolver: '10.77.0.53' };
  book.lookup({ device: 'pump-1', mac: null, address: null }, answer, MONDAY_MS);
  for (const day of [0, 0, 1, 4])
    book.connection(connectionOf('out 6/104 10.77.0.1', MONDAY_MS + day * DAY_MS));
  const end = { ended: 1, bytesOut: 10, bytesIn: 20, packetsOut: 1, packetsIn: 2, lastMs: MONDAY_MS };
  book.end({ ...connectionOf('out 6/104 10.77.0.1'), ...end });
  t.match(book.habits('pump-1'), [{ count: 4, days: 3, names: ['pacs.example'], bytesIn: 20, ended: 1 }]);
  t.match(book.find('pump-1'), { resolvers: ['10.77.0.53'], sinceMs: MONDAY_MS });
  t.end();
});

t.test('an end of a connection whose beginning was not told is a habit too', (t) => {
  const book = new HabitBook();
  const end = { ended: 3, bytesOut: 1, bytesIn: 1, packetsOut: 3, packetsIn: 3, lastMs: MONDAY_MS };
  book.end({ ...connectionOf('out 6/104 10.77.0.1'), ...end });
  t.same(told(book, 'pump-1'), ['out 10.77.0.1 6 104: 3']);
  t.end();
});

t.test(
  'a device that is named in the policy keeps what was learnt of its MAC, and of its address before that',
  (t) => {
    const book = new HabitBook();
    const stranger = { device: null, mac: null, address: '10.77.0.10' };
    book.connection(connectionOf('in 6/2575 10.77.0.1', MONDAY_MS, stranger));
    const withMac = { ...stranger, mac: '02:00:00:00:00:0a' };
    book.connection(connectionOf('out 6/104 10.77.0.1', MONDAY_MS, withMac));
    t.same(
      book.devices().map(({ key }) => key),
      ['02:00:00:00:00:0a'],
    );
    book.meet({ device: 'pump-1', mac: '02:00:00:00:00:0a', address: '10.77.0.10' }, MONDAY_MS);
    book.connection(connectionOf('out 6/104 10.77.0.1', MONDAY_MS));
    t.same(
      book.devices().map(({ key }) => key),
      ['pump-1'],
    );
    t.same([...told(book, 'pump-1')].sort(), ['in 10.77.0.1 6 2575: 1', 'out 10.77.0.1 6 104: 2']);
    t.same(book.takeChanges().goneDevices.toSorted(), ['02:00:00:00:00:0a', '10.77.0.10']);
    t.end();
  },
);

t.test('between two devices behind the box one connection is a habit of each, counted once', (t) => {
  const book = new HabitBook();
  const monitor = { device: 'monitor-1', mac: null, address: '10.77.0.11' };
  book.meet({ device: 'pump-1', mac: null, address: '10.77.0.10' }, MONDAY_MS);
  book.meet(monitor, MONDAY_MS);
  // Told of both, as modes that let pass tell it.
  book.connection(connectionOf('in 6/6000 10.77.0.10', MONDAY_MS, monitor));
  book.connection(connectionOf('out 6/6000 10.77.0.11', MONDAY_MS));
  const end = { ended: 1, bytesOut: 10, bytesIn: 20, packetsOut: 1, packetsIn: 2, lastMs: MONDAY_MS };
  book.end({ ...connectionOf('out 6/6000 10.77.0.11'), ...end });
  t.same(told(book, 'monitor-1'), ['in 10.77.0.10 6 6000: 1']);
  t.same(told(book, 'pump-1'), ['out 10.77.0.11 6 6000: 1']);
  t.match(book.habits('monitor-1'), [{ bytesOut: 20, bytesIn: 10, packetsOut: 2 }]);
  t.end();
});

t.test('a scan of every port does not push out what is done every day, and is counted', (t) => {
  const book = new HabitBook();
  for (const port of [104, 2575])
    for (const day of [0, 1]) book.connection(connectionOf(`out 6/${port} 10.77.0.1`, MONDAY_MS + day));
  for (let port = 1; port <= 65_535; port++)
    book.connection(connectionOf(`out 6/${port} 10.77.0.9`, MONDAY_MS + port));
  t.ok(book.size <= MAX_HABITS_PER_DEVICE);
  const kept = told(book, 'pump-1');
  t.ok(kept.includes('out 10.77.0.1 6 104: 2') && kept.includes('out 10.77.0.1 6 2575: 2'));
  t.equal(book.counters.learnForgotten, 65_537 - book.size);
  t.equal(book.find('pump-1')?.forgotten, book.counters.learnForgotten);
  t.end();
});

t.test('another policy: what the one before did not list is forgotten', (t) => {
  const book = new HabitBook();
  book.connection(connectionOf('out 6/104 10.77.0.1', MONDAY_MS, { isUnlisted: true }));
  t.match(book.habits('pump-1'), [{ unlisted: 1, unlistedMs: MONDAY_MS }]);
  book.policyChanged();
  t.match(book.habits('pump-1'), [{ unlisted: 0, unlistedMs: 0, count: 1 }]);
  t.end();
});

t.test('whatever comes in whatever order, counts add up and changes can be written', (t) => {
  const who = fc.constantFrom(
    { device: 'pump-1', mac: 'aa', address: '10.0.0.1' },
    { device: null, mac: 'aa', address: '10.0.0.1' },
    { device: null, mac: null, address: '10.0.0.1' },
    { device: null, mac: 'bb', address: '10.0.0.2' },
    { device: 'monitor-1', mac: 'bb', address: '10.0.0.2' },
    { device: null, mac: null, address: null },
  );
  const step = fc.record({
    who,
    kind: fc.constantFrom('meet', 'open', 'end'),
    port: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const book = new HabitBook();
      for (const [index, one] of steps.entries()) {
        const seen = { ...connectionOf(`out 6/${one.port} 198.51.100.1`, MONDAY_MS + index), ...one.who };
        if (one.kind === 'meet') book.meet(one.who, MONDAY_MS);
        else if (one.kind === 'open') book.connection(seen);
        else book.end({ ...seen, ended: 1, bytesOut: 1, bytesIn: 1, packetsOut: 1, packetsIn: 1 });
      }
      const keys = book.devices().map(({ key }) => key);
      const habits = keys.flatMap((key) => book.habits(key));
      return (
        habits.length === book.size &&
        habits.every(({ count }) => count > 0) &&
        new Set(keys).size === keys.length
      );
    }),
    { numRuns: 300 },
  );
  t.end();
});
