/**
 * Every open finding: opened by a detector, touched with each sighting, told when finding-life.ts says so. The same thing
 * has the same key and is one finding, whoever sees it again. Bounded: what does not fit is counted. Pure.
 */
import type { Finding } from '../messages/vocabulary.js';
import { nextTelling, tellingDueMs } from './finding-life.js';
import type { DetectorName } from './settings.js';
import { detectorBit } from './verdict.js';

export const MAX_OPEN_FINDINGS = 1_024;
/** Findings of one detector about one device; the rest is folded into one more, so that a flood is one line and not a page. */
export const FINDINGS_PER_SUBJECT = 16;
const MAX_FOLDED_PEERS = 16;
const MAX_TITLE = 500;

/** What can be said of a finding now. */
export interface Description {
  readonly severity: Finding['severity'];
  readonly title: string;
  readonly evidence: Finding['evidence'];
  readonly remedy: string;
}

/** What a detector hands over when it opens a finding. */
export interface Opening {
  readonly detector: DetectorName;
  /** The device (or the host on the network side) that it is about, as in the key. */
  readonly subject: string;
  /** The rest of the key. */
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string | null;
  readonly quietMs: number;
  readonly firstMs: number;
  /** Sightings up to now. */
  readonly count: number;
  /** For information: nothing is refused and nobody contained for it, whatever the detector's action. */
  readonly isOnlyTold?: boolean;
  /** Called whenever it is told. Null: nothing newer is known, what was said last stands. */
  describe(count: number, firstMs: number, lastMs: number): Description | null;
}

interface Open {
  readonly id: number;
  readonly key: string;
  readonly quotaKey: string;
  opening: Opening;
  description: Description | null;
  firstMs: number;
  lastMs: number;
  count: number;
  tellings: number;
  toldMs: number;
  isChanged: boolean;
  quietMs: number;
  /** Set for a finding that stands for many. */
  readonly folded: Folded | null;
}

interface Folded {
  findings: number;
  readonly peers: string[];
}

const NOTHING: readonly Finding[] = Object.freeze([]);

export class FindingBook {
  /** Findings that were not opened because the book was full. */
  refused = 0;
  /** Findings that were folded into one that stands for many. */
  folded = 0;
  /** Detectors whose findings were opened or touched since this was last set to 0, as bits. */
  touched = 0;
  readonly #byId = new Map<number, Open>();
  readonly #byKey = new Map<string, Open>();
  readonly #quota = new Map<string, number>();
  #told: Finding[] = [];
  #nextId = 1;

  get open(): number {
    return this.#byId.size;
  }

