/**
 * What the prefix of a logged packet means: the verdict of the kernel, its reason, and what the packet is a copy for. Used by evidence.ts
 * for every packet, by index. Pure.
 */
import {
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  reasonIndex,
} from '../detect/event.js';
import { REFUSAL_REASONS } from '../messages/vocabulary.js';
import {
  ANNOUNCED_PREFIX,
  ANSWER_PREFIX,
  ANSWER_REASONS,
  DATA_PREFIX,
  IDENTITY_PREFIX,
  LEARN_PREFIX,
  NEW_PREFIX,
  OBSERVED_PREFIX,
  SHADOW_PREFIX,
  WATCHED_PREFIX,
  answerPrefix,
} from '../ruleset/reasons.js';

const REFUSED_ANSWERS = [...ANSWER_REASONS];
/** Index of a prefix is what the NFLOG decoder gives per packet. */
export const LOG_PREFIXES: readonly string[] = [
  NEW_PREFIX,
  SHADOW_PREFIX,
  OBSERVED_PREFIX,
  LEARN_PREFIX,
  DATA_PREFIX,
  ANSWER_PREFIX,
  IDENTITY_PREFIX,
  WATCHED_PREFIX,
  ANNOUNCED_PREFIX,
  ...REFUSAL_REASONS,
  ...REFUSED_ANSWERS.map(answerPrefix),
];
export const VERDICTS = [
  VERDICT_ALLOWED,
  VERDICT_WOULD_REFUSE,
  VERDICT_OBSERVED,
  VERDICT_OBSERVED,
  VERDICT_ALLOWED,
  VERDICT_ALLOWED,
  // What infrastructure says passes without anybody having decided on it.
  VERDICT_OBSERVED,
  VERDICT_OBSERVED,
  VERDICT_OBSERVED,
  ...REFUSAL_REASONS.map(() => VERDICT_REFUSED),
  ...REFUSED_ANSWERS.map(() => VERDICT_REFUSED),
];
export const REASONS = [
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...REFUSAL_REASONS.map(reasonIndex),
  ...REFUSED_ANSWERS.map(reasonIndex),
];
export const REFUSED_BY_DETECTOR = reasonIndex('detector');
export const LEARN_INDEX = LOG_PREFIXES.indexOf(LEARN_PREFIX);
export const DATA_INDEX = LOG_PREFIXES.indexOf(DATA_PREFIX);
export const ANSWER_INDEX = LOG_PREFIXES.indexOf(ANSWER_PREFIX);
export const FIRST_REFUSED_ANSWER = LOG_PREFIXES.length - REFUSED_ANSWERS.length;
export const NEW_INDEX = LOG_PREFIXES.indexOf(NEW_PREFIX);
export const IDENTITY_INDEX = LOG_PREFIXES.indexOf(IDENTITY_PREFIX);
export const ANNOUNCED_INDEX = LOG_PREFIXES.indexOf(ANNOUNCED_PREFIX);
export const WATCHED_INDEX = LOG_PREFIXES.indexOf(WATCHED_PREFIX);
/** Refused for these, a packet says nothing of who it claims to be from. */
export const LYING: ReadonlySet<number> = new Set(
  (['spoofed-source', 'arp-spoof', 'rogue-dhcp', 'rogue-ra', 'invalid'] as const).map(reasonIndex),
);
