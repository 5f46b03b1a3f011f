import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { InventoryKeeper } from '../../../agent/agent/inventory-keeper.js';
import type { DeviceEvidence } from '../../../agent/messages/vocabulary.js';
import { openStore } from '../../../agent/store/open-store.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const dir = mkdtempSync(join(tmpdir(), 'cordon-keeper-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});

const mac = (index: number, prefix = '00:03:b1'): string =>
  `${prefix}:${[index >> 16, index >> 8, index].map((part) => (part & 255).toString(16).padStart(2, '0')).join(':')}`;
const evidence = (of: string, atMs: number, more: Partial<DeviceEvidence> = {}): DeviceEvidence => ({
  mac: of,
  address: null,
  isClaimed: false,
  name: null,
  port: 'dev0',
  atMs,
  observations: [
    { field: 'name', value: 'PUMP', source: 'dhcp4.host-name', confidence: 75 },
    { field: 'hint', value: 'MSFT 5.0', source: 'dhcp4.vendor-class', confidence: 0 },
  ],
  ...more,
});

function keeperAt(name: string, siteRules: string | null = null) {
  const clock = { nowMs: 1_000_000 };
  const { store } = openStore(join(dir, name), 1);
  const errors: unknown[] = [];
  const keeper = new InventoryKeeper({
    store,
    nowMs: () => clock.nowMs,
    onWriteError: (error) => errors.push(error),
    siteRules,
    onBadRules: (error) => errors.push(error),
  });
  return { clock, store, keeper, errors };
}

t.test('what was said and what was entered outlive a restart, apart from each other', (t) => {
  const { keeper, store, errors } = keeperAt('restart.db');
  keeper.take([evidence(mac(1), 1_000_000, { name: 'pump-1', address: '10.0.0.9' })]);
  t.strictSame(keeper.enter('pump-1', { os: 'Windows XP Embedded', owner: 'Biomed' }, 'nurse').ok, true);
  keeper.finish();
  store.close();
  const again = keeperAt('restart.db').keeper;
  const device = again.find('10.0.0.9');
  t.match(device, {
    id: mac(1),
    policyName: 'pump-1',
    operator: { owner: { value: 'Biomed', by: 'nurse' } },
  });
  t.match(device?.fields.os, { value: 'Windows XP Embedded', source: 'operator' });
  t.match(again.evidence(mac(1)).os, [{ value: 'Windows', source: 'dhcp4.vendor-class' }]);
  t.strictSame(errors, []);
  t.end();
});

t.test('rules of the site come before ours; a fault in them leaves ours', (t) => {
  const rule = `- { from: dhcp4.vendor-class, matches: '^MSFT', gives: { os: Pump OS }, confidence: 80 }`;
  const own = keeperAt('rules.db', rule);
  own.keeper.take([evidence(mac(1), 1)]);
  t.match(own.keeper.find(mac(1))?.fields.os, { value: 'Pump OS', confidence: 80 });
  for (const fault of ['- { from: nowhere }', rule.replace('^MSFT', '('), ': [']) {
    const { keeper, errors } = keeperAt('faulty.db', fault);
    keeper.take([evidence(mac(1), 1)]);
    t.equal(errors.length, 1, fault);
    t.match(keeper.find(mac(1))?.fields.os, { value: 'Windows' });
  }
  t.end();
});

t.test('entries are checked; a device that was never seen is taken down by its MAC only', (t) => {
  const { keeper } = keeperAt('entries.db');
  t.match(keeper.enter(mac(7), { criticality: 'very' }, 'x'), { ok: false });
  t.equal(keeper.find(mac(7)), null, 'nothing is changed where there is a problem');
  t.match(keeper.enter('nobody', { owner: 'x' }, 'x'), { ok: false });
  t.match(keeper.enter(mac(7).toUpperCase(), { owner: 'x' }, 'x'), { ok: true });
  t.match(keeper.enter(mac(7), { owner: '' }, 'x'), { ok: true });
  t.strictSame(keeper.find(mac(7))?.operator, {}, 'an empty value takes it back');
  t.end();
});

t.test('made-up MACs neither breed devices without end nor wear the disk', (t) => {
  const { keeper, clock, store } = keeperAt('flood.db');
  keeper.take([evidence(mac(1), clock.nowMs)]);
  for (let index = 0; index < 5_000; index++) {
    clock.nowMs += 100;
    keeper.take([evidence(mac(index, '02:00:00'), clock.nowMs, { observations: [] })]);
    keeper.tick();
  }
  keeper.finish();
  t.ok(keeper.rows().length <= 1_025, `${keeper.rows().length} devices`);
  t.ok(keeper.find(mac(1)) !== null, 'a registered MAC is not displaced');
  t.ok((keeper.counters()['inventoryEvictedMadeUp'] ?? 0) > 3_000);
  t.strictSame(
    store.inventory.load().map(({ id }) => id),
    [mac(1)],
    'only what lasted is on disk',
  );
  t.end();
});

/** Every byte that this process hands to the kernel for writing. */
function writtenBytes(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
}

t.test('a day of 500 busy devices costs an SD card little', (t) => {
  const { keeper, clock } = keeperAt('day.db');
  for (let index = 0; index < 500; index++) keeper.take([evidence(mac(index), clock.nowMs)]);
  keeper.finish();
  const before = writtenBytes();
  for (const end = clock.nowMs + DAY_MS; clock.nowMs < end; clock.nowMs += 60_000) {
    for (let index = 0; index < 500; index += 10) keeper.take([evidence(mac(index), clock.nowMs)]);
    keeper.tick();
  }
  const megabytes = (writtenBytes() - before) / 1e6;
  t.comment(`${megabytes.toFixed(1)} MB`);
  t.ok(megabytes < 5, `${megabytes.toFixed(1)} MB`);
  t.end();
});

t.test('what is only a hint, and every name of a patient in it, never reaches the disk', (t) => {
  const { keeper, store } = keeperAt('phi.db');
  const hint = (value: string, source: 'http.user-agent' | 'dns.question' | 'dicom.sop-class') =>
    ({ field: 'hint', value, source, confidence: 0 }) as const;
  keeper.take([
    evidence(mac(1), 1_000_000, {
      observations: [
        hint('Mozilla/4.0 (Windows NT 5.1) SEEDED^PATIENT', 'http.user-agent'),
        hint('seeded-patient.example', 'dns.question'),
      ],
    }),
  ]);
  keeper.finish();
  store.close();
  const files = readdirSync(dir).filter((name) => name.startsWith('phi.db'));
  t.ok(files.length > 0);
  for (const file of files) t.notMatch(readFileSync(join(dir, file), 'latin1'), /seeded.patient/i);
  t.end();
});
