/**
 * The peers that each device is used to, so that a restarted enforcer does not call them all unfamiliar. Used through
 * store.ts.
 */
import type Database from 'better-sqlite3';

/** As many as the detector holds by default (detect/settings.ts); the peer met longest ago goes first. */
export const MAX_PEERS_PER_DEVICE = 1_024;
/** As many devices as a policy may name. */
export const MAX_FAMILIAR_DEVICES = 20_000;
/** `last met` is written no more often than this, to spare the card: it only orders what is forgotten first. */
const LAST_MET_STEP_MS = 3_600_000;

export interface FamiliarDevice {
  readonly device: string;
  /** When we began to learn it. */
  readonly sinceMs: number;
  readonly peers: string[];
}

export class FamiliarTable {
  dropped = 0;
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  meet(device: string, peer: string, atMs: number): void {
    const before = this.#db
      .prepare<[string, string], number>('SELECT last_ms FROM familiar_peers WHERE device = ? AND peer = ?')
      .pluck()
      .get(device, peer);
    if (before !== undefined && atMs - before < LAST_MET_STEP_MS) return;
    if (before === undefined && !this.#hasRoomFor(device, atMs)) {
      this.dropped += 1;
      return;
    }
    this.#db
      .prepare('INSERT OR REPLACE INTO familiar_peers (device, peer, last_ms) VALUES (?, ?, ?)')
      .run(device, peer, atMs);
  }

  /** One device after another, so that ten thousand of them are never all in memory. */
  *all(): Generator<FamiliarDevice> {
    const devices = this.#db
      .prepare<[], { device: string; since_ms: number }>(
        'SELECT device, since_ms FROM familiar_devices ORDER BY device',
      )
      .all();
    const peers = this.#db
      .prepare<[string], string>('SELECT peer FROM familiar_peers WHERE device = ? ORDER BY last_ms')
      .pluck();
    for (const { device, since_ms: sinceMs } of devices) yield { device, sinceMs, peers: peers.all(device) };
  }

  #hasRoomFor(device: string, atMs: number): boolean {
    const isKnown =
      this.#db.prepare('SELECT 1 FROM familiar_devices WHERE device = ?').get(device) !== undefined;
    if (!isKnown) {
      const total = this.#db.prepare<[], number>('SELECT count(*) FROM familiar_devices').pluck().get() ?? 0;
      if (total >= MAX_FAMILIAR_DEVICES) return false;
      this.#db.prepare('INSERT INTO familiar_devices (device, since_ms) VALUES (?, ?)').run(device, atMs);
    }
    const count = this.#db
      .prepare<[string], number>('SELECT count(*) FROM familiar_peers WHERE device = ?')
      .pluck()
      .get(device);
    if ((count ?? 0) >= MAX_PEERS_PER_DEVICE) {
      this.dropped += this.#db
        .prepare(
          `DELETE FROM familiar_peers WHERE device = ?1 AND peer IN
             (SELECT peer FROM familiar_peers WHERE device = ?1 ORDER BY last_ms LIMIT 16)`,
        )
        .run(device).changes;
    }
    return true;
  }
}
