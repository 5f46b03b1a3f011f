/** Doctor's checks of the machine outside the firewall: Node, the addon, clock, disk. */
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CliContext } from './context.js';
import { fail, ok, warn, type Check } from './doctor-check.js';
import { formatTime } from './durations.js';

/** As package.json's engines: what Debian 13 and Raspberry Pi OS ship. */
const MIN_NODE = [20, 19] as const;
/** Below this the next policy may not fit beside the last good one. */
const MIN_FREE_BYTES = 64 * 1024 * 1024;
/** The store and the event spool at their limits, with room to vacuum. */
const GOOD_FREE_BYTES = 512 * 1024 * 1024;
/** A clock past this is set wrongly rather than old software is running. */
const MAX_SOFTWARE_AGE_MS = 20 * 365 * 86_400_000;

export async function checkMachine(context: CliContext): Promise<readonly Check[]> {
  return [
    checkNode(process.versions.node),
    await checkAddon(),
    await checkClock(context),
    ...(await checkDisk(context)),
  ];
}

/** `version` as in process.versions.node. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  return isNewEnough
    ? ok('node.version', `node ${version}`)
    : fail(
        'node.version',
        `node ${version} is below ${MIN_NODE.join('.')}`,
        'apt-get install nodejs, from Debian 13 or nodesource',
      );
}

async function checkAddon(): Promise<Check> {
  try {
    const { loadAddon } = await import('../netlink/native.js');
    loadAddon();
    return ok('node.addon', 'the netlink addon loads');
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return fail(
      'node.addon',
      `the netlink addon does not load: ${message}`,
      'make build, with the Node that runs it',
    );
  }
}

/** A Raspberry Pi has no clock of its own: before the time was fetched it believes in the past. */
async function checkClock(context: CliContext): Promise<Check> {
  const nowMs = context.nowMs();
  const { mtimeMs } = await stat(new URL('../../package.json', import.meta.url));
  if (nowMs < mtimeMs)
    return warn(
      'clock',
      `it is ${formatTime(nowMs)}, before this software was put here`,
      'set the clock: timedatectl, or an NTP server that is reachable',
    );
  if (nowMs > mtimeMs + MAX_SOFTWARE_AGE_MS)
    return warn(
      'clock',
      `it is ${formatTime(nowMs)}, decades after this software was put here`,
      'set the clock: timedatectl',
    );
  return ok('clock', formatTime(nowMs));
}

async function checkDisk(context: CliContext): Promise<readonly Check[]> {
  const { enforcerStateDir } = context.paths;
  const directory = await nearestDirectory(dirname(enforcerStateDir));
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  const freeText = `${Math.floor(freeBytes / (1024 * 1024))} MiB free at ${directory}`;
  if (freeBytes < MIN_FREE_BYTES)
    return [
      fail(
        'disk',
        `${freeText}: a policy may not fit`,
        'free some space; the store’s and the journal’s limits are configurable',
      ),
    ];
  if (freeBytes < GOOD_FREE_BYTES)
    return [warn('disk', `${freeText}: the store and the spool may fill it`, 'free some space')];
  return [ok('disk', freeText)];
}

/** The directory itself, or the nearest one above that is there: before `make install` there is none. */
async function nearestDirectory(path: string): Promise<string> {
  for (let directory = path; ; directory = dirname(directory)) {
    try {
      await stat(directory);
      return directory;
    } catch {
      if (directory === dirname(directory)) return directory;
    }
  }
}
