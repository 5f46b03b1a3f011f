/**
 * Reads an activity log line by line, oldest first, and says where it is not what was written: changed, taken out, put in, moved, cut off. Pure; used by
 * `cordon audit verify` over the files, without the agent. What it cannot know: whether somebody with root wrote the whole chain anew. For that there
 * are anchors: heads of the log that were seen elsewhere (by the broker, on a printed report, by the running agent).
 */
import { NOTHING_BEFORE, NO_HEAD, readEntry, type ActivityEntry, type Head, type Sha256 } from './entry.js';

export interface Anchor extends Head {
  /** Who saw it: `the running agent`, `--anchor`. */
  readonly from: string;
}

export interface ChainProblem {
  readonly segment: string;
  /** Counted from 1; 0 where it is about the file, or the end of the log. */
  readonly line: number;
  /** The sequence number that the line states. */
  readonly seq: number | null;
  readonly message: string;
}

export interface ChainReport {
  readonly entries: number;
  readonly first: Head | null;
  readonly last: Head;
  readonly problems: readonly ChainProblem[];
  readonly problemsTotal: number;
  /** Anchors that the log holds as they were seen. */
  readonly anchored: readonly string[];
  /** Entries that were dropped because they were older than what is to be kept: up to this one. */
  readonly droppedTo: number;
}

/** More are counted, not listed. */
const MAX_PROBLEMS = 1_000;

export class ChainVerifier {
  readonly #sha256: Sha256;
  readonly #anchors: readonly Anchor[];
  readonly #problems: ChainProblem[] = [];
  readonly #anchored = new Set<Anchor>();
  /** What `segment-dropped` says is gone: its last entry. */
  readonly #dropped = new Map<number, string>();
  #problemsTotal = 0;
  #entries = 0;
  #first: { readonly entry: ActivityEntry; readonly segment: string } | null = null;
  #last: Head = NO_HEAD;
  #segment = '';

  constructor(sha256: Sha256, anchors: readonly Anchor[] = []) {
    this.#sha256 = sha256;
    this.#anchors = anchors;
  }

  /** A line without its line feed. */
  take(segment: string, line: number, text: string): ActivityEntry | null {
    this.#segment = segment;
    const read = readEntry(text, this.#sha256);
    if (!read.ok) this.#report(line, read.entry?.seq ?? null, `changed: ${read.problem}`);
    const { entry } = read;
    if (entry === null) return null;
    this.#entries += 1;
    this.#link(entry, line);
    this.#compare(entry, line);
    if (entry.what === 'segment-dropped' && entry.refers !== undefined)
      this.#dropped.set(entry.refers.seq, entry.refers.hash);
    return entry;
  }

  /** What is wrong with a file as a whole. */
  fault(segment: string, line: number, message: string): void {
    this.#segment = segment;
    this.#report(line, null, message);
  }

  finish(): ChainReport {
    const first = this.#first?.entry ?? null;
    if (first !== null && first.prev !== NOTHING_BEFORE) this.#checkBeginning(first);
    for (const anchor of this.#anchors)
      if (anchor.seq > this.#last.seq)
        this.#report(
          0,
          null,
          `cut off: the log ends with entry ${this.#last.seq}, and ${anchor.from} has seen entry ${anchor.seq}`,
        );
    return {
      entries: this.#entries,
      first: first === null ? null : { seq: first.seq, hash: first.hash },
      last: this.#last,
      problems: this.#problems,
      problemsTotal: this.#problemsTotal,
      anchored: [...this.#anchored].map(({ from }) => from),
      droppedTo: first === null ? 0 : first.seq - 1,
    };
  }

  #link(entry: ActivityEntry, line: number): void {
    if (this.#first === null) this.#first = { entry, segment: this.#segment };
    else if (entry.seq <= this.#last.seq) {
      // The chain is followed from the entry that was there already.
      this.#report(
        line,
        entry.seq,
        `moved or put in: entry ${entry.seq} stands after entry ${this.#last.seq}`,
      );
      return;
    } else if (entry.seq > this.#last.seq + 1) {
      const [from, to] = [this.#last.seq + 1, entry.seq - 1];
      this.#report(
        line,
        entry.seq,
        `missing before it: ${from === to ? `entry ${from}` : `entries ${from} to ${to}`}`,
      );
    } else if (entry.prev !== this.#last.hash)
      this.#report(
        line,
        entry.seq,
        `does not continue entry ${this.#last.seq}: one of them was written anew`,
      );
    this.#last = { seq: entry.seq, hash: entry.hash };
  }

  #compare(entry: ActivityEntry, line: number): void {
    for (const anchor of this.#anchors) {
      if (anchor.seq !== entry.seq) continue;
      if (anchor.hash === entry.hash) this.#anchored.add(anchor);
      else
        this.#report(
          line,
          entry.seq,
          `not the entry ${entry.seq} that ${anchor.from} has seen: written anew`,
        );
    }
  }

  /** A log that does not begin with its first entry must say itself that the rest was dropped. */
  #checkBeginning(first: ActivityEntry): void {
    if (this.#dropped.get(first.seq - 1) === first.prev) return;
    this.#segment = this.#first?.segment ?? '';
    this.#report(
      1,
      first.seq,
      `missing before it: entries 1 to ${first.seq - 1}, and no record says that they were dropped`,
    );
  }

  #report(line: number, seq: number | null, message: string): void {
    this.#problemsTotal += 1;
    if (this.#problems.length < MAX_PROBLEMS)
      this.#problems.push({ segment: this.#segment, line, seq, message });
  }
}
