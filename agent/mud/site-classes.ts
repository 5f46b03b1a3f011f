/**
 * Who the classes of MUD files stand for at this site. Only the site says so: what it does not name is nobody. Pure.
 */
import type { Address, Network } from '../policy/address.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import { DNS_CLASS, LOCAL_NETWORKS } from './class-keys.js';

/** What a class stands for: hosts, networks, a group of the policy, or another class. */
export type ClassTarget =
  | { readonly address: Address }
  | { readonly network: Network }
  | { readonly group: string }
  | { readonly class: string };

export type SiteClasses = ReadonlyMap<string, readonly ClassTarget[]>;

export type ClassMember = { readonly address: Address } | { readonly network: Network };

export type ClassResolution =
  | { readonly ok: true; readonly members: readonly ClassMember[] }
  | { readonly ok: false; readonly problem: string };

export const MAX_CLASS_MEMBERS = 1_000;

/**
 * Beside the site's own networks: what no router passes on, so that it is on the local network wherever it comes from
 * (RFC 8520 section 8: `local-networks`; RFC 3927, RFC 4291 section 2.5.6, RFC 5771 section 4, RFC 2365 section 6.1, RFC 919).
 */
const LINK_SCOPE = [
  { family: 4, text: '169.254.0.0/16', prefixLength: 16 },
  { family: 4, text: '224.0.0.0/24', prefixLength: 24 },
  { family: 4, text: '239.255.0.0/16', prefixLength: 16 },
  { family: 4, text: '255.255.255.255/32', prefixLength: 32 },
  { family: 6, text: 'fe80::/10', prefixLength: 10 },
  { family: 6, text: 'ff02::/16', prefixLength: 16 },
] as const satisfies readonly Network[];

/** Every member, each once, following groups and other classes. */
export function resolveClass(
  key: string,
  classes: SiteClasses,
  policy: Pick<Policy, 'groups' | 'site'> | null,
): ClassResolution {
  const members = new Map<string, ClassMember>();
  const onTheWay = new Set<string>();
  const problem = collect(key);
  if (problem !== null) return { ok: false, problem };
  if (members.size > MAX_CLASS_MEMBERS)
    return {
      ok: false,
      problem: `stands for ${members.size} addresses and networks, above ${MAX_CLASS_MEMBERS}`,
    };
  return members.size > 0
    ? { ok: true, members: [...members.values()] }
    : { ok: false, problem: 'stands for nobody' };

  function collect(one: string): string | null {
    if (onTheWay.has(one)) return `stands for itself, by way of ${[...onTheWay].join(', ')}`;
    onTheWay.add(one);
    const targets = targetsOf(one);
    if (!targets)
      return one === key ? 'nobody has said who it stands for' : `nobody has said who ${one} stands for`;
    for (const target of targets) {
      if ('class' in target) {
        const problem = collect(target.class);
        if (problem !== null) return problem;
      } else if ('group' in target) {
        const group = policy ? ownValue(policy.groups, target.group) : undefined;
        if (!group) return `the policy has no group "${target.group}"`;
        for (const member of group) {
          if ('name' in member) return `the group "${target.group}" has names in it, which a class cannot`;
          add(member);
        }
      } else add(target);
    }
    onTheWay.delete(one);
    return null;
  }

  function add(member: ClassMember): void {
    members.set('address' in member ? member.address.text : member.network.text, member);
  }

  /** What the policy says already. An empty group is a class that nobody has named yet. */
  function groupOf(one: string): readonly ClassTarget[] | undefined {
    const group = policy ? ownValue(policy.site.mudClasses, one) : undefined;
    const members = group === undefined || !policy ? [] : (ownValue(policy.groups, group) ?? []);
    return group === undefined || members.length === 0 ? undefined : [{ group }];
  }

  function targetsOf(one: string): readonly ClassTarget[] | undefined {
    const given = classes.get(one) ?? groupOf(one);
    if (one === LOCAL_NETWORKS) {
      const named = given ?? policy?.site.networks.map((network) => ({ network })) ?? [];
      return named.length === 0 ? undefined : [...named, ...LINK_SCOPE.map((network) => ({ network }))];
    }
    if (given) return given;
    if (one === DNS_CLASS && policy && policy.site.resolvers.length > 0)
      return policy.site.resolvers.map((address) => ({ address }));
    return undefined;
  }
}

const MAX_GROUP_NAME_CHARS = 63;

/** The group that a class becomes in a policy: in the closed alphabet of names there, and the same for the same class. */
export function groupNameOf(key: string, taken: ReadonlySet<string>): string {
  const slug = key
    .toLowerCase()
    .replace(/^urn:ietf:params:mud:|^https?:\/\//, '')
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  for (let suffix = 0; ; suffix += 1) {
    const tail = suffix === 0 ? '' : `-${suffix}`;
    const name =
      `mud-${slug.slice(0, MAX_GROUP_NAME_CHARS - 4 - tail.length)}`.replace(/[^a-z0-9]+$/, '') + tail;
    if (!taken.has(name)) return name;
  }
}
