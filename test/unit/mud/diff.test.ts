/** What a newer file changes, for the files that were published twice, and in the words that a person approves. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { diffMud } from '../../../agent/mud/diff-mud.js';
import { MUD_DIRECTORY, NO_DATA, publishedFiles } from './support/files.js';
import { mudFile } from './support/import.js';

const OLDER = 'unsw-2018-04/';
/** `out tcp 443 from port 1024-65535 to a.example within 10.0.0.0/8 (IPv4)`. */
const LINE = /^(out|in) \S+( \S+)*? (to|from) \S.* \(IPv[46](, IPv6)?.*\)$/;

const pairs = publishedFiles()
  .filter(({ name }) => name.startsWith(OLDER))
  .map(({ name, text }) => ({ name, text, newer: join(MUD_DIRECTORY, 'unsw', name.slice(OLDER.length)) }))
  .filter(({ newer }) => existsSync(newer));

if (pairs.length === 0) t.comment(NO_DATA);

for (const { name, text, newer } of pairs)
  t.test(name, (t) => {
    const [before, after] = [mudFile(text), mudFile(readFileSync(newer, 'utf8'))];
    const difference = diffMud(before, after);
    for (const line of [...difference.added, ...difference.removed]) t.match(line, LINE);
    t.equal(new Set(difference.added).size, difference.added.length, 'nothing twice');
    const back = diffMud(after, before);
    t.same([back.added, back.removed], [difference.removed, difference.added], 'the other way round');
    t.same(
      [diffMud(after, after).added, diffMud(after, after).removed, diffMud(after, after).description],
      [[], [], []],
    );
    t.ok(difference.unchanged > 0);
    t.end();
  });

t.test('a name for another, a wider port, and what the maker says of it', (t) => {
  const file = (host: string, port: number, isSupported: boolean): string => {
    const list = (name: string, side: 'dst' | 'src', node: string) => ({
      name,
      type: 'ipv4-acl-type',
      aces: {
        ace: [
          {
            name: 'cloud',
            matches: {
              ipv4: { protocol: 6, [`ietf-acldns:${side}-dnsname`]: host },
              tcp: {
                'ietf-mud:direction-initiated': 'from-device',
                [node]: { 'lower-port': 443, 'upper-port': port },
              },
            },
            actions: { forwarding: 'accept' },
          },
        ],
      },
    });
    const policy = (name: string) => ({ 'access-lists': { 'access-list': [{ name }] } });
    return JSON.stringify({
      'ietf-mud:mud': {
        'mud-version': 1,
        'mud-url': 'https://maker.example/thing',
        'is-supported': isSupported,
        'from-device-policy': policy('from'),
        'to-device-policy': policy('to'),
      },
      'ietf-access-control-list:acls': {
        acl: [list('from', 'dst', 'destination-port'), list('to', 'src', 'source-port')],
      },
    });
  };
  const { added, removed, description } = diffMud(
    mudFile(file('a.example', 443, true)),
    mudFile(file('b.example', 445, false)),
  );
  t.strictSame(added, ['out tcp 443-445 to b.example (IPv4)']);
  t.strictSame(removed, ['out tcp 443 to a.example (IPv4)']);
  t.strictSame(description, [{ what: 'is-supported', before: 'true', after: 'false' }]);
  t.end();
});
