/** The failure matrix as Markdown, with what was measured. Pure; called by main.ts, and its text stands in the README. */
import type { Fault } from './fault.js';
import type { Measured } from './stand.js';

export interface Row {
  readonly fault: Fault;
  readonly measured: Measured<string>;
}

const TITLES = [
  'what fails',
  'live connections: lost datagrams, longest pause',
  'new connections: made, slowest',
  'refused: passed',
  'refused: counted / listed',
  'how it is told',
] as const;
const MAX_TOLD = 90;

/** `directory`: where the lab kept the box's files; a reader has them elsewhere. */
export function tableOf(rows: readonly Row[], directory: string): string {
  const reasons: string[] = [];
  const lines = rows.map(({ fault, measured: { traffic, refusedCounted, refusedStored, result } }) => {
    if (fault.why !== undefined && !reasons.includes(fault.why)) reasons.push(fault.why);
    const note = fault.why === undefined ? '' : ` [${reasons.indexOf(fault.why) + 1}]`;
    const passed = Object.values(traffic.arrived).reduce((sum, count) => sum + count, 0);
    return [
      `${fault.what}${note}`,
      `${traffic.liveBroken > 0 ? `${traffic.liveBroken} broke, ` : ''}${traffic.datagramsLost} of ${traffic.datagrams}, ${traffic.liveGapMs} ms`,
      `${traffic.freshTried - traffic.freshFailed} of ${traffic.freshTried}, ${traffic.freshSlowestMs} ms`,
      `${passed} of ${traffic.intrusions}`,
      `${refusedCounted} / ${refusedStored}`,
      shortened(result.replaceAll(`${directory}/state`, '/var/lib/cordon')),
    ];
  });
  const table = [TITLES, TITLES.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  const notes = reasons.map(
    (reason, index) => `${index + 1}. ${reason.replace(/^./, (first) => first.toUpperCase())}.`,
  );
  return [...table, '', ...notes].join('\n');
}

/** Of an event its kind is enough. */
function shortened(text: string): string {
  const kind = /^([a-z]+-[a-z-]+): /.exec(text)?.[1];
  if (kind !== undefined) return `event \`${kind}\``;
  return text.length <= MAX_TOLD ? text : `${text.slice(0, MAX_TOLD)}…`;
}
