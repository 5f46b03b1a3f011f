/**
 * Packets that the kernel dropped because its table of connections is full: no rule sees them and no counter of ours counts them, so they
 * are read from the kernel's own statistics. Told when it begins, and again when it goes on.
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

/** One line for each processor under a line of titles; hexadecimal. 0 where the kernel keeps no such statistics. */
function readDropped(): number {
  try {
    const [titles = '', ...lines] = readFileSync(STATISTICS, 'latin1').trim().split('\n');
    const column = titles.trim().split(/\s+/).indexOf('drop');
    return lines.reduce(
      (sum, line) => sum + (Number.parseInt(line.trim().split(/\s+/)[column] ?? '0', 16) || 0),
      0,
    );
  } catch {
    return 0;
  }
}
