/**
 * Which ICMP types ask and which answer, as connection tracking pairs them: a MUD file accepts both, a policy names the question. Used by
 * pair-aces.ts and export-mud.ts. Pure.
 */
import type { Family } from '../policy/address.js';
import type { PortRange } from '../policy/schema.js';
import type { IcmpMatch } from './mud-file.js';

/** Queries that connection tracking follows, with their answers (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c). */
const QUESTIONS: Readonly<Record<Family, readonly (readonly [question: number, answer: number])[]>> = {
  4: [
    [8, 0],
    [13, 14],
    [15, 16],
    [17, 18],
  ],
  6: [
    [128, 129],
    [139, 140],
  ],
};

/** The type that answers an ICMP query, or null where it is none. */
export function answerOf(family: Family, type: number): number | null {
  return QUESTIONS[family].find(([question]) => question === type)?.[1] ?? null;
}

/** Null: every question, where neither says a type. Empty: none that both accept. An answer has the code of its question. */
export function questions(
  family: Family,
  question: IcmpMatch | null,
  answer: IcmpMatch | null,
): readonly PortRange[] | null {
  const isOpen = (icmp: IcmpMatch | null): boolean =>
    icmp === null || (icmp.type === null && icmp.code === null);
  if (isOpen(question) && isOpen(answer)) return null;
  return QUESTIONS[family].flatMap(([asked, answered]): PortRange[] => {
    if (question && question.type !== null && question.type !== asked) return [];
    if (answer && answer.type !== null && answer.type !== answered) return [];
    const codes = [question?.code ?? null, answer?.code ?? null].filter((code) => code !== null);
    if (new Set(codes).size > 1) return [];
    const [code] = codes;
    return [
      code === undefined
        ? { low: asked * 256, high: asked * 256 + 255 }
        : { low: asked * 256 + code, high: asked * 256 + code },
    ];
  });
}
