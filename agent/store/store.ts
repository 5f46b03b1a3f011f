/**
 * The agent's memory: one SQLite database, one small file of statements for each table. Made by open-store.ts, used by
 * agent/ and upstream/. Every call is synchronous; who writes often groups it with `transaction`, because each commit
 * is a sync to an SD card.
 */
import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { ActivityAnchorTable } from './activity-anchor.js';
import { DeviceTable } from './devices.js';
import { FamiliarTable } from './familiar.js';
import { FindingTable } from './findings.js';
import { HabitTable } from './habits.js';
import { MemoryTable } from './memories.js';
import { InventoryTable } from './inventory.js';
import { ReferenceDataTable } from './reference-data.js';
import { RefusalTable } from './refusals.js';
import { Spool } from './spool.js';
import { StateChangeTable } from './state-changes.js';

export class Store {
  readonly path: string;
  readonly devices: DeviceTable;
  readonly refusals: RefusalTable;
  readonly findings: FindingTable;
  readonly familiar: FamiliarTable;
  readonly memories: MemoryTable;
  readonly stateChanges: StateChangeTable;
  readonly spool: Spool;
  readonly inventory: InventoryTable;
  readonly referenceData: ReferenceDataTable;
  readonly activityAnchor: ActivityAnchorTable;
  readonly habits: HabitTable;
  readonly #db: Database.Database;

  constructor(db: Database.Database, path: string) {
    this.path = path;
    this.#db = db;
    this.devices = new DeviceTable(db);
    this.refusals = new RefusalTable(db);
    this.findings = new FindingTable(db);
    this.familiar = new FamiliarTable(db);
    this.memories = new MemoryTable(db);
    this.stateChanges = new StateChangeTable(db);
    this.spool = new Spool(db);
    this.inventory = new InventoryTable(db);
    this.referenceData = new ReferenceDataTable(db);
    this.activityAnchor = new ActivityAnchorTable(db);
    this.habits = new HabitTable(db);
  }

  /** All of `work` or none of it. The tables' running counts are put right when it fails. */
  transaction<R>(work: () => R): R {
    try {
      return this.#db.transaction(work)();
    } catch (error) {
      this.#recount();
      throw error;
    }
  }

  /** Rows that were not kept because a table was full, by counter name, since the store was opened. */
  dropped(): Record<string, number> {
    return {
      storeDevices: this.devices.dropped,
      storeRefusals: this.refusals.dropped,
      storeFindings: this.findings.dropped,
      storeFamiliarPeers: this.familiar.dropped,
      storeMemories: this.memories.dropped,
      storeStateChanges: this.stateChanges.dropped,
      storeInventoryRows: this.inventory.dropped,
      storeHabits: this.habits.dropped,
      ...this.spool.dropped(),
    };
  }

  /** The database with its write-ahead log. */
  sizeBytes(): number {
    return ['', '-wal'].reduce(
      (sum, suffix) => sum + (statSync(this.path + suffix, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  }

  /** Safe twice. */
  close(): void {
    if (this.#db.open) this.#db.close();
  }

  #recount(): void {
    try {
      for (const table of [this.devices, this.refusals, this.findings, this.stateChanges, this.spool])
        table.recount();
    } catch {
      // The disk that refused the write may refuse the count; the old count then stands until the next failure or start.
    }
  }
}
