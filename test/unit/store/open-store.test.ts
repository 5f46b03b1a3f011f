import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { openStore } from '../../../agent/store/open-store.js';

const dir = mkdtempSync(join(tmpdir(), 'cordon-store-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

t.test('a new store is made, and opened again as it was', (t) => {
  const path = join(dir, 'new', 'agent.db');
  const first = openStore(path, 1);
  first.store.familiar.meet('pump-1', '10.77.0.1', 1_000);
  first.store.close();
  const second = openStore(path, 2);
  t.equal(second.setAside, null);
  t.match([...second.store.familiar.all()], [{ device: 'pump-1', sinceMs: 1_000, peers: ['10.77.0.1'] }]);
  second.store.close();
  t.end();
});

t.test('a damaged database is set aside, kept, and a new one begun', (t) => {
  const path = join(dir, 'damaged.db');
  writeFileSync(path, Buffer.alloc(8192, 'not a database'));
  const { store, setAside } = openStore(path, 1234);
  t.match(setAside, /damaged\.db\.corrupt-1234/);
  t.same([...store.familiar.all()], []);
  store.close();
  t.end();
});

t.test('a database of a newer version is refused, not rewritten', (t) => {
  const path = join(dir, 'newer.db');
  openStore(path, 1).store.close();
  const db = new Database(path);
  db.pragma('user_version = 9999');
  db.close();
  t.throws(() => openStore(path, 2), { code: 'newer-database' });
  t.end();
});
