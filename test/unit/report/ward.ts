/** A hospital ward of 30 devices and a hundred peers, as `cordon report` would have gathered it. Used by the tests of this folder. */
import { createHash } from 'node:crypto';
import { seal, NO_HEAD, type ActivityEntry, type NewActivity } from '../../../agent/activity/entry.js';
import type { DeviceRecord } from '../../../agent/inventory/device.js';
import type { EnforcerStatus, Finding } from '../../../agent/messages/vocabulary.js';
import { REFUSAL_REASONS } from '../../../agent/messages/vocabulary.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import type { Policy } from '../../../agent/policy/schema.js';
import type { ReportInput } from '../../../agent/report/build-report.js';
import { mergeConduits, policyConduits, refusedConduits } from '../../../agent/report/map-conduits.js';
import type { RefusedConnection } from '../../../agent/report/segmentation-part.js';
import type { RiskInput } from '../../../agent/risk/assess.js';
import { guardView } from '../../../agent/risk/guard-view.js';
import { supportOf } from '../../../agent/risk/support-state.js';
import { OWN_SUPPORT_TABLE } from '../../../agent/risk/support-table.js';
import { subjectOf } from '../../../agent/risk/subject.js';
import { serviceText } from '../../../agent/cli/service-text.js';

export const NOW_MS = Date.UTC(2026, 10, 25, 10, 30);
const DAY_MS = 86_400_000;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const KINDS = [
  ['infusion pump', 'B. Braun', 'Infusomat Space', 'Linux 2.6', 'life-sustaining'],
  ['patient monitor', 'Philips', 'IntelliVue MX450', 'VxWorks', 'life-sustaining'],
  ['CT scanner', 'Siemens Healthineers', 'SOMATOM go.Up', 'Windows 10 IoT Enterprise LTSC 2019', 'high'],
  ['ultrasound', 'GE HealthCare', 'LOGIQ E10', 'Windows 7', 'medium'],
  ['laboratory analyser', 'Roche', 'cobas 6000', 'Windows XP', 'high'],
  ['label printer', 'Zebra', 'ZD421', null, 'low'],
] as const;

const count = 30;
const mac = (index: number): string => `00:03:b1:00:00:${index.toString(16).padStart(2, '0')}`;
const kindOf = (index: number) => KINDS[index % KINDS.length] ?? KINDS[0];
export const nameOf = (index: number): string =>
  `${kindOf(index)[0].replaceAll(' ', '-').toLowerCase()}-${index + 1}`;

/** Alike devices have alike lists, and each imaging device a few peers of its own: about a hundred in all. */
export function wardPolicy(): Policy {
  const devices = Array.from({ length: count }, (_, index) => {
    const [kind, , , , criticality] = kindOf(index);
    const own = Array.from(
      { length: kind === 'CT scanner' || kind === 'ultrasound' ? 9 : 0 },
      (__, at) =>
        `      - { direction: in, peer: { address: 10.30.${index}.${at + 10} }, protocol: tcp, ports: [104], why: "reading room ${at + 1}" }`,
    );
    return [
      `  ${nameOf(index)}:`,
      `    identity: { macs: ["${mac(index)}"], addresses: [10.20.1.${index + 10}] }`,
      `    mode: ${index === 7 ? 'shadow' : index === 11 ? 'observe' : 'enforce'}`,
      `    criticality: ${criticality}`,
      `    holdsPhi: ${kind === 'label printer' ? 'no' : 'yes'}`,
      `    owner: ${index % 4 === 0 ? 'Biomedical engineering' : 'Clinical IT'}`,
      ...(index % 3 === 0
        ? [`    contacts: [{ role: security, name: "Product security", email: psirt@vendor.example }]`]
        : []),
      `    allow:`,
      `      - { direction: out, peer: { group: time }, protocol: udp, ports: [123], why: time of day in records }`,
      ...(kind === 'label printer'
        ? [
            `      - { direction: in, peer: { network: 10.20.0.0/16 }, protocol: tcp, ports: [9100], why: labels }`,
          ]
        : [
            `      - { direction: out, peer: { group: integration }, protocol: tcp, ports: [2575, 6661], essential: true, why: alarms and results to the record (HL7 over MLLP) }`,
          ]),
      ...(kind === 'CT scanner' || kind === 'ultrasound'
        ? [
            `      - { direction: out, peer: { group: pacs }, protocol: tcp, ports: [104, 11112], essential: true, why: images to the archive }`,
          ]
        : []),
      ...own,
      ...(index === 3
        ? [
            `      - { direction: out, peer: any, protocol: tcp, ports: [443], why: remote service of the maker }`,
          ]
        : []),
    ].join('\n');
  });
  const text = [
    'version: 1',
    'site: { name: "St. Example Hospital, ward 3", networks: [10.20.0.0/16, 10.30.0.0/16, "fd00:20::/32"] }',
    'unknownDevices: refuse',
    'groups:',
    '  pacs: [{ address: 10.20.0.5 }, { address: 10.20.0.6 }, { address: "fd00:20::5" }]',
    '  integration: [{ address: 10.20.0.20 }]',
    '  time: [{ address: 10.20.0.1 }, { address: 10.20.0.2 }]',
    'devices:',
    ...devices,
  ].join('\n');
  const parsed = parsePolicy(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems.slice(0, 3)));
  return parsed.policy;
}

