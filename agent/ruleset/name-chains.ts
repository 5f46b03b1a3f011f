/**
 * Chains for host names in allow-lists: what is asked and answered over DNS meets the enforcer before it goes on, and what
 * is used stays permitted. The addresses of names are elements with a timeout that the enforcer adds (enforcer/names/);
 * with it dead, what is in use is kept by these rules alone. Constant text. Pure; called by inet-chains.ts.
 */
import {
  NAME_SNAP_BYTES,
  NAME_USED_SECONDS,
  NEW_LOG_BURST,
  NEW_LOG_RATE_PER_SECOND,
} from '../policy/default-policy.js';
import { ASKS_NAMES, BOTH_GUARDED, CONNECTION_MASK, HELD, markText } from './marks.js';
import { addressOf, namedKeys, namedSet, type ListName } from './match-text.js';
import {
  HELD_COUNTER,
  HOLD_CHAIN,
  INSPECTING_SET,
  NAMES_GROUP,
  NAMES_PREFIX,
  NOT_HELD_COUNTER,
} from './reasons.js';
import type { Chain, Rule, SetDefinition } from './ruleset.js';

const FAMILIES = [4, 6] as const;
/** Elements of one such set. What a device may take of it: enforcer/names/name-book.ts. */
const NAMED_SET_SIZE = 131_072;

/** Rules of `admit` for the first packet of a conversation with a DNS server. */
export const noteQuestions: Rule = {
  text: `meta l4proto { tcp, udp } th dport 53 ct mark set ct mark or ${markText(ASKS_NAMES)}`,
  comment: 'DNS: what is asked and answered is read',
};
/** Where the first packet is not held: the question, for its answer to be matched with. */
export const logQuestion: Rule = {
  text: `ct mark and ${markText(ASKS_NAMES)} == ${markText(ASKS_NAMES)} ${nameLog()}`,
};

/**
 * For packets of a known DNS conversation, jumped to from `live`. Questions wait with the answers, so that the enforcer
 * meets them in the order of the wire. Only resolvers of the policy are waited for: others are listened to.
 */
export function nameChains(): readonly Chain[] {
  const conversation = FAMILIES.flatMap((family) => [
    { text: `ct direction reply ${addressOf(family, 'saddr')} @resolvers${family} jump hold_names` },
    { text: `ct direction original ${addressOf(family, 'daddr')} @resolvers${family} jump hold_names` },
  ]);
  return [
    {
      name: 'names',
      comment: 'inline: a device has the answer when the kernel has the addresses',
      rules: [
        {
          text: `meta mark set ct mark and ${markText(CONNECTION_MASK & ~BOTH_GUARDED)}`,
          comment: 'who asked, where the resolver is guarded too',
        },
        ...conversation,
        { text: nameLog() },
      ],
    },
    {
      name: 'hold_names',
      rules: [
        { text: `meta nfproto != @${INSPECTING_SET} return` },
        { text: `counter name "${HELD_COUNTER}"` },
        { text: `meta mark set meta mark or ${markText(HELD | ASKS_NAMES)}` },
        { text: `jump ${HOLD_CHAIN}` },
        { text: `counter name "${NOT_HELD_COUNTER}"` },
      ],
    },
    used('used_out', 'daddr'),
    used('used_in', 'saddr'),
  ];
}

/** Gone to, not jumped to, where a name permits a new connection: it returns for the chain that found it. */
function used(name: string, peer: 'saddr' | 'daddr'): Chain {
  return {
    name,
    comment: 'an address of a name that is used stays permitted',
    rules: (['allow', 'essential'] as const).flatMap((set) =>
      FAMILIES.flatMap((family) =>
        namedKeys(set, family, peer, 'dport').map(({ text, key, set: into }) => ({
          text: `${text} update @${into} { ${key} timeout ${NAME_USED_SECONDS}s }`,
        })),
      ),
    ),
  };
}

function nameLog(): string {
  return `update @name_log_rate { meta mark limit rate ${NEW_LOG_RATE_PER_SECOND}/second burst ${NEW_LOG_BURST} packets } log group ${NAMES_GROUP} prefix "${NAMES_PREFIX}" snaplen ${NAME_SNAP_BYTES}`;
}

/** Empty in every ruleset: their elements live in the kernel, and come and go with DNS answers. */
export function namedSets(): readonly SetDefinition[] {
  return (['allow', 'essential'] as const).flatMap((list: ListName) =>
    FAMILIES.flatMap((family) =>
      [true, false].map((hasPorts): SetDefinition => ({
        kind: 'set',
        name: namedSet(list, family, hasPorts),
        type: `type mark . ipv${family}_addr . inet_proto${hasPorts ? ' . inet_service' : ''}`,
        flags: ['dynamic', 'timeout'],
        size: NAMED_SET_SIZE,
        contents: 'runtime',
        elements: [],
      })),
    ),
  );
}
