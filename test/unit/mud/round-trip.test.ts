/** Import, export, import: what a file permits at a site comes back from the file that is written of it, entry by entry. */
import fc from 'fast-check';
import t from 'tap';
import { exportMud } from '../../../agent/mud/export-mud.js';
import { entryKey } from '../../../agent/policy/check-policy.js';
import { NO_DATA, publishedFiles } from './support/files.js';
import { DEVICE, importedDevice, mudFile, type ImportedDevice } from './support/import.js';
import { createRandom } from './support/probes.js';

type Tap = Pick<typeof t, 'same' | 'equal'>;

const NOW_MS = Date.UTC(2026, 0, 2);

function exported({ policy }: ImportedDevice): string {
  const result = exportMud({ policy, device: DEVICE, url: 'https://mud.example/thing.json', nowMs: NOW_MS });
  if (!result) throw new Error('no such device');
  if (result.leftOut.length > 0) throw new Error(JSON.stringify(result.leftOut));
  return JSON.stringify(result.document, null, 2);
}

const keysOf = ({ policy }: ImportedDevice): readonly string[] =>
  (policy.devices[DEVICE]?.allow ?? []).map(entryKey).sort();

function comesBack(t: Tap, text: string, name: string): void {
  const first = importedDevice(mudFile(text));
  const once = exported(first);
  const second = importedDevice(mudFile(once));
  t.same(keysOf(second), keysOf(first), `${name}: the same entries`);
  t.equal(exported(second), once, `${name}: the same file`);
}

const files = publishedFiles();
if (files.length === 0) t.comment(NO_DATA);
t.test('every published file comes back', (t) => {
  for (const { name, text } of files) comesBack(t, text, name);
  t.end();
});

t.test('files made at random come back', (t) => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const first = importedDevice(mudFile(JSON.stringify(madeFile(seed))));
      const once = exported(first);
      const second = importedDevice(mudFile(once));
      t.same(keysOf(second), keysOf(first), `seed ${seed}`);
      return exported(second) === once;
    }),
    { numRuns: 100 },
  );
  t.end();
});

/** Pairs of entries of every kind, some of them without their counterpart, some refusing. */
function madeFile(seed: number): Record<string, unknown> {
  const random = createRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const lists = ([4, 6] as const).flatMap((family) => {
    const pairs = Array.from({ length: random(6) }, () => madePair(family));
    return [
      {
        name: `from-${family}`,
        type: `ipv${family}-acl-type`,
        aces: { ace: named(pairs.map(([from]) => from)) },
      },
      {
        name: `to-${family}`,
        type: `ipv${family}-acl-type`,
        aces: { ace: named(pairs.map(([, to]) => to)) },
      },
    ];
  });
  const policyOf = (start: string) => ({
    'access-lists': {
      'access-list': lists.filter(({ name }) => name.startsWith(start)).map(({ name }) => ({ name })),
    },
  });
  return {
    'ietf-mud:mud': {
      'mud-version': 1,
      'mud-url': 'https://maker.example/thing.json',
      'from-device-policy': policyOf('from'),
      'to-device-policy': policyOf('to'),
    },
    'ietf-access-control-list:acls': { acl: lists },
  };

  function named(aces: readonly (Record<string, unknown> | null)[]) {
    return aces
      .filter((ace) => ace !== null)
      .map((matches, index) => ({
        name: `ace-${index}`,
        matches,
        actions: { forwarding: random(12) === 0 ? 'drop' : 'accept' },
      }));
  }

  function madePair(
    family: 4 | 6,
  ): readonly [Record<string, unknown> | null, Record<string, unknown> | null] {
    const network =
      family === 4
        ? pick(['198.51.100.0/24', '192.0.2.7/32', '224.0.0.251/32'])
        : pick(['2001:db8:1::/48', 'fd00::7/128', 'ff02::fb/128']);
    const kind = random(4);
    const mud = pick<Record<string, unknown>>([
      { 'my-controller': [null] },
      { 'local-networks': [null] },
      { controller: 'urn:ietf:params:mud:dns' },
      { manufacturer: 'maker.example' },
      { 'same-manufacturer': [null] },
    ]);
    const end = (isFrom: boolean) => ({
      ...(kind === 0 && { 'ietf-mud:mud': mud }),
      protocol: {
        ...(kind === 1 && { [`${isFrom ? 'destination' : 'source'}-ipv${family}-network`]: network }),
        ...(kind === 2 && {
          [isFrom ? 'ietf-acldns:dst-dnsname' : 'ietf-acldns:src-dnsname']: pick(['a.example', 'b.example']),
        }),
      },
    });
    const protocol =
      kind === 2 ? pick(['tcp', 'udp']) : pick(['tcp', 'tcp', 'udp', 'udp', 'icmp', 'gre', 'any']);
    const [own, other] = [pick([null, null, port()]), pick([null, port(), port()])];
    const opener = protocol === 'tcp' ? pick([null, 'from-device', 'to-device']) : null;
    const query = pick(family === 4 ? [[8, 0], [13, 14], null] : [[128, 129], null]);
    const side = (isFrom: boolean): Record<string, unknown> => {
      const { protocol: l3, ...peer } = end(isFrom);
      const number = { tcp: 6, udp: 17, gre: 47, icmp: family === 4 ? 1 : 58 }[protocol];
      const [source, destination] = isFrom ? [own, other] : [other, own];
      const ports = {
        ...(source && { 'source-port': source }),
        ...(destination && { 'destination-port': destination }),
        ...(opener !== null && { 'ietf-mud:direction-initiated': opener }),
      };
      return {
        ...peer,
        [`ipv${family}`]: { ...l3, ...(number !== undefined && { protocol: number }) },
        ...((protocol === 'tcp' || protocol === 'udp') && kind !== 3 && { [protocol]: ports }),
        ...(protocol === 'icmp' && query && { icmp: { type: query[isFrom ? 0 : 1] } }),
      };
    };
    return [random(8) === 0 ? null : side(true), random(8) === 0 ? null : side(false)];
  }

  function port(): Record<string, unknown> {
    const number = pick([53, 443, 1024, 5000]);
    const operator = pick(['eq', 'eq', 'range']);
    return operator === 'range'
      ? { 'lower-port': number, 'upper-port': number + 9 }
      : { operator, port: number };
  }
}
