import t from 'tap';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { findingNews } from '../../../agent/upstream/pure/finding-news.js';

const HOUR_MS = 3_600_000;
const START = 1_800_000_000_000;

const at = (nowMs: number, state: Finding['state'] = 'open'): Finding => ({
  key: 'beacon:pump-1:x',
  detector: 'beacon',
  device: 'pump-1',
  deviceMac: null,
  peer: null,
  severity: 'medium',
  state,
  title: 'x',
  evidence: {},
  remedy: 'x',
  firstMs: START,
  lastMs: nowMs,
  count: 1 + (nowMs - START) / 1_000,
});

t.test(
  'a finding that goes on is told ever more seldom, down to once a day, and once more when it is over',
  (t) => {
    let reportedMs: number | null = null;
    let before: { finding: Finding; reportedMs: number | null } | null = null;
    const told: number[] = [];
    for (let nowMs = START; nowMs < START + 7 * 24 * HOUR_MS; nowMs += 60_000) {
      const news = findingNews(before, at(nowMs), nowMs);
      if (news !== null) told.push((reportedMs = nowMs));
      before = { finding: at(nowMs), reportedMs };
    }
    const gaps = told.slice(1).map((atMs, index) => (atMs - (told[index] ?? 0)) / HOUR_MS);
    t.ok(told.length < 22, `${told.length} times within a week`);
    t.same(gaps.slice(-3), [24, 24, 24]);
    t.ok(gaps.every((gap, index) => gap >= (gaps[index - 1] ?? 0)));
    const end = START + 8 * 24 * HOUR_MS;
    t.equal(findingNews(before, at(end, 'closed'), end), 'close');
    t.equal(findingNews({ finding: at(end, 'closed'), reportedMs }, at(end, 'closed'), end), null);
    t.equal(findingNews(before, { ...at(end), severity: 'high' }, START), 'update', 'a graver one at once');
    t.end();
  },
);
