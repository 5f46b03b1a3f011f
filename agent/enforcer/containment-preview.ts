/**
 * What an order would stop, read from the live connections, before anybody gives it: a person must see what a patient may
 * depend on. Changes nothing. Judges with the very decision that the order itself uses (cut-connections.ts).
 */
import { withOrder } from '../containment/orders.js';
import { RequestError } from '../ipc/errors.js';
import type { ContainmentPreview, LiveConnection } from '../messages/enforcer-messages.js';
import { MAX_PREVIEWED } from '../messages/enforcer-messages.js';
import { dumpConntrack, type ConntrackEntry } from '../netlink/conntrack.js';
import { addressFromBytes } from '../policy/address.js';
import { deviceAddresses, ownValue } from '../policy/resolve-peers.js';
import { BOTH_GUARDED, deviceOfMark } from '../ruleset/marks.js';
import { createCutDecision, type Situation } from './cut-connections.js';
import { describeConnection } from './describe-connection.js';

/** Throws RequestError for a device that the policy does not name. */
export async function previewContainment(
  situation: Situation,
  device: string,
  level: 'contained' | 'cut',
): Promise<ContainmentPreview> {
  const policy = ownValue(situation.policy.devices, device);
  if (!policy) throw new RequestError('unknown-device', `the policy has no device "${device}"`);
  const { orders } = withOrder(situation.orders, {
    device,
    level,
    by: '',
    source: 'cli',
    reason: '',
    sinceMs: 0,
    untilMs: null,
  });
  const wouldCut = createCutDecision({ ...situation, orders });
  const isOfDevice = createDeviceFilter(situation, device);
  const stops: LiveConnection[] = [];
  const goesOn: LiveConnection[] = [];
  const totals = { stops: 0, goesOn: 0 };
  for (const entry of await dumpConntrack()) {
    const direction = isOfDevice(entry);
    if (direction === null) continue;
    const stop = wouldCut(entry);
    totals[stop ? 'stops' : 'goesOn'] += 1;
    const list = stop ? stops : goesOn;
    if (list.length < MAX_PREVIEWED) list.push(describeConnection(entry, direction));
  }
  return {
    device,
    level,
    lifeSustaining: policy.criticality === 'life-sustaining',
    stops,
    stopsTotal: totals.stops,
    goesOn,
    goesOnTotal: totals.goesOn,
  };
}

/** Who opened it, as seen from the device; null for a connection of somebody else. */
function createDeviceFilter(
  situation: Situation,
  device: string,
): (entry: ConntrackEntry) => 'out' | 'in' | null {
  const id = situation.ids.get(device);
  const addresses = new Set(
    deviceAddresses(situation.policy, device, situation.learned).map(({ text }) => text),
  );
  return (entry) => {
    const marked = deviceOfMark(entry.mark);
    if (!marked) return null;
    if (marked.deviceId === id) return marked.opened ? 'out' : 'in';
    const isOther =
      (entry.mark & BOTH_GUARDED) !== 0 && addresses.has(addressFromBytes(entry.original.destination).text);
    return isOther ? 'in' : null;
  };
}
