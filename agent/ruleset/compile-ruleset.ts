/**
 * Policy and known addresses in, ruleset out. Called by the enforcer before every change and by `cordon policy compile`.
 * The number of rules does not depend on the policy; it must never widen what the policy says.
 */
import type { Address, Family } from '../policy/address.js';
import type { BoxConfig } from '../policy/config.js';
import { UNKNOWN_DEVICES_DEFAULT } from '../policy/default-policy.js';
import {
  NOTHING_LEARNED,
  deviceAddresses,
  ownValue,
  type LearnedAddresses,
} from '../policy/resolve-peers.js';
import type { DeviceMode, Policy, PolicyDevice } from '../policy/schema.js';
import { addAllowElements, noElements } from './allow-elements.js';
import { assignIds, NO_IDS, type DeviceIds } from './assign-ids.js';
import { bridgeTable } from './bridge-table.js';
import { containmentSets, cutSets } from './containment-rules.js';
import { inetChains } from './inet-chains.js';
import { CONTACTED, OPENED, UNKNOWN_DEVICE_ID, markText } from './marks.js';
import { HELD_COUNTER, INSPECTING_SET, NOT_HELD_COUNTER, counterName } from './reasons.js';
import { namedSets } from './name-chains.js';
import { reasonsOf, refusalChains } from './refusal-chains.js';
import { RULESET_FORMAT, type Element, type Ruleset, type SetDefinition, type Table } from './ruleset.js';

const FAMILIES = [4, 6] as const;

/** Sets whose elements live in the kernel only: they come and go without a change of policy. */
export const RUNTIME_SETS: ReadonlySet<string> = new Set([
  ...[...containmentSets(), ...cutSets()].map(({ name }) => name),
  INSPECTING_SET,
  'refused_log_rate',
  'new_log_rate',
  'data_log_rate',
  'name_log_rate',
  ...namedSets().map(({ name }) => name),
]);

export interface CompileInput {
  readonly policy: Policy;
  readonly config: BoxConfig;
  /** Numbers of devices; missing ones are given (see assign-ids.ts). */
  readonly ids?: DeviceIds;
  /** Addresses learnt from the wire, for devices without fixed ones. */
  readonly learned?: LearnedAddresses;
  /** Written into set `generation`, so that the kernel can be asked which policy it enforces. */
  readonly generation?: number;
}

/** Deterministic: the same input gives the same text. Throws RangeError where a stated limit is passed. */
export function compileRuleset(input: CompileInput): Ruleset {
  const { policy, config, learned = NOTHING_LEARNED } = input;
  const ids = assignIds(Object.keys(policy.devices), input.ids ?? NO_IDS);
  const devices: Numbered[] = Object.entries(policy.devices)
    .map(([name, device]) => ({
      name,
      device,
      id: ids.get(name) ?? UNKNOWN_DEVICE_ID,
      addresses: deviceAddresses(policy, name, learned),
    }))
    .sort((a, b) => a.id - b.id);
  const inet: Table = {
    family: 'inet',
    name: 'cordon',
    counters: [
      'permitted_new',
      HELD_COUNTER,
      NOT_HELD_COUNTER,
      'would_refuse',
      ...reasonsOf('inet').map(counterName),
    ],
    sets: [
      generationSet(input.generation ?? 0),
      ...identitySets(devices),
      lenient(policy, devices),
      ...allowSets(policy, devices, learned),
      ...resolverSets(policy),
      ...namedSets(),
      ...runtimeSets(),
    ],
    chains: [...inetChains(config), ...refusalChains('inet')],
  };
  if (config.mode === 'router') return { format: RULESET_FORMAT, mode: 'router', tables: [inet] };
  const bridge = bridgeTable(
    config,
    devices.map(({ device, addresses }) => ({
      macs: device.identity.macs,
      addresses,
      isFixed: { 4: hasFixed(device, 4), 6: hasFixed(device, 6) },
    })),
  );
  return { format: RULESET_FORMAT, mode: 'bridge', tables: [inet, bridge] };
}

interface Numbered {
  readonly name: string;
  readonly device: PolicyDevice;
  readonly id: number;
  readonly addresses: readonly Address[];
}

function generationSet(generation: number): SetDefinition {
  return {
    kind: 'set',
    name: 'generation',
    comment: 'which policy this is',
    type: 'type mark',
    flags: [],
    contents: 'policy',
    elements: [{ key: String(generation) }],
  };
}

