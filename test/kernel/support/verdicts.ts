/** Sends probes and tells what became of them: arrival at the receiver, the kernel's counters, the kernel's log. */
import { LOG_PREFIXES } from '../../../agent/enforcer/log-prefixes.js';
import { openNflog, type NflogReader } from '../../../agent/netlink/nflog.js';
import { verdictOfPacket } from '../../../agent/enforcer/mark-verdict.js';
import { DEVICE_MASK, OPENED, SIDE_DEVICE, UNKNOWN_DEVICE_ID } from '../../../agent/ruleset/marks.js';
import { LEARN_GROUP, PERMITTED_GROUP, REFUSED_GROUP } from '../../../agent/ruleset/reasons.js';
import { ascii } from './frames.js';
import { DEVICE_NUMBERS, type Probe } from './verdict-probes.js';
import { HOSTS, eventually, type Ward } from './ward.js';

export interface Logged {
  readonly prefix: string;
  /** Null for a device without a name, and for layer 2, where the mark names nobody. */
  readonly device: string | null;
  readonly fromDevice: boolean;
  readonly payload: string;
}

export class KernelLog {
  readonly lines: Logged[] = [];
  /** What each line's mark says of the packet that is held or logged for what it carries. */
  readonly verdicts: number[] = [];
  readonly #readers: readonly NflogReader[];

  constructor() {
    const names = new Map(Object.entries(DEVICE_NUMBERS).map(([name, id]) => [id, name]));
    this.#readers = [REFUSED_GROUP, PERMITTED_GROUP, LEARN_GROUP].map((group) =>
      openNflog(
        { group, copyBytes: 256, receiveBufferBytes: 1024 * 1024, prefixes: LOG_PREFIXES },
        ({ prefixIndex, mark, buffer, payloadOffset, payloadLength }) => {
          const id = mark & DEVICE_MASK;
          this.verdicts.push(verdictOfPacket(mark));
          this.lines.push({
            prefix: LOG_PREFIXES[prefixIndex] ?? '?',
            device: id <= UNKNOWN_DEVICE_ID ? null : (names.get(id) ?? `number ${id}`),
            fromDevice: (mark & (OPENED | SIDE_DEVICE)) !== 0,
            payload: buffer.toString('latin1', payloadOffset, payloadOffset + payloadLength),
          });
        },
      ),
    );
  }

  /** Log lines of the packet with this tag, addresses to learn aside. */
  of(tag: string): readonly Logged[] {
    return this.lines.filter(({ payload, prefix }) => payload.includes(tag) && prefix !== 'learn');
  }

  stop(): void {
    for (const reader of this.#readers) reader.stop();
  }
}

/** Ports of the bridge but the one it came in on. */
const COPIES = HOSTS.length - 1;

export interface Fate {
  readonly verdict: string;
  readonly arrived: boolean;
  readonly log: readonly Omit<Logged, 'payload'>[];
}

/** Sends the probe and waits for its fate: it arrives, or a counter of refusals says why it never will. */
export async function fateOf(ward: Ward, log: KernelLog, probe: Probe): Promise<Fate> {
  const tag = ward.tag();
  const before = await ward.refused();
  await ward.send(probe.from, probe.frame(ascii(tag)));
  let verdict = '';
  await eventually(
    async () => {
      if (ward.hasArrived(probe.to, tag)) verdict = 'passes';
      const now = await ward.refused();
      // Hosts join their multicast groups at any time: that is the network's chatter, which is refused uncounted by us.
      const grown = Object.keys(now).filter(
        (reason) =>
          (now[reason] ?? 0) > (before[reason] ?? 0) &&
          (reason !== 'broadcast' || probe.expect === 'broadcast'),
      );
      if (grown.length > 0)
        verdict = grown
          .map((reason) => `${reason.replaceAll('_', '-')}${countText(now, before, reason)}`)
          .join(' and ');
      return verdict !== '';
    },
    () => `neither arrived at ${probe.to} nor was counted as refused: ${probe.what}`,
  );
  if (probe.logged && verdict.startsWith(probe.expect))
    await eventually(
      () => log.of(tag).length >= (probe.isFlooded === true ? COPIES : 1),
      () => `not logged: ${probe.what}`,
    );
  return {
    verdict,
    arrived: ward.hasArrived(probe.to, tag),
    log: log.of(tag).map(({ prefix, device, fromDevice }) => ({ prefix, device, fromDevice })),
  };
}

/** As `fateOf`, for what the probe says should become of it. */
export function expectedFate(probe: Probe, permittedPrefix = 'new'): Fate {
  const passes = probe.expect === 'passes';
  const { logged } = probe;
  const copies = probe.isFlooded === true ? COPIES : 1;
  return {
    verdict: passes || probe.isFlooded !== true ? probe.expect : `${probe.expect} (${COPIES} times)`,
    arrived: passes,
    log: logged
      ? new Array<Fate['log'][number]>(copies).fill({
          prefix: probe.loggedAs ?? (passes ? permittedPrefix : probe.expect),
          ...logged,
        })
      : [],
  };
}

function countText(now: Record<string, number>, before: Record<string, number>, reason: string): string {
  const count = (now[reason] ?? 0) - (before[reason] ?? 0);
  return count === 1 || reason === 'broadcast' ? '' : ` (${count} times)`;
}
