/**
 * Exceptions: allow entries with an end (`until`). Which there are, and what of a list still counts. Pure; when one may end is
 * the enforcer's to say (enforcer/exception-keeper.ts), after the rule in default-policy.ts (`exceptions`). An ended entry keeps its
 * place: paths and comments go on naming what the document has there.
 */
import { entryPath } from './expand-templates.js';
import type { AllowEntry, Policy } from './schema.js';
import type { Until } from './until.js';

/** What a patient needs is never ended by a clock: an essential entry past its end is only told of. */
export function isEnded(
  { until, essential }: Pick<AllowEntry, 'until' | 'essential'>,
  endedByMs: number,
): boolean {
  return until !== undefined && !essential && until.endsMs <= endedByMs;
}

/** The entries of a device that count, each with its place in the document. */
export function entriesInForce(
  device: string,
  allow: readonly AllowEntry[],
  endedByMs: number,
): readonly AllowEntry[] {
  if (!allow.some((entry) => isEnded(entry, endedByMs))) return allow;
  return allow.flatMap((entry, index) =>
    isEnded(entry, endedByMs)
      ? []
      : [{ ...entry, origin: entry.origin ?? { section: 'devices' as const, name: device, index } }],
  );
}

/** The same policy where none has ended. */
export function withoutEnded(policy: Policy, endedByMs: number): Policy {
  const changed = Object.entries(policy.devices).flatMap(([name, device]) => {
    const allow = entriesInForce(name, device.allow, endedByMs);
    return allow === device.allow ? [] : [[name, { ...device, allow }] as const];
  });
  if (changed.length === 0) return policy;
  const devices: Policy['devices'] = Object.assign(
    Object.create(null) as Policy['devices'],
    policy.devices,
    Object.fromEntries(changed),
  );
  return { ...policy, devices };
}

export interface Exception {
  /** Where it is written: `devices.pump-1.allow[2]`, `templates.infusion-pump.allow[0]`. */
  readonly path: string;
  /** Whose list it is in. Empty: of a template that no device has. */
  readonly devices: readonly string[];
  readonly until: Until;
  readonly essential: boolean;
  readonly entry: AllowEntry;
}

/** Each once, as written, the one that ends first first. */
export function exceptionsOf(policy: Policy): readonly Exception[] {
  const found = new Map<string, Omit<Exception, 'devices'> & { readonly devices: string[] }>();
  const add = (path: string, entry: AllowEntry, until: Until, device: string | null): void => {
    const known = found.get(path) ?? { path, until, essential: entry.essential, entry, devices: [] };
    found.set(path, known);
    if (device !== null) known.devices.push(device);
  };
  // Of a hundred thousand entries few have an end: a path is made for those.
  for (const [name, template] of Object.entries(policy.templates))
    for (const [index, entry] of template.allow.entries())
      if (entry.until !== undefined)
        add(
          entryPath(name, index, { origin: { section: 'templates', name, index } }),
          entry,
          entry.until,
          null,
        );
  for (const [name, { allow }] of Object.entries(policy.devices))
    for (const [index, entry] of allow.entries())
      if (entry.until !== undefined) add(entryPath(name, index, entry), entry, entry.until, name);
  return [...found.values()].sort((a, b) => a.until.endsMs - b.until.endsMs || (a.path < b.path ? -1 : 1));
}

/** `ended`: it permits nothing any more. `overdue`: essential and past its end; it goes on. `due`: past its end, and about to end. */
export type ExceptionState = 'running' | 'due' | 'ended' | 'overdue';

/** `endedByMs`: up to which time they were ended. */
export function exceptionState(
  { until, essential }: Pick<Exception, 'until' | 'essential'>,
  endedByMs: number,
  nowMs: number,
): ExceptionState {
  if (isEnded({ until, essential }, endedByMs)) return 'ended';
  if (until.endsMs > nowMs) return 'running';
  return essential ? 'overdue' : 'due';
}
