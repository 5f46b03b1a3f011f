/**
 * sd_notify(3): tells systemd `READY=1`, `WATCHDOG=1`, `STOPPING=1`. Called by process roots. Does nothing when systemd did
 * not ask, and never brings a process down: it says whether the message went out.
 */
import { loadAddon } from './native.js';

/**
 * `state` is newline-separated assignments. False when NOTIFY_SOCKET is unset or nobody could be told; a missing addon
 * still throws (ERR_ADDON_MISSING).
 */
export function sdNotify(state: string, environment: Readonly<Record<string, string | undefined>>): boolean {
  const path = environment['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return false;
  const addon = loadAddon();
  try {
    addon.notify(path, state);
    return true;
  } catch {
    // systemd went away or its queue is full: what it then does to us is its watchdog's decision, not ours.
    return false;
  }
}
