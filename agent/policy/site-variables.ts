/**
 * What `$name` stands for at a box, beside the policy: as text for disk and messages, and how what the configuration says now
 * differs from what counts. A policy keeps the variables that it was applied with: a list that one person approved changes
 * by an apply, not by an edit of another file and a restart. Pure.
 */
import { z } from 'zod';
import { variableOf } from './expand-templates.js';
import { ownValue } from './resolve-peers.js';
import { MAX_GROUP_MEMBERS, siteVariables, type Policy, type SiteVariables } from './schema.js';

/** As the configuration has them, canonical. */
export const writtenVariables = z.record(
  z.string().max(64),
  z.array(z.record(z.string().max(16), z.string().max(300))).max(MAX_GROUP_MEMBERS),
);
export type WrittenVariables = z.infer<typeof writtenVariables>;

type Members = SiteVariables[string];

export function writeVariables(variables: SiteVariables): WrittenVariables {
  return Object.fromEntries(
    Object.entries(variables).map(([name, members]) => [name, writeMembers(members)]),
  );
}

/** Throws where the text was not written by `writeVariables`. */
export function readVariables(written: WrittenVariables): SiteVariables {
  return siteVariables.parse(written);
}

/** Variables, without the `$`, that devices of the policy use and that would stand for something else with these of the box. Sorted. */
export function changedVariables(policy: Policy, own: SiteVariables): readonly string[] {
  const said = (members: Members | undefined): string => JSON.stringify(members && writeMembers(members));
  const differing = new Set(
    Object.entries(policy.groups).flatMap(([group, members]) => {
      const name = variableOf(group);
      if (name === null) return [];
      const next = ownValue(own, name) ?? ownValue(policy.site.variables, name);
      return said(members) === said(next) ? [] : [name];
    }),
  );
  if (differing.size === 0) return [];
  const used = new Set<string>();
  for (const { allow } of Object.values(policy.devices))
    for (const { peer } of allow) {
      const name = typeof peer === 'object' && 'group' in peer ? variableOf(peer.group) : null;
      if (name !== null && differing.has(name)) used.add(name);
    }
  return [...used].sort();
}

function writeMembers(members: Members): WrittenVariables[string] {
  return members.map((member): Record<string, string> => {
    if ('address' in member) return { address: member.address.text };
    return 'network' in member ? { network: member.network.text } : { name: member.name };
  });
}