  /** Opens a finding, or takes one with the same key on. Returns its id, 0 when the book is full. */
  openFinding(opening: Opening, nowMs: number): number {
    const key = keyOf(opening.detector, opening.subject, opening.what);
    const quotaKey = `${opening.detector}:${opening.subject}`;
    const known = this.#byKey.get(key);
    if (known) return this.#takeOn(known, opening, nowMs);
    if ((this.#quota.get(quotaKey) ?? 0) >= FINDINGS_PER_SUBJECT) return this.#fold(opening, quotaKey, nowMs);
    return this.#add(key, quotaKey, opening, null, nowMs);
  }

  /** One more sighting. False: that finding is over, open another. Allocates nothing. */
  touch(id: number, nowMs: number): boolean {
    const open = this.#byId.get(id);
    if (!open) return false;
    open.count++;
    open.isChanged = true;
    this.#note(open);
    if (nowMs > open.lastMs) open.lastMs = nowMs;
    return true;
  }

  /** What it was about is over: told as closed at the next tick. Nothing happens to one that is over already. */
  end(id: number): void {
    const open = this.#byId.get(id);
    if (open) open.quietMs = 0;
  }

  /** A detector has something open about a subject: what follows from it need not be told too. Cold path. */
  isAbout(detector: DetectorName, subject: string): boolean {
    return this.#quota.has(`${detector}:${subject}`);
  }

  /** The opening behind a key, for a detector that adds to its own finding. */
  find(detector: DetectorName, subject: string, what: string): Opening | null {
    return this.#byKey.get(keyOf(detector, subject, what))?.opening ?? null;
  }

  /** Updates and closings that are due. */
  tick(nowMs: number): void {
    for (const open of this.#byId.values()) {
      // A clock that was set back: quiet time is counted from now.
      if (open.lastMs > nowMs) open.lastMs = nowMs;
      if (open.toldMs > nowMs) open.toldMs = nowMs;
      const telling = nextTelling(open, nowMs);
      if (telling === 'nothing') continue;
      this.#tell(open, telling === 'closed' ? 'closed' : 'open', nowMs);
      if (telling === 'closed') this.#remove(open);
    }
  }

  /** Before this time `tick` tells nothing, unless something is opened, touched or ended. */
  dueMs(): number {
    let dueMs = Infinity;
    for (const open of this.#byId.values()) dueMs = Math.min(dueMs, tellingDueMs(open));
    return dueMs;
  }

  /** What was told since the last call. */
  take(): readonly Finding[] {
    if (this.#told.length === 0) return NOTHING;
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** Every open finding as it stands, for one who asks. */
  list(): readonly Finding[] {
    return [...this.#byId.values()].map((open) => toFinding(open, 'open'));
  }

  #add(key: string, quotaKey: string, opening: Opening, folded: Folded | null, nowMs: number): number {
    if (this.#byId.size >= MAX_OPEN_FINDINGS) {
      this.refused++;
      return 0;
    }
    const open: Open = {
      id: this.#nextId++,
      key,
      quotaKey,
      opening,
      description: null,
      // Whole, as messages have times: one fraction, and the whole message is refused at the other end.
      firstMs: Math.floor(Math.min(opening.firstMs, nowMs)),
      lastMs: nowMs,
      count: opening.count,
      tellings: 0,
      toldMs: nowMs,
      isChanged: false,
      quietMs: opening.quietMs,
      folded,
    };
    this.#byId.set(open.id, open);
    this.#byKey.set(key, open);
    this.#quota.set(quotaKey, (this.#quota.get(quotaKey) ?? 0) + 1);
    this.#tell(open, 'open', nowMs);
    this.#note(open);
    return open.id;
  }

  #note(open: Open): void {
    if (open.opening.isOnlyTold !== true) this.touched |= detectorBit(open.opening.detector);
  }

  #takeOn(open: Open, opening: Opening, nowMs: number): number {
    open.opening = opening;
    this.touch(open.id, nowMs);
    return open.id;
  }

  #fold(opening: Opening, quotaKey: string, nowMs: number): number {
    this.folded++;
    const key = keyOf(opening.detector, opening.subject, 'more');
    const known = this.#byKey.get(key);
    if (known?.folded) {
      known.folded.findings++;
      addPeer(known.folded, opening.peer);
      return this.#takeOn(known, opening, nowMs);
    }
    const folded: Folded = { findings: 1, peers: [] };
    addPeer(folded, opening.peer);
    return this.#add(key, quotaKey, opening, folded, nowMs);
  }

  #tell(open: Open, state: Finding['state'], nowMs: number): void {
    const described = open.opening.describe(open.count, open.firstMs, open.lastMs);
    if (described) open.description = described;
    open.tellings++;
    open.toldMs = nowMs;
    open.isChanged = false;
    this.#told.push(toFinding(open, state));
  }

  #remove(open: Open): void {
    this.#byId.delete(open.id);
    this.#byKey.delete(open.key);
    const left = (this.#quota.get(open.quotaKey) ?? 1) - 1;
    if (left > 0) this.#quota.set(open.quotaKey, left);
    else this.#quota.delete(open.quotaKey);
  }
}

function keyOf(detector: DetectorName, subject: string, what: string): string {
  return `${detector}:${subject}:${what}`;
}

function addPeer(folded: Folded, peer: string | null): void {
  if (peer !== null && folded.peers.length < MAX_FOLDED_PEERS && !folded.peers.includes(peer))
    folded.peers.push(peer);
}

function toFinding(open: Open, state: Finding['state']): Finding {
  const { opening, description, folded } = open;
  const title = description?.title ?? open.key;
  return {
    key: open.key,
    detector: opening.detector,
    device: opening.device,
    deviceMac: opening.deviceMac,
    peer: folded ? null : opening.peer,
    severity: description?.severity ?? 'low',
    state,
    title: (folded ? `${folded.findings} more like this: ${title}` : title).slice(0, MAX_TITLE),
    evidence: {
      ...description?.evidence,
      ...(folded ? { foldedFindings: folded.findings, foldedPeers: [...folded.peers] } : {}),
    },
    remedy: description?.remedy ?? '',
    firstMs: open.firstMs,
    lastMs: open.lastMs,
    count: open.count,
  };
}
