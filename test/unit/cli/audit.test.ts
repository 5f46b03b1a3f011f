import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { textWidth } from '../../../agent/cli/text-width.js';
import { parseMoment, parsePeriod } from '../../../agent/cli/period.js';
import { ActivityLog } from '../../../agent/store/activity-log.js';
import { agentStatus, nowMs, serveAgent, unservedBox, type ServedBox } from './served-box.js';

function logOf(box: ServedBox): { readonly file: string; readonly log: ActivityLog } {
  const directory = join(box.directory, 'agent/activity');
  mkdirSync(join(box.directory, 'agent'), { recursive: true });
  const log = new ActivityLog({
    directory,
    keepDays: 9,
    nowMs: () => nowMs,
    onWriteError: (error) => t.fail(String(error)),
  });
  log.open();
  log.record([
    {
      atMs: nowMs - 5_000,
      who: 'nurse (uid 0)',
      what: 'containment-ordered',
      object: 'pump-1',
      detail: 'odd \u001b[2Jtraffic',
    },
    {
      atMs: nowMs - 90 * 86_400_000,
      who: '=cmd|x',
      what: 'inventory-entered',
      object: 'pump-2',
      detail: 'owner: "" -> "B"',
    },
  ]);
  return { file: join(directory, 'activity-000001.jsonl'), log };
}

t.test(
  'verify says that a log is whole and what it was held against, or where it is not what was written',
  async (t) => {
    const box = unservedBox(t);
    t.match((await box.cordon('audit', 'verify')).stderr, /cannot read the activity log .*there is none/);
    const { file, log } = logOf(box);
    const { head } = log;
    const alone = await box.cordon('audit', 'verify');
    t.equal(alone.exitStatus, 0, alone.stdout);
    t.match(alone.stdout, /^The activity log is whole: 3 entries in 1 file/);
    t.match(alone.stdout, 'Held against: nothing but itself');
    for (const line of alone.stdout.split('\n')) t.ok(textWidth(line) <= 80, line);
    await serveAgent(t, box, {
      status: () => ({ ...agentStatus, activity: { ...agentStatus.activity, ...head } }),
    });
    const live = await box.cordon('audit', 'verify', '--json');
    t.match(JSON.parse(live.stdout), { isWhole: true, anchored: ['the running agent'], last: head });

    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.split('\n').slice(0, 2).join('\n') + '\n');
    const cut = await box.cordon('audit', 'verify');
    t.equal(cut.exitStatus, 1);
    t.match(
      cut.stdout.replaceAll(/\s+/g, ' '),
      'cut off: the log ends with entry 2, and the running agent has seen entry 3',
    );
    writeFileSync(file, text.replace('pump-1', 'pump-9'));
    const changed = await box.cordon('audit', 'verify', '--json');
    t.equal(changed.exitStatus, 1);
    t.match(JSON.parse(changed.stdout), {
      isWhole: false,
      problems: [{ segment: 'activity-000001.jsonl', line: 2, seq: 2 }],
    });
    writeFileSync(file, text);
    t.equal((await box.cordon('audit', 'verify', '--anchor', `3:${head.hash}`)).exitStatus, 0);
    t.equal((await box.cordon('audit', 'verify', '--anchor', `3:${'0'.repeat(64)}`)).exitStatus, 1);
    t.equal((await box.cordon('audit', 'verify', '--anchor', 'x')).exitStatus, 2);
  },
);

t.test('list and export show what is asked for, harmless to a terminal and a spreadsheet', async (t) => {
  const box = unservedBox(t);
  logOf(box);
  const listed = await box.cordon('audit', 'list', '--since', '30d', '--what', 'containment');
  t.match(listed.stdout, /# {2}WHEN \(UTC\) +WHO +WHAT +OBJECT +DETAIL\n2 {2}\d{4}-/);
  t.match(listed.stdout, String.raw`\x1b[2J`);
  t.notMatch(listed.stdout, 'inventory-entered');
  for (const line of listed.stdout.split('\n')) t.ok(textWidth(line) <= 80, line);
  const { rows } = JSON.parse((await box.cordon('audit', 'list', '--who', 'NURSE', '--json')).stdout) as {
    rows: { seq: number }[];
  };
  t.same(
    rows.map(({ seq }) => seq),
    [2],
  );
  t.match(
    (await box.cordon('audit', 'export', '--format', 'csv')).stdout,
    /,'=cmd\|x,inventory-entered,pump-2,/,
  );
  const copy = join(box.directory, 'copy.jsonl');
  t.equal((await box.cordon('audit', 'export', '--out', copy)).exitStatus, 0);
  rmSync(join(box.directory, 'agent'), { recursive: true });
  t.equal((await box.cordon('audit', 'verify', '--from', copy)).exitStatus, 0, 'the copy verifies elsewhere');
});

t.test('periods are read as people write them', (t) => {
  const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);
  const now = day('2026-11-25') + 1_000;
  t.same(parsePeriod('30d', now), { fromMs: now - 30 * 86_400_000, toMs: now });
  t.same(parsePeriod('2026-01-01..2026-03-31', now), { fromMs: day('2026-01-01'), toMs: day('2026-04-01') });
  t.same(parsePeriod('2026-11-01..', now), { fromMs: day('2026-11-01'), toMs: now });
  for (const bad of [
    '',
    'x',
    '0d',
    '..',
    '2026-13-01..',
    '2026-02-30..',
    '2026-03-01..2026-01-01',
    'a..b..c',
  ])
    t.equal(parsePeriod(bad, now), null, bad);
  t.equal(parseMoment('2026-01-01', now), day('2026-01-01'));
  t.equal(parseMoment('36h', now), now - 36 * 3_600_000);
  t.end();
});
