import t from 'tap';
import { KNOWLEDGE_RULES } from '../../../agent/inventory/knowledge-rules.js';
import { conclude, readKnowledge } from '../../../agent/inventory/knowledge.js';
import {
  MakerFields,
  makerOf,
  ownMakers,
  parseMakers,
  registeredMakers,
} from '../../../agent/inventory/makers.js';
import type { Observation, Source } from '../../../agent/inventory/observation.js';

const hint = (source: Source, value: string): Observation => ({
  field: 'hint',
  value,
  source,
  confidence: 0,
});
const told = (source: Source, value: string): string =>
  conclude(readKnowledge(KNOWLEDGE_RULES), [hint(source, value)])
    .map((one) => `${one.field} ${one.value}`)
    .join(', ');

const rules: readonly (readonly [Source, string, string])[] = [
  ['dhcp4.vendor-class', 'MSFT 5.0', 'os Windows'],
  ['dhcp4.vendor-class', 'dhcpcd-6.11.5:Linux-4.1.18-v7+:armv7l:BCM2709', 'os Linux 4.1.18'],
  ['dhcp4.vendor-class', 'Hewlett-Packard JetDirect', 'kind printer, make Hewlett Packard'],
  ['dhcp4.parameter-list', '1,15,3,6,44,46,47,31,33,249,43', 'os Windows XP'],
  ['dicom.modality', 'US', 'kind ultrasound'],
  ['dicom.modality', 'CT', 'kind CT scanner'],
  ['dicom.implementation-class', '1.3.12.2.1107.5.8.1', 'make Siemens Healthineers'],
  ['hl7.application', 'INTELLIVUE', 'make Philips, model IntelliVue, kind patient monitor'],
  ['hl7.application', 'PLUM360', 'make ICU Medical, kind infusion pump'],
  ['hl7.message-type', 'OUL^R22^OUL_R22', 'kind laboratory analyzer'],
  ['snmp.description', 'VxWorks SNMPv1/v2c Agent', 'os VxWorks'],
  ['snmp.description', 'QNX Neutrino 6.5', 'os QNX 6.5'],
  ['ftp.banner', 'VxWorks FTP server (VxWorks 5.4.2) ready.', 'os VxWorks'],
  ['ftp.banner', 'VxWorks (5.4.2) FTP server ready', 'os VxWorks 5.4.2'],
  ['smb.native-os', 'Windows 7 Ultimate 7601 Service Pack 1', 'os Windows 7 Service Pack 1'],
  [
    'smb.native-os',
    'Windows Server 2008 R2 Standard 7601 Service Pack 1',
    'os Windows Server 2008 R2 Standard, kind server',
  ],
  ['ntlm.version', '5.1.2600', 'os Windows XP'],
  ['tcp.syn', '128:64240:mss,nop,nop,sackok:1460:-', 'os Windows'],
  ['tcp.syn', '64:29200:mss,sackok,ts,nop,ws:1460:7', 'os Linux'],
  ['bacnet.vendor', '5', 'make Johnson Controls'],
  ['dns.question', 'erika-mustermann.example.org', ''],
];
for (const [source, value, expected] of rules)
  t.test(
    `${source} "${value}" means ${expected === '' ? 'nothing, and is not kept' : expected}`,
    async (t) => {
      t.equal(told(source, value), expected);
    },
  );

t.test('a rule with an unknown source, field or a confidence of 100 is refused', async (t) => {
  for (const bad of [
    "[{ from: gossip, matches: 'x', gives: { os: y }, confidence: 50 }]",
    "[{ from: tcp.syn, matches: 'x', gives: { patient: y }, confidence: 50 }]",
    "[{ from: tcp.syn, matches: 'x', gives: { os: y }, confidence: 100 }]",
    "[{ from: tcp.syn, matches: '(', gives: { os: y }, confidence: 50 }]",
  ])
    t.throws(() => readKnowledge(bad), bad);
});

t.test('a MAC tells the maker of its card, and a made-up one tells nobody', async (t) => {
  t.equal(makerOf(ownMakers(), '00:09:fb:01:02:03'), 'Philips');
  t.equal(makerOf(ownMakers(), '02:09:fb:01:02:03'), null);
  t.equal(makerOf(ownMakers(), 'fc:fc:fc:01:02:03'), null);
});

t.test('who makes chips or virtual machines is the maker of an interface, not of the device', async (t) => {
  const fields = new MakerFields(ownMakers(), readKnowledge(KNOWLEDGE_RULES));
  t.match(fields.of('00:09:fb:01:02:03'), [{ field: 'make', value: 'Philips', source: 'oui' }]);
  t.match(fields.of('00:0c:29:01:02:03'), [
    { field: 'interface', value: 'VMware', source: 'oui' },
    { field: 'kind', value: 'virtual machine' },
  ]);
  t.strictSame(fields.of('02:0c:29:01:02:03'), []);
});

t.test(
  'the registry: the longest prefix counts, names as people say them, nobody for what is private',
  async (t) => {
    const table = registeredMakers(
      Object.entries({
        '0050C2': 'IEEE Registration Authority\n445 Hoes Lane',
        '0050C2A': 'Acme Infusion GmbH & Co. KG\nStreet 1',
        '001122': 'TP-LINK TECHNOLOGIES CO.,LTD.\nShenzhen',
        '001123': 'Private',
        '001124': 'SCHILLER AG',
        '000000': 'XEROX CORPORATION',
      }),
    );
    t.equal(makerOf(table, '00:50:c2:a1:02:03'), 'Acme Infusion');
    t.equal(makerOf(table, '00:50:c2:b1:02:03'), null);
    t.equal(makerOf(table, '00:11:22:01:02:03'), 'TP-Link');
    t.equal(makerOf(table, '00:11:23:01:02:03'), null);
    t.equal(makerOf(table, '00:11:24:01:02:03'), 'Schiller');
    t.equal(makerOf(table, '00:00:00:01:02:03'), null);
  },
);

t.test("makers are read from the IEEE's list and from a plain one", async (t) => {
  const table = parseMakers('OUI list\n00-00-0C   (hex)\t\tCisco Systems, Inc\n0003B1 ICU Medical\n# note\n');
  t.equal(table.size, 2);
  t.equal(table.get('00000C'), 'Cisco');
  t.equal(table.get('0003B1'), 'ICU Medical');
});
