import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  activityOfEntries,
  MachineMadeLimit,
  MAX_MACHINE_MADE_PER_HOUR,
} from '../../../agent/activity/activities.js';
import { canonicalJson, wellFormed } from '../../../agent/activity/canonical-json.js';
import { NO_HEAD, readEntry, seal, type Head, type NewActivity } from '../../../agent/activity/entry.js';
import {
  DAY_MS,
  isSegmentDone,
  MAX_LOG_BYTES,
  segmentToDrop,
  SIX_YEARS_DAYS,
} from '../../../agent/activity/retention.js';
import { ChainVerifier, type Anchor, type ChainReport } from '../../../agent/activity/verify-chain.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const NOW_MS = Date.UTC(2026, 10, 25);

function chain(count: number, from: Head = NO_HEAD): { readonly lines: string[]; readonly heads: Head[] } {
  const heads = [from];
  const lines = Array.from({ length: count }, (_, index) => {
    const item = {
      atMs: NOW_MS + index,
      who: 'nurse (uid 0)',
      what: 'containment-ordered',
      object: `pump-${index}`,
      detail: 'é😀',
    };
    const { entry, line } = seal(item, heads.at(-1) ?? NO_HEAD, NOW_MS + index, sha256);
    heads.push({ seq: entry.seq, hash: entry.hash });
    return line;
  });
  return { lines, heads };
}

function verify(lines: readonly string[], anchors: readonly Anchor[] = []): ChainReport {
  const verifier = new ChainVerifier(sha256, anchors);
  lines.forEach((line, index) => verifier.take('a', index + 1, line));
  return verifier.finish();
}

t.test('the canonical form is that of RFC 8785', (t) => {
  // Sections 3.2.2 and 3.2.3, the examples of the RFC.
  const value = {
    numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\u0022/",
    literals: [null, true, false],
  };
  t.equal(
    canonicalJson(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  t.same(
    [...canonicalJson(names).matchAll(/:(\d)/g)].map(([, number]) => Number(number)),
    [2, 4, 6, 7, 1, 5, 3],
  );
  for (const bad of [Number.NaN, Infinity, '\ud800', undefined, 1n, [undefined]])
    t.throws(() => canonicalJson(bad), RangeError);
  t.equal(canonicalJson(wellFormed('a\ud800b')), '"a\ufffdb"');
  t.end();
});

t.test('whatever comes from outside is sealed, and read back as itself', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', maxLength: 4_000 }),
      fc.double({ min: -1e18, max: 1e18, noNaN: true }),
      (who, detail, atMs) => {
        const { entry, line } = seal(
          { atMs, who, what: 'login', object: who, detail },
          NO_HEAD,
          NOW_MS,
          sha256,
        );
        const read = readEntry(line, sha256);
        return read.ok && !line.includes('\n') && read.entry.hash === entry.hash;
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});

t.test('an untouched log is whole, and ends where its head says', (t) => {
  const { lines, heads } = chain(20);
  const report = verify(lines, [{ seq: 7, hash: heads[7]?.hash ?? '', from: 'broker' }]);
  t.match(report, { entries: 20, problemsTotal: 0, last: heads[20], anchored: ['broker'], droppedTo: 0 });
  t.end();
});

/** What an attacker with an editor can do to one place of a file; `at` counts lines from 0. */
const ATTACKS: Readonly<Record<string, (lines: string[], at: number) => number>> = {
  removed: (lines, at) => {
    lines.splice(at, 1);
    return at;
  },
  'changed in one character': (lines, at) => {
    lines[at] = (lines[at] ?? '').replace('nurse', 'purse');
    return at;
  },
  'written otherwise with the same meaning': (lines, at) => {
    lines[at] = (lines[at] ?? '').replace('"who":', '"who": ');
    return at;
  },
  'sealed anew': (lines, at) => {
    const read = readEntry(lines[at] ?? '', sha256);
    if (read.entry === null) return at;
    const item: NewActivity = { atMs: 1, who: 'nobody', what: 'login', detail: '' };
    lines[at] = seal(item, { seq: read.entry.seq - 1, hash: read.entry.prev }, 1, sha256).line;
    return at + 1;
  },
  'swapped with the next': (lines, at) => {
    [lines[at], lines[at + 1]] = [lines[at + 1] ?? '', lines[at] ?? ''];
    return at;
  },
  doubled: (lines, at) => {
    lines.splice(at, 0, lines[at] ?? '');
    return at + 1;
  },
  'put in': (lines, at) => {
    lines.splice(at, 0, seal({ atMs: 1, who: 'x', what: 'login', detail: '' }, NO_HEAD, 1, sha256).line);
    return at;
  },
  'made to rubbish': (lines, at) => {
    lines[at] = '{"seq":1}';
    return at;
  },
};

t.test('a line that was removed, changed, moved or put in is found, with its place', (t) => {
  for (const attack of Object.values(ATTACKS))
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), (count, seed) => {
        const { lines } = chain(count);
        // Not the last line, which is `cut off` below.
        const at = 1 + (seed % Math.max(1, count - 2));
        if (at >= count - 1) return true;
        const expected = attack(lines, at);
        const { problems } = verify(lines);
        return problems.length > 0 && (problems[0]?.line ?? 0) - 1 === expected;
      }),
      { numRuns: 60 },
    );
  t.pass(Object.keys(ATTACKS).join(', '));
  t.end();
});

