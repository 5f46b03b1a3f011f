/**
 * What one policy changes of another, device by device and entry by entry, in words a reviewer can read. Pure; printed by
 * `cordon policy diff` and `apply`.
 */
import { counted } from '../counted.js';
import { icmpTypeText, portText } from './check-policy.js';
import { variableOf } from './expand-templates.js';
import { formatPath } from './problem.js';
import { ownValue } from './resolve-peers.js';
import type { AllowEntry, Peer, Policy, PolicyDevice } from './schema.js';

export interface PolicyChange {
  /** `devices.pump-1`, `devices.pump-1.mode`, `groups.pacs`, `unknownDevices`, … */
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before: string | null;
  readonly after: string | null;
  /** More may pass than before. What cannot be told apart from widening counts as widening. */
  readonly widens: boolean;
}

/** In the order of the policies: settings, groups, devices by name. Empty when they mean the same. */
export function diffPolicies(before: Policy, after: Policy): readonly PolicyChange[] {
  const changes: PolicyChange[] = [];
  const add = (path: readonly (string | number)[], from: unknown, to: unknown, widens: boolean): void => {
    const [was, is] = [textOf(from), textOf(to)];
    if (was === is) return;
    changes.push({
      path: formatPath(path),
      kind: was === null ? 'added' : is === null ? 'removed' : 'changed',
      before: was,
      after: is,
      widens,
    });
  };
  add(['unknownDevices'], before.unknownDevices, after.unknownDevices, after.unknownDevices === 'observe');
  diffSite(before.site, after.site, add);
  add(['detect'], before.detect, after.detect, false);
  for (const group of namesOf(before.groups, after.groups)) {
    const [old, now] = [ownValue(before.groups, group), ownValue(after.groups, group)];
    const known = new Set((old ?? []).map((member) => textOf(member)));
    const variable = variableOf(group);
    add(
      variable === null ? ['groups', group] : ['site', 'variables', variable],
      old,
      now,
      (now ?? []).some((member) => !known.has(textOf(member))),
    );
  }
  for (const name of namesOf(before.templates, after.templates)) {
    const [old, now] = [ownValue(before.templates, name), ownValue(after.templates, name)];
    add(['templates', name, 'extends'], old?.extends ?? [], now?.extends ?? [], true);
    diffEntries(['templates', name], old?.allow ?? [], now?.allow ?? [], add);
  }
  for (const name of namesOf(before.devices, after.devices))
    diffDevice(name, ownValue(before.devices, name), ownValue(after.devices, name), add);
  return changes;
}

/** Resolvers decide what names mean, domains and wildcards which of them count. */
function diffSite(before: Policy['site'], after: Policy['site'], add: Add): void {
  const { resolvers, domains, wildcardNames, name, networks } = before;
  const { resolvers: nowResolvers, domains: nowDomains, wildcardNames: nowWildcards } = after;
  add(['site'], { name, networks }, { name: after.name, networks: after.networks }, false);
  add(['site', 'mudClasses'], before.mudClasses, after.mudClasses, false);
  const isNew = (was: readonly unknown[], is: readonly unknown[]): boolean => {
    const known = new Set(was.map(textOf));
    return is.some((one) => !known.has(textOf(one)));
  };
  add(['site', 'resolvers'], resolvers, nowResolvers, isNew(resolvers, nowResolvers));
  add(['site', 'domains'], domains, nowDomains, isNew(domains, nowDomains));
  add(['site', 'wildcardNames'], wildcardNames, nowWildcards, nowWildcards);
}

type Add = (path: readonly (string | number)[], from: unknown, to: unknown, widens: boolean) => void;

/** Everything about a device that opens and closes nothing. */
const DESCRIPTIVE_FIELDS = [
  'make',
  'model',
  'serial',
  'location',
  'owner',
  'software',
  'holdsPhi',
  'criticality',
  'contacts',
  'automation',
] as const satisfies readonly (keyof PolicyDevice)[];

const MODE_ORDER = ['enforce', 'shadow', 'observe'] as const;

