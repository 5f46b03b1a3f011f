/**
 * Takes the enforcer's events into the store, and turns those worth telling into OCSF events in the spool. Used by
 * main.ts. Statistics (counts of refusals, peers met, findings that only grew) are written every ten minutes, before somebody reads them, and
 * when the process stops: the disk is an SD card. News of findings and state changes are written at once; events of refusals, of devices and of
 * findings that only grew wait in memory for the broker first (see store/spool.ts). A disk that refuses is counted and never stops the agent.
 */
import type { Head } from '../activity/entry.js';
import type { EventMessage } from '../messages/enforcer-messages.js';
import type { ConnectionSummary, Finding, Memory, SeenDevice, StateChange } from '../messages/vocabulary.js';
import type { StoredFinding } from '../store/findings.js';
import type { NewEvent } from '../store/spool.js';
import type { Store } from '../store/store.js';
import { findingNews } from '../upstream/pure/finding-news.js';
import {
  findingEvent,
  inventoryEvent,
  refusalEvent,
  stateChangeEvent,
  type EventContext,
  type OcsfEvent,
} from '../upstream/pure/ocsf.js';
import { RefusalWindow, type Refusal } from '../upstream/pure/refusal-window.js';
import type { BoxTopics } from '../upstream/pure/topics.js';

/** Statistics waiting for the next write, in rows that they are folded into; past this the write comes early. */
const MAX_WAITING = 10_000;
/** What a power cut may take of the counts. Each write costs the card some pages, however little changed. */
const STATISTICS_INTERVAL_MS = 600_000;
/** Kept this long over failing writes; past it the oldest are dropped and counted. */
const MAX_WAITING_ON_FAILURE = 50_000;

export interface RecorderOptions {
  readonly box: string;
  readonly productVersion: string;
  /** Null: no broker is configured, and nothing is spooled. */
  readonly topics: BoxTopics | null;
  readonly store: Store;
  readonly nowMs: () => number;
  readonly newUid: () => string;
  readonly onSpooled: () => void;
  readonly onWriteError: (error: unknown) => void;
  /** Goes upstream with each change of state, so that the activity log can be held against it. */
  readonly activityHead?: () => Head;
}

/** Undone work for the store: tried again as it is when a write failed. */
type Work =
  | { readonly kind: 'connection'; readonly item: ConnectionSummary }
  | { readonly kind: 'memory'; readonly item: Memory }
  | { readonly kind: 'device'; readonly item: SeenDevice }
  | { readonly kind: 'finding'; readonly item: Finding }
  | { readonly kind: 'grown'; readonly item: Finding; readonly reportedMs: number | null }
  | { readonly kind: 'grown-event'; readonly item: Finding }
  | { readonly kind: 'state'; readonly item: StateChange }
  | { readonly kind: 'refusal-event'; readonly item: Refusal };

