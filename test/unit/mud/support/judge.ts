/** Whether a verdict on a connection is what the file says, by the evaluator of RFC 8519: for entries and for the kernel alike. */
import type { MudImport } from '../../../../agent/mud/import-mud.js';
import { addressBytes, parseAddress } from '../../../../agent/policy/address.js';
import { createEntryMatcher } from '../../../../agent/policy/match-entry.js';
import type { Policy } from '../../../../agent/policy/schema.js';
import { DEVICE } from './import.js';
import { addressText, isToMany, packetsOf, SITE, type Conversation } from './probes.js';
import type { Decision, Packet } from './rfc8519.js';

export interface JudgeOptions {
  readonly evaluate: (packet: Packet) => Decision;
  readonly imported: MudImport;
  /** What the entries say. */
  readonly permits: (each: Conversation) => boolean;
}

/** Null where it is right; else what is wrong. `isPermitted`: the verdict that is judged. */
export function createJudge({
  evaluate,
  imported,
  permits,
}: JudgeOptions): (each: Conversation, isPermitted: boolean) => string | null {
  const carried = new Set(
    imported.fates.filter(({ reason }) => reason === null).map(({ ace }) => `${ace.acl}/${ace.name}`),
  );
  const isCarried = (by: string | null): boolean =>
    by !== null && (by.startsWith('appendix-b/') || carried.has(by));
  return (each, isPermitted) => {
    const toMany = isToMany(each);
    const [question, answer] = packetsOf(each).map(evaluate);
    if (!question || !answer) throw new Error('two packets');
    const told = JSON.stringify({ ...each, peer: addressText(each.family, each.peer) });
    if (isPermitted && !(question.accepts && (toMany || answer.accepts)))
      return `permitted, and the file does not: ${told} (${question.by ?? 'nothing'}, ${answer.by ?? 'nothing'})`;
    // To many there is no answer, and only an entry that names the group is taken to be about it: see agent/mud/pair-aces.ts.
    const byFile =
      question.accepts &&
      isCarried(question.by) &&
      (toMany ? question.namesNetwork : answer.accepts && isCarried(answer.by));
    if (!byFile || isPermitted) return null;
    // Where no entry says who opens, one question with its answers is read one way round only: see agent/mud/pair-aces.ts.
    const isAnswerOfAnother =
      !question.saysOpener &&
      !answer.saysOpener &&
      permits({ ...each, opener: each.opener === 'device' ? 'peer' : 'device' });
    return isAnswerOfAnother
      ? null
      : `refused, and the file permits it: ${told} (${question.by ?? ''}, ${answer.by ?? ''})`;
  };
}

/** What the entries of the device say. */
export function createPermits(policy: Policy): (each: Conversation) => boolean {
  const named = (_device: string, host: string) =>
    SITE.names(host)
      .map(parseAddress)
      .filter((address) => address !== null);
  const matcher = createEntryMatcher(policy, new Map(), named);
  return ({ family, peer, opener, protocol, peerPort, devicePort, icmpType, icmpCode }) => {
    const address = parseAddress(addressText(family, peer));
    // IPv4 inside IPv6: on the wire it is IPv4.
    if (!address) return false;
    const opened = opener === 'device';
    const isIcmp = protocol === 1 || protocol === 58;
    const [port, source] = opened ? [peerPort, devicePort] : [devicePort, peerPort];
    const connection = {
      opened,
      protocol,
      peer: addressBytes(address),
      port,
      source: isIcmp ? icmpType * 256 + icmpCode : source,
    };
    return matcher(DEVICE, connection, false) !== null;
  };
}
