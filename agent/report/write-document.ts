/**
 * The words of a report: its model as a document, section by section. The one place that says what the paper says; it must never claim that anybody complies with
 * anything. Pure; called by the renderers of cli/report.ts.
 */
import type { Block, Cell, ReportDocument } from './document.js';
import { crosswalkBlocks, methodBlocks } from './fixed-sections.js';
import { drawMap, mapLegend } from './draw-map.js';
import { containmentBlocks, segmentationBlocks } from './plan-sections.js';
import type { Conduit, ReportModel } from './report-model.js';
import { activityBlocks, contactBlocks, endOfLifeBlocks } from './record-sections.js';
import { day, levelCell, listed, moment, orDash, plural } from './words.js';

const STATEMENT =
  'This report states what a box saw, what it enforces and what people entered. It is no certificate and claims no compliance with any law or standard; whether its measures are reasonable and appropriate is for the organisation to judge.';

/** `hash`: SHA-256 of the model in canonical JSON, the same in every form of one report. */
export function writeDocument(model: ReportModel, hash: string): ReportDocument {
  const { cover } = model;
  return {
    title: 'Medical device network report',
    subtitle: cover.site,
    facts: [
      ['Site', cover.site],
      ['Box', cover.box ?? 'none: made from a capture'],
      ['Period', `${moment(cover.from)} to ${moment(cover.to)}`],
      ['Made', `${moment(cover.made)} by ${cover.by}, Cordon ${cover.version}`],
      ['From', cover.source],
      ...(model.activity === null
        ? []
        : ([['Activity log', `${model.activity.headSeq}:${model.activity.headHash}`]] as const)),
      ['SHA-256 of this report', hash],
    ],
    statement: STATEMENT,
    footer: `${cover.site} · ${day(cover.made)} · ${hash.slice(0, 16)}`,
    blocks: [
      ...summary(model),
      ...methodBlocks(model),
      ...inventory(model),
      ...map(model),
      ...risk(model),
      ...segmentationBlocks(model),
      ...containmentBlocks(model),
      ...activityBlocks(model),
      ...endOfLifeBlocks(model),
      ...contactBlocks(model),
      ...crosswalkBlocks(),
    ],
  };
}

function summary(model: ReportModel): readonly Block[] {
  const { inventory: devices, risk: ranked, segmentation, incidents, endOfLife, activity } = model;
  const at = (level: string): number => ranked.filter(({ residual }) => residual.level === level).length;
  const enforced = segmentation?.devices.filter(({ mode }) => mode === 'enforce').length ?? 0;
  const open = incidents.filter(({ state }) => state === 'open').length;
  const ended = endOfLife.years.flatMap(({ lines }) => lines).filter(({ daysLeft }) => daysLeft < 0).length;
  const contained = model.containment.filter(({ now }) => now !== 'normal').length;
  const bad = (count: number, text: string): Cell => (count > 0 ? { text, tone: 'bad' } : text);
  return [
    { kind: 'section', id: 'summary', title: 'At a glance' },
    {
      kind: 'facts',
      rows: [
        [
          'Devices',
          `${devices.length + (model.leftOut['devices'] ?? 0)} known, ${devices.filter(({ isInPolicy }) => isInPolicy).length} named in the policy, ${enforced} with an enforced allow-list`,
        ],
        [
          'Residual risk',
          bad(
            at('very high') + at('high'),
            `${at('very high')} very high, ${at('high')} high, ${at('moderate')} moderate, ${at('low') + at('very low')} low or very low`,
          ),
        ],
        [
          'Software',
          bad(
            ended,
            `${plural(ended, 'device')} past the end of support, ${endOfLife.unknown.length} with no known date`,
          ),
        ],
        ['Contained now', contained === 0 ? 'none' : { text: plural(contained, 'device'), tone: 'warn' }],
        ['Incidents', bad(open, `${plural(incidents.length, 'finding')} in the period, ${open} open`)],
        [
          'Vendor contacts',
          `${plural(endOfLife.withoutVendorContact.length, 'device')} without a security or support contact`,
        ],
        [
          'Activity log',
          activity === null
            ? 'not read'
            : activity.isWhole
              ? `whole, ${plural(activity.total, 'entry', 'entries')} in the period`
              : { text: 'NOT as it was written: section 7', tone: 'bad' },
        ],
      ],
    },
  ];
}

function inventory({ inventory: lines, leftOut }: ReportModel): readonly Block[] {
  const describe = ({ kind, make, model }: (typeof lines)[number]): string =>
    [kind, [make, model].filter((one) => one !== null).join(' ')]
      .filter((one) => one !== null && one !== '')
      .join(', ');
  return [
    { kind: 'section', id: 'inventory', title: '2 Inventory' },
    {
      kind: 'text',
      text: 'Read passively from what devices say of themselves; an entry of a person, here or in the policy, wins over it. The last column is how sure the least sure value shown is, of 100; a question mark: sources contradict it (listed below).',
    },
    {
      kind: 'table',
      columns: [
        { title: 'Device', share: 15 },
        { title: 'What it is', share: 20 },
        { title: 'System and software', share: 18 },
        { title: 'Addresses', share: 19 },
        { title: 'Owner, location', share: 12 },
        { title: 'Matters', share: 10 },
        { title: 'Sure', share: 6, align: 'right' },
      ],
      rows: lines.map((line): readonly Cell[] => [
        { text: line.name, tone: 'strong' },
        orDash(
          [describe(line), line.serial === null ? '' : `serial ${line.serial}`].filter(Boolean).join(', '),
        ),
        orDash([line.os, line.software].filter((one) => one !== null && one !== '').join('; ')),
        addresses(line.addresses, line.macs),
        orDash([line.owner, line.location].filter((one) => one !== null).join(', ')),
        `${line.criticality}${line.holdsPhi === 'yes' ? ', PHI' : ''}`,
        line.leastSure === null ? '-' : `${line.leastSure}${line.conflicts.length > 0 ? '?' : ''}`,
      ]),
      empty: 'No device was seen.',
    },
    ...more(leftOut['devices'], 'devices'),
    ...conflicts(lines),
  ];
}

