/**
 * Takes the enforcer's events into the store, and turns those worth telling into OCSF events in the spool. Used by
 * main.ts. Statistics (counts of refusals, peers met) are written every five minutes, before somebody reads them, and when the
 * process stops: the disk is an SD card. Findings and state changes are written at once. A disk that refuses is counted and
 * never stops the agent.
 */
import type { Head } from '../activity/entry.js';
import type { EventMessage } from '../messages/enforcer-messages.js';
import type { ConnectionSummary, Finding, Memory, SeenDevice, StateChange } from '../messages/vocabulary.js';
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

/** Statistics waiting for the next write, in items; past this the write comes early. */
const MAX_WAITING = 10_000;
/** What a power cut may take of the counts. Each write costs the card some pages, however little changed. */
const STATISTICS_INTERVAL_MS = 300_000;
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
  | { readonly kind: 'state'; readonly item: StateChange }
  | { readonly kind: 'refusal-event'; readonly item: Refusal };

export class Recorder {
  #droppedItems = 0;
  #writesFailed = 0;
  readonly #options: RecorderOptions;
  readonly #window = new RefusalWindow();
  #waiting: Work[] = [];
  #statistics: Work[] = [];
  #statisticsWrittenMs: number;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#statisticsWrittenMs = options.nowMs();
  }

  take(event: EventMessage): void {
    switch (event.event) {
      case 'connections':
        for (const item of event.items) this.#takeConnection(item);
        if (this.#statistics.length >= MAX_WAITING) this.flush();
        return;
      case 'devices':
        for (const item of event.items) this.#waiting.push({ kind: 'device', item });
        return;
      case 'findings':
        for (const item of event.items) this.#waiting.push({ kind: 'finding', item });
        this.#flushUrgent();
        return;
      case 'state':
        for (const item of event.items) this.#waiting.push({ kind: 'state', item });
        this.#flushUrgent();
        return;
      case 'memories':
        for (const item of event.items) this.#statistics.push({ kind: 'memory', item });
        if (this.#statistics.length >= MAX_WAITING) this.flush();
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
  }

  /** For a process that stops: tells of refusals whose window is still open, and writes everything. */
  finish(): void {
    for (const item of this.#window.drain()) this.#waiting.push({ kind: 'refusal-event', item });
    this.flush();
  }

  /** What waits, as it was told: for another recorder, when the store takes nothing any more. */
  unwritten(): readonly EventMessage[] {
    return [...this.#statistics, ...this.#waiting].flatMap((work): EventMessage[] => {
      switch (work.kind) {
        case 'connection':
          return [{ event: 'connections', items: [work.item] }];
        case 'device':
          return [{ event: 'devices', items: [work.item] }];
        case 'finding':
          return [{ event: 'findings', items: [work.item] }];
        case 'state':
          return [{ event: 'state', items: [work.item] }];
        default:
          // A summary of refusals, which are told as connections too.
          return [];
      }
    });
  }

  /** Everything, statistics too. */
  flush(): void {
    this.#statisticsWrittenMs = this.#options.nowMs();
    if (this.#statistics.length > 0) this.#waiting = [...this.#statistics.splice(0), ...this.#waiting];
    this.#flushUrgent();
  }

  #flushUrgent(): void {
    if (this.#waiting.length === 0) return;
    const work = this.#waiting;
    const { store } = this.#options;
    let spooled = 0;
    try {
      store.transaction(() => {
        for (const one of work) spooled += this.#write(one);
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
    if (spooled > 0) this.#options.onSpooled();
  }

  dropped(): Record<string, number> {
    return {
      storeWritesFailed: this.#writesFailed,
      storeItems: this.#droppedItems,
      refusalsUntold: this.#window.dropped,
    };
  }

  #takeConnection(item: ConnectionSummary): void {
    this.#statistics.push({ kind: 'connection', item });
    if (item.refused === null || this.#options.topics === null) return;
    const now = this.#window.add({ ...item, refused: item.refused }, this.#options.nowMs());
    if (now) this.#waiting.push({ kind: 'refusal-event', item: now });
  }

  /** How many events went to the spool. */
  #write(work: Work): number {
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
        return this.#spool(refusalEvent(work.item, this.#context()));
      case 'device': {
        const news = store.devices.see(work.item);
        return news === 'known' ? 0 : this.#spool(inventoryEvent(work.item, this.#context()));
      }
      case 'finding': {
        const before = store.findings.get(work.item.key);
        const nowMs = this.#options.nowMs();
        const news = findingNews(before, work.item, nowMs);
        store.findings.put(work.item, news === null ? (before?.reportedMs ?? null) : nowMs);
        return news === null ? 0 : this.#spool(findingEvent(work.item, news, this.#context()));
      }
      case 'state':
        store.stateChanges.add(work.item);
        return this.#spool(
          stateChangeEvent(work.item, this.#context(), this.#options.activityHead?.() ?? null),
        );
    }
  }

  #spool(event: OcsfEvent): number {
    const { topics, store } = this.#options;
    if (topics === null) return 0;
    const row: NewEvent = {
      uid: event.metadata.uid,
      topic: topics.event(event.class_uid),
      severity: event.severity_id,
      payload: JSON.stringify(event),
    };
    store.spool.add(row);
    return 1;
  }

  #context(): EventContext {
    const { box, productVersion, nowMs, newUid } = this.#options;
    return { uid: newUid(), nowMs: nowMs(), box, productVersion };
  }
}