export function wardDevice(index: number, extra: Partial<DeviceRecord> = {}): DeviceRecord {
  const [kind, make, model, os] = kindOf(index);
  const best = (value: string, confidence: number, conflicts: readonly string[] = []) => ({
    value,
    source: 'dicom.implementation-version' as const,
    confidence,
    conflicts,
  });
  return {
    id: mac(index),
    macs: [mac(index)],
    addresses: [
      `10.20.1.${index + 10}`,
      ...(index % 5 === 0 ? [`fd00:20::2:${(index + 10).toString(16)}:9abc:def0`] : []),
    ],
    isRandomizedMac: false,
    firstMs: NOW_MS - 200 * DAY_MS,
    lastMs: NOW_MS - index * 60_000,
    fields: {
      kind: best(kind, 80),
      make: best(make, 90),
      model: best(model, 75),
      ...(index % 6 === 0 ? { serial: best(`SN-${4711 + index}`, 85) } : {}),
      ...(os === null ? {} : { os: best(os, 60 + (index % 20), index === 4 ? ['Windows 2000'] : []) }),
    },
    roles: [],
    services: kind === 'laboratory analyser' ? ['tcp/139', 'tcp/445', 'tcp/3389'] : ['tcp/104'],
    speaks: kind === 'label printer' ? ['HTTP'] : ['HL7', ...(kind === 'CT scanner' ? ['DICOM'] : [])],
    reaches: index === 3 ? ['internet'] : [],
    policyName: nameOf(index),
    operator: {
      location: { value: `Room ${100 + index}`, by: 'nurse', atMs: NOW_MS - DAY_MS },
      ...(index % 5 === 0
        ? {
            cost: { value: String(2_500 * (index + 1)), by: 'cfo', atMs: 1 },
            replaceBy: { value: `20${27 + (index % 4)}-06-30`, by: 'cfo', atMs: 1 },
          }
        : {}),
      ...(index % 6 === 0
        ? { 'vendor.support': { value: 'support@vendor.example, +1 555 0100', by: 'it', atMs: 1 } }
        : {}),
    },
    ...extra,
  };
}

export function wardInput(extraDevices: readonly DeviceRecord[] = []): ReportInput {
  const policy = wardPolicy();
  const devices = [...Array.from({ length: count }, (_, index) => wardDevice(index)), ...extraDevices];
  const findings = wardFindings();
  const refusals = wardRefusals();
  return {
    site: policy.site.name,
    box: 'ward-3',
    version: '0.1.0',
    by: 'a.khan',
    source: 'the running box, as of 2026-11-25T10:30Z',
    fromMs: NOW_MS - 30 * DAY_MS,
    toMs: NOW_MS,
    nowMs: NOW_MS,
    notes: ['no catalogue of exploited vulnerabilities was loaded: cordon data import kev FILE'],
    devices,
    inputs: devices.map((device): RiskInput => {
      const guarded = device.policyName === null ? null : (policy.devices[device.policyName] ?? null);
      const subject = subjectOf(device, guarded);
      return {
        subject,
        support: supportOf(subject.os ?? subject.software, subject.endOfSupport, OWN_SUPPORT_TABLE, NOW_MS),
        kev: [],
        findings: findings.filter((one) => one.device === device.policyName),
        guard: device.policyName === null ? null : guardView(policy, device.policyName, 'normal'),
        nowMs: NOW_MS,
      };
    }),
    policy,
    enforcer: wardStatus(),
    refusals,
    findings,
    conduits: mergeConduits([...policyConduits(policy), ...refusedConduits(refusals, serviceText)]),
    activity: wardActivity(),
  };
}

function wardRefusals(): readonly RefusedConnection[] {
  const one = (index: number, peer: string, port: number, times: number): RefusedConnection => ({
    device: nameOf(index),
    deviceAddress: `10.20.1.${index + 10}`,
    from: 'device',
    peer,
    protocol: 6,
    port,
    reason: 'policy',
    count: times,
    lastMs: NOW_MS - index * 3_600_000,
  });
  return [
    ...Array.from({ length: 25 }, (_, at) => one(4, `10.20.1.${at + 50}`, 445, 40 - at)),
    one(3, '203.0.113.7', 80, 1_204),
    one(9, '2001:db8:1234:5678:9abc:def0:1234:5678', 443, 17),
    { ...one(0, '10.20.7.77', 22, 3), from: 'network' },
  ];
}