export class Recorder {
  #droppedItems = 0;
  #writesFailed = 0;
  readonly #options: RecorderOptions;
  readonly #window = new RefusalWindow();
  #waiting: Work[] = [];
  /** By row. */
  readonly #statistics = new Map<string, Work>();
  #statisticsWrittenMs: number;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#statisticsWrittenMs = options.nowMs();
  }

  take(event: EventMessage): void {
    switch (event.event) {
      case 'connections':
        for (const item of event.items) this.#takeConnection(item);
        if (this.#statistics.size >= MAX_WAITING) this.flush();
        return;
      case 'devices':
        for (const item of event.items) this.#waiting.push({ kind: 'device', item });
        return;
      case 'findings':
        for (const item of event.items) this.#takeFinding(item);
        this.#flushUrgent();
        return;
      case 'state':
        for (const item of event.items) this.#waiting.push({ kind: 'state', item });
        this.#flushUrgent();
        return;
      case 'memories':
        for (const item of event.items)
          this.#statistics.set(`memory ${JSON.stringify([item.device, item.detector, item.key])}`, {
            kind: 'memory',
            item,
          });
        if (this.#statistics.size >= MAX_WAITING) this.flush();
        return;
      case 'evidence':
      case 'flowEnds':
      case 'lookups':
      case 'status':
        return;
    }
  }

  /** Call once a second: ends refusal windows and writes what waits. */
  tick(): void {
    for (const item of this.#window.ended(this.#options.nowMs()))
      this.#waiting.push({ kind: 'refusal-event', item });
    if (this.#options.nowMs() - this.#statisticsWrittenMs >= STATISTICS_INTERVAL_MS) this.flush();
    else this.#flushUrgent();
    this.#settle(this.#options.nowMs());
  }

  /** For a process that stops: tells of refusals whose window is still open, and writes everything. */
  finish(): void {
    for (const item of this.#window.drain()) this.#waiting.push({ kind: 'refusal-event', item });
    this.flush();
    this.#settle(Number.POSITIVE_INFINITY);
  }

  /** What waits, as it was told: for another recorder, when the store takes nothing any more. */
  unwritten(): readonly EventMessage[] {
    return [...this.#statistics.values(), ...this.#waiting].flatMap((work): EventMessage[] => {
      switch (work.kind) {
        case 'connection':
          return [{ event: 'connections', items: [work.item] }];
        case 'device':
          return [{ event: 'devices', items: [work.item] }];
        case 'finding':
        case 'grown':
          return [{ event: 'findings', items: [work.item] }];
        case 'state':
          return [{ event: 'state', items: [work.item] }];
        default:
          // Told as connections, or as the finding, too; and memories, which the enforcer has.
          return [];
      }
    });
  }

  /** Everything, statistics too. */
  flush(): void {
    this.#statisticsWrittenMs = this.#options.nowMs();
    if (this.#statistics.size > 0) this.#waiting = [...this.#statistics.values(), ...this.#waiting];
    this.#statistics.clear();
    this.#flushUrgent();
  }

  #flushUrgent(): void {
    if (this.#waiting.length === 0) return;
    const work = this.#waiting;
    const { store } = this.#options;
    const held: NewEvent[] = [];
    let spooled = 0;
    try {
      store.transaction(() => {
        for (const one of work) spooled += this.#write(one, held);
      });
    } catch (error) {
      this.#writesFailed += 1;
      const excess = work.length - MAX_WAITING_ON_FAILURE;
      if (excess > 0) {
        this.#waiting = work.slice(excess);
        this.#droppedItems += excess;
      }
      this.#options.onWriteError(error);
      return;
    }
    this.#waiting = [];
    store.spool.hold(held, this.#options.nowMs());
    if (spooled + held.length > 0) this.#options.onSpooled();
  }

  dropped(): Record<string, number> {
    return {
      storeWritesFailed: this.#writesFailed,
      storeItems: this.#droppedItems,
      refusalsUntold: this.#window.dropped,
    };
  }

  #takeConnection(item: ConnectionSummary): void {
    const key = `connection ${rowOf(item)}`;
    const before = this.#statistics.get(key);
    this.#statistics.set(key, {
      kind: 'connection',
      item: before?.kind === 'connection' ? folded(before.item, item) : item,
    });
    if (item.refused === null || this.#options.topics === null) return;
    const now = this.#window.add({ ...item, refused: item.refused }, this.#options.nowMs());
    if (now) this.#waiting.push({ kind: 'refusal-event', item: now });
  }

  /** What only grew waits with the statistics, and its event for the broker; whatever is news goes before it. */
  #takeFinding(item: Finding): void {
    const key = `finding ${item.key}`;
    const before = this.#before(item.key);
    if (before?.finding.state !== item.state || before.finding.severity !== item.severity) {
      this.#statistics.delete(key);
      this.#waiting.push({ kind: 'finding', item });
      return;
    }
    const nowMs = this.#options.nowMs();
    const isTold = findingNews(before, item, nowMs) !== null;
    if (isTold) this.#waiting.push({ kind: 'grown-event', item });
    this.#statistics.set(key, { kind: 'grown', item, reportedMs: isTold ? nowMs : before.reportedMs });
  }

  /** A finding as it was last told, also where that is not written yet. */
  #before(key: string): StoredFinding | null {
    const waiting = this.#statistics.get(`finding ${key}`);
    if (waiting?.kind === 'grown') return { finding: waiting.item, reportedMs: waiting.reportedMs };
    try {
      return this.#options.store.findings.get(key);
    } catch {
      // The write tells of a store that cannot be read.
      return null;
    }
  }

  #settle(nowMs: number): void {
    try {
      this.#options.store.spool.settle(nowMs);
    } catch (error) {
      this.#writesFailed += 1;
      this.#options.onWriteError(error);
    }
  }

  /** How many events went to the spool; those that may wait in memory are added to `held`. */
  #write(work: Work, held: NewEvent[]): number {
    const { store } = this.#options;
    switch (work.kind) {
      case 'connection': {
        const { item } = work;
        if (item.refused !== null) store.refusals.add({ ...item, refused: item.refused });
        // As the detector does: whoever got through is familiar, also while nothing is enforced.
        else if (item.device !== null && item.peer !== null)
          store.familiar.meet(item.device, item.peer, item.lastMs);
        return 0;
      }
      case 'memory':
        store.memories.put(work.item, this.#options.nowMs());
        return 0;
      case 'refusal-event':
        held.push(...this.#eventRow(refusalEvent(work.item, this.#context())));
        return 0;
      case 'device': {
        const news = store.devices.see(work.item);
        if (news !== 'known') held.push(...this.#eventRow(inventoryEvent(work.item, this.#context())));
        return 0;
      }
      case 'finding': {
        const before = store.findings.get(work.item.key);
        const nowMs = this.#options.nowMs();
        const news = findingNews(before, work.item, nowMs);
        store.findings.put(work.item, news === null ? (before?.reportedMs ?? null) : nowMs);
        return news === null ? 0 : this.#spool(findingEvent(work.item, news, this.#context()));
      }
      case 'grown':
        store.findings.put(work.item, work.reportedMs);
        return 0;
      case 'grown-event':
        held.push(...this.#eventRow(findingEvent(work.item, 'update', this.#context())));
        return 0;
      case 'state':
        store.stateChanges.add(work.item);
        return this.#spool(
          stateChangeEvent(work.item, this.#context(), this.#options.activityHead?.() ?? null),
        );
    }
  }

  #spool(event: OcsfEvent): number {
    const rows = this.#eventRow(event);
    for (const row of rows) this.#options.store.spool.add(row);
    return rows.length;
  }

  /** Nothing where there is no broker to tell. */
  #eventRow(event: OcsfEvent): readonly NewEvent[] {
    const { topics } = this.#options;
    if (topics === null) return [];
    return [
      {
        uid: event.metadata.uid,
        topic: topics.event(event.class_uid),
        severity: event.severity_id,
        payload: JSON.stringify(event),
      },
    ];
  }

  #context(): EventContext {
    const { box, productVersion, nowMs, newUid } = this.#options;
    return { uid: newUid(), nowMs: nowMs(), box, productVersion };
  }
}

/** Summaries of one row of the store, as it is kept: see store/refusals.ts and store/familiar.ts. */
function rowOf(item: ConnectionSummary): string {
  const { device, deviceMac, deviceAddress, from, peer, protocol, port, refused } = item;
  return JSON.stringify([device ?? deviceMac ?? deviceAddress, from, peer, protocol, port, refused]);
}

function folded(before: ConnectionSummary, item: ConnectionSummary): ConnectionSummary {
  return {
    ...before,
    deviceAddress: item.deviceAddress ?? before.deviceAddress,
    count: before.count + item.count,
    firstMs: Math.min(before.firstMs, item.firstMs),
    lastMs: Math.max(before.lastMs, item.lastMs),
  };
}
