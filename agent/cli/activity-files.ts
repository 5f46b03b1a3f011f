/**
 * The activity log as `cordon audit` and `cordon report` read it: from its files, without the agent, so that the reading does not rest on the program that wrote
 * them. A directory of segments, or one exported file.
 */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ActivityEntry } from '../activity/entry.js';
import { ChainVerifier, type Anchor, type ChainReport } from '../activity/verify-chain.js';
import { listSegments, readSegment, sha256 } from '../store/activity-segments.js';
import type { CliContext } from './context.js';
import { CliError } from './errors.js';
import { withAgent } from './sockets.js';

export interface ReadActivity {
  readonly report: ChainReport;
  readonly segments: number;
}

/**
 * Oldest first; what is no entry is only in the report. Rejects with a CliError where there is nothing to read. `from`: null for the log of this box, whose
 * agent is then asked for its head beforehand, where it answers.
 */
export async function readActivity(
  context: CliContext,
  from: string | null,
  anchors: readonly Anchor[],
  each: (entry: ActivityEntry) => void,
): Promise<ReadActivity> {
  const live = from === null ? await headOfAgent(context) : [];
  const files = filesOf(from ?? context.paths.activityDir);
  const verifier = new ChainVerifier(sha256, [...live, ...anchors]);
  for (const path of files) {
    const name = basename(path);
    const { lines, torn } = readSegment(path);
    lines.forEach((line, index) => {
      const entry = verifier.take(name, index + 1, line);
      if (entry !== null) each(entry);
    });
    if (torn.length > 0)
      verifier.fault(name, lines.length + 1, `cut short: ${torn.length} bytes that are no whole line`);
  }
  return { report: verifier.finish(), segments: files.length };
}

function filesOf(from: string): readonly string[] {
  try {
    if (statSync(from).isFile()) return [from];
    const segments = listSegments(from).map(({ path }) => path);
    if (segments.length > 0) return segments;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    const why = { EACCES: 'no permission: run it as root', ENOENT: 'there is none' }[code] ?? code;
    throw new CliError(
      code === 'EACCES' ? 'not-allowed' : 'no-activity-log',
      `cannot read the activity log ${from}: ${why}`,
      {
        cause,
      },
    );
  }
  throw new CliError('no-activity-log', `there is no activity log in ${from}`);
}

async function headOfAgent(context: CliContext): Promise<readonly Anchor[]> {
  try {
    const { activity } = await withAgent(context, (agent) => agent.request('status', {}));
    return activity.seq === 0 ? [] : [{ seq: activity.seq, hash: activity.hash, from: 'the running agent' }];
  } catch {
    // It is not running, or not ours to ask: the files are read all the same, and the answer names what they were held against.
    return [];
  }
}
