/** A MUD file as the policy of one device at the site of the tests, through the product's own parser of policies. */
import { importMud, type MudImport } from '../../../../agent/mud/import-mud.js';
import { parseMud } from '../../../../agent/mud/parse-mud.js';
import type { MudFile } from '../../../../agent/mud/mud-file.js';
import type { ClassTarget } from '../../../../agent/mud/site-classes.js';
import { parseAddress, parseNetwork } from '../../../../agent/policy/address.js';
import { parsePolicy } from '../../../../agent/policy/parse-policy.js';
import type { Policy } from '../../../../agent/policy/schema.js';
import { SITE } from './probes.js';
import type { Site } from './rfc8519.js';

export const DEVICE = 'thing';

type Json = Record<string, unknown>;

/** The text of a MUD file: one list in each direction, with these ACEs (or whatever stands in their place). */
export function mudText(
  { from, to }: { readonly from: unknown; readonly to: unknown },
  { type = 'ipv4-acl-type', lists = 'acls', mud = {} }: { type?: unknown; lists?: string; mud?: Json } = {},
): string {
  const list = (name: string, ace: unknown) => ({ name, type, aces: { ace } });
  const policy = (name: string) => ({ 'access-lists': { 'access-list': [{ name }] } });
  return JSON.stringify({
    'ietf-mud:mud': {
      'mud-version': 1,
      'mud-url': 'https://maker.example/thing',
      'from-device-policy': policy('from'),
      'to-device-policy': policy('to'),
      ...mud,
    },
    [`ietf-access-control-list:${lists}`]: { acl: [list('from', from), list('to', to)] },
  });
}

export function mudFile(text: string): MudFile {
  const parsed = parseMud(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems.slice(0, 5)));
  return parsed.file;
}

export interface ImportedDevice {
  readonly policy: Policy;
  readonly imported: MudImport;
}

export function importedDevice(file: MudFile, site: Site = SITE, more = ''): ImportedDevice {
  const classes = new Map(
    [...keysOf(file)].map((key): [string, readonly ClassTarget[]] => [
      key,
      site.classes(evaluatorKey(key)).map((text): ClassTarget => {
        const network = parseNetwork(text);
        if (network.ok) return { network: network.network };
        const address = parseAddress(text);
        if (!address) throw new Error(text);
        return { address };
      }),
    ]),
  );
  const resolvers = site.classes('controller urn:ietf:params:mud:dns');
  const base = policyOf(`version: 1\nsite: { name: x, resolvers: ${JSON.stringify(resolvers)} }\n`);
  const imported = importMud(file, { classes, policy: base });
  const document = {
    version: 1,
    site: {
      name: 'x',
      resolvers,
      mudClasses: Object.fromEntries([...imported.classOfGroup].map(([group, key]) => [key, group])),
    },
    groups: Object.fromEntries(imported.groups),
    devices: {
      [DEVICE]: {
        identity: { macs: ['02:00:00:00:00:0a'] },
        mode: 'enforce',
        make: 'Maker',
        model: 'Model',
        allow: imported.entries,
      },
    },
  };
  return { policy: policyOf(JSON.stringify(document) + more), imported };
}

function policyOf(text: string): Policy {
  const parsed = parsePolicy(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems.slice(0, 5)));
  return parsed.policy;
}

function keysOf(file: MudFile): ReadonlySet<string> {
  return new Set(file.aces.flatMap(({ matches }) => matches.flatMap(({ peer }) => peer.classes)));
}

/** As the evaluator of the tests has it. */
function evaluatorKey(key: string): string {
  const value = /^(manufacturer|model):(.+)$/.exec(key);
  if (value) return `${value[1] ?? ''} ${value[2] ?? ''}`;
  return ['my-controller', 'local-networks', 'same-manufacturer'].includes(key) ? key : `controller ${key}`;
}
