/**
 * The agent's part of the activity log: what is noted, how much of what a fault repeats, and that the head of the log is also kept elsewhere: in the
 * database once a minute at most, and upstream. Used by main.ts. At a start the log is compared with what the database saw last.
 */
import { activityOfChange, MachineMadeLimit } from '../activity/activities.js';
import type { Head, NewActivity } from '../activity/entry.js';
import type { AgentStatus } from '../messages/agent-messages.js';
import type { StateChange } from '../messages/vocabulary.js';
import { ActivityLog } from '../store/activity-log.js';
import type { Store } from '../store/store.js';

const ANCHOR_INTERVAL_MS = 60_000;

export interface ActivityKeeperOptions {
  readonly directory: string;
  readonly keepDays: number;
  readonly store: Store;
  readonly nowMs: () => number;
  readonly version: string;
  readonly onWriteError: (error: unknown) => void;
  /** The log is not what the database saw: cut off, or another one. */
  readonly onMismatch: (detail: string) => void;
  /** For upstream, soon after it changed. */
  readonly onHead: (head: Head) => void;
}

export class ActivityKeeper {
  readonly #options: ActivityKeeperOptions;
  readonly #log: ActivityLog;
  readonly #limit = new MachineMadeLimit();
  #anchored: Head | null = null;
  #anchoredMs = 0;
  #toldSeq = 0;

  constructor(options: ActivityKeeperOptions) {
    this.#options = options;
    this.#log = new ActivityLog(options);
  }

  /** Once it is certain that this is the only agent of the box. */
  start(): void {
    this.#log.open();
    this.#compare();
    this.#note('agent-started', `version ${this.#options.version}`);
  }

  note(items: readonly NewActivity[]): void {
    const nowMs = this.#options.nowMs();
    this.#log.record(items.flatMap((item) => this.#limit.pass(item, nowMs) ?? []));
  }

  noteChanges(changes: readonly StateChange[]): void {
    this.note(changes.map((change) => activityOfChange(change)));
  }

  /** Call once a second or so. */
  tick(): void {
    this.#log.tick();
    const { head } = this.#log;
    if (head.seq !== this.#toldSeq) this.#options.onHead(head);
    this.#toldSeq = head.seq;
    if (Math.abs(this.#options.nowMs() - this.#anchoredMs) >= ANCHOR_INTERVAL_MS) this.#anchor();
  }

  /** For a process that stops. */
  finish(): void {
    this.#note('agent-stopping', 'nothing is recorded until it starts again');
    this.#anchor();
    this.#log.close();
  }

  get head(): Head {
    return this.#log.head;
  }

  status(): AgentStatus['activity'] {
    const { head, lastMs, segments, sizeBytes } = this.#log;
    return { ...head, lastMs, segments, sizeBytes, keepDays: this.#options.keepDays };
  }

  counters(): Record<string, number> {
    return { ...this.#log.counters(), activityRepeatsLeftOut: this.#limit.leftOut };
  }

  #note(what: string, detail: string): void {
    this.#log.record([{ atMs: this.#options.nowMs(), who: 'agent', what, detail }]);
  }

  #anchor(): void {
    const { head } = this.#log;
    this.#anchoredMs = this.#options.nowMs();
    if (head.seq === 0 || head.seq === this.#anchored?.seq) return;
    try {
      this.#options.store.activityAnchor.put(head);
      this.#anchored = head;
    } catch (error) {
      this.#options.onWriteError(error);
    }
  }

  #compare(): void {
    const seen = this.#options.store.activityAnchor.get();
    const { head } = this.#log;
    this.#anchored = seen;
    if (seen === null || head.seq === 0 || head.seq > seen.seq) return;
    if (head.seq === seen.seq && head.hash === seen.hash) return;
    const detail = `the database has seen entry ${seen.seq} with hash ${seen.hash}, and the log ends with entry ${head.seq}`;
    this.#note('damage-found', detail);
    this.#options.onMismatch(detail);
  }
}
