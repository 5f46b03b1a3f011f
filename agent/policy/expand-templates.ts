/**
 * Templates and site variables of a policy, expanded: each device then has its whole list, each variable is a group. Called by
 * parse-policy.ts after the shape is right. Pure. What a name stands for is looked up here and nowhere else, so that the ruleset,
 * explain and diff mean the same by it; each entry keeps where it was written.
 */
import { didYouMean, formatPath, type PathPart } from './problem.js';
import { ownValue } from './resolve-peers.js';
import {
  MAX_ALLOW_ENTRIES,
  MAX_ALLOW_ENTRIES_PER_DEVICE,
  type AllowEntry,
  type EntryOrigin,
  type Policy,
  type SiteVariables,
} from './schema.js';
import type { ShapeProblem } from './shape-problems.js';

export interface Expansion {
  readonly policy: Policy;
  readonly problems: readonly ShapeProblem[];
}

/** `own`: variables of the box, which come before those of the policy. */
export function expandTemplates(
  written: Policy,
  own: SiteVariables,
  knownTemplates: ReadonlySet<string>,
): Expansion {
  const problems: ShapeProblem[] = [];
  const lists = new Map<string, readonly AllowEntry[]>();
  for (const name of Object.keys(written.templates)) listOf(name, []);
  // A small text can stand for many entries: past the limit, which check-policy.ts tells of, nothing more is made.
  let entries = 0;
  const devices: Policy['devices'] = Object.create(null) as Policy['devices'];
  for (const [name, device] of Object.entries(written.devices)) {
    const { template } = device;
    if (template === undefined) {
      devices[name] = device;
      continue;
    }
    if (!knownTemplates.has(template)) problems.push(unknown(['devices', name, 'template'], template));
    const inherited = entries > MAX_ALLOW_ENTRIES ? [] : (lists.get(template) ?? []);
    const allow = [...inherited, ...originated('devices', name, device.allow)];
    if (allow.length > MAX_ALLOW_ENTRIES_PER_DEVICE)
      problems.push({
        path: ['devices', name, 'allow'],
        message: `${allow.length} entries with those of its template, above ${MAX_ALLOW_ENTRIES_PER_DEVICE}`,
      });
    devices[name] = { ...device, allow };
    entries += allow.length;
  }
  const groups: Policy['groups'] = Object.assign(Object.create(null) as Policy['groups'], written.groups);
  for (const [name, members] of [...Object.entries(written.site.variables), ...Object.entries(own)])
    groups[variableGroup(name)] = members;
  return { policy: { ...written, groups, devices }, problems };

  /** Entries of a template with those that it extends, which come first; each template once. */
  function listOf(name: string, onTheWay: readonly string[]): readonly AllowEntry[] {
    const known = lists.get(name);
    if (known) return known;
    const template = ownValue(written.templates, name);
    if (!template) return [];
    const entries = new Map<string, AllowEntry>();
    for (const [index, base] of template.extends.entries()) {
      const path = ['templates', name, 'extends', index];
      if (!knownTemplates.has(base)) problems.push(unknown(path, base));
      else if (base === name || onTheWay.includes(base))
        problems.push({
          path,
          message: `"${name}" extends itself, by way of ${[...onTheWay, name, base].join(', ')}`,
        });
      else
        for (const entry of listOf(base, [...onTheWay, name])) entries.set(entryPath(name, 0, entry), entry);
    }
    const list = [...entries.values(), ...originated('templates', name, template.allow)];
    if (list.length > MAX_ALLOW_ENTRIES_PER_DEVICE)
      problems.push({
        path: ['templates', name],
        message: `${list.length} entries with those that it extends, above ${MAX_ALLOW_ENTRIES_PER_DEVICE}`,
      });
    lists.set(name, list.slice(0, MAX_ALLOW_ENTRIES_PER_DEVICE));
    return lists.get(name) ?? [];
  }

  function unknown(path: readonly PathPart[], name: string): ShapeProblem {
    const hint = didYouMean(name, knownTemplates);
    return { path, message: `there is no template "${name}"`, ...(hint === undefined ? {} : { hint }) };
  }
}

function originated(
  section: EntryOrigin['section'],
  name: string,
  entries: readonly AllowEntry[],
): readonly AllowEntry[] {
  return entries.map((entry, index) => ({ ...entry, origin: { section, name, index } }));
}

const VARIABLE = '$';

/** The group that stands for a variable; no document can write a group of that name. */
function variableGroup(name: string): string {
  return `${VARIABLE}${name}`;
}

/** The variable of such a group, without the `$`, or null. */
export function variableOf(group: string): string | null {
  return group.startsWith(VARIABLE) ? group.slice(VARIABLE.length) : null;
}

/** Where an entry was written: `devices.pump-1.allow[2]`, `templates.infusion-pump.allow[0]`. `index`: its place in the device's list. */
export function entryPath(device: string, index: number, { origin }: Pick<AllowEntry, 'origin'>): string {
  return formatPath(entryPlace(device, index, origin));
}

export function entryPlace(
  device: string,
  index: number,
  origin: EntryOrigin | undefined,
): readonly PathPart[] {
  return origin ? [origin.section, origin.name, 'allow', origin.index] : ['devices', device, 'allow', index];
}
