/**
 * The inventory on disk: one row a device, what the wire said apart from what people entered. Used through store.ts by agent/inventory-keeper.ts, which
 * writes seldom: the disk is an SD card.
 */
import type Database from 'better-sqlite3';
import { z } from 'zod';
import type { Device } from '../inventory/device.js';
import { DEVICE_FIELDS, SOURCES } from '../inventory/observation.js';
import { OPERATOR_FIELDS } from '../inventory/operator-fields.js';

/** As many as the book holds at most (inventory/evidence-book.ts), with room for what it forgets between two writes. */
const MAX_ROWS = 20_000;

const candidate = z.object({
  value: z.string(),
  source: z.enum(SOURCES),
  confidence: z.number(),
  firstMs: z.number(),
  lastMs: z.number(),
  count: z.number(),
});
const evidenceBody = z.object({
  macs: z.array(z.string()),
  addresses: z.array(z.tuple([z.string(), z.number()])),
  policyName: z.string().nullable(),
  identity: z.string().nullable(),
  fields: z.partialRecord(z.enum(DEVICE_FIELDS), z.array(candidate)),
});
const entriesBody = z.partialRecord(
  z.enum(OPERATOR_FIELDS),
  z.object({ value: z.string(), by: z.string(), atMs: z.number() }),
);

interface Row {
  readonly id: string;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly evidence: string;
  readonly entries: string;
}

export class InventoryTable {
  /** Rows that could not be read back, and rows past the limit. */
  dropped = 0;
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  put(device: Device): void {
    const evidence = {
      macs: device.macs,
      addresses: [...device.addresses],
      policyName: device.policyName,
      identity: device.identity,
      fields: Object.fromEntries(device.evidence),
    };
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO inventory (id, first_ms, last_ms, evidence, entries) VALUES (?, ?, ?, ?, ?)',
      )
      .run(
        device.id,
        device.firstMs,
        device.lastMs,
        JSON.stringify(evidence),
        JSON.stringify(Object.fromEntries(device.operator)),
      );
  }

  remove(id: string): void {
    this.#db.prepare('DELETE FROM inventory WHERE id = ?').run(id);
  }

  /** Latest seen last, so that a book that is filled in this order forgets the oldest first. */
  load(): Device[] {
    const rows = this.#db.prepare<[], Row>('SELECT * FROM inventory ORDER BY last_ms').all();
    this.dropped += Math.max(0, rows.length - MAX_ROWS);
    return rows.slice(-MAX_ROWS).flatMap((row) => {
      const device = read(row);
      if (device === null) this.dropped += 1;
      return device ?? [];
    });
  }
}

/** Null for a row that this version cannot read. */
function read(row: Row): Device | null {
  const evidence = evidenceBody.safeParse(parseJson(row.evidence));
  const entries = entriesBody.safeParse(parseJson(row.entries));
  if (!evidence.success || !entries.success) return null;
  const { macs, addresses, policyName, identity, fields } = evidence.data;
  return {
    id: row.id,
    macs,
    addresses: new Map(addresses),
    evidence: new Map(
      DEVICE_FIELDS.flatMap((field) =>
        fields[field] === undefined ? [] : [[field, fields[field]] as const],
      ),
    ),
    operator: new Map(
      OPERATOR_FIELDS.flatMap((field) =>
        entries.data[field] === undefined ? [] : [[field, entries.data[field]] as const],
      ),
    ),
    policyName,
    identity,
    firstMs: row.first_ms,
    lastMs: row.last_ms,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
