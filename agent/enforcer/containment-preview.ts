/**
 * What an order would stop, read from the live connections, before anybody gives it: a person must see what a patient may
 * depend on. Changes nothing. Judges with the very decision that the order itself uses (cut-connections.ts).
 */
import { effectsOf, levelOf, membersOf, ordersOn } from '../containment/effects.js';
import { confirmationWord, createOrder, type Orders } from '../containment/orders.js';
import { RequestError } from '../ipc/errors.js';
import type { ContainmentPreview, LiveConnection, PreviewedDevice } from '../messages/enforcer-messages.js';
import { MAX_PREVIEWED, MAX_PREVIEWED_DEVICES } from '../messages/enforcer-messages.js';
import type { ContainmentScope } from '../messages/vocabulary.js';
import { dumpConntrack, type ConntrackEntry } from '../netlink/conntrack.js';
import { addressFromBytes } from '../policy/address.js';
import { deviceAddresses, ownValue } from '../policy/resolve-peers.js';
import { BOTH_GUARDED, deviceOfMark } from '../ruleset/marks.js';
import { createCutDecision, type Situation } from './cut-connections.js';
import { describeConnection } from './describe-connection.js';

export interface Previewed {
  readonly scope: ContainmentScope;
  readonly level: 'contained' | 'cut';
  readonly sparesLifeSustaining: boolean;
}

/** Throws RequestError for a device or tag that the policy does not name. `orders`: those that hold already. */
export async function previewContainment(
  situation: Omit<Situation, 'effects'>,
  orders: Orders,
  { scope, level, sparesLifeSustaining }: Previewed,
  box: string,
): Promise<ContainmentPreview> {
  const { policy } = situation;
  const names = devicesOf(situation, scope);
  const would = createOrder(
    { scope, level, sparesLifeSustaining, by: '', source: 'cli', reason: '', forSeconds: null },
    1,
    scope !== 'box' && 'tag' in scope ? names : [],
    { wallMs: 0, steadyMs: 0 },
  );
  const effects = effectsOf([...orders, would], policy);
  const wouldCut = createCutDecision({ ...situation, effects });
  const counts = new Map(names.map((name) => [name, { stops: 0, goesOn: 0 }]));
  const isLifeSustaining = (name: string | null): boolean =>
    name !== null && ownValue(policy.devices, name)?.criticality === 'life-sustaining';
  const lists = { stops: [] as LiveConnection[], goesOn: [] as LiveConnection[] };
  const totals = { stops: 0, goesOn: 0 };
  const endsOf = createEnds(situation);
  for (const entry of await dumpConntrack()) {
    const end = endsOf(entry).find(({ device }) => reaches(would, device));
    if (end === undefined) continue;
    const kind = wouldCut(entry) ? 'stops' : 'goesOn';
    totals[kind] += 1;
    const count = counts.get(end.device ?? '');
    if (count) count[kind] += 1;
    const list = lists[kind];
    // Those that a patient may hang on push others out of a full list.
    if (list.length < MAX_PREVIEWED) list.push(describeConnection(entry, end.device, end.direction));
    else if (isLifeSustaining(end.device)) {
      const other = list.findLastIndex(({ device }) => !isLifeSustaining(device));
      if (other >= 0) list[other] = describeConnection(entry, end.device, end.direction);
    }
  }
  const devices = [...counts]
    .map(([device, count]): PreviewedDevice => {
      const after = levelOf(effects, device);
      return {
        device,
        lifeSustaining: isLifeSustaining(device),
        level: after === 'normal' ? level : after,
        ...count,
      };
    })
    .sort((a, b) => Number(b.lifeSustaining) - Number(a.lifeSustaining) || b.stops - a.stops);
  const lifeSustainingFirst = (a: LiveConnection, b: LiveConnection): number =>
    Number(isLifeSustaining(b.device)) - Number(isLifeSustaining(a.device));
  return {
    scope,
    level,
    confirmWith: confirmationWord(scope, box),
    devices: devices.slice(0, MAX_PREVIEWED_DEVICES),
    devicesTotal: devices.length,
    lifeSustainingTotal: devices.filter(({ lifeSustaining }) => lifeSustaining).length,
    stops: lists.stops.sort(lifeSustainingFirst),
    stopsTotal: totals.stops,
    goesOn: lists.goesOn.sort(lifeSustainingFirst),
    goesOnTotal: totals.goesOn,
  };
}

function reaches(order: Orders[number], device: string | null): boolean {
  return ordersOn([order], device).length > 0;
}

function devicesOf({ policy }: Pick<Situation, 'policy'>, scope: ContainmentScope): readonly string[] {
  if (scope === 'box') return Object.keys(policy.devices);
  if ('tag' in scope) {
    const members = membersOf(policy, scope.tag);
    if (members.length > 0) return members;
    throw new RequestError('unknown-device', `no device of the policy has the tag "${scope.tag}"`);
  }
  if (ownValue(policy.devices, scope.device) !== undefined) return [scope.device];
  throw new RequestError('unknown-device', `the policy has no device "${scope.device}"`);
}

interface GuardedEnd {
  /** Null: a device that the policy does not name. */
  readonly device: string | null;
  /** Who opened it, as seen from the device. */
  readonly direction: 'out' | 'in';
}

/** The guarded ends of a connection: none if it is not ours, two if both are guarded. */
function createEnds(situation: Omit<Situation, 'effects'>): (entry: ConntrackEntry) => readonly GuardedEnd[] {
  const names = new Map([...situation.ids].map(([name, id]) => [id, name]));
  const owners = new Map<string, string>();
  for (const name of Object.keys(situation.policy.devices))
    for (const { text } of deviceAddresses(situation.policy, name, situation.learned)) owners.set(text, name);
  return (entry) => {
    const marked = deviceOfMark(entry.mark);
    if (!marked) return [];
    const first: GuardedEnd = {
      device: names.get(marked.deviceId) ?? null,
      direction: marked.opened ? 'out' : 'in',
    };
    if ((entry.mark & BOTH_GUARDED) === 0) return [first];
    const other = owners.get(addressFromBytes(entry.original.destination).text) ?? null;
    return [first, { device: other, direction: 'in' }];
  };
}
