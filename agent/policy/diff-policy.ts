/**
 * What changes between two policies, in words, and whether it lets anything through that was refused before. Called by
 * `cordon policy diff` and before an apply. When in doubt a change widens: it must never call a widening harmless.
 */
import { entryKey, peerText, portText } from './check-policy.js';
import { UNKNOWN_DEVICES_DEFAULT } from './default-policy.js';
import { ownValue } from './resolve-peers.js';
import type { AllowEntry, DeviceMode, Policy, PolicyDevice } from './schema.js';

export interface PolicyChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** In the policy after, or for what was removed in the one before. */
  readonly path: string;
  readonly device: string | null;
  readonly text: string;
  /** Something may pass that did not before, while contained included. */
  readonly widens: boolean;
}

/** In the order of the document: site, unknown devices, groups, devices, detectors. Empty: they mean the same. */
export function diffPolicies(before: Policy, after: Policy): readonly PolicyChange[] {
  return [
    ...diffValue('site', before.site, after.site),
    ...diffUnknown(before, after),
    ...diffGroups(before, after),
    ...keysOf(before.devices, after.devices).flatMap((name) => diffDevice(name, before, after)),
    ...diffValue('detect', before.detect, after.detect),
  ];
}

const STRICTNESS: Readonly<Record<DeviceMode, number>> = { observe: 0, shadow: 0, enforce: 1 };

function diffUnknown(before: Policy, after: Policy): readonly PolicyChange[] {
  const was = before.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT;
  const is = after.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT;
  if (was === is) return [];
  return [change('changed', 'unknownDevices', null, `${was} -> ${is}`, is === 'observe')];
}

function diffGroups(before: Policy, after: Policy): readonly PolicyChange[] {
  return keysOf(before.groups, after.groups).flatMap((name) => {
    const was = new Set((ownValue(before.groups, name) ?? []).map(peerText));
    const is = new Set((ownValue(after.groups, name) ?? []).map(peerText));
    const path = `groups.${name}`;
    return [
      ...[...is].filter((each) => !was.has(each)).map((each) => change('added', path, null, each, true)),
      ...[...was].filter((each) => !is.has(each)).map((each) => change('removed', path, null, each, false)),
      ...(is.size === 0 && was.size === 0
        ? [ownValue(before.groups, name), ownValue(after.groups, name)].flatMap((group, side) =>
            group && !ownValue(side === 0 ? after.groups : before.groups, name)
              ? [change(side === 0 ? 'removed' : 'added', path, null, 'an empty group', false)]
              : [],
          )
        : []),
    ];
  });
}

function diffDevice(name: string, before: Policy, after: Policy): readonly PolicyChange[] {
  const was = ownValue(before.devices, name);
  const is = ownValue(after.devices, name);
  const path = `devices.${name}`;
  if (!was && is) {
    const widens = is.mode !== 'enforce' || is.allow.length > 0;
    return [change('added', path, name, `in ${is.mode}, ${countText(is.allow.length)}`, widens)];
  }
  if (was && !is) {
    const unknown = after.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT;
    const text = `was in ${was.mode}, ${countText(was.allow.length)}; unknown devices: ${unknown}`;
    return [change('removed', path, name, text, unknown === 'observe')];
  }
  if (!was || !is) return [];
  return [
    ...diffIdentity(path, name, was, is),
    ...(was.mode === is.mode
      ? []
      : [
          change(
            'changed',
            `${path}.mode`,
            name,
            `${was.mode} -> ${is.mode}`,
            STRICTNESS[is.mode] < STRICTNESS[was.mode],
          ),
        ]),
    ...(was.automation === is.automation
      ? []
      : [
          change(
            'changed',
            `${path}.automation`,
            name,
            `${was.automation} -> ${is.automation}`,
            is.automation === 'none',
          ),
        ]),
    ...DESCRIPTIVE.flatMap((key) => diffValue(`${path}.${key}`, was[key], is[key], name)),
    ...diffEntries(path, name, was.allow, is.allow),
  ];
}

const DESCRIPTIVE = [
  'make',
  'model',
  'serial',
  'location',
  'owner',
  'software',
  'holdsPhi',
  'criticality',
  'contacts',
] as const satisfies readonly (keyof PolicyDevice)[];

/** A new MAC or address hands the list to another machine; fixing addresses where they were learnt narrows. */
function diffIdentity(
  path: string,
  name: string,
  before: PolicyDevice,
  after: PolicyDevice,
): readonly PolicyChange[] {
  const lists = [
    ['macs', before.identity.macs, after.identity.macs],
    ['addresses', textsOf(before), textsOf(after)],
  ] as const;
  return lists.flatMap(([key, was, is]) => [
    ...is
      .filter((each) => !was.includes(each))
      .map((each) => change('added', `${path}.identity.${key}`, name, each, true)),
    ...was
      .filter((each) => !is.includes(each))
      .map((each) =>
        change('removed', `${path}.identity.${key}`, name, each, key === 'addresses' && is.length === 0),
      ),
  ]);
}

function textsOf(device: PolicyDevice): readonly string[] {
  return device.identity.addresses.map(({ text }) => text);
}

function diffEntries(
  path: string,
  name: string,
  before: readonly AllowEntry[],
  after: readonly AllowEntry[],
): readonly PolicyChange[] {
  const was = new Map(before.map((entry, index) => [entryKey(entry), { entry, index }]));
  const is = new Map(after.map((entry, index) => [entryKey(entry), { entry, index }]));
  const changes: PolicyChange[] = [];
  for (const [key, { entry, index }] of is) {
    const at = `${path}.allow[${index}]`;
    const old = was.get(key)?.entry;
    if (!old) changes.push(change('added', at, name, entryText(entry), true));
    else {
      if (old.essential !== entry.essential)
        changes.push(
          change(
            'changed',
            `${at}.essential`,
            name,
            `${old.essential} -> ${entry.essential}: ${entryText(entry)}`,
            entry.essential,
          ),
        );
      changes.push(...diffValue(`${at}.why`, old.why, entry.why, name));
    }
  }
  for (const [key, { entry, index }] of was)
    if (!is.has(key))
      changes.push(change('removed', `${path}.allow[${index}]`, name, entryText(entry), false));
  return changes;
}

/** `out to address 10.0.0.1, tcp 104, 11112 (essential)`. */
export function entryText(entry: AllowEntry): string {
  const ports = entry.ports ? ` ${entry.ports.map(portText).join(', ')}` : '';
  const peer = `${entry.direction === 'out' ? 'out to' : 'in from'} ${peerText(entry.peer)}`;
  return `${peer}, ${entry.protocol}${ports}${entry.essential ? ' (essential)' : ''}`;
}

/** For what neither opens nor closes anything. */
function diffValue(
  path: string,
  before: unknown,
  after: unknown,
  device: string | null = null,
): readonly PolicyChange[] {
  const was = JSON.stringify(before) as string | undefined;
  const is = JSON.stringify(after) as string | undefined;
  if (was === is) return [];
  const kind = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
  if (isRecord(before) && isRecord(after))
    return keysOf(before, after).flatMap((key) =>
      diffValue(`${path}.${key}`, before[key], after[key], device),
    );
  return [change(kind, path, device, [was, is].filter((each) => each !== undefined).join(' -> '), false)];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keysOf(...records: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))];
}

function countText(entries: number): string {
  return entries === 1 ? '1 allow entry' : `${entries} allow entries`;
}

function change(
  kind: PolicyChange['kind'],
  path: string,
  device: string | null,
  text: string,
  widens: boolean,
): PolicyChange {
  return { kind, path, device, text, widens };
}
