/**
 * `make learning-report`: for each capture of the data directory with a published MUD file beside it, what learning proposes against what the profile
 * says, entry by entry. Markdown, or JSON with --json. Directory: CORDON_DATA, or ../shared/data. A capture of
 * a profile's device has the profile's name in its own.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { detectSettings } from '../detect/settings.js';
import { compareProfile, type ComparedRow } from '../learn/compare-profile.js';
import { propose } from '../learn/propose.js';
import { totalMs } from '../learn/watched.js';
import { pairAces } from '../mud/pair-aces.js';
import { parseMud } from '../mud/parse-mud.js';
import { parsePolicy } from '../policy/parse-policy.js';
import { learnFromCaptures } from '../replay/learn-capture.js';

interface Pair {
  readonly capture: string;
  readonly profile: string;
}

interface Report extends Pair {
  readonly device: string;
  readonly watchedSeconds: number;
  readonly rows: readonly ComparedRow[];
}

const directory = process.env['CORDON_DATA'] ?? '../shared/data';
const reports: Report[] = [];
for (const pair of await findPairs()) reports.push(await examine(pair));
if (reports.length === 0) {
  process.stderr.write(`no capture with a MUD file of the same name in ${directory}: set CORDON_DATA\n`);
  process.exitCode = 1;
} else if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(reports, null, 1)}\n`);
else process.stdout.write(markdown(reports));

async function findPairs(): Promise<Pair[]> {
  const [captures, profiles] = await Promise.all([
    filesUnder('pcap/iot', /\.pcap(ng)?$/),
    filesUnder('mud', /\.(mud|json)$/),
  ]);
  return profiles.flatMap((profile) =>
    captures
      .filter((capture) => stemOf(capture).includes(stemOf(profile)))
      .map((capture) => ({ capture, profile })),
  );
}

/** `tapo-p115.mud` and `tapo-p115Mud.json` are of `ss-G06-tapo-p115.pcap`. */
function stemOf(file: string): string {
  return basename(file)
    .replace(/\.[^.]+$/, '')
    .replace(/mud$/i, '')
    .toLowerCase();
}

async function filesUnder(sub: string, pattern: RegExp): Promise<string[]> {
  const all = await readdir(join(directory, sub), { recursive: true }).catch(() => []);
  return all
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(sub, name));
}

async function examine(pair: Pair): Promise<Report> {
  const parsed = parseMud(await readFile(join(directory, pair.profile), 'utf8'));
  const policy = parsePolicy('version: 1\nsite: { name: report }\n');
  if (!parsed.ok || !policy.ok) throw new Error(`${pair.profile}: not a MUD file that can be used`);
  const settings = detectSettings.parse({});
  const file = join(directory, pair.capture);
  // The device is whom the capture is about: of all inside addresses the one with the most connections.
  const all = await learnFromCaptures([file], [], settings);
  const [first] = [...all.book.devices()].sort(
    (a, b) => all.book.habits(b.key).length - all.book.habits(a.key).length,
  );
  if (first === undefined) throw new Error(`${pair.capture}: nobody is in it`);
  const end = first.mac ?? first.key;
  const { book, watched, findings, endMs } = await learnFromCaptures(
    [file],
    [{ name: 'device', ends: [end] }],
    settings,
  );
  const device = book.find('device') ?? first;
  const habits = book.habits(device.key);
  const watchedMs = totalMs(watched.stretches());
  const set = propose({
    ...{ policy: policy.policy, name: 'device', device, habits, findings, learned: new Map(), watchedMs },
    nowMs: endMs,
  });
  const rows = compareProfile(set, habits, pairAces(parsed.file));
  return { ...pair, device: end, watchedSeconds: Math.round(watchedMs / 1000), rows };
}

function markdown(all: readonly Report[]): string {
  const lines = all.flatMap(({ capture, profile, device, watchedSeconds, rows }) => {
    const count = (verdict: ComparedRow['verdict']): number =>
      rows.filter((row) => row.verdict === verdict).length;
    return [
      `${capture} (${device}, ${watchedSeconds} s) against ${profile}:`,
      '',
      '| proposed | published | verdict | reason |',
      '|---|---|---|---|',
      ...rows.map(
        ({ proposed, published, verdict, reason }) =>
          `| ${[proposed ?? '-', published ?? '-', verdict, reason].map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`,
      ),
      '',
      `${count('match')} match, ${count('extra')} extra, ${count('missing')} missing`,
      '',
    ];
  });
  return `${lines.join('\n')}\n`;
}
