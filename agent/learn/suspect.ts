/**
 * Which of a device's habits a finding is about: they are not proposed, so that an attack during the weeks of learning does not become policy. It
 * errs on the side of leaving out, because what is left out is shown with its finding and a person decides. Pure.
 */
import type { Finding } from '../messages/vocabulary.js';
import { protocolNameOf } from '../policy/protocol-name.js';
import type { Habit, LearntDevice } from './habit.js';

/** They say nothing of connections. */
const NOT_OF_CONNECTIONS: ReadonlySet<string> = new Set(['deviceSilent', 'endOfSupport']);
/** Clocks and flushes: a habit begun this much before its finding belongs to it. */
const SLACK_MS = 60_000;

/** In the order given. `findings`: of any device; those of others are left out here. */
export function findingsAbout(
  device: LearntDevice,
  habit: Habit,
  findings: readonly Finding[],
): readonly Finding[] {
  return findings.filter((finding) => isAbout(device, habit, finding));
}

function isAbout(device: LearntDevice, habit: Habit, finding: Finding): boolean {
  if (NOT_OF_CONNECTIONS.has(finding.detector)) return false;
  const isOfDevice =
    finding.device === device.key || (device.mac !== null && finding.deviceMac === device.mac);
  const isOfNobody = finding.device === null && finding.deviceMac === null;
  if (!isOfDevice && !(isOfNobody && finding.peer === habit.peer)) return false;
  if (!fitsDirection(habit, finding) || !fitsService(habit, finding)) return false;
  if (finding.peer !== null)
    // Whoever did that is not to be trusted with what it did before either, unless it had stopped.
    return finding.peer === habit.peer && habit.lastMs >= finding.firstMs - windowMs(finding);
  // Many peers: what the device did before it went for them is its own.
  return habit.firstMs >= finding.firstMs - windowMs(finding) && habit.firstMs <= finding.lastMs + SLACK_MS;
}

function fitsDirection(habit: Habit, finding: Finding): boolean {
  const { from, openedBy } = finding.evidence;
  const opener = from ?? openedBy;
  if (opener !== 'device' && opener !== 'network' && opener !== 'peer') return true;
  return (opener === 'device') === (habit.direction === 'out');
}

/** `tcp/80` where a finding names one service; lists of them are examples, and a scan is about every port. */
function fitsService(habit: Habit, finding: Finding): boolean {
  const { service, port } = finding.evidence;
  if (typeof port === 'number') return habit.port === port;
  if (typeof service !== 'string' || !/^(tcp|udp|sctp)\/\d+$/.test(service)) return true;
  return service === `${protocolNameOf(habit.protocol) ?? ''}/${habit.port ?? ''}`;
}

function windowMs(finding: Finding): number {
  const seconds = finding.evidence['windowSeconds'];
  return SLACK_MS + (typeof seconds === 'number' ? seconds * 1000 : 0);
}
