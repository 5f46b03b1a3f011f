import t from 'tap';
import { budgetOf } from '../../../agent/risk/eol-budget.js';
import { kevOf, readKev, readKevProducts, readSupportTable } from '../../../agent/risk/reference-data.js';
import { findProduct, supportOf } from '../../../agent/risk/support-state.js';
import { OWN_SUPPORT_TABLE } from '../../../agent/risk/support-table.js';
import type { Subject } from '../../../agent/risk/subject.js';

const nowMs = Date.parse('2026-11-24T12:00:00Z');

t.test('what a device says it runs is found in the table', (t) => {
  for (const [software, product] of [
    ['Windows XP', 'Windows XP'],
    ['windows  xp embedded SP3', 'Windows XP Embedded'],
    ['Windows 7 or Server 2008 R2', 'Windows 7'],
    ['Windows 8', 'Windows 8'],
    ['Windows 8.1', 'Windows 8.1'],
    ['Windows 10 or later', null],
    ['Windows 10 IoT Enterprise LTSC 2021', 'Windows 10 IoT Enterprise LTSC 2021'],
    ['Windows', null],
    ['Windows CE 6.0', 'Windows CE 6'],
    ['VxWorks 6.9', 'VxWorks'],
    ['Debian 11', 'Debian 11'],
    ['Debian 110', null],
    ['Linux 2.6.32', 'Linux kernel 2'],
    ['Linux 26', null],
    ['', null],
  ] as const)
    t.equal(findProduct(software, OWN_SUPPORT_TABLE)?.product ?? null, product, software);
  t.end();
});

t.test('every date of the table has a source, and is a date', (t) => {
  const bad = OWN_SUPPORT_TABLE.filter(
    ({ ends, source }) =>
      !source.startsWith('https://') || (ends !== null && Number.isNaN(Date.parse(`${ends}T00:00:00Z`))),
  );
  t.strictSame(bad, []);
  t.ok(OWN_SUPPORT_TABLE.length > 50);
  t.end();
});

t.test('support ends with the last hour of its day; what a person entered wins', (t) => {
  const state = (software: string, entered: string | null, now = nowMs) =>
    supportOf(
      software,
      entered === null ? null : { ends: entered, source: 'entered' },
      OWN_SUPPORT_TABLE,
      now,
    ).state;
  t.equal(state('Windows XP', null), 'ended');
  t.equal(state('Windows XP', '2030-01-01'), 'supported');
  t.equal(state('Windows Server 2016', null), 'ending');
  t.equal(state('QNX 6.5', null), 'by contract');
  t.equal(state('CustomOS', null), 'unknown');
  t.equal(state('x', '2026-11-24'), 'ending', 'the day itself');
  t.equal(state('x', '2026-11-23'), 'ended');
  t.end();
});

t.test('files of CISA and endoflife.date are taken; anything else is a problem', (t) => {
  const kev = readKev(
    JSON.stringify({
      catalogVersion: '2026.11.01',
      vulnerabilities: [
        {
          cveID: 'CVE-2017-0144',
          vendorProject: 'Microsoft',
          product: 'Windows',
          knownRansomwareCampaignUse: 'Known',
          notes: 'x',
        },
        { cveID: 'CVE-2019-0708', vendorProject: 'Microsoft', product: 'Windows' },
        { cveID: 'CVE-2021-1', vendorProject: 'Microsoft', product: 'Office' },
      ],
    }).replace('CVE-2021-1"', 'CVE-2021-1111"'),
  );
  t.ok(kev.ok);
  const products = kev.ok ? kev.value : [];
  t.match(kevOf(['Windows XP'], products), [{ product: 'Windows', count: 2, ransomware: true }]);
  t.strictSame(kevOf(['Linux 5.10'], products), []);
  t.strictSame(readKevProducts(JSON.stringify(products)), products, 'as it is kept');

  const v0 = '[{"cycle": "12", "eol": "2026-06-10"}, {"cycle": "14", "eol": false}]';
  t.match(readSupportTable(v0, 'Debian'), { value: [{ product: 'Debian 12', ends: '2026-06-10' }] });
  t.match(readSupportTable(v0, null), { ok: false, problem: /--product/ });
  const v1 =
    '{"result": {"name": "debian", "label": "Debian", "releases": [{"name": "12", "eolFrom": "2026-06-10"}]}}';
  t.match(readSupportTable(v1, null), {
    value: [{ product: 'Debian 12', source: 'https://endoflife.date/debian' }],
  });
  const own = '- { product: Pump OS 4, names: [PumpOS 4], ends: 2027-01-31, source: letter of the vendor }';
  const table = readSupportTable(own, null);
  t.match(table, { value: [{ ends: '2027-01-31' }] });
  t.equal(table.ok ? findProduct('PumpOS 4', table.value)?.product : null, 'Pump OS 4');
  for (const bad of [
    '',
    '{',
    '[1]',
    'a: b',
    '{"vulnerabilities": [{"cveID": "x"}]}',
    '&a [*a]',
    '- { product: x }',
  ])
    t.notOk(readKev(bad).ok || readSupportTable(bad, null).ok, bad);
  t.end();
});

t.test('the budget goes by year, sums what is known and names what is not', (t) => {
  const device = (name: string, os: string, more: Partial<Subject> = {}) => ({
    subject: {
      id: name,
      name,
      kind: null,
      os,
      software: null,
      criticality: { value: 'medium', source: 'x' },
      holdsPhi: { value: 'unknown', source: 'x' },
      endOfSupport: null,
      services: [],
      speaks: [],
      reaches: [],
      replaceBy: null,
      cost: null,
      compensating: null,
      owner: null,
      vendorSecurity: null,
      vendorSupport: null,
      ...more,
    } satisfies Subject,
    support: supportOf(os, null, OWN_SUPPORT_TABLE, nowMs),
    guarded: name === 'pump-1' ? 'allow-list enforced by this box' : null,
  });
  const budget = budgetOf(
    [
      device('pump-1', 'Windows XP', { cost: 12_500, vendorSecurity: 'psirt', vendorSupport: 'help' }),
      device('pump-2', 'Windows XP', { replaceBy: '2028-01-31', cost: 9_000, vendorSupport: 'help' }),
      device('ct', 'Windows Server 2016'),
      device('odd', 'CustomOS'),
    ],
    nowMs,
  );
  t.match(budget.years, [
    {
      year: 2026,
      cost: 12_500,
      lines: [{ name: 'pump-1', compensating: 'allow-list enforced by this box' }],
    },
    { year: 2027, cost: 0, withoutCost: 1, lines: [{ name: 'ct' }] },
    { year: 2028, cost: 9_000, lines: [{ name: 'pump-2' }] },
  ]);
  t.match(budget.unknown, [{ name: 'odd', why: 'unknown' }]);
  t.match(budget.withoutVendorContact, [
    { name: 'pump-2', missing: 'security' },
    { name: 'ct', missing: 'security and support' },
    { name: 'odd' },
  ]);
  t.end();
});