t.test('a change names one place and not all that follows', (t) => {
  const { lines } = chain(50);
  lines[10] = (lines[10] ?? '').replace('nurse', 'purse');
  t.match(verify(lines).problems, [{ line: 11, seq: 11, message: /^changed/ }]);
  t.equal(verify(lines).problemsTotal, 1);
  t.end();
});

t.test('a log that was cut off, or written anew as a whole, shows against a head seen elsewhere', (t) => {
  const { lines, heads } = chain(10);
  const seen = (seq: number): Anchor => ({ seq, hash: heads[seq]?.hash ?? '', from: 'the broker' });
  t.equal(verify(lines.slice(0, 8)).problemsTotal, 0, 'which the log alone cannot show');
  t.match(verify(lines.slice(0, 8), [seen(10)]).problems, [
    { message: /^cut off: .* entry 8.* the broker .* entry 10/ },
  ]);
  const forged = chain(10, { seq: 0, hash: NO_HEAD.hash }).lines.map((line) =>
    line.replaceAll('nurse', 'purse'),
  );
  const anew: string[] = [];
  let head = NO_HEAD;
  for (const line of forged) {
    const { object, detail } = JSON.parse(line) as { object: string; detail: string };
    const sealed = seal({ atMs: NOW_MS, who: 'purse', what: 'login', object, detail }, head, NOW_MS, sha256);
    head = { seq: sealed.entry.seq, hash: sealed.entry.hash };
    anew.push(sealed.line);
  }
  t.equal(verify(anew).problemsTotal, 0);
  t.match(verify(anew, [seen(7)]).problems, [{ line: 7, message: /written anew/ }]);
  t.end();
});

t.test('a log that does not begin at the beginning must hold the record of what was dropped', (t) => {
  const { lines, heads } = chain(10);
  t.match(verify(lines.slice(4)).problems, [{ line: 1, message: /entries 1 to 4, and no record/ }]);
  const head = heads[10] ?? NO_HEAD;
  const record = (refers: Head) =>
    seal({ atMs: NOW_MS, who: 'log', what: 'segment-dropped', detail: '', refers }, head, NOW_MS, sha256)
      .line;
  t.match(verify([...lines.slice(4), record(heads[4] ?? NO_HEAD)]), { problemsTotal: 0, droppedTo: 4 });
  t.equal(verify([...lines.slice(4), record({ seq: 4, hash: 'ab'.repeat(32) })]).problemsTotal, 1);
  t.end();
});

t.test(
  'segments go one at a time, when the youngest entry in them is past six years, or when there is no room',
  (t) => {
    const old = { number: 1, sizeBytes: 10, lastMs: NOW_MS - (SIX_YEARS_DAYS + 1) * DAY_MS };
    const young = { number: 2, sizeBytes: 10, lastMs: NOW_MS };
    const years = 6 * 365.25;
    t.ok(SIX_YEARS_DAYS >= years, 'six years with their leap days');
    t.same(segmentToDrop([old, young], SIX_YEARS_DAYS, NOW_MS, true), { number: 1, why: 'old' });
    t.equal(segmentToDrop([old, young], SIX_YEARS_DAYS, NOW_MS, false), null, 'one a day');
    t.equal(
      segmentToDrop(
        [{ ...old, lastMs: NOW_MS - (SIX_YEARS_DAYS - 1) * DAY_MS }, young],
        SIX_YEARS_DAYS,
        NOW_MS,
        true,
      ),
      null,
    );
    t.equal(segmentToDrop([old], SIX_YEARS_DAYS, NOW_MS, true), null, 'never the one that is written to');
    t.same(segmentToDrop([{ ...young, sizeBytes: MAX_LOG_BYTES }, young], SIX_YEARS_DAYS, NOW_MS, false), {
      number: 2,
      why: 'no room',
    });
    t.equal(isSegmentDone(10, NOW_MS, NOW_MS + 40 * DAY_MS), true, 'a new one each month');
    t.equal(isSegmentDone(10, NOW_MS, NOW_MS - 40 * DAY_MS), false, 'not because the clock went back');
    t.end();
  },
);

t.test(
  'an entry says what was and what is; a fault that repeats is counted, what people do never left out',
  (t) => {
    const entry = (value: string) => ({ value, by: 'nurse', atMs: 1 });
    t.match(
      activityOfEntries(
        'nurse',
        'pump-1',
        { owner: entry('IT'), cost: entry('5') },
        { owner: entry('Bio"med'), cost: entry('5') },
        7,
      ),
      { what: 'inventory-entered', object: 'pump-1', detail: 'owner: "IT" -> "Bio\\"med"', atMs: 7 },
    );
    t.equal(activityOfEntries('nurse', 'pump-1', {}, {}, 7), null);
    const limit = new MachineMadeLimit();
    const pass = (what: string, atMs: number) =>
      limit.pass({ atMs, who: 'enforcer', what, detail: 'x' }, atMs);
    for (let count = 0; count < 100; count++) t.ok(pass('containment-ordered', count));
    const told = Array.from({ length: 100 }, (_, index) => pass('tables-restored', index)).filter(
      (one) => one !== null,
    );
    t.equal(told.length, MAX_MACHINE_MADE_PER_HOUR);
    t.match(pass('tables-restored', 3_600_001)?.detail, /^x \(76 more of these were left out before\)$/);
    t.equal(limit.leftOut, 76);
    t.end();
  },
);
