import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { InventoryRow } from '../../../agent/messages/agent-messages.js';
import { controlsIn } from './run-cordon.js';
import { nowMs, serveAgent, serveEnforcer, unservedBox } from './served-box.js';

const said = { confidence: 60, conflicts: [] };
const pump: InventoryRow = {
  id: '02:42:ac:11:00:02',
  policyName: 'pump-1',
  macs: ['02:42:ac:11:00:02'],
  addresses: ['10.20.0.2'],
  isRandomizedMac: true,
  fields: { os: { ...said, value: 'Windows XP', source: 'smb.native-os' } },
  roles: [],
  services: ['tcp/445'],
  speaks: ['HL7'],
  reaches: [],
  operator: { cost: { value: '12500', by: 'nurse\u001b[2J', atMs: nowMs - 1_000 } },
  firstMs: nowMs - 86_400_000,
  lastMs: nowMs - 1_000,
};
const laptop: InventoryRow = {
  ...pump,
  id: '00:11:22:33:44:55',
  policyName: null,
  macs: ['00:11:22:33:44:55'],
  addresses: [],
  fields: {},
  services: [],
  speaks: [],
  operator: {},
};

async function served(t: Parameters<typeof serveAgent>[0]) {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  await serveAgent(t, box, {
    inventory: ({ offset }) => ({ rows: offset === 0 ? [pump, laptop] : [], total: 2 }),
    'inventory.show': () => ({
      device: pump,
      evidence: {
        os: [
          {
            value: 'Windows XP',
            source: 'smb.native-os',
            confidence: 60,
            firstMs: 1,
            lastMs: nowMs,
            count: 3,
          },
        ],
      },
    }),
    'inventory.enter': (params) => {
      box.asked.push(['inventory.enter', params]);
      const problems = params.devices
        .filter(({ device }) => device === 'nobody')
        .map(({ device }) => ({ device, message: 'no device nobody' }));
      return { changed: params.devices.length - problems.length, problems };
    },
    'reference.put': (params) => {
      box.asked.push(['reference.put', params]);
      return {};
    },
  });
  return box;
}

t.test('a device is shown with every source, and is entered from the command line', async (t) => {
  const box = await served(t);
  const shown = await box.cordon('device', 'show', 'pump-1');
  t.match(shown.stdout, /os +Windows XP +smb\.native-os +60%/, shown.stderr);
  t.match(shown.stdout, /cost: 12500/);
  t.strictSame(controlsIn(shown.stdout), []);
  const set = await box.cordon('device', 'set', 'pump-1', 'owner=Biomed', 'location=Ward 3=4');
  t.equal(set.exitStatus, 0, set.stderr);
  t.match(box.asked, [
    [
      'inventory.enter',
      { by: 'nurse', devices: [{ device: 'pump-1', entries: { owner: 'Biomed', location: 'Ward 3=4' } }] },
    ],
  ]);
  t.equal((await box.cordon('device', 'set', 'nobody', 'owner=x')).exitStatus, 1);
  t.equal((await box.cordon('device', 'set', 'pump-1', 'owner')).exitStatus, 2);
});

t.test('lists go in and out', async (t) => {
  const box = await served(t);
  const list = join(box.directory, 'list.csv');
  writeFileSync(list, 'MAC,Department,Patient\n02-42-AC-11-00-02,Biomed,DOE^JOHN\n');
  const dry = await box.cordon('devices', 'import', list, '--dry-run', '--json');
  t.match(JSON.parse(dry.stdout), { devices: 1, changed: 0, leftOut: ['Patient'] }, dry.stderr);
  t.same(box.asked, []);
  const imported = await box.cordon('devices', 'import', list);
  t.match(imported.stdout, '1 of 1 device entered', imported.stderr);
  t.notMatch(JSON.stringify(box.asked), /DOE/);
  t.match((await box.cordon('devices', 'import', '--template')).stdout, /^mac,kind,make/);
  t.equal((await box.cordon('devices', 'import')).exitStatus, 2);
  t.match((await box.cordon('devices', 'export')).stdout, /^mac,policyName.*\r\n02:42:ac:11:00:02,pump-1/);
  t.match(
    (await box.cordon('devices', 'export', '--format', 'netbox', '--site', 'Main')).stdout,
    /pump-1,unknown,unknown.*,Main,active/,
  );
  t.match(JSON.parse((await box.cordon('devices', 'export', '--format', 'cyclonedx')).stdout), {
    specVersion: '1.6',
  });
});

t.test('risk, its reasons and the budget of the running box', async (t) => {
  const box = await served(t);
  const risk = await box.cordon('risk');
  t.match(risk.stdout, /2 +pump-1 +low \d+ +moderate/, risk.stderr);
  t.equal((await box.cordon('risk')).stdout, risk.stdout, 'the same again');
  const explained = await box.cordon('risk', 'explain', 'pump-1');
  t.match(explained.stdout, /support of Windows XP ended 2014-04-08\s+\(https:/);
  t.match(explained.stdout, /table I-2/);
  const json = JSON.parse((await box.cordon('risk', 'explain', 'pump-1', '--json')).stdout) as {
    factors: unknown[];
  };
  t.ok(json.factors.length >= 10);
  t.match((await box.cordon('risk', 'explain', 'nobody')).stderr, 'there is no device');
  const eol = await box.cordon('eol', '--as-of', '2026-11-24');
  t.match(eol.stdout, /2026: 1 device, cost 12500/, eol.stderr);
  t.match(eol.stdout, /2 without a contact at the vendor/);
});

t.test('a list of dates is checked before the box takes it', async (t) => {
  const box = await served(t);
  const good = join(box.directory, 'debian.json');
  writeFileSync(good, '[{"cycle": "12", "eol": "2026-06-10"}]');
  t.equal((await box.cordon('data', 'import', 'eol', good)).exitStatus, 1, 'of which product?');
  const taken = await box.cordon('data', 'import', 'eol', good, '--product', 'Debian');
  t.match(taken.stdout, '1 dates taken in', taken.stderr);
  t.match(box.asked, [['reference.put', { kind: 'eol', body: /Debian 12/ }]]);
  t.equal((await box.cordon('data', 'import', 'kev', good)).exitStatus, 1);
});
