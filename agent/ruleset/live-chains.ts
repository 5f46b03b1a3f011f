/**
 * Packets of connections that are known already: containment before anything passes, and once for each direction the first
 * data is logged. Every packet of established traffic meets these few rules and no others. Pure; called by inet-chains.ts.
 */
import { DATA_SNAP_BYTES, NEW_LOG_BURST, NEW_LOG_RATE_PER_SECOND } from '../policy/default-policy.js';
import { admit, recallLenient } from './admit-chains.js';
import { underOrders } from './containment-rules.js';
import { addressOf } from './match-text.js';
import { ASKS_NAMES, AWAITS_ANSWER, AWAITS_DATA, BOTH_GUARDED, CONNECTION_MASK, markText } from './marks.js';
import { ANSWER_PREFIX, DATA_PREFIX, PERMITTED_GROUP } from './reasons.js';
import type { Chain, Rule } from './ruleset.js';

/** Whatever is to be looked at in a live connection. */
const WATCHED = AWAITS_DATA | AWAITS_ANSWER | ASKS_NAMES;
const watched = {
  text: `ct mark and ${markText(WATCHED)} != 0 jump watched`,
  comment: 'first data, and DNS',
};

export function liveChains(): readonly Chain[] {
  return [
    live(),
    pair(),
    {
      name: 'watched',
      rules: [
        { text: 'tcp flags & psh == psh jump first_data', comment: 'is it what the port promises' },
        { text: `ct mark and ${markText(ASKS_NAMES)} == ${markText(ASKS_NAMES)} goto names` },
      ],
    },
    firstDataChain('first_data', AWAITS_DATA, DATA_PREFIX),
    firstDataChain('first_answer', AWAITS_ANSWER, ANSWER_PREFIX),
  ];
}

function live(): Chain {
  return {
    name: 'live',
    comment: 'containment before anything passes, for every packet of a known connection',
    rules: [
      { text: `meta mark set ct mark and ${markText(CONNECTION_MASK)}` },
      ...underOrders,
      {
        text: `ct mark and ${markText(BOTH_GUARDED | WATCHED)} == 0 ${admit}`,
        comment: 'most packets',
      },
      { text: `meta mark and ${markText(BOTH_GUARDED)} != 0 goto live_both` },
      watched,
      { text: admit },
    ],
  };
}

function pair(): Chain {
  const responder = (selector: string): Rule[] =>
    ([4, 6] as const).map((family) => ({
      text: `${selector} meta mark set ${addressOf(family, selector === 'ct direction original' ? 'daddr' : 'saddr')} map @device_by_ip${family}`,
    }));
  return {
    name: 'live_both',
    comment: 'both ends are guarded: the opener first, then the one contacted',
    rules: [
      { text: `meta mark set ct mark and ${markText(CONNECTION_MASK & ~BOTH_GUARDED)}` },
      ...underOrders,
      ...responder('ct direction original'),
      ...responder('ct direction reply'),
      ...underOrders,
      watched,
      { text: admit },
    ],
  };
}

/** A push marks the end of what an application wrote (RFC 9293 section 3.9.1.2): handshakes carry none. */
function firstDataChain(name: string, bit: number, prefix: string): Chain {
  return {
    name,
    rules: [
      ...(bit === AWAITS_DATA ? [{ text: 'ct direction reply goto first_answer' }] : []),
      { text: `ct mark and ${markText(bit)} == 0 return` },
      { text: `ct mark set ct mark and ${markText(~bit)}` },
      ...recallLenient(),
      {
        text: `update @data_log_rate { meta mark limit rate ${NEW_LOG_RATE_PER_SECOND}/second burst ${NEW_LOG_BURST} packets } log group ${PERMITTED_GROUP} prefix "${prefix}" snaplen ${DATA_SNAP_BYTES}`,
      },
    ],
  };
}
