/**
 * The text of a policy to a policy, or every problem it has. Called by the enforcer before it applies one and by the CLI.
 * A policy with one problem is refused whole. It must never throw, whatever the text.
 */
import { checkPolicy, type CheckContext } from './check-policy.js';
import { expandTemplates } from './expand-templates.js';
import type { Problem } from './problem.js';
import { readYaml } from './read-yaml.js';
import {
  device as deviceSchema,
  MAX_DEVICES,
  NAME_PATTERN,
  policy as policySchema,
  type Policy,
  type SiteVariables,
} from './schema.js';
import { checkShape, toProblems, type ShapeProblem, type ShapeResult } from './shape-problems.js';

/** As much as a message to the enforcer carries; a policy of 20,000 devices is about 12 MB. */
export const MAX_POLICY_CHARS = 16 * 1024 * 1024;

export type PolicyResult =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * `variables`: those of the box, which come before those of the policy. Records of the policy have no prototype: `policy.devices['constructor']` is a device or nothing. */
export function parsePolicy(text: string, variables: SiteVariables = {}): PolicyResult {
  const yaml = readYaml(text, 'policy', MAX_POLICY_CHARS);
  if (!yaml.ok) return yaml;
  const checked = checkDocument(yaml.value, variables);
  return checked.ok
    ? { ok: true, policy: checked.value }
    : { ok: false, problems: toProblems(checked.problems, yaml.lineOf) };
}

function checkDocument(document: unknown, variables: SiteVariables): ShapeResult<Policy> {
  const deviceNames = namesUnder(document, 'devices');
  const groupNames = namesUnder(document, 'groups');
  const templateNames = namesUnder(document, 'templates');
  if (deviceNames.size > MAX_DEVICES)
    return {
      ok: false,
      problems: [{ path: ['devices'], message: `${deviceNames.size} devices, above ${MAX_DEVICES}` }],
    };
  const shape = checkShape(policySchema, document);
  if (shape.ok) {
    const { policy, problems: unexpanded } = expandTemplates(
      withoutPrototypes(shape.value),
      variables,
      templateNames,
    );
    const problems = [
      ...unexpanded,
      ...checkPolicy(policy, { deviceNames, groupNames, entryIndex: (_, index) => index, siteIsKnown: true }),
    ];
    return problems.length === 0 ? { ok: true, value: policy } : { ok: false, problems };
  }
  const problems = [...shape.problems, ...unnamedDeviceProblems(document)];
  const rest = wellShaped(document, problems);
  if (rest) {
    const { policy, problems: unexpanded } = expandTemplates(rest.policy, variables, templateNames);
    problems.push(
      ...unexpanded,
      ...checkPolicy(policy, {
        deviceNames,
        groupNames,
        entryIndex: rest.entryIndex,
        siteIsKnown: rest.siteIsKnown,
      }),
    );
  }
  return { ok: false, problems };
}

function withoutPrototypes(policy: Policy): Policy {
  return {
    ...policy,
    groups: bare(policy.groups),
    templates: bare(policy.templates),
    devices: bare(policy.devices),
  };
}

function bare<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, record);
}

/** The schema stops at a bad name; the device under it is looked at all the same. */
function unnamedDeviceProblems(document: unknown): readonly ShapeProblem[] {
  return Object.entries(recordUnder(document, 'devices')).flatMap(([name, value]) => {
    if (NAME_PATTERN.test(name)) return [];
    const checked = checkShape(deviceSchema, value);
    if (checked.ok) return [];
    return checked.problems.map((problem) => ({ ...problem, path: ['devices', name, ...problem.path] }));
  });
}

/**
 * The parts of a document whose shape is right, as a policy, so that the checks across it need not wait until everything
 * else is repaired. Null when not even that can be made of it.
 */
function wellShaped(
  document: unknown,
  problems: readonly ShapeProblem[],
): ({ readonly policy: Policy } & Pick<CheckContext, 'entryIndex' | 'siteIsKnown'>) | null {
  const badDevices = new Set<string>();
  const badGroups = new Set<string>();
  const badTemplates = new Set<string>();
  const badEntries = new Map<string, Set<number>>();
  for (const { path } of problems) {
    const [section, name, key, index] = path;
    if (section === 'groups') badGroups.add(String(name));
    if (section === 'templates') badTemplates.add(String(name));
    if (section !== 'devices') continue;
    if (key === 'allow' && typeof index === 'number') {
      const indices = badEntries.get(String(name)) ?? new Set();
      badEntries.set(String(name), indices.add(index));
    } else badDevices.add(String(name));
  }
  const positions = new Map<string, readonly number[]>();
  const devices = bare<unknown>({});
  for (const [name, value] of Object.entries(recordUnder(document, 'devices'))) {
    if (badDevices.has(name)) continue;
    const bad = badEntries.get(name);
    const allow: unknown = bad && isRecord(value) ? value['allow'] : undefined;
    if (!bad || !Array.isArray(allow)) {
      devices[name] = value;
      continue;
    }
    const kept = [...allow.keys()].filter((index) => !bad.has(index));
    positions.set(name, kept);
    devices[name] = { ...(value as object), allow: kept.map((index) => allow[index] as unknown) };
  }
  const without = (section: string, bad: ReadonlySet<string>) =>
    bare(
      Object.fromEntries(Object.entries(recordUnder(document, section)).filter(([name]) => !bad.has(name))),
    );
  const siteIsKnown = !problems.some(({ path }) => path[0] === 'site');
  const result = policySchema.safeParse({
    version: 1,
    site: siteIsKnown ? recordUnder(document, 'site') : { name: 'unnamed' },
    groups: without('groups', badGroups),
    templates: without('templates', badTemplates),
    devices,
  });
  if (!result.success) return null;
  return {
    policy: withoutPrototypes(result.data),
    entryIndex: (device, index) => positions.get(device)?.[index] ?? index,
    siteIsKnown,
  };
}

function namesUnder(document: unknown, key: string): ReadonlySet<string> {
  return new Set(Object.keys(recordUnder(document, key)));
}

function recordUnder(document: unknown, key: string): Readonly<Record<string, unknown>> {
  const value = isRecord(document) ? document[key] : undefined;
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
