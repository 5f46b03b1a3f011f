/**
 * Numbers for devices: what marks carry. A number is never given to another device, so that a containment order in the
 * kernel, keyed by it, can never come to mean somebody else after a change of policy. Pure; the enforcer keeps the
 * table on disk.
 */
import { DEVICE_MASK, FIRST_DEVICE_ID } from './marks.js';

export type DeviceIds = ReadonlyMap<string, number>;

export const NO_IDS: DeviceIds = new Map();

/**
 * The table with every one of `names` in it. Known names keep their number; new ones get the next numbers in
 * alphabetical order. Throws RangeError when the 20 bits are used up (about a million devices over a box's life).
 */
export function assignIds(names: Iterable<string>, known: DeviceIds): DeviceIds {
  const ids = new Map(known);
  let next = FIRST_DEVICE_ID;
  for (const id of known.values()) if (id >= next) next = id + 1;
  for (const name of [...names].sort()) {
    if (ids.has(name)) continue;
    if (next > DEVICE_MASK) throw new RangeError(`no device number is left below ${DEVICE_MASK}`);
    ids.set(name, next);
    next += 1;
  }
  return ids;
}
