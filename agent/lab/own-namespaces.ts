/**
 * Runs this very process again inside network, mount and process namespaces of its own: interfaces, nftables, conntrack, mounts and
 * `ip netns` names are private, nothing on the machine changes, and whatever is left running dies with it. Used by the real-kernel
 * tests, the failure matrix and chaos. As root, and without root where the machine allows user namespaces.
 */
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';

const MARKER = 'CORDON_IN_OWN_NAMESPACES';

/**
 * Runs as the first process of the new namespaces. A shell stays there to reap, because node as process 1 would neither
 * do that nor die of a signal. Without root, /run cannot get a directory, so all of it is made private.
 */
const INIT = `
mkdir -p /run/netns 2>/dev/null || mount -t tmpfs tmpfs /run
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || exit 125
mount -t sysfs sysfs /sys 2>/dev/null
# Whose sysctls a test sets before anything of the kernel's own would load them.
modprobe --all --quiet br_netfilter nf_conntrack 2>/dev/null
ip link set lo up && nft list ruleset >/dev/null || exit 125
"$@" &
wait $!
`;

/** Most private first. A process namespace needs a /proc of its own, which some containers refuse. */
const WITH_PROCESSES = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const WITHOUT_PROCESSES = ['--fork', '--kill-child'];

/**
 * `inside`: this is the second run, go on. Otherwise the second run is over and this is its exit status; null: the machine allows no
 * namespaces, and nothing ran.
 */
export function runInOwnNamespaces(): 'inside' | number | null {
  if (process.env[MARKER] !== undefined) return 'inside';
  const own = ['--net', '--mount'];
  const entry = userInfo().uid === 0 ? own : ['--user', '--map-root-user', ...own];
  const found = [WITH_PROCESSES, WITHOUT_PROCESSES]
    .map((extra) => [...entry, ...extra])
    .find((flags) => spawnSync('unshare', [...flags, 'sh', '-c', INIT, 'sh', 'true']).status === 0);
  if (found === undefined) return null;
  // If this process is killed (a timeout), setpriv's death signal takes unshare along, and --kill-child the rest.
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