/** The latest few: a machine that made up hundreds has a line of its own in the findings. */
function addresses(all: readonly string[], macs: readonly string[]): string {
  const shown = [...all.slice(-3), ...macs.slice(-1)];
  const rest = all.length - Math.min(3, all.length);
  return orDash(`${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`);
}

function conflicts(lines: ReportModel['inventory']): readonly Block[] {
  const items = lines.flatMap(({ name, conflicts: all }) => all.map((one) => `${name}: also said: ${one}`));
  if (items.length === 0) return [];
  return [
    { kind: 'heading', title: 'What contradicts itself' },
    { kind: 'list', items: items.slice(0, 200) },
  ];
}

function map({ map: conduits, leftOut, segmentation }: ReportModel): readonly Block[] {
  const sheets = drawMap(conduits);
  const drawn: readonly Block[] =
    sheets.length === 0
      ? [{ kind: 'text', text: 'There is no conduit to draw: no policy, and nothing was refused.' }]
      : [{ kind: 'map', sheets }];
  return [
    { kind: 'section', id: 'map', title: '3 Network map and data flows' },
    {
      kind: 'text',
      text: `Each device, its conduits (protocol and port of whoever is called) and its peers; the arrow points at who is called. ${mapLegend().join('; ')}.${segmentation === null ? '' : ' Whatever is not drawn as permitted is refused for a device with an enforced allow-list.'}`,
    },
    ...drawn,
    ...more(leftOut['conduits'], 'conduits'),
    { kind: 'heading', title: 'Data flows' },
    {
      kind: 'table',
      columns: [
        { title: 'Device', share: 17 },
        { title: 'Dir', share: 6 },
        { title: 'Service', share: 13 },
        { title: 'Peer', share: 22 },
        { title: 'Judged', share: 11 },
        { title: 'Count', share: 8, align: 'right' },
        { title: 'Why', share: 23 },
      ],
      rows: flowsOf(conduits).map(({ first, peers, count, whys }): readonly Cell[] => [
        first.device,
        first.direction,
        first.service,
        listed(peers, 12),
        {
          text: first.kind,
          tone: first.kind === 'refused' ? 'bad' : first.kind === 'essential' ? 'good' : 'muted',
        },
        count === null ? '-' : String(count),
        orDash(listed(whys, 2)),
      ]),
      empty: 'None.',
    },
  ];
}

interface Flows {
  readonly first: Conduit;
  readonly peers: readonly string[];
  readonly count: number | null;
  readonly whys: readonly string[];
}

/** Of one device, to and from as many peers as there are. */
function flowsOf(conduits: readonly Conduit[]): readonly Flows[] {
  const groups = new Map<string, { first: Conduit; peers: string[]; count: number | null; whys: string[] }>();
  for (const one of conduits) {
    const key = JSON.stringify([one.device, one.direction, one.service, one.kind]);
    const group = groups.get(key) ?? { first: one, peers: [], count: null, whys: [] };
    groups.set(key, group);
    group.peers.push(one.peer);
    if (one.count !== null) group.count = (group.count ?? 0) + one.count;
    if (one.why !== null && !group.whys.includes(one.why)) group.whys.push(one.why);
  }
  return [...groups.values()];
}

/** Where a date is from is in section 8. */
const SOURCE_OF_DATE = / \(https?:[^)]*\)/g;

/** Factors named beside each device. */
const HEAVIEST = 4;

function risk({ risk: ranked }: ReportModel): readonly Block[] {
  return [
    { kind: 'section', id: 'risk', title: '4 Risk ranking' },
    {
      kind: 'text',
      text: 'Likelihood times impact after NIST SP 800-30 revision 1; the greatest impact counts, patient safety being one of its own. Inherent: the same network without the box. Residual: with the policy in force and containment. Every factor of a device with its points: cordon risk explain DEVICE.',
    },
    {
      kind: 'table',
      columns: [
        { title: '#', share: 4, align: 'right' },
        { title: 'Device', share: 18 },
        { title: 'Residual', share: 14 },
        { title: 'Inherent', share: 14 },
        { title: 'What makes most of it: points without the box, with it', share: 50 },
      ],
      rows: ranked.map(({ rank, name, residual, inherent, factors }): readonly Cell[] => [
        String(rank),
        { text: name, tone: 'strong' },
        levelCell(
          residual.level,
          `${residual.level} (${Math.round(residual.likelihood)} x ${residual.impact})`,
        ),
        levelCell(
          inherent.level,
          `${inherent.level} (${Math.round(inherent.likelihood)} x ${inherent.impact})`,
        ),
        factors
          .filter(({ kind, inherent: points }) => kind === 'likelihood' && points > 0)
          .sort((a, b) => b.inherent - a.inherent || (a.name < b.name ? -1 : 1))
          .slice(0, HEAVIEST)
          .map(
            (factor) =>
              `${capital(factor.name)} ${factor.inherent} to ${factor.residual}: ${factor.why.replace(SOURCE_OF_DATE, '')}`,
          )
          .join('. '),
      ]),
      empty: 'No device is known.',
    },
  ];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function more(count: number | undefined, what: string): readonly Block[] {
  return count === undefined || count === 0
    ? []
    : [{ kind: 'text', text: `${count} more ${what} are left out of this paper.`, tone: 'warn' }];
}
