/** The failure matrix as Markdown, with what was measured. Pure; called by main.ts, and its text stands in the README. */
import type { Fault } from './fault.js';
import type { Measured } from './stand.js';

export interface Row {
  readonly fault: Fault;
  readonly measured: Measured<string>;
}

const TITLES = [
  'what fails',
  'live',
  'new',
  'refused',
  'evidence',
  'longest, ms: live / new',
  'told',
] as const;

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ fault, measured: { traffic, refusedCounted, refusedStored, result } }) => [
    fault.what,
    traffic.liveBroken > 0
      ? `${traffic.liveBroken} broke`
      : `go on${traffic.datagramsLost > 0 ? `, ${traffic.datagramsLost} of ${traffic.datagrams} datagrams lost` : ', nothing lost'}`,
    `${traffic.freshTried - traffic.freshFailed} of ${traffic.freshTried}`,
    `${Object.values(traffic.arrived).reduce((sum, count) => sum + count, 0)} of ${traffic.intrusions} passed`,
    `${refusedCounted} counted, ${refusedStored} told`,
    `${traffic.liveGapMs} / ${traffic.freshSlowestMs}`,
    `${result}${fault.why === undefined ? '' : `. Why not less: ${fault.why}`}`,
  ]);
  return [TITLES, TITLES.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