function identitySets(devices: readonly Numbered[]): readonly SetDefinition[] {
  const byMac = devices.flatMap(({ name, device, id }) =>
    device.identity.macs.map((mac) => ({
      key: mac,
      value: markText(id | OPENED),
      comment: `policy devices.${name}`,
    })),
  );
  const byAddress = (family: Family) =>
    devices.flatMap(({ name, id, addresses }) =>
      ofFamily(addresses, family).map((address) => ({
        key: address.text,
        value: markText(id | CONTACTED),
        comment: `policy devices.${name}`,
      })),
    );
  const fixed = (family: Family) =>
    devices
      .filter(({ device }) => hasFixed(device, family))
      .flatMap(({ device }) => device.identity.macs.map((mac) => ({ key: mac })));
  return [
    {
      kind: 'map',
      name: 'device_by_mac',
      comment: 'who sent it',
      type: 'type ether_addr : mark',
      flags: [],
      contents: 'policy',
      elements: byMac,
    },
    ...FAMILIES.map((family): SetDefinition => ({
      kind: 'map',
      name: `device_by_ip${family}`,
      comment: 'whom it is for',
      type: `type ipv${family}_addr : mark`,
      flags: [],
      contents: 'policy',
      elements: byAddress(family),
    })),
    ...FAMILIES.map((family): SetDefinition => ({
      kind: 'set',
      name: `bindings${family}`,
      comment: 'which MAC may use which address',
      type: `type ether_addr . ipv${family}_addr`,
      flags: [],
      contents: 'policy',
      elements: bindingsOf(devices, family),
    })),
    ...FAMILIES.map((family): SetDefinition => ({
      kind: 'set',
      name: `fixed_macs${family}`,
      comment: 'these use no other address than their own',
      type: 'type ether_addr',
      flags: [],
      contents: 'policy',
      elements: fixed(family),
    })),
  ];
}

/** Learnt addresses are bound to every MAC of their device: which of its ports uses which is the device's own affair. */
function bindingsOf(devices: readonly Numbered[], family: Family): readonly Element[] {
  return devices.flatMap(({ device, addresses }) =>
    device.identity.macs.flatMap((mac) =>
      ofFamily(addresses, family).map((address) => ({ key: `${mac} . ${address.text}` })),
    ),
  );
}

/** What happens to traffic of a device that no entry permits, where it is not refusal. */
function lenient(policy: Policy, devices: readonly Numbered[]): SetDefinition {
  const verdicts: Record<DeviceMode, string | null> = {
    observe: 'goto observed',
    shadow: 'goto would_refuse',
    enforce: null,
  };
  const elements = devices.flatMap(({ name, device, id }) =>
    both(id, verdicts[device.mode], `policy devices.${name}.mode`),
  );
  const unknown = policy.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT;
  return {
    kind: 'map',
    name: 'lenient',
    comment: 'devices in observe or shadow',
    type: 'type mark : verdict',
    flags: [],
    contents: 'policy',
    elements: [
      ...both(UNKNOWN_DEVICE_ID, unknown === 'observe' ? 'goto observed' : null, 'policy unknownDevices'),
      ...elements,
    ],
  };
}

function both(id: number, value: string | null, comment: string): readonly Element[] {
  return value === null
    ? []
    : [OPENED, CONTACTED].map((direction) => ({ key: markText(id | direction), value, comment }));
}

function allowSets(
  policy: Policy,
  devices: readonly Numbered[],
  learned: LearnedAddresses,
): readonly SetDefinition[] {
  const allow = noElements();
  const essential = noElements();
  for (const { name, id } of devices) {
    if (ownValue(policy.devices, name) === undefined) continue;
    addAllowElements(allow, name, id, policy, learned, 'allow');
    addAllowElements(essential, name, id, policy, learned, 'essential');
  }
  const key = (family: Family): string => `type mark . ipv${family}_addr . inet_proto . inet_service`;
  return (
    [
      ['allow', allow, true],
      ['essential', essential, false],
    ] as const
  ).flatMap(([name, elements, counter]) =>
    FAMILIES.flatMap((family): SetDefinition[] => [
      {
        kind: 'set',
        name: `${name}${family}`,
        type: key(family),
        flags: [],
        counter,
        contents: 'policy',
        elements: elements.exact[family],
      },
      {
        kind: 'set',
        name: `${name}${family}_ranges`,
        type: key(family),
        flags: ['interval'],
        counter,
        contents: 'policy',
        elements: elements.ranges[family],
      },
      {
        kind: 'set',
        name: `${name}${family}_sources`,
        type: `${key(family)} . inet_service`,
        flags: ['interval'],
        counter,
        contents: 'policy',
        elements: elements.sources[family],
      },
    ]),
  );
}

function resolverSets(policy: Policy): readonly SetDefinition[] {
  return FAMILIES.map((family) => ({
    kind: 'set',
    name: `resolvers${family}`,
    comment: 'whose answers say what names are',
    type: `type ipv${family}_addr`,
    flags: [],
    contents: 'policy',
    elements: ofFamily(policy.site.resolvers, family).map(({ text }) => ({ key: text })),
  }));
}

function runtimeSets(): readonly SetDefinition[] {
  const rate = (name: string): SetDefinition => ({
    kind: 'set',
    name,
    type: 'type mark',
    flags: ['dynamic', 'timeout'],
    size: 65535,
    timeoutSeconds: 60,
    contents: 'runtime',
    elements: [],
  });
  return [
    ...containmentSets(),
    {
      kind: 'set',
      name: INSPECTING_SET,
      comment: 'while the enforcer is well: which first packets are held',
      type: 'type nf_proto',
      flags: ['timeout'],
      contents: 'runtime',
      elements: [],
    },
    rate('refused_log_rate'),
    rate('new_log_rate'),
    rate('data_log_rate'),
    rate('name_log_rate'),
  ];
}

function hasFixed(device: PolicyDevice, family: Family): boolean {
  return ofFamily(device.identity.addresses, family).length > 0;
}

function ofFamily(addresses: readonly Address[], family: Family): readonly Address[] {
  return addresses.filter((address) => address.family === family);
}
