/**
 * What queue.ts and latency.ts (which start it) measure against their yardstick in C: this project's queue, with the enforcer's whole judgement of a first
 * packet (argument `judge`) or without (`accept`). Until SIGTERM; prints {"received":N,"cpuUs":N} of what it used after the first
 * `warmUp` packets (second argument): a box runs for months, a compiler for its first second.
 */
import { Evidence } from '../enforcer/evidence.js';
import { HoldRule } from '../enforcer/hold-rule.js';
import { openNfqueue } from '../netlink/nfqueue.js';
import { FIRST_DEVICE_ID } from '../ruleset/marks.js';
import { HOLD_QUEUE } from '../ruleset/reasons.js';
import { parsePolicy } from '../policy/parse-policy.js';

/** Packets are the device's where the bench marks them so. */
const POLICY = `version: 1
site: { name: Bench }
devices:
  pump: { identity: { macs: ["02:00:00:00:00:01"] }, mode: observe }
`;
/** Flushed as often as in the enforcer. */
const FLUSH_MS = 200;

// Once, before the others: the rule that holds, as this kernel can write it.
if (process.argv[2] === 'rule') {
  const hold = new HoldRule('inline');
  await hold.ensure();
  if (hold.kind === null) throw new Error(hold.why ?? 'the kernel cannot hold packets');
  process.exit(0);
}

const evidence = new Evidence({ now: Date.now, portName: () => null, onContain: () => undefined });
const parsed = parsePolicy(POLICY);
if (!parsed.ok) throw new Error('the policy of the bench does not read');
evidence.usePolicy(parsed.policy, new Map([['pump', FIRST_DEVICE_ID]]));
const isJudging = process.argv[2] === 'judge';

const warmUp = Number(process.argv[3] ?? 0);
let seen = 0;
let began = process.cpuUsage();
const queue = openNfqueue(
  {
    queue: HOLD_QUEUE,
    copyBytes: 256,
    maxLength: 8192,
    receiveBufferBytes: 2 * 1024 * 1024,
    acceptedMark: 1,
    now: Date.now,
    onError: (error) => {
      throw error;
    },
    ref: true,
  },
  (packet) => {
    if (seen++ === warmUp) began = process.cpuUsage();
    return !isJudging || evidence.held(packet).verdict === 'pass';
  },
);
if (isJudging) setInterval(() => evidence.flush(), FLUSH_MS);
process.stdout.write('ready\n');
process.once('SIGTERM', () => {
  const { user, system } = process.cpuUsage(began);
  queue.stop();
  process.stdout.write(`${JSON.stringify({ received: seen - warmUp, cpuUs: user + system })}\n`, () =>
    process.exit(0),
  );
});
