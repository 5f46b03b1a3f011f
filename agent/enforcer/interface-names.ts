/**
 * Interface numbers, as packets carry them, to names. Read from sysfs when a number is new: ports come and go.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const SYS = '/sys/class/net';
/** A number that sysfs does not know is looked up again after this long. */
const RETRY_MS = 5_000;

/** Ports with their numbers, as one text that is another one when any of them is another interface. */
export function portsText(ports: readonly string[]): string {
  return ports.map((port) => `${port} ${interfaceNumber(port) ?? 'absent'}`).join(', ');
}

/** Another number under the same name is another interface: what was attached to the old one is gone. Null: no such interface. */
export function interfaceNumber(name: string): number | null {
  try {
    return Number(readFileSync(join(SYS, name, 'ifindex'), 'latin1'));
  } catch {
    return null;
  }
}

export function createInterfaceNames(now: () => number): (index: number) => string | null {
  let names = new Map<number, string>();
  let readMs = Number.NEGATIVE_INFINITY;
  return (index) => {
    const known = names.get(index);
    if (known !== undefined || index === 0) return known ?? null;
    if (now() - readMs < RETRY_MS) return null;
    readMs = now();
    names = readNames();
    return names.get(index) ?? null;
  };
}

function readNames(): Map<number, string> {
  const names = new Map<number, string>();
  for (const name of readdirSync(SYS)) {
    try {
      names.set(Number(readFileSync(join(SYS, name, 'ifindex'), 'utf8')), name);
    } catch {
      // It went away between the two reads, or is a file that is no interface (bonding_masters).
    }
  }
  return names;
}
