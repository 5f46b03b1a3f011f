/**
 * A clock that only ever passes, and the name of the boot that it counts from: what ends of orders are measured with. The same
 * time base as the kernel's timeouts; nobody can set it.
 */
import { readFileSync } from 'node:fs';

const NANOSECONDS_PER_MS = 1_000_000n;

/** Milliseconds since the boot, but for times of sleep. */
export function steadyMs(): number {
  return Number(process.hrtime.bigint() / NANOSECONDS_PER_MS);
}

/**
 * Another one after each boot. From systemd, which gives it to the unit (`%b`), because the enforcer sees nothing of /proc/sys
 * there. Empty where nobody knows: then no record is of this boot, which is the careful side.
 */
export function readBootId(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment['CORDON_BOOT_ID'] ?? '';
  if (/^[0-9a-f]{32}$/.test(given)) return given;
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
