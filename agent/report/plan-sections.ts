/** Sections 5 and 6 of a report: the segmentation plan with its proof, and the containment procedure. Pure; used by write-document.ts. */
import type { Block, Cell } from './document.js';
import type { ExceptionLine, Proof, ReportModel, Segmentation, SegmentedDevice } from './report-model.js';
import { listed, moment, orDash, plural } from './words.js';

export function segmentationBlocks({ segmentation }: ReportModel): readonly Block[] {
  const title: Block = { kind: 'section', id: 'segmentation', title: '5 Segmentation plan' };
  if (segmentation === null)
    return [
      title,
      {
        kind: 'text',
        text: 'No policy was given or is in force: nothing separates these devices from their network.',
        tone: 'warn',
      },
    ];
  return [
    title,
    {
      kind: 'text',
      text: 'Default-deny: a device with an enforced allow-list opens and accepts what is listed here, and nothing else; ARP, neighbour discovery and DHCP are permitted to what is infrastructure only.',
    },
    { kind: 'facts', rows: policyFacts(segmentation) },
    ...approvals(segmentation),
    ...proof(segmentation.proof),
    ...groups(segmentation),
    ...alike(segmentation.devices).flatMap((devices) => deviceBlocks(devices)),
    { kind: 'heading', title: 'Exceptions' },
    { kind: 'text', text: wideEntries(segmentation) },
    exceptionTable(segmentation),
  ];
}

function policyFacts(segmentation: Segmentation): readonly (readonly [string, Cell])[] {
  const { generation, sha256, applied, unknownDevices, networks } = segmentation;
  return [
    [
      'Policy',
      generation === null
        ? 'from a file, not in force'
        : `generation ${generation}, in force since ${applied === null ? '-' : moment(applied)}`,
    ],
    ...(sha256 === null ? [] : ([['SHA-256 of the policy', sha256]] as const)),
    [
      'Devices no entry names',
      unknownDevices === 'refuse' ? 'refused' : { text: 'observed: nothing is refused', tone: 'warn' },
    ],
    ['Inside', networks.length === 0 ? 'private addresses' : networks.join(', ')],
  ];
}

function approvals({ approvals: all, generation }: Segmentation): readonly Block[] {
  if (generation === null) return [];
  return [
    { kind: 'heading', title: 'Approved by' },
    {
      kind: 'table',
      columns: [
        { title: 'When', share: 25 },
        { title: 'Who', share: 45 },
        { title: 'What', share: 30 },
      ],
      rows: all.map(({ at, who, what }) => [moment(at), who, what.replace('-', ' ')]),
      empty: `The activity log has no entry about generation ${generation}: nobody is on record as having approved it.`,
    },
  ];
}

function proof(found: Proof | null): readonly Block[] {
  if (found === null) return [];
  return [
    { kind: 'heading', title: 'Proof of enforcement' },
    {
      kind: 'facts',
      rows: [
        ['Box', `${found.mode} mode, first packets inspected ${found.inspection}`],
        [
          'Enforcing since',
          `${moment(found.runningSince)}; tables restored after others removed them: ${found.tablesRestored}`,
        ],
        ...(found.unguarded === null
          ? []
          : ([['Not guarded', { text: found.unguarded, tone: 'bad' }]] as const)),
        ['New connections permitted', String(found.permittedNew)],
        [
          'Packets refused',
          found.refusedPackets.length === 0
            ? 'none'
            : found.refusedPackets.map(({ reason, packets }) => `${reason} ${packets}`).join(', '),
        ],
        ['Last refusal', found.lastRefusal === null ? 'none in the period' : moment(found.lastRefusal)],
        [
          'Last policy confirmed after a trial',
          found.lastConfirmed === null
            ? { text: 'not on record', tone: 'warn' }
            : moment(found.lastConfirmed),
        ],
      ],
    },
  ];
}

function groups({ groups: all }: Segmentation): readonly Block[] {
  if (all.length === 0) return [];
  return [
    { kind: 'heading', title: 'Groups of peers' },
    {
      kind: 'facts',
      rows: all.map(({ name, members }) => [name, listed(members, 40)]),
    },
  ];
}

/** Devices that the policy treats the same, so that twenty pumps are one table. */
function alike(devices: readonly SegmentedDevice[]): readonly (readonly SegmentedDevice[])[] {
  const groups = new Map<string, SegmentedDevice[]>();
  for (const device of devices) {
    const key = JSON.stringify([device.mode, device.criticality, device.entries]);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(device);
  }
  return [...groups.values()];
}

