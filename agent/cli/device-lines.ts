/** One device of the inventory as lines: what people entered, what the wire said with source, confidence and times, what contradicts. Pure. */
import type { InventoryDetail } from '../messages/agent-messages.js';
import { formatTimeAndAge } from './durations.js';
import { escapeControls } from './escape.js';
import { renderTable } from './table.js';
import { wrap } from './text-width.js';

export function deviceLines(
  { device, evidence }: InventoryDetail,
  nowMs: number,
  columns: number,
): readonly string[] {
  const name = device.policyName ?? device.fields.name?.value ?? device.id;
  const lines = [
    escapeControls(name),
    ...told('in the policy', device.policyName ?? 'no', columns),
    ...told('MAC', device.macs.join(', ') + (device.isRandomizedMac ? ' (made up)' : ''), columns),
    ...told('addresses', device.addresses.join(', '), columns),
    ...told(
      'seen',
      `first ${formatTimeAndAge(device.firstMs, nowMs)}, last ${formatTimeAndAge(device.lastMs, nowMs)}`,
      columns,
    ),
    ...told('answers on', device.services.join(', '), columns),
    ...told('speaks', device.speaks.join(', '), columns),
    ...told('reaches', device.reaches.join(', '), columns),
  ];
  const entries = Object.entries(device.operator);
  if (entries.length > 0) {
    lines.push('', 'Entered by people');
    for (const [field, entry] of entries)
      lines.push(
        ...told(field, `${entry.value} (${entry.by}, ${formatTimeAndAge(entry.atMs, nowMs)})`, columns),
      );
  }
  const best = Object.entries(device.fields);
  if (best.length > 0) {
    lines.push('', 'Believed');
    for (const [field, { value, confidence, source, conflicts }] of best) {
      const against = conflicts.length === 0 ? '' : `; contradicted by ${conflicts.join(', ')}`;
      lines.push(...told(field, `${value} (${source}, ${confidence}%${against})`, columns));
    }
  }
  const said = Object.entries(evidence).flatMap(([field, candidates]) =>
    candidates.map((one) => ({ field, ...one })),
  );
  if (said.length === 0) return lines;
  const table = renderTable(
    [
      { title: 'field', value: ({ field }) => field },
      { title: 'value', value: ({ value }) => value, shrinkTo: 12 },
      { title: 'source', value: ({ source }) => source },
      { title: 'sure', value: ({ confidence }) => `${confidence}%`, align: 'right' },
      { title: 'times', value: ({ count }) => String(count), align: 'right', leaveOut: 1 },
      { title: 'last', value: ({ lastMs }) => formatTimeAndAge(lastMs, nowMs), leaveOut: 2 },
      { title: 'first', value: ({ firstMs }) => formatTimeAndAge(firstMs, nowMs), leaveOut: 3 },
    ],
    said,
    columns,
  );
  return [...lines, '', 'Said on the wire', ...table];
}

function told(label: string, value: string, columns: number): readonly string[] {
  if (value === '') return [];
  return wrap(escapeControls(`${label}: ${value}`), columns - 2, '  ').map((line, index) =>
    index === 0 ? `  ${line.trimStart()}` : `  ${line}`,
  );
}