function diffDevice(
  name: string,
  before: PolicyDevice | undefined,
  after: PolicyDevice | undefined,
  add: Add,
): void {
  if (!before || !after) {
    const device = after ?? before;
    const summary =
      device &&
      `${device.mode}, ${device.identity.macs.join(' ')}, ${counted(device.allow.length, 'entry', 'entries')}`;
    add(
      ['devices', name],
      before && summary,
      after && summary,
      after !== undefined && (after.allow.length > 0 || after.mode !== 'enforce'),
    );
    return;
  }
  add(
    ['devices', name, 'mode'],
    before.mode,
    after.mode,
    MODE_ORDER.indexOf(after.mode) > MODE_ORDER.indexOf(before.mode),
  );
  add(['devices', name, 'identity'], before.identity, after.identity, true);
  for (const key of DESCRIPTIVE_FIELDS) add(['devices', name, key], before[key], after[key], false);
  add(['devices', name, 'template'], before.template, after.template, after.template !== undefined);
  diffEntries(['devices', name], ownEntries(before), ownEntries(after), add);
}

/** Without those of its template, which are told of once, where they are written. */
function ownEntries({ allow }: PolicyDevice): readonly AllowEntry[] {
  return allow.filter(({ origin }) => origin?.section !== 'templates');
}

/**
 * By what an entry permits, not by its place: an entry put first does not change all the others. Only another end (`until`) is a
 * change of the same entry: it widens where it is later, or taken away.
 */
function diffEntries(
  owner: readonly [section: string, name: string],
  before: readonly AllowEntry[],
  after: readonly AllowEntry[],
  add: Add,
): void {
  const placed = (entries: readonly AllowEntry[]): Map<string, { index: number; entry: AllowEntry }> =>
    new Map(entries.map((entry, index) => [entryText({ ...entry, until: undefined }), { index, entry }]));
  const [old, now] = [placed(before), placed(after)];
  for (const [text, { index, entry }] of old)
    if (!now.has(text)) add([...owner, 'allow', index], entryText(entry), undefined, false);
  for (const [text, { index, entry }] of now) {
    const was = old.get(text)?.entry;
    const isLater = was?.until !== undefined && (entry.until?.endsMs ?? Infinity) > was.until.endsMs;
    add([...owner, 'allow', index], was && entryText(was), entryText(entry), was === undefined || isLater);
  }
}

/** `out tcp 104 to 10.77.0.1, essential, until 2027-03-01: DICOM store`. */
export function entryText(entry: AllowEntry): string {
  const towards = entry.direction === 'out' ? 'to' : 'from';
  return `${entry.direction} ${entry.protocol}${serviceText(entry)} ${towards} ${peerText(entry.peer)}${entry.essential ? ', essential' : ''}${entry.until === undefined ? '' : `, until ${entry.until.text}`}: ${entry.why}`;
}

/** ` 104,5000-5010 from port 1024-65535 over ipv4`. */
function serviceText({ ports, sourcePorts, icmpTypes, family }: AllowEntry): string {
  return [
    ports === undefined ? '' : ` ${ports.map(portText).join(',')}`,
    icmpTypes === undefined ? '' : ` type ${icmpTypes.map(icmpTypeText).join(',')}`,
    sourcePorts === undefined ? '' : ` from port ${sourcePorts.map(portText).join(',')}`,
    family === undefined ? '' : ` over ${family}`,
  ].join('');
}

function peerText(peer: Peer): string {
  if (peer === 'any') return 'any';
  if ('address' in peer) return peer.address.text;
  if ('network' in peer) return peer.network.text;
  if ('name' in peer) return peer.name;
  if ('device' in peer) return `device ${peer.device}`;
  return variableOf(peer.group) === null ? `group ${peer.group}` : peer.group;
}

function namesOf(...records: readonly object[]): readonly string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))].sort();
}

/** Addresses and networks as people write them; everything else as JSON. */
function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && 'family' in inner && 'text' in inner ? inner.text : inner,
  );
}