function deviceBlocks(devices: readonly SegmentedDevice[]): readonly Block[] {
  const [first] = devices;
  if (first === undefined) return [];
  const { mode, criticality, entries } = first;
  const effect =
    mode === 'enforce'
      ? 'enforced'
      : mode === 'shadow'
        ? 'shadow: refuses nothing, counts what it would'
        : 'observed: refuses nothing';
  const refused = devices.filter((one) => one.refused > 0);
  const refusals =
    refused.length === 0
      ? 'nothing was refused in the period'
      : refused
          .map(
            (one) =>
              `${one.name}: ${plural(one.refused, 'refusal')} in the period, the last ${moment(one.lastRefused ?? '')}`,
          )
          .join('; ');
  return [
    {
      kind: 'heading',
      title: listed(
        devices.map(({ name }) => name),
        60,
      ),
    },
    {
      kind: 'text',
      text: `${effect}; ${criticality}; ${refusals}.`,
      ...(mode === 'enforce' ? {} : { tone: 'warn' }),
    },
    {
      kind: 'table',
      columns: [
        { title: 'Dir', share: 7 },
        { title: 'Service', share: 20 },
        { title: 'Peer', share: 25 },
        { title: 'While contained', share: 15 },
        { title: 'Justification', share: 33 },
      ],
      rows: entries.map((entry): readonly Cell[] => [
        entry.direction,
        entry.service,
        entry.peer === 'anyone' ? { text: 'anyone', tone: 'bad' } : entry.peer,
        entry.essential ? { text: 'goes on', tone: 'good' } : 'stops',
        entry.until === null ? entry.why : `${entry.why} (until ${entry.until})`,
      ]),
      empty: 'Its list is empty: nothing is permitted.',
    },
  ];
}

const STATE_TEXT = {
  running: 'runs',
  due: { text: 'is to end now', tone: 'warn' },
  ended: 'has ended: permits nothing',
  overdue: { text: 'overdue: essential, goes on', tone: 'bad' },
} as const satisfies Readonly<Record<ExceptionLine['state'], Cell>>;

/** What the policy permits for a time. */
function exceptionTable({ exceptions }: Segmentation): Block {
  return {
    kind: 'table',
    columns: [
      { title: 'Until', share: 16 },
      { title: 'State', share: 16 },
      { title: 'Devices', share: 18 },
      { title: 'Permits', share: 25 },
      { title: 'Justification', share: 25 },
    ],
    rows: exceptions.map((line): readonly Cell[] => [
      line.until,
      STATE_TEXT[line.state],
      line.devices.length === 0 ? `none: ${line.path}` : listed(line.devices, 10),
      `${line.direction} ${line.service}, ${line.peer}`,
      line.why,
    ]),
    empty: 'No entry has an end: each holds until the policy is changed.',
  };
}

/** What is wider than one peer and one service. */
function wideEntries({ devices }: Segmentation): string {
  const wide = devices.flatMap(({ name, entries }) =>
    entries
      .filter(({ peer, service }) => peer === 'anyone' || service === 'everything')
      .map(({ direction, service, peer }) => `${name} (${direction} ${service}, ${peer})`),
  );
  const open = devices.filter(({ mode }) => mode !== 'enforce').map(({ name }) => name);
  const parts = [
    wide.length === 0
      ? 'No entry permits everything or everyone.'
      : `Entries that permit everything or everyone: ${wide.join(', ')}.`,
    open.length === 0
      ? 'No device of the policy is outside of enforcement.'
      : `Devices of the policy that are not enforced: ${open.join(', ')}.`,
  ];
  return parts.join(' ');
}

const STEPS = [
  'Look first: cordon contain DEVICE --reason "…" --dry-run lists the live connections that would stop and those that go on.',
  'Contain: cordon contain DEVICE --reason "…". Only the essential entries listed below go on; live connections stop at once. It needs no network, no broker and no agent.',
  'Cut only if what is essential is itself the danger: cordon cut DEVICE --reason "…" asks for the name of the device or a second person. Nothing passes. Somebody must be with the patient.',
  'Tell the owner and the vendor: section 9.',
  'Look: cordon findings, cordon flows, cordon refusals, cordon audit list.',
  'Release, when it is known what it was: cordon release DEVICE --reason "…". Nothing releases itself unless it was ordered with an end.',
];

export function containmentBlocks({ containment }: ReportModel): readonly Block[] {
  return [
    { kind: 'section', id: 'containment', title: '6 Containment procedure' },
    { kind: 'list', items: STEPS, isNumbered: true },
    {
      kind: 'table',
      columns: [
        { title: 'Device', share: 18 },
        { title: 'Now', share: 16 },
        { title: 'Goes on while contained', share: 44 },
        { title: 'Stops', share: 10 },
        { title: 'By itself', share: 12 },
      ],
      rows: containment.map((line): readonly Cell[] => [
        line.isLifeSustaining
          ? { text: `${line.name} (life-sustaining)`, tone: 'bad' }
          : { text: line.name, tone: 'strong' },
        line.now === 'normal' ? 'normal' : { text: line.now, tone: 'warn' },
        line.essential.length === 0
          ? { text: 'nothing: containing it is the same as cutting it', tone: 'warn' }
          : orDash(line.essential.join('; ')),
        plural(line.stops, 'entry', 'entries'),
        line.automation,
      ]),
      empty: 'No policy names a device: nothing can be contained.',
    },
  ];
}
