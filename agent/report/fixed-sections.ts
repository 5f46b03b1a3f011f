/** The sections of a report that say the same every time: method and limits, and the crosswalk. Pure; used by write-document.ts. */
import { PROPOSED, RULE, type CrosswalkRow } from './crosswalk.js';
import type { Block } from './document.js';
import type { ReportModel } from './report-model.js';

const METHOD = [
  'Observation is passive: packets that cross the box are read, nothing is ever sent to a device. Parsers name the elements that they may read; nothing about patients is among them.',
  'The inventory keeps every value with its source, its confidence and its times; contradictions are shown. What people entered is kept apart and wins.',
  'Risk follows NIST SP 800-30 revision 1 on its scale of 0 to 100, table I-2 combining likelihood and impact. The points of the factors are a judgement, the same for every device.',
  'Enforcement is read back from the kernel: its rules, its counters and the policy that it holds, not what a program believes.',
  'Dates of support are public ones with their source, or entered by a person.',
];

const LIMITS = [
  'Only what crosses the box is seen: two devices behind one port of it can speak to each other unseen.',
  'A device that sends nothing that names it stays an address. A lie on the network is shown as what it says, with its source.',
  'Cordon sees connections and not their meaning: an attack inside a permitted connection passes.',
  'An exploited vulnerability is matched by product, not by version: it says where to look.',
  'Whoever has root on the box can write its records anew. The head of the activity log on the cover, and those sent to the broker, show it.',
  'The hash on the cover is that of the data of this report (RFC 8785), the same in HTML, PDF, Markdown and JSON. It shows a later change; it is no signature.',
];

export function methodBlocks({ notes }: ReportModel): readonly Block[] {
  return [
    { kind: 'section', id: 'method', title: '1 Method and limits', goesOn: true },
    { kind: 'list', items: METHOD },
    { kind: 'heading', title: 'Limits' },
    { kind: 'list', items: LIMITS },
    ...(notes.length === 0
      ? []
      : ([
          { kind: 'heading', title: 'Of this report' },
          { kind: 'list', items: notes },
        ] as const)),
  ];
}

export function crosswalkBlocks(): readonly Block[] {
  return [
    { kind: 'section', id: 'crosswalk', title: '10 Crosswalk' },
    {
      kind: 'text',
      text: 'Where this report bears on the HIPAA Security Rule (45 CFR part 164), and what it leaves to others. That a section is named does not say that it is met.',
    },
    table(RULE),
    { kind: 'heading', title: 'Proposed only' },
    {
      kind: 'text',
      text: 'Subjects of the notice of proposed rulemaking of 6 January 2025 (90 FR 898). It is not in force; it may change or never become final.',
      tone: 'warn',
    },
    table(PROPOSED),
  ];
}

function table(rows: readonly CrosswalkRow[]): Block {
  return {
    kind: 'table',
    columns: [
      { title: '45 CFR', share: 20 },
      { title: 'Subject', share: 22 },
      { title: 'In this report', share: 29 },
      { title: 'Left to others', share: 29 },
    ],
    rows: rows.map(({ section, subject, here, leaves }) => [
      { text: section, tone: 'strong' },
      subject,
      here,
      leaves,
    ]),
    empty: '',
  };
}