function wardFindings(): readonly Finding[] {
  const base = { deviceMac: null, peer: null, evidence: {}, remedy: 'look at it', count: 3 } as const;
  return [
    {
      ...base,
      key: 'hostSweep:a',
      detector: 'hostSweep',
      device: nameOf(4),
      severity: 'high',
      state: 'open',
      title: `${nameOf(4)} sweeps 10.20.1.0/24: 25 hosts for tcp/445 within 60 s`,
      firstMs: NOW_MS - 3 * DAY_MS,
      lastMs: NOW_MS - 2 * DAY_MS,
    },
    {
      ...base,
      key: 'beacon:b',
      detector: 'beacon',
      device: nameOf(3),
      severity: 'medium',
      state: 'closed',
      title: `${nameOf(3)} calls 203.0.113.7 every 300 s`,
      firstMs: NOW_MS - 20 * DAY_MS,
      lastMs: NOW_MS - 9 * DAY_MS,
    },
    {
      ...base,
      key: 'old:c',
      detector: 'portScan',
      device: nameOf(1),
      severity: 'high',
      state: 'closed',
      title: 'long before the period',
      firstMs: NOW_MS - 90 * DAY_MS,
      lastMs: NOW_MS - 80 * DAY_MS,
    },
  ];
}

function wardStatus(): EnforcerStatus {
  return {
    version: '0.1.0',
    pid: 1,
    startedAtMs: NOW_MS - 12 * DAY_MS,
    mode: 'bridge',
    policy: {
      generation: 4,
      sha256: 'ab'.repeat(32),
      appliedAtMs: NOW_MS - 12 * DAY_MS,
      devices: count,
      entries: 150,
      pending: null,
    },
    containment: [
      {
        id: 1,
        scope: { device: nameOf(4) },
        sparesLifeSustaining: false,
        level: 'contained',
        by: 'a.khan (uid 1000)',
        source: 'cli',
        reason: 'sweeps the ward',
        sinceMs: NOW_MS - 2 * DAY_MS,
        untilMs: null,
      },
    ],
    refused: Object.fromEntries(
      REFUSAL_REASONS.map((reason, index) => [
        reason,
        { packets: index % 3 === 0 ? index * 7 + 3 : 0, bytes: 0 },
      ]),
    ) as EnforcerStatus['refused'],
    permittedNew: 48_211,
    inspection: {
      wanted: 'inline',
      active: 'inline',
      how: 'statement',
      why: null,
      held: 48_000,
      refused: 0,
      unseen: 0,
    },
    dropped: {},
    desired: [],
    exceptions: { endedByMs: NOW_MS, isClockSettled: true, rows: [] },
    panel: { button: null, light: null },
    tablesRestored: 0,
    wouldRefuse: 12,
    portsUnguarded: null,
    announcementsUnheard: null,
    variables: { changed: [], problem: null },
    rssBytes: 50_000_000,
  };
}

function wardActivity(): NonNullable<ReportInput['activity']> {
  const items: readonly NewActivity[] = [
    {
      atMs: NOW_MS - 12 * DAY_MS,
      who: 'a.khan (uid 1000)',
      what: 'policy-applied',
      detail: `generation 4: 30 devices, sha256 ${'ab'.repeat(32)}`,
    },
    {
      atMs: NOW_MS - 12 * DAY_MS + 60_000,
      who: 'a.khan (uid 1000)',
      what: 'mode-changed',
      object: nameOf(8),
      detail: 'generation 4: shadow -> enforce',
    },
    {
      atMs: NOW_MS - 12 * DAY_MS + 90_000,
      who: 'm.ito (uid 1001)',
      what: 'policy-confirmed',
      detail: 'generation 4: kept',
    },
    {
      atMs: NOW_MS - 2 * DAY_MS,
      who: 'a.khan (uid 1000)',
      what: 'containment-ordered',
      object: nameOf(4),
      detail: 'contained, by cli, 3 connections cut: sweeps the ward',
    },
    {
      atMs: NOW_MS - DAY_MS,
      who: 'it (uid 0)',
      what: 'inventory-entered',
      object: nameOf(6),
      detail: 'vendor.support: "" -> "support@vendor.example, +1 555 0100"',
    },
  ];
  const entries: ActivityEntry[] = [];
  let head = NO_HEAD;
  for (const item of items) {
    const { entry } = seal(item, head, item.atMs, sha256);
    entries.push(entry);
    head = { seq: entry.seq, hash: entry.hash };
  }
  return {
    entries,
    chain: {
      entries: entries.length,
      first: null,
      last: head,
      problems: [],
      problemsTotal: 0,
      anchored: ['the running agent'],
      droppedTo: 0,
    },
  };
}
