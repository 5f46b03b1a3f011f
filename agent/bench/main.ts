/**
 * `make bench`: what the box costs, one JSON line a result. Needs root. Each bench (benches.ts) runs in a process of its own,
 * so that one which fails or hangs is a line that says so and hides no other. `make bench ONLY="queue apply"` runs these.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Namespace, run } from '../lab/namespace.js';
import { mib, rounded, type Bench } from './bench.js';
import { BENCHES } from './benches.js';

/** The parent gives this word and a name to the process that runs one bench. */
const RUN_ONE = '--run-one';

const [word = '', name = ''] = process.argv.slice(2);
if (word === RUN_ONE)
  await runOne(BENCHES.find((bench) => bench.name === name)).catch((error: unknown) => {
    process.stderr.write(error instanceof Error ? error.message : String(error));
    process.exit(1);
  });
else process.exitCode = await runAll(process.argv.slice(2).flatMap((each) => each.split(/[\s,]+/)));

async function runAll(only: readonly string[]): Promise<number> {
  const wanted = only.filter((each) => each !== '');
  const unknown = wanted.filter((each) => !BENCHES.some((bench) => bench.name === each));
  if (unknown.length > 0) {
    const known = BENCHES.map((bench) => `  ${bench.name.padEnd(12)} ${bench.what}\n`).join('');
    process.stderr.write(`There is no bench ${unknown.join(', ')}. There are:\n${known}`);
    return 2;
  }
  print('machine', {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memoryMiB: mib(totalmem()),
    kernel: release(),
    node: process.version,
    // Much above 0 before anything was started: somebody else is measured too.
    load: rounded(loadavg()[0] ?? 0),
  });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort();
    });
  let failed = 0;
  for (const bench of BENCHES.filter((each) => wanted.length === 0 || wanted.includes(each.name)))
    if (!stop.signal.aborted && !(await inOwnProcess(bench, stop.signal))) failed += 1;
  return failed === 0 ? 0 : 1;
}

async function inOwnProcess(bench: Bench, stop: AbortSignal): Promise<boolean> {
  const began = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), RUN_ONE, bench.name], {
    stdio: ['ignore', 'inherit', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-2_000);
  });
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = setTimeout(end, bench.limitMinutes * 60_000);
  stop.addEventListener('abort', end);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => {
      resolve(127);
    });
    child.once('close', resolve);
  });
  clearTimeout(timer);
  stop.removeEventListener('abort', end);
  if (child.pid !== undefined) {
    await removeNamespaces(child.pid);
    await removeDirectory(child.pid);
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  if (code === null)
    print(bench.name, {
      error: stop.aborted
        ? `stopped after ${seconds} s`
        : `ended after ${seconds} s, at most ${bench.limitMinutes} min`,
    });
  else if (code !== 0) print(bench.name, { error: said.trim().slice(-500) || `exit ${code}`, seconds });
  return code === 0;
}

/** What a bench that was killed could not take down; the names carry its process number. */
async function removeNamespaces(pid: number): Promise<void> {
  const { stdout } = await run(['ip', 'netns', 'list']);
  for (const line of stdout.split('\n')) {
    const [namespace = ''] = line.split(' ');
    if (namespace.startsWith(`cordon-${pid}-`)) await Namespace.existing(namespace).close();
  }
}

/** Likewise, with the file systems in it. */
async function removeDirectory(pid: number): Promise<void> {
  const prefix = directoryPrefix(pid);
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const [, , , , mountPoint = ''] = line.split(' ');
    if (mountPoint.startsWith(prefix)) await run(['umount', mountPoint]);
  }
  for (const name of await readdir(tmpdir()))
    if (join(tmpdir(), name).startsWith(prefix))
      await rm(join(tmpdir(), name), { recursive: true, force: true });
}

function directoryPrefix(pid: number): string {
  return join(tmpdir(), `cordon-bench-${pid}-`);
}

async function runOne(bench: Bench | undefined): Promise<void> {
  if (!bench) throw new Error(`there is no bench ${name}`);
  const dir = await mkdtemp(directoryPrefix(process.pid));
  try {
    await bench.run({
      dir,
      report: (line) => {
        print(bench.name, line);
      },
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function print(bench: string, line: object): void {
  process.stdout.write(`${JSON.stringify({ bench, ...line })}\n`);
}
