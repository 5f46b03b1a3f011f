/**
 * Import this first in a real-kernel test file, before tap:
 *
 *   import './support/in-own-namespace.js';
 *   import t from 'tap';
 *
 * The file then runs inside network, mount and process namespaces of its own: interfaces, nftables, conntrack and
 * `ip netns` names are private, so tests run in parallel and nothing on the machine changes. Whatever the test leaves
 * running dies with it. It works as root, and without root where the machine allows user namespaces; elsewhere the
 * file is skipped with a loud notice. The one import with work in it: it must happen before tap writes its first line.
 */
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';

const MARKER = 'CORDON_TEST_IN_OWN_NAMESPACE';

/**
 * Runs as the first process of the new namespaces. A shell stays there to reap, because node as process 1 would neither
 * do that nor die of a signal. Without root, /run cannot get a directory, so all of it is made private.
 */
const INIT = `
mkdir -p /run/netns 2>/dev/null || mount -t tmpfs tmpfs /run
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || exit 125
mount -t sysfs sysfs /sys 2>/dev/null
ip link set lo up && nft list ruleset >/dev/null || exit 125
"$@" &
wait $!
`;

/** Most private first. A process namespace needs a /proc of its own, which some containers refuse. */
const WITH_PROCESSES = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const WITHOUT_PROCESSES = ['--fork', '--kill-child'];

if (process.env[MARKER] === undefined) {
  // Exits before tap is evaluated: the child writes this file's TAP to the same stdout.
  process.exit(runInside());
}

function runInside(): number {
  const own = ['--net', '--mount'];
  const entry = userInfo().uid === 0 ? own : ['--user', '--map-root-user', ...own];
  const found = [WITH_PROCESSES, WITHOUT_PROCESSES]
    .map((extra) => [...entry, ...extra])
    .find((flags) => spawnSync('unshare', [...flags, 'sh', '-c', INIT, 'sh', 'true']).status === 0);
  if (found === undefined) return skip();
  // If tap kills this process (a timeout), setpriv's death signal takes unshare along, and --kill-child the rest.
  const result = spawnSync(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      ...found,
      'sh',
      '-c',
      INIT,
      'sh',
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ],
    { stdio: 'inherit', env: { ...process.env, [MARKER]: '1' } },
  );
  if (result.error) throw result.error;
  return result.status ?? 1;
}

function skip(): number {
  const notice =
    'real-kernel tests need root, or user namespaces, with nftables and iproute2: NOTHING HERE WAS TESTED';
  process.stderr.write(`\n*** SKIPPED ${process.argv[1] ?? ''}: ${notice} ***\n\n`);
  process.stdout.write(`TAP version 14\n1..0 # SKIP ${notice}\n`);
  return 0;
}
