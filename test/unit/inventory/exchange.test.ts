import t from 'tap';
import { parseCsv, renderCsv } from '../../../agent/inventory/csv.js';
import { exportCsv, exportCycloneDx, exportNetbox } from '../../../agent/inventory/export-devices.js';
import { importTemplate, readImport } from '../../../agent/inventory/import-devices.js';
import { EvidenceBook } from '../../../agent/inventory/evidence-book.js';

t.test('CSV as spreadsheets write it', (t) => {
  for (const [name, text, rows] of [
    [
      'quotes, commas and line ends in cells',
      'a,b\r\n"x, ""y""\nz",2\r\n',
      [
        ['a', 'b'],
        ['x, "y"\nz', '2'],
      ],
    ],
    [
      'semicolons and a byte order mark',
      '\uFEFFa;b\n1;2\n\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'tabs, no last line end',
      'a\tb\n1\t2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['a quote that never ends', 'a\n"b,c', [['a'], ['b,c']]],
    ['nothing', '', []],
  ] as const)
    t.strictSame(parseCsv(text), rows, name);
  t.equal(renderCsv([['=1+1', 'a,b', '-x']]), `'=1+1,"a,b",'-x\r\n`, 'no cell runs as a formula');
  t.end();
});

t.test('a list of IT becomes entries; what has no place is named and left out', (t) => {
  const list = readImport(
    'MAC Address,Manufacturer,Room,Patient,criticality\n00-03-B1-00-00-01,Alaris,Ward 3,DOE^JOHN,high\npump-2,,Ward 4,,\n',
  );
  t.strictSame(list.problems, []);
  t.strictSame(list.leftOut, ['Patient']);
  t.strictSame(list.devices, [
    { device: '00:03:b1:00:00:01', entries: { make: 'Alaris', location: 'Ward 3', criticality: 'high' } },
    { device: 'pump-2', entries: { location: 'Ward 4' } },
  ]);
  t.notMatch(JSON.stringify(list.devices), /DOE/);
  const json = readImport('[{"mac": "0003b1000001", "cost": 12500, "constructor": {"a": 1}}]');
  t.strictSame(json.devices, [{ device: '00:03:b1:00:00:01', entries: { cost: '12500' } }]);
  t.end();
});

t.test('what is wrong in a list is said with its place', (t) => {
  for (const [text, path, message] of [
    ['', 'document', /empty/],
    ['{"a": 1}', 'document', /array/],
    ['owner\nBiomed\n', 'heading', /mac/],
    ['mac,criticality\n00:03:b1:00:00:01,very\n', 'row 2', /life-sustaining/],
    ['mac,replaceBy\n00:03:b1:00:00:01,2027-02-30\n', 'row 2', /date/],
    ['mac,cost\n00:03:b1:00:00:01,a lot\n', 'row 2', /number/],
    [importTemplate(), 'row 2', /template/],
  ] as const) {
    const { problems } = readImport(text);
    t.equal(problems[0]?.path, path);
    t.match(problems[0]?.message ?? '', message);
  }
  t.end();
});

t.test('the inventory leaves in forms that other programs take', (t) => {
  const book = new EvidenceBook();
  const sighting = { address: '10.0.0.9', isClaimed: true, observations: [] };
  const os = { field: 'os', value: 'Windows XP', source: 'smb.native-os', confidence: 60 } as const;
  for (const mac of ['00:03:b1:00:00:01', '00:03:b1:00:00:02']) {
    const id = book.observe({ ...sighting, mac }, [os], 1_000);
    book.setOperatorEntry(id ?? '', 'name', { value: '=PUMP', by: 'x', atMs: 1 });
    book.setOperatorEntry(id ?? '', 'owner', { value: 'Biomed', by: 'x', atMs: 1 });
  }
  const devices = book.devices();
  const [, first = []] = parseCsv(exportCsv(devices));
  const [heading = []] = parseCsv(exportCsv(devices));
  t.equal(first[heading.indexOf('os')], 'Windows XP');
  t.equal(first[heading.indexOf('owner')], 'Biomed');
  t.equal(first[heading.indexOf('name')], "'=PUMP");
  const again = readImport(exportCsv(devices));
  t.equal(again.devices[0]?.device, '00:03:b1:00:00:01', 'an export can be filled in and imported');
  const netbox = parseCsv(exportNetbox(devices, 'Main'));
  t.strictSame(netbox[0]?.slice(0, 4), ['name', 'role', 'manufacturer', 'device_type']);
  t.not(netbox[1]?.[0], netbox[2]?.[0], 'names differ in one site');
  t.match(exportCycloneDx(devices, 0, '1'), {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    components: [{ type: 'device', components: [{ type: 'operating-system', name: 'Windows XP' }] }],
  });
  t.end();
});
