/**
 * The chains for the first packet of a permitted connection: it is held for the detectors (inline) or they get a copy
 * (tap), and it is stamped. Constant text, as inet-chains.ts, which calls it. Pure.
 */
import { LOG_SNAP_BYTES, NEW_LOG_BURST, NEW_LOG_RATE_PER_SECOND } from '../policy/default-policy.js';
import {
  ADMITTED,
  AWAITS_ANSWER,
  AWAITS_DATA,
  CONNECTION_OBSERVED,
  CONNECTION_WOULD_REFUSE,
  ESSENTIAL,
  HELD,
  OBSERVED,
  WOULD_REFUSE,
  markText,
} from './marks.js';
import { lookups } from './match-text.js';
import { logQuestion, noteQuestions } from './name-chains.js';
import {
  HELD_COUNTER,
  HOLD_CHAIN,
  INSPECTING_SET,
  NEW_PREFIX,
  NOT_HELD_COUNTER,
  OBSERVED_PREFIX,
  PERMITTED_GROUP,
  SHADOW_PREFIX,
} from './reasons.js';
import type { Chain, Rule } from './ruleset.js';

const LENIENT = [
  [WOULD_REFUSE, CONNECTION_WOULD_REFUSE],
  [OBSERVED, CONNECTION_OBSERVED],
] as const;
export const admit = `meta mark set ${markText(ADMITTED)} accept`;

export function admitChains(): readonly Chain[] {
  return [
    {
      name: 'admit',
      comment: 'the first packet of a permitted connection',
      rules: [
        { text: 'counter name "permitted_new"' },
        { text: `meta l4proto tcp ct mark set ct mark or ${markText(AWAITS_DATA | AWAITS_ANSWER)}` },
        ...LENIENT.map(([ofPacket, ofConnection]) => ({
          text: `${isSet('meta mark', ofPacket)} ct mark set ct mark or ${markText(ofConnection)}`,
          comment: 'for its first data, and its end',
        })),
        noteQuestions,
        {
          text: `meta nfproto @${INSPECTING_SET} ether daddr and 01:00:00:00:00:00 == 00:00:00:00:00:00 jump inspect`,
          comment: 'inline: to the detectors; returns where it cannot be held',
        },
        logQuestion,
        logFirst(`meta mark and ${markText(WOULD_REFUSE | OBSERVED)} == 0`, NEW_PREFIX),
        ...lenientLogs(),
        { text: admit },
      ],
    },
    inspect(),
    {
      name: HOLD_CHAIN,
      comment: 'the rule that holds packets, while the enforcer wants it',
      rules: [],
      contents: 'runtime',
    },
  ];
}

/**
 * What leaves the chain `hold` with a verdict does not come back: it is out of this table, and carries what the bridge
 * table wants to see. Groups are not held: a bridge copies their frames, and a kernel drops copies of an unconfirmed
 * connection that it is asked to hold.
 */
function inspect(): Chain {
  const isEssential = [...lookups('essential', 'daddr', 'dport'), ...lookups('essential', 'saddr', 'dport')];
  return {
    name: 'inspect',
    rules: [
      { text: `counter name "${HELD_COUNTER}"` },
      ...isEssential.map(({ text }) => ({
        text: text.replace(/return$/, `meta mark set meta mark or ${markText(ESSENTIAL)}`),
      })),
      { text: `meta mark set meta mark or ${markText(HELD)}` },
      { text: `jump ${HOLD_CHAIN}` },
      { text: `counter name "${NOT_HELD_COUNTER}"` },
    ],
  };
}

function logFirst(test: string, prefix: string): Rule {
  return {
    text: `${test} update @new_log_rate { meta mark limit rate ${NEW_LOG_RATE_PER_SECOND}/second burst ${NEW_LOG_BURST} packets } log group ${PERMITTED_GROUP} prefix "${prefix}" snaplen ${LOG_SNAP_BYTES}`,
  };
}

export function lenientLogs(): readonly Rule[] {
  return [
    logFirst(isSet('meta mark', WOULD_REFUSE), SHADOW_PREFIX),
    logFirst(isSet('meta mark', OBSERVED), OBSERVED_PREFIX),
  ];
}

/** A packet of a connection that shadow or observe let through says so, for whoever reads its log. */
export function recallLenient(): readonly Rule[] {
  return LENIENT.map(([ofPacket, ofConnection]) => ({
    text: `${isSet('ct mark', ofConnection)} meta mark set meta mark or ${markText(ofPacket)}`,
  }));
}

function isSet(mark: 'meta mark' | 'ct mark', bit: number): string {
  return `${mark} and ${markText(bit)} == ${markText(bit)}`;
}
