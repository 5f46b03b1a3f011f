/**
 * For every published file: what the entries permit is what the file's own entries permit, by an evaluator of RFC 8519 that shares
 * nothing with the product. A connection is permitted by a file that accepts its packets in both directions.
 */
import t from 'tap';
import { addressBytes, parseAddress } from '../../../agent/policy/address.js';
import { createEntryMatcher } from '../../../agent/policy/match-entry.js';
import { NO_DATA, publishedFiles } from './support/files.js';
import { DEVICE, importedDevice, mudFile } from './support/import.js';
import {
  addressText,
  conversations,
  isToMany,
  packetsOf,
  SITE,
  type Conversation,
} from './support/probes.js';
import { createEvaluator } from './support/rfc8519.js';

const PROBES_PER_FILE = 3_000;
const files = publishedFiles();

if (files.length === 0) t.comment(NO_DATA);

for (const { name, text } of files)
  t.test(name, (t) => {
    const file = mudFile(text);
    const { policy, imported } = importedDevice(file);
    const document = JSON.parse(text) as Record<string, unknown>;
    const evaluate = createEvaluator(document, SITE);
    const named = (_device: string, host: string) =>
      SITE.names(host)
        .map(parseAddress)
        .filter((address) => address !== null);
    const matcher = createEntryMatcher(policy, new Map(), named);
    const permits = (each: Conversation): boolean => {
      const address = parseAddress(addressText(each.family, each.peer));
      // IPv4 inside IPv6: on the wire it is IPv4.
      if (!address) return false;
      const opened = each.opener === 'device';
      const isIcmp = each.protocol === 1 || each.protocol === 58;
      const [port, source] = opened ? [each.peerPort, each.devicePort] : [each.devicePort, each.peerPort];
      return (
        matcher(
          DEVICE,
          {
            opened,
            protocol: each.protocol,
            peer: addressBytes(address),
            port,
            source: isIcmp ? each.icmpType * 256 + each.icmpCode : source,
          },
          false,
        ) !== null
      );
    };
    const carried = new Set(
      imported.fates.filter(({ reason }) => reason === null).map(({ ace }) => `${ace.acl}/${ace.name}`),
    );
    const isCarried = (by: string | null): boolean =>
      by !== null && (by.startsWith('appendix-b/') || carried.has(by));
    let [permitted, refused] = [0, 0];
    const wrong: string[] = [];
    for (const each of conversations(document, PROBES_PER_FILE, 8520)) {
      const toMany = isToMany(each);
      if (toMany && each.opener === 'peer') continue;
      const [question, answer] = packetsOf(each).map(evaluate);
      if (!question || !answer) throw new Error('two packets');
      const isPermitted = permits(each);
      if (isPermitted) permitted += 1;
      else refused += 1;
      const told = JSON.stringify({ ...each, peer: addressText(each.family, each.peer) });
      if (isPermitted && !(question.accepts && (toMany || answer.accepts)))
        wrong.push(
          `permitted, and the file does not: ${told} (${question.by ?? 'nothing'}, ${answer.by ?? 'nothing'})`,
        );
      // To many there is no answer, and only an entry that names the group is taken to be about it: see agent/mud/pair-aces.ts.
      const byFile =
        question.accepts &&
        isCarried(question.by) &&
        (toMany ? question.namesNetwork : answer.accepts && isCarried(answer.by));
      if (!byFile || isPermitted) continue;
      // Where no entry says who opens, one question with its answers is read one way round only: see agent/mud/pair-aces.ts.
      const isAnswerOfAnother =
        !question.saysOpener &&
        !answer.saysOpener &&
        permits({ ...each, opener: each.opener === 'device' ? 'peer' : 'device' });
      if (!isAnswerOfAnother)
        wrong.push(`refused, and the file permits it: ${told} (${question.by ?? ''}, ${answer.by ?? ''})`);
    }
    t.same(wrong.slice(0, 5), [], `${wrong.length} of ${permitted + refused}`);
    t.ok(refused > 500, `${refused} refused`);
    if (imported.entries.length > 4) t.ok(permitted > 200, `${permitted} permitted`);
    t.end();
  });
