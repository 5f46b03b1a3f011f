/**
 * The database's shape, as numbered steps applied once each in order (`PRAGMA user_version` is how many ran). Called by
 * open-store.ts. A step that has shipped is never edited: write the next one.
 */

export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE devices (
    mac       TEXT PRIMARY KEY,
    name      TEXT,
    port      TEXT,
    addresses TEXT NOT NULL,               -- JSON array, latest seen last
    first_ms  INTEGER NOT NULL,
    last_ms   INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX devices_by_last ON devices (last_ms);

  CREATE TABLE refusals (
    key            TEXT PRIMARY KEY,       -- see refusals.ts: SQL takes two NULLs for different
    device         TEXT,
    device_mac     TEXT,
    from_side      TEXT NOT NULL,
    device_address TEXT,
    peer           TEXT,
    protocol       INTEGER,
    port           INTEGER,
    reason         TEXT NOT NULL,
    count          INTEGER NOT NULL,
    first_ms       INTEGER NOT NULL,
    last_ms        INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX refusals_by_last ON refusals (last_ms);
  CREATE INDEX refusals_by_device ON refusals (device, last_ms);

  CREATE TABLE findings (
    key         TEXT PRIMARY KEY,
    device      TEXT,
    state       TEXT NOT NULL,
    last_ms     INTEGER NOT NULL,
    reported_ms INTEGER,                   -- when it last went upstream
    body        TEXT NOT NULL              -- the finding as JSON, see messages/vocabulary.ts
  ) STRICT;
  CREATE INDEX findings_by_last ON findings (last_ms);

  CREATE TABLE familiar_devices (
    device   TEXT PRIMARY KEY,
    since_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE familiar_peers (
    device  TEXT NOT NULL,
    peer    TEXT NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (device, peer)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX familiar_by_last ON familiar_peers (device, last_ms);

  CREATE TABLE state_changes (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    body  TEXT NOT NULL
  ) STRICT;

  CREATE TABLE spool (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid      TEXT NOT NULL UNIQUE,         -- the event's id, which a consumer removes doubles by
    topic    TEXT NOT NULL,
    severity INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    payload  TEXT NOT NULL
  ) STRICT;
  CREATE INDEX spool_by_severity ON spool (severity, seq);
  `,
  `
  CREATE TABLE inventory (
    id       TEXT PRIMARY KEY,             -- first MAC of the device, or its address
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    evidence TEXT NOT NULL,                -- JSON, see store/inventory.ts: what the wire said, with source, confidence and times
    entries  TEXT NOT NULL                 -- JSON: what people entered, with who and when; never mixed with the above
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reference_data (
    kind      TEXT PRIMARY KEY,            -- kev, eol
    loaded_ms INTEGER NOT NULL,
    by_who    TEXT NOT NULL,
    body      TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE activity_anchor (             -- one row: the head of the activity log, as it was last seen
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE learnt_devices (
    key  TEXT PRIMARY KEY,                 -- name in the policy, MAC or address
    body TEXT NOT NULL                     -- JSON, see learn/habit.ts
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE habits (
    device TEXT NOT NULL,
    key    TEXT NOT NULL,                  -- direction, peer, protocol, port
    body   TEXT NOT NULL,
    PRIMARY KEY (device, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE watched (
    from_ms INTEGER PRIMARY KEY,           -- stretches of time in which everything was told, see learn/watched.ts
    to_ms   INTEGER NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE detector_memories (
    device   TEXT NOT NULL,
    detector TEXT NOT NULL,
    key      TEXT NOT NULL,
    version  INTEGER NOT NULL,             -- of the meaning of the numbers, see detect/memory.ts
    at_ms    INTEGER NOT NULL,
    body     TEXT NOT NULL,                -- JSON array of numbers
    PRIMARY KEY (device, detector, key)
  ) STRICT, WITHOUT ROWID;
  `,
  // What a write costs is pages: an index over times that change with every count is one more of them each time.
  `
  DROP INDEX refusals_by_last;
  DROP INDEX refusals_by_device;
  CREATE TABLE spool_next (
    seq      INTEGER PRIMARY KEY,          -- counted by spool.ts
    uid      TEXT NOT NULL,                -- the event's id, which a consumer removes doubles by
    topic    TEXT NOT NULL,
    severity INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    payload  TEXT NOT NULL
  ) STRICT;
  INSERT INTO spool_next SELECT seq, uid, topic, severity, bytes, payload FROM spool;
  DROP TABLE spool;
  ALTER TABLE spool_next RENAME TO spool;
  CREATE INDEX spool_by_severity ON spool (severity, seq);
  `,
];
