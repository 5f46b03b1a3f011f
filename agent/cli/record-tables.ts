/** The rows of the agent's store as text. Pure; called by records.ts. All of it came from the network: every cell is escaped. */
import type { RefusalRow } from '../messages/agent-messages.js';
import type { Finding } from '../messages/vocabulary.js';
import { formatRelative, formatTimeAndAge } from './durations.js';
import { escapeControls } from './escape.js';
import { serviceText } from './service-text.js';
import type { Column } from './table.js';
import { wrap } from './text-width.js';

export function refusalColumns(nowMs: number): readonly Column<RefusalRow>[] {
  return [
    {
      title: 'device',
      value: (row) => row.device ?? row.deviceMac ?? row.deviceAddress ?? '?',
      shrinkTo: 12,
    },
    { title: 'dir', value: ({ from }) => (from === 'device' ? 'out' : 'in') },
    { title: 'peer', value: ({ peer }) => peer ?? '', shrinkTo: 15 },
    { title: 'service', value: ({ protocol, port }) => serviceText(protocol, port), shrinkTo: 8 },
    { title: 'reason', value: ({ reason }) => reason },
    { title: 'count', value: ({ count }) => String(count), align: 'right' },
    { title: 'last', value: ({ lastMs }) => formatRelative(lastMs, nowMs), shrinkTo: 7 },
    { title: 'first', value: ({ firstMs }) => formatTimeAndAge(firstMs, nowMs), leaveOut: 2 },
    { title: 'device address', value: ({ deviceAddress }) => deviceAddress ?? '', leaveOut: 3 },
  ];
}

/** A finding is told, not tabulated: what, who, when, the evidence, and what would end it. */
export function findingLines(rows: readonly Finding[], nowMs: number, columns: number): readonly string[] {
  return rows.flatMap((row, index) => {
    const who = row.device ?? row.deviceMac ?? 'no device';
    const peer = row.peer === null ? '' : `, peer ${row.peer}`;
    const times = row.count === 1 ? '' : `, ${row.count} times since ${formatTimeAndAge(row.firstMs, nowMs)}`;
    return [
      ...(index === 0 ? [] : ['']),
      ...wrap(escapeControls(`${row.severity.toUpperCase()} (${row.state}) ${row.title}`), columns),
      ...wrap(escapeControls(`${who}${peer}, found by ${row.detector}`), columns, '  '),
      ...wrap(`last ${formatTimeAndAge(row.lastMs, nowMs)}${times}`, columns, '  '),
      ...Object.entries(row.evidence).flatMap(([name, value]) =>
        hanging(`${name}: `, Array.isArray(value) ? value.join(', ') : String(value), columns),
      ),
      ...hanging('ends when: ', row.remedy, columns),
    ];
  });
}

function hanging(label: string, text: string, columns: number): readonly string[] {
  const [first = '', ...rest] = wrap(escapeControls(`${label}${text}`), columns - 2, '    ');
  return [first.slice(2), ...rest];
}
