import t from 'tap';
import { isRandomized } from '../../../agent/inventory/device.js';
import { DEFAULT_LIMITS, EvidenceBook } from '../../../agent/inventory/evidence-book.js';
import { bestOf, type Candidate } from '../../../agent/inventory/evidence.js';
import type { DeviceField, Observation, Source } from '../../../agent/inventory/observation.js';
import type { Sighting } from '../../../agent/inventory/read-packet.js';

const entered = (value: string) => ({ value, by: 'nurse', atMs: 1 });

const PUMP = '00:03:b1:01:02:03';
const MONITOR = '00:09:fb:01:02:03';
const PHONE = '02:11:22:33:44:55';
const PHONE_LATER = '06:aa:bb:cc:dd:ee';

const says = (
  field: DeviceField | 'hint',
  value: string,
  source: Source,
  confidence: number,
): Observation => ({
  field,
  value,
  source,
  confidence,
});
const seen = (
  mac: string | null,
  address: string | null,
  isClaimed = false,
  observations: readonly Observation[] = [],
): Sighting => ({ mac, address, isClaimed, observations });

const candidate = (value: string, source: Source, confidence: number, lastMs = 0): Candidate => ({
  value,
  source,
  confidence,
  firstMs: 0,
  lastMs,
  count: 1,
});

const choices: readonly (readonly [
  string,
  readonly Candidate[],
  string | null,
  string,
  readonly string[],
])[] = [
  [
    'the surest one wins, and what contradicts it and is nearly as sure is shown',
    [candidate('Windows XP', 'smb.native-os', 75), candidate('Linux', 'dhcp4.vendor-class', 55)],
    null,
    'Windows XP',
    ['Linux'],
  ],
  [
    'a faint contradiction is not shown',
    [candidate('Windows XP', 'smb.native-os', 75), candidate('Linux', 'tcp.syn', 30)],
    null,
    'Windows XP',
    [],
  ],
  [
    'two sources that agree outweigh one that is a little surer',
    [
      candidate('printer', 'mdns.service', 70),
      candidate('Printer', 'snmp.description', 68),
      candidate('camera', 'ssdp.device-type', 72),
    ],
    null,
    'printer',
    ['camera'],
  ],
  [
    'a more exact form is preferred to a surer rough one, and does not contradict it',
    [candidate('Windows', 'dhcp4.vendor-class', 70), candidate('Windows 7', 'http.user-agent', 55)],
    null,
    'Windows 7',
    [],
  ],
  [
    'an alternative does not contradict one of its parts',
    [
      candidate('Windows 7 Service Pack 1', 'smb.native-os', 80),
      candidate('Windows 7 or Server 2008 R2', 'ntlm.version', 75),
    ],
    null,
    'Windows 7 Service Pack 1',
    [],
  ],
  [
    'of equals the last one counts',
    [candidate('1.0', 'http.server', 60, 1), candidate('2.0', 'ssh.banner', 60, 2)],
    null,
    '2.0',
    ['1.0'],
  ],
  [
    'the operator wins, and sees what the wire says otherwise',
    [candidate('printer', 'mdns.service', 85)],
    'infusion pump',
    'infusion pump',
    ['printer'],
  ],
];
for (const [what, candidates, operator, value, conflicts] of choices)
  t.test(`best value: ${what}`, async (t) => {
    const best = bestOf(candidates, operator);
    t.match(best, { value, conflicts });
    t.equal(best?.conflicts.length, conflicts.length);
  });

t.test('repeated evidence is one candidate with first, last and count', async (t) => {
  const book = new EvidenceBook();
  const kind = says('kind', 'printer', 'mdns.service', 75);
  for (const nowMs of [1_000, 2_000, 3_000]) book.observe(seen(PUMP, '10.0.0.9'), [kind], nowMs);
  t.strictSame(book.candidates(PUMP, 'kind'), [
    { value: 'printer', source: 'mdns.service', confidence: 75, firstMs: 1_000, lastMs: 3_000, count: 3 },
  ]);
});

t.test(
  'what an operator enters is apart from the wire, outlives eviction and can be taken back',
  async (t) => {
    const book = new EvidenceBook({ ...DEFAULT_LIMITS, maxDevices: 2 });
    book.observe(seen(PUMP, '10.0.0.9'), [says('kind', 'printer', 'mdns.service', 75)], 0);
    t.ok(book.setOperatorEntry(PUMP, 'kind', entered('infusion pump')));
    for (let index = 0; index < 10; index++) book.observe(seen(`00:09:fb:00:00:0${index}`, null), [], index);
    const pump = book.devices().find(({ id }) => id === PUMP);
    t.equal(pump?.fields.kind?.value, 'infusion pump');
    t.equal(book.counters.evictedDevices, 9);
    book.setOperatorEntry(PUMP, 'kind', null);
    t.equal(book.devices().find(({ id }) => id === PUMP)?.fields.kind?.value, 'printer');
    t.notOk(book.setOperatorEntry('00:00:00:00:00:09', 'kind', entered('x')), 'a device that is not known');
  },
);

t.test('where every place is held by an operator a new device is refused and counted', async (t) => {
  const book = new EvidenceBook({ ...DEFAULT_LIMITS, maxDevices: 1 });
  book.observe(seen(PUMP, null), [], 0);
  book.setOperatorEntry(PUMP, 'name', entered('pump-1'));
  t.equal(book.observe(seen(MONITOR, null), [], 1), null);
  t.equal(book.counters.refusedDevices, 1);
});

