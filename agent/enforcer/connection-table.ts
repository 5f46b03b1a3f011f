/**
 * Packets that the kernel dropped because its table of connections is full: no rule sees them and no counter of ours counts them, so they
 * are read from the kernel's own statistics. Told when it begins, and again when it goes on.
 *
 * The kernel counts as dropped, too, a packet that lost a race: two first packets of one connection, both without an entry yet, as when they were held
 * at the same time (nf_conntrack_core.c, nf_ct_resolve_clash). Those it counts as failed insertions as well, so that they can be told apart.
 */
import { readFileSync } from 'node:fs';

const STATISTICS = '/proc/net/stat/nf_conntrack';
const TELL_AGAIN_MS = 600_000;

export class ConnectionTable {
  readonly #now: () => number;
  readonly #onFull: (detail: string) => void;
  readonly #first: number;
  #last: number;
  #toldMs: number | null = null;

  constructor(now: () => number, onFull: (detail: string) => void) {
    this.#now = now;
    this.#onFull = onFull;
    this.#first = readDropped();
    this.#last = this.#first;
  }

  /** Since the start. */
  get dropped(): number {
    return Math.max(0, readDropped() - this.#first);
  }

  /** Call now and then. */
  look(): void {
    const dropped = readDropped();
    const isMore = dropped > this.#last;
    this.#last = dropped;
    if (!isMore || (this.#toldMs !== null && Math.abs(this.#now() - this.#toldMs) < TELL_AGAIN_MS)) return;
    this.#toldMs = this.#now();
    this.#onFull(
      `${dropped - this.#first} packets of new connections were dropped: raise net.netfilter.nf_conntrack_max, and see who opens so many`,
    );
  }
}

function readDropped(): number {
  try {
    return droppedForFullTable(readFileSync(STATISTICS, 'latin1'));
  } catch {
    return 0;
  }
}

/** `statistics`: one line for each processor under a line of titles; hexadecimal. 0 where the kernel names no such columns. */
export function droppedForFullTable(statistics: string): number {
  const [titles = [], ...lines] = statistics
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const sum = (title: string): number => {
    const column = titles.indexOf(title);
    return lines.reduce((total, line) => total + (Number.parseInt(line[column] ?? '0', 16) || 0), 0);
  };
  return Math.max(0, sum('drop') - sum('insert_failed'));
}
