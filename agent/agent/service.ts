/** The agent as a service: tells systemd that it is ready and alive (sd_notify(3)), and hears when to stop. Used by main.ts. */
import { sdNotify } from '../netlink/sd-notify.js';

/** A sign of life twice in the time that systemd grants, as sd_watchdog_enabled(3) advises. */
const WATCHDOG_SHARE = 2;

type Environment = Readonly<Record<string, string | undefined>>;

/** Says READY and keeps the watchdog fed; what it returns says STOPPING and ends that. Without systemd, nothing is said. */
export function startService(environment: Environment, pid: number): () => void {
  sdNotify('READY=1', environment);
  const periodMs = Number(environment['WATCHDOG_USEC'] ?? 0) / 1000;
  const isForUs = environment['WATCHDOG_PID'] === undefined || Number(environment['WATCHDOG_PID']) === pid;
  const timer =
    periodMs > 0 && isForUs
      ? setInterval(() => {
          sdNotify('WATCHDOG=1', environment);
        }, periodMs / WATCHDOG_SHARE)
      : null;
  return () => {
    if (timer) clearInterval(timer);
    sdNotify('STOPPING=1', environment);
  };
}

/** Resolves when told to stop: by `signal`, or by SIGTERM or SIGINT where none is given. */
export function stopSignal(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      resolve();
    };
    if (signal?.aborted) stop();
    else if (signal) signal.addEventListener('abort', stop, { once: true });
    else for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, stop);
  });
}
