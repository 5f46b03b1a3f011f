/** How the box itself is: the figures of `tele/health`. Called by agent/main.ts about once a minute; never throws. */
import si from 'systeminformation';

/** A probe that hangs (a dead mount, a stuck sensor) gives null, not a silent box. */
const PROBE_TIMEOUT_MS = 5_000;

export interface Health {
  readonly cpuPercent: number | null;
  readonly loadAverage1m: number | null;
  readonly memoryTotalBytes: number | null;
  readonly memoryAvailableBytes: number | null;
  readonly diskSizeBytes: number | null;
  readonly diskFreeBytes: number | null;
  readonly temperatureCelsius: number | null;
  readonly uptimeSeconds: number | null;
}

/** `directory`: the disk that matters is the one that holds it. */
export async function readHealth(directory: string): Promise<Health> {
  const [load, memory, disks, temperature] = await Promise.all([
    probe(si.currentLoad()),
    probe(si.mem()),
    probe(si.fsSize()),
    probe(si.cpuTemperature()),
  ]);
  const disk = (disks ?? [])
    .filter((one) => directory === one.mount || directory.startsWith(one.mount.replace(/\/?$/, '/')))
    .sort((a, b) => b.mount.length - a.mount.length)[0];
  return {
    cpuPercent: rounded(load?.currentLoad),
    loadAverage1m: rounded(load?.avgLoad),
    memoryTotalBytes: memory?.total ?? null,
    memoryAvailableBytes: memory?.available ?? null,
    diskSizeBytes: disk?.size ?? null,
    diskFreeBytes: disk?.available ?? null,
    temperatureCelsius: rounded(temperature?.main ?? undefined),
    uptimeSeconds: rounded(si.time().uptime),
  };
}

async function probe<T>(reading: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      resolve(null);
    }, PROBE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([reading, tooLate]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function rounded(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 100) / 100;
}