t.test('a device that changes its address stays one device, with a bounded list of addresses', async (t) => {
  const book = new EvidenceBook();
  for (let index = 1; index <= 100; index++) book.observe(seen(PUMP, `10.0.0.${index}`, true), [], index);
  t.equal(book.size, 1);
  t.equal(book.devices()[0]?.addresses.length, DEFAULT_LIMITS.maxAddressesPerDevice);
  t.equal(book.devices()[0]?.addresses.at(-1), '10.0.0.100');
  t.equal(book.counters.evictedAddresses, 100 - DEFAULT_LIMITS.maxAddressesPerDevice);
});

t.test(
  'a flood of made-up MACs displaces other made-up ones and no device with a registered MAC',
  async (t) => {
    const book = new EvidenceBook({ ...DEFAULT_LIMITS, maxMadeUpDevices: 16 });
    book.observe(seen(PUMP, '10.0.0.9', true), [], 0);
    for (let index = 0; index < 5_000; index++)
      book.observe(
        seen(
          `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`,
          null,
        ),
        [],
        index,
      );
    t.equal(book.size, 17);
    t.ok(book.devices().some(({ id }) => id === PUMP));
    t.equal(book.counters.evictedMadeUpDevices, 5_000 - 16);
  },
);

t.test(
  'a new made-up MAC with the same DHCP client id is the same device, if the old one is quiet',
  async (t) => {
    const book = new EvidenceBook();
    const identity = [says('hint', 'ff0102', 'dhcp4.client-id', 0)];
    book.observe(
      seen(PHONE, '10.0.0.20', true, identity),
      [says('os', 'Android', 'dhcp4.vendor-class', 60)],
      0,
    );
    t.equal(book.observe(seen(PHONE_LATER, '10.0.0.21', true, identity), [], 3_600_000), PHONE);
    t.match(book.devices(), [
      { id: PHONE, macs: [PHONE, PHONE_LATER], addresses: ['10.0.0.20', '10.0.0.21'] },
    ]);
    t.equal(book.observe(seen(PHONE_LATER, '10.0.0.21'), [], 3_700_000), PHONE);
    t.equal(book.counters.mergedDevices, 1);
  },
);

t.test('two devices with one client id that speak at the same time stay two', async (t) => {
  const book = new EvidenceBook();
  const identity = [says('hint', 'ff0102', 'dhcp4.client-id', 0)];
  book.observe(seen(PHONE, null, false, identity), [], 0);
  book.observe(seen(PHONE_LATER, null, false, identity), [], 1_000);
  t.equal(book.size, 2);
});

t.test('registered MACs with one host name stay two devices', async (t) => {
  const book = new EvidenceBook();
  const identity = [says('hint', 'ff0102', 'dhcp4.client-id', 0)];
  book.observe(seen(PUMP, null, false, identity), [], 0);
  book.observe(seen(MONITOR, null, false, identity), [], 3_600_000);
  t.equal(book.size, 2);
});

t.test('an address heard through a router is one device, and becomes its MAC when that is met', async (t) => {
  const book = new EvidenceBook();
  book.observe(seen(null, '10.0.0.9'), [says('kind', 'printer', 'http.server', 60)], 0);
  book.observe(seen(PUMP, '10.0.0.9', true), [], 1);
  t.match(book.devices(), [
    { macs: [PUMP], addresses: ['10.0.0.9'], fields: { kind: { value: 'printer' } } },
  ]);
  t.equal(book.size, 1);
});

t.test('hosts of the Internet are counted and not kept', async (t) => {
  const book = new EvidenceBook();
  for (const address of ['93.184.216.34', '2001:db8::1', '8.8.8.8']) book.observe(seen(null, address), [], 0);
  t.equal(book.size, 0);
  t.equal(book.counters.remoteSightings, 3);
});

t.test('using an address does not take it from the one that claims it', async (t) => {
  const book = new EvidenceBook();
  book.observe(seen(PUMP, '10.0.0.9', true), [], 0);
  book.observe(seen(MONITOR, '10.0.0.9'), [], 1);
  t.strictSame(
    book.devices().map(({ id, addresses }) => [id, addresses]),
    [
      [PUMP, ['10.0.0.9']],
      [MONITOR, []],
    ],
  );
  t.equal(book.counters.addressConflicts, 1);
  book.observe(seen(MONITOR, '10.0.0.9', true), [], 2);
  t.strictSame(
    book.devices().map(({ id, addresses }) => [id, addresses]),
    [
      [PUMP, []],
      [MONITOR, ['10.0.0.9']],
    ],
    'a claim does: the lease has gone to another device',
  );
});

t.test('a field keeps its surest candidates and counts the others', async (t) => {
  const book = new EvidenceBook();
  for (let index = 0; index < 40; index++)
    book.observe(seen(PUMP, null), [says('name', `name-${index}`, 'mdns.host', index)], index);
  const kept = book.candidates(PUMP, 'name');
  t.equal(kept.length, DEFAULT_LIMITS.maxCandidatesPerField);
  t.ok(kept.every(({ confidence }) => confidence >= 32));
  t.equal(book.counters.evictedCandidates, 40 - DEFAULT_LIMITS.maxCandidatesPerField);
});

t.test('the locally administered bit tells a made-up MAC', async (t) => {
  t.strictSame([PUMP, MONITOR, PHONE, 'da:a1:19:00:00:01'].map(isRandomized), [false, false, true, true]);
});
