/** Sections 7 to 9 of a report: activity and incidents, the end-of-life plan, contacts. Pure; used by write-document.ts. */
import type { Block, Cell } from './document.js';
import type { ReportModel } from './report-model.js';
import { moment, naturally, orDash, plural } from './words.js';

export function activityBlocks({ activity, incidents, leftOut }: ReportModel): readonly Block[] {
  return [
    { kind: 'section', id: 'activity', title: '7 Activity and incidents' },
    { kind: 'heading', title: 'Incidents of the period' },
    {
      kind: 'table',
      columns: [
        { title: 'Last', share: 17 },
        { title: 'Severity', share: 10 },
        { title: 'State', share: 8 },
        { title: 'Device', share: 16 },
        { title: 'What was found', share: 41 },
        { title: 'Times', share: 8, align: 'right' },
      ],
      rows: incidents.map((one): readonly Cell[] => [
        moment(one.last),
        one.severity === 'critical' || one.severity === 'high'
          ? { text: one.severity, tone: 'bad' }
          : one.severity,
        one.state,
        one.device,
        one.title,
        String(one.count),
      ]),
      empty: 'Nothing was found in the period.',
    },
    ...left(leftOut['incidents'], 'findings'),
    { kind: 'heading', title: 'Activity log' },
    ...log(activity),
    ...left(leftOut['activityEntries'], 'entries'),
  ];
}

function log(activity: ReportModel['activity']): readonly Block[] {
  if (activity === null)
    return [
      {
        kind: 'text',
        text: 'The activity log was not read: see "Of this report" in section 1.',
        tone: 'warn',
      },
    ];
  return [
    {
      kind: 'facts',
      rows: [
        [
          'Verified',
          activity.isWhole
            ? { text: 'whole: no entry was changed, removed or moved', tone: 'good' }
            : { text: `NOT as it was written: ${activity.problems.join('; ')}`, tone: 'bad' },
        ],
        [
          'Held against',
          activity.heldAgainst.length === 0 ? 'nothing but itself' : activity.heldAgainst.join(', '),
        ],
        ['Head', `${activity.headSeq}:${activity.headHash}`],
      ],
    },
    {
      kind: 'table',
      columns: [
        { title: '#', share: 6, align: 'right' },
        { title: 'When', share: 17 },
        { title: 'Who', share: 19 },
        { title: 'What', share: 17 },
        { title: 'To what', share: 14 },
        { title: 'Detail', share: 27 },
      ],
      rows: activity.entries.map((entry) => [
        String(entry.seq),
        moment(entry.at),
        entry.who,
        entry.what.replaceAll('-', ' '),
        orDash(entry.object),
        entry.detail,
      ]),
      empty: 'No entry in the period.',
    },
  ];
}

export function endOfLifeBlocks({ endOfLife: { years, unknown } }: ReportModel): readonly Block[] {
  return [
    { kind: 'section', id: 'end-of-life', title: '8 End-of-life plan' },
    ...(years.length === 0 ? [{ kind: 'text', text: 'No device has a known end of support.' } as const] : []),
    ...years.flatMap(({ year, lines, cost, withoutCost }): readonly Block[] => [
      {
        kind: 'heading',
        title: `${year}: ${plural(lines.length, 'device')}, cost ${cost}${withoutCost > 0 ? ` and ${withoutCost} without a figure` : ''}`,
      },
      {
        kind: 'table',
        columns: [
          { title: 'Device', share: 16 },
          { title: 'Runs', share: 18 },
          { title: 'Support ends', share: 14 },
          { title: 'Replace by', share: 12 },
          { title: 'Cost', share: 8, align: 'right' },
          { title: 'Meanwhile', share: 32 },
        ],
        rows: lines.map((line): readonly Cell[] => [
          { text: line.name, tone: 'strong' },
          orDash(line.product),
          line.daysLeft < 0 ? { text: `${line.ends} (over)`, tone: 'bad' } : line.ends,
          orDash(line.replaceBy),
          line.cost === null ? '-' : String(line.cost),
          line.compensating ?? { text: 'nothing', tone: 'bad' },
        ]),
        empty: '',
      },
    ]),
    ...sources(years),
    { kind: 'heading', title: 'No known date' },
    {
      kind: 'text',
      text:
        unknown.length === 0
          ? 'None.'
          : `${plural(unknown.length, 'device')}: ${unknown.map(({ name, why }) => `${name} (${why})`).join(', ')}.`,
    },
  ];
}

/** Each date once, with where it is from. */
function sources(years: ReportModel['endOfLife']['years']): readonly Block[] {
  const rows = new Map<string, readonly string[]>();
  for (const { product, ends, source } of years.flatMap(({ lines }) => lines))
    rows.set(JSON.stringify([product, ends, source]), [orDash(product), ends, source]);
  if (rows.size === 0) return [];
  return [
    { kind: 'heading', title: 'Where the dates are from' },
    {
      kind: 'table',
      columns: [
        { title: 'Product', share: 30 },
        { title: 'Support ends', share: 16 },
        { title: 'Source', share: 54 },
      ],
      rows: [...rows.values()].sort(([a = ''], [b = '']) => naturally(a, b)),
      empty: '',
    },
  ];
}

export function contactBlocks({
  contacts,
  endOfLife: { withoutVendorContact },
}: ReportModel): readonly Block[] {
  const known = contacts.filter(
    ({ owner, security, support }) => owner !== null || security !== null || support !== null,
  );
  return [
    { kind: 'section', id: 'contacts', title: '9 Contacts', goesOn: true },
    {
      kind: 'table',
      columns: [
        { title: 'Device', share: 20 },
        { title: 'Owner', share: 20 },
        { title: 'Vendor, security', share: 30 },
        { title: 'Vendor, support', share: 30 },
      ],
      rows: known.map((line) => [
        { text: line.name, tone: 'strong' },
        orDash(line.owner),
        orDash(line.security),
        orDash(line.support),
      ]),
      empty: 'Nobody is on record: cordon device set DEVICE owner=… vendor.security=… vendor.support=…',
    },
    { kind: 'heading', title: 'Devices without' },
    {
      kind: 'text',
      text:
        withoutVendorContact.length === 0
          ? 'None.'
          : `${plural(withoutVendorContact.length, 'device')}: ${withoutVendorContact.map(({ name, missing }) => `${name} (${missing})`).join(', ')}.`,
      ...(withoutVendorContact.length === 0 ? {} : { tone: 'warn' }),
    },
  ];
}

function left(count: number | undefined, what: string): readonly Block[] {
  return count === undefined || count === 0
    ? []
    : [{ kind: 'text', text: `${count} more ${what} are left out of this paper.`, tone: 'warn' }];
}
