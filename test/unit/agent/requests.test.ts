import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { InventoryKeeper } from '../../../agent/agent/inventory-keeper.js';
import { LearnKeeper } from '../../../agent/agent/learn-keeper.js';
import { agentHandlers } from '../../../agent/agent/requests.js';
import { openStore } from '../../../agent/store/open-store.js';
import { findingOf } from '../learn/support.js';

const dir = mkdtempSync(join(tmpdir(), 'cordon-requests-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});
const MAC = '02:00:00:00:00:0a';

t.test(
  'records of a device are found by its name or MAC; a name that nobody has is an error, not "nothing"',
  (t) => {
    const { store } = openStore(join(dir, 'agent.db'), 1);
    const nowMs = () => 1_000;
    const onWriteError = (error: unknown): never => {
      throw error;
    };
    const inventory = new InventoryKeeper({
      store,
      nowMs,
      onWriteError,
      siteRules: null,
      onBadRules: onWriteError,
    });
    const learning = new LearnKeeper({
      store,
      nowMs,
      offsetMinutes: () => 0,
      isWatching: () => true,
      onWriteError,
    });
    const nothing = () => undefined;
    const handlers = agentHandlers(
      store,
      inventory,
      learning,
      () => onWriteError(new Error('nobody asks')),
      nowMs,
      nothing,
      nothing,
    );
    store.findings.put(findingOf({ deviceMac: MAC }), null);
    inventory.take([
      {
        mac: '02:00:00:00:00:0b',
        address: null,
        isClaimed: false,
        name: 'pump-2',
        port: 'dev0',
        atMs: 1,
        observations: [],
      },
    ]);
    const asker = { uid: 0 };
    for (const device of ['pump-1', MAC, MAC.toUpperCase()])
      t.match(
        handlers.findings({ limit: 10, device }, asker),
        { total: 1, rows: [{ device: 'pump-1' }] },
        device,
      );
    t.match(handlers.findings({ limit: 10, device: 'pump-2' }, asker), { total: 0 }, 'seen, and quiet');
    for (const ask of [handlers.findings, handlers.refusals])
      t.throws(() => ask({ limit: 10, device: 'pmup-1' }, asker), {
        code: 'unknown-device',
        message: 'nothing was seen of a device "pmup-1"',
      });
    store.close();
    t.end();
  },
);
