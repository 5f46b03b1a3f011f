/**
 * Streaming half-space trees: Tan, Ting, Liu, "Fast Anomaly Detection for Streaming Data", IJCAI 2011. Random trees halve the space of
 * the features; a point is unusual when few points of the window before fell where it falls. The trees are the same for all subjects, and
 * each has its own masses. Used by outlier.ts. Pure; deterministic; allocates nothing after it was made.
 */
const TREES = 16;
const DEPTH = 7;
const NODES = 1 << (DEPTH + 1);
/** Nodes with fewer points than this share of a window are not looked into further. */
const SIZE_LIMIT = 0.1;
const SEED = 0x2545f491;

export class HalfSpaceTrees {
  readonly #window: number;
  readonly #dimension: Uint8Array;
  readonly #split: Float64Array;
  /** Masses of the window before, which judges, and of this one, which learns: by subject, tree and node. */
  readonly #judging: Uint16Array;
  readonly #learning: Uint16Array;

  /** `window`: points that a subject's masses are made of. 16 KiB a subject. */
  constructor(subjects: number, dimensions: number, window: number) {
    this.#window = window;
    this.#dimension = new Uint8Array(TREES * NODES);
    this.#split = new Float64Array(TREES * NODES);
    this.#judging = new Uint16Array(subjects * TREES * NODES);
    this.#learning = new Uint16Array(subjects * TREES * NODES);
    let state = SEED;
    // xorshift32 (Marsaglia 2003): the same trees on every box, so that a replay is what was live.
    const random = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 0x1_0000_0000;
    };
    for (let tree = 0; tree < TREES; tree++) {
      const ranges = Array.from({ length: dimensions }, () => {
        const centre = random();
        const reach = 2 * Math.max(centre, 1 - centre);
        return [centre - reach, centre + reach] as const;
      });
      this.#build(tree, 1, ranges, random);
    }
  }

  forget(subject: number): void {
    const from = subject * TREES * NODES;
    this.#judging.fill(0, from, from + TREES * NODES);
    this.#learning.fill(0, from, from + TREES * NODES);
  }

  /** Adds a point, given as features from about 0 to 1; returns its mass in the window before: high is usual. */
  add(subject: number, point: Float64Array): number {
    let score = 0;
    for (let tree = 0; tree < TREES; tree++) {
      const base = (subject * TREES + tree) * NODES;
      const shape = tree * NODES;
      let node = 1;
      let isScored = false;
      for (let depth = 0; ; depth++) {
        const mass = this.#judging[base + node] ?? 0;
        if (!isScored && (depth === DEPTH || mass <= this.#window * SIZE_LIMIT)) {
          score += mass * 2 ** depth;
          isScored = true;
        }
        this.#learning[base + node] = Math.min(0xffff, (this.#learning[base + node] ?? 0) + 1);
        if (depth === DEPTH) break;
        const value = point[this.#dimension[shape + node] ?? 0] ?? 0;
        node = node * 2 + (value < (this.#split[shape + node] ?? 0) ? 0 : 1);
      }
    }
    return score / TREES;
  }

  /** The window is full: what was learnt judges from now on. */
  turn(subject: number): void {
    const from = subject * TREES * NODES;
    this.#judging.set(this.#learning.subarray(from, from + TREES * NODES), from);
    this.#learning.fill(0, from, from + TREES * NODES);
  }

  #build(
    tree: number,
    node: number,
    ranges: readonly (readonly [number, number])[],
    random: () => number,
  ): void {
    if (node >= NODES) return;
    const dimension = Math.floor(random() * ranges.length);
    const [low, high] = ranges[dimension] ?? [0, 1];
    const middle = (low + high) / 2;
    this.#dimension[tree * NODES + node] = dimension;
    this.#split[tree * NODES + node] = middle;
    this.#build(tree, node * 2, ranges.with(dimension, [low, middle]), random);
    this.#build(tree, node * 2 + 1, ranges.with(dimension, [middle, high]), random);
  }
}
