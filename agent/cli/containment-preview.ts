/** What an order would stop, as lines: life-sustaining devices first, then connections. Pure; called by containment.ts. */
import { scopeText } from '../containment/orders.js';
import type { ContainmentPreview, LiveConnection, PreviewedDevice } from '../messages/enforcer-messages.js';
import { escapeControls } from './escape.js';
import { serviceText } from './service-text.js';
import { renderTable, type Column } from './table.js';

/** Devices shown to a person; the answer has more. */
const MAX_DEVICE_LINES = 30;

const DEVICE_COLUMNS: readonly Column<PreviewedDevice>[] = [
  { title: 'device', value: ({ device }) => device, shrinkTo: 12 },
  { title: '', value: ({ lifeSustaining }) => (lifeSustaining ? 'LIFE-SUSTAINING' : '') },
  { title: 'then', value: ({ level }) => level },
  { title: 'stop', value: ({ stops }) => String(stops), align: 'right' },
  { title: 'go on', value: ({ goesOn }) => String(goesOn), align: 'right' },
];

const DEVICE_OF: Column<LiveConnection> = {
  title: 'device',
  value: ({ device }) => device ?? 'not in the policy',
  shrinkTo: 10,
};
const CONNECTION_COLUMNS: readonly Column<LiveConnection>[] = [
  { title: 'dir', value: ({ direction }) => direction },
  { title: 'peer', value: ({ peer }) => peer, shrinkTo: 15 },
  { title: 'service', value: ({ protocol, port }) => serviceText(protocol, port), shrinkTo: 8 },
  { title: 'bytes', value: ({ bytes }) => (bytes === null ? '' : String(bytes)), align: 'right' },
];

export function previewLines(preview: ContainmentPreview, columns: number): readonly string[] {
  const isOne = preview.scope !== 'box' && 'device' in preview.scope;
  const connectionColumns = isOne ? CONNECTION_COLUMNS : [DEVICE_OF, ...CONNECTION_COLUMNS];
  const list = (what: string, rows: readonly LiveConnection[], total: number): readonly string[] => [
    `${total} live connection${total === 1 ? '' : 's'} ${what}${total > rows.length ? ` (${rows.length} shown)` : ''}${total === 0 ? '.' : ':'}`,
    ...indented(renderTable(connectionColumns, rows, columns - 2)),
  ];
  return [
    ...warningLines(preview, isOne),
    ...(isOne ? [] : deviceLines(preview, columns)),
    ...list('would stop', preview.stops, preview.stopsTotal),
    ...list('would go on', preview.goesOn, preview.goesOnTotal),
  ];
}

function warningLines({ scope, lifeSustainingTotal }: ContainmentPreview, isOne: boolean): readonly string[] {
  if (lifeSustainingTotal === 0) return [];
  const who = escapeControls(scopeText(scope));
  return isOne
    ? [`${who} is LIFE-SUSTAINING: a patient may hang on it.`]
    : [
        `${lifeSustainingTotal} of them ${lifeSustainingTotal === 1 ? 'is' : 'are'} LIFE-SUSTAINING: a patient may hang on each.`,
      ];
}

function deviceLines({ devices, devicesTotal }: ContainmentPreview, columns: number): readonly string[] {
  const shown = devices.slice(0, MAX_DEVICE_LINES);
  return [
    `${devicesTotal} device${devicesTotal === 1 ? '' : 's'}${devicesTotal > shown.length ? ` (${shown.length} shown)` : ''}:`,
    ...indented(renderTable(DEVICE_COLUMNS, shown, columns - 2)),
  ];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}
