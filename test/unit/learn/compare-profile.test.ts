import t from 'tap';
import { compareProfile } from '../../../agent/learn/compare-profile.js';
import { propose } from '../../../agent/learn/propose.js';
import { pairAces } from '../../../agent/mud/pair-aces.js';
import { parseMud } from '../../../agent/mud/parse-mud.js';
import { policyOf } from '../ruleset/support.js';
import { findingOf, habitOf, MONDAY_MS, pump } from './support.js';

interface Half {
  readonly name: string;
  readonly protocol?: number;
  readonly peer: object;
  readonly port: number;
}

/** A profile with each conversation mirrored, as generators write them. */
function profile(halves: readonly Half[], toOnly: readonly Half[] = []) {
  const ace = ({ name, protocol = 6, peer, port }: Half, isFrom: boolean) => ({
    name: `${isFrom ? 'from' : 'to'}-${name}`,
    matches: {
      ipv4: {
        protocol,
        ...Object.fromEntries(
          Object.entries(peer).map(([key, value]) => [
            isFrom ? key : key.replace('dst', 'src').replace('destination', 'source'),
            value as string,
          ]),
        ),
      },
      [protocol === 6 ? 'tcp' : 'udp']: {
        [isFrom ? 'destination-port' : 'source-port']: { operator: 'eq', port },
        ...(isFrom && protocol === 6 ? { 'ietf-mud:direction-initiated': 'from-device' } : {}),
      },
    },
    actions: { forwarding: 'accept' },
  });
  const list = (name: string, aces: readonly object[]) => ({
    name,
    type: 'ipv4-acl-type',
    aces: { ace: aces },
  });
  const text = JSON.stringify({
    'ietf-mud:mud': {
      'mud-version': 1,
      'mud-url': 'https://pump.example/pump',
      'last-update': '2026-01-01T00:00:00Z',
      'is-supported': true,
      'from-device-policy': { 'access-lists': { 'access-list': [{ name: 'from' }] } },
      'to-device-policy': { 'access-lists': { 'access-list': [{ name: 'to' }] } },
    },
    'ietf-access-control-list:acls': {
      acl: [
        list(
          'from',
          halves.map((one) => ace(one, true)),
        ),
        list(
          'to',
          [...halves, ...toOnly].map((one) => ace(one, false)),
        ),
      ],
    },
  });
  const parsed = parseMud(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  t.same(parsed.file.dropped, []);
  return pairAces(parsed.file);
}

t.test('each proposed and each published entry is in the table once, with its reason', (t) => {
  const name = (host: string) => ({ 'ietf-acldns:dst-dnsname': host });
  const pairing = profile(
    [
      { name: 'cloud', peer: name('cloud.example'), port: 443 },
      { name: 'unused', peer: name('update.example'), port: 443 },
      { name: 'bad', peer: { 'destination-ipv4-network': '198.51.100.66/32' }, port: 80 },
      { name: 'wide', peer: { 'destination-ipv4-network': '198.51.100.0/28' }, port: 8883 },
    ],
    [{ name: 'dhcp', protocol: 17, peer: {}, port: 67 }],
  );
  const habits = [
    habitOf('out 6/443 198.51.100.1', { names: ['cloud.example'] }),
    habitOf('out 6/8883 198.51.100.2'),
    habitOf('out 6/80 198.51.100.66'),
    habitOf('out 17/53 10.77.0.53'),
    habitOf('out 6/22 10.77.0.1', { count: 1 }),
  ];
  const policy = policyOf('version: 1\nsite: { name: x }\n');
  const findings = [findingOf({ peer: '198.51.100.66', title: 'a beacon' })];
  const set = propose({
    policy,
    name: 'pump-1',
    device: pump,
    habits,
    findings,
    learned: new Map(),
    watchedMs: 1,
    nowMs: MONDAY_MS,
  });
  const rows = compareProfile(set, habits, pairing).map(
    ({ proposed, published, verdict, reason }) =>
      `${verdict}: ${proposed ?? '-'} | ${published ?? '-'} | ${reason}`,
  );
  t.same(rows.toSorted(), [
    'extra: out tcp 22 to 10.77.0.1 | - | seen once; the profile has no such entry',
    'match: out tcp 443 to name cloud.example | out tcp 443 to cloud.example (from-cloud, to-cloud) | seen 10 times',
    'match: out tcp 8883 to 198.51.100.2 | out tcp 8883 to 198.51.100.0/28 (from-wide, to-wide) | seen 10 times; the profile is wider',
    'match: out udp 53 to 10.77.0.53 | out udp 53 to urn:ietf:params:mud:dns (RFC 8520 appendix B dns) | seen 10 times; the profile leaves it to the site who that is',
    'missing: - | out tcp 443 to update.example (from-unused, to-unused) | not in the capture',
    'missing: - | out tcp 80 to 198.51.100.66 (from-bad, to-bad) | seen, and left out: a beacon',
    'missing: - | out udp 123 to urn:ietf:params:mud:ntp (RFC 8520 appendix B ntp) | not in the capture',
    'missing: - | to-dhcp (to-device) | passes without an entry (DHCP)',
  ]);
  t.end();
});
