/** Questions, addresses that may be, TCP streams, and lookups merged: the small tables of agent/names/. */
import fc from 'fast-check';
import t from 'tap';
import { judgeAddress } from '../../../agent/names/judge-address.js';
import { NameLookups } from '../../../agent/names/name-lookups.js';
import { QuestionTable } from '../../../agent/names/question-table.js';
import type { AddressAnswer } from '../../../agent/names/read-dns.js';
import { TcpMessages } from '../../../agent/names/tcp-messages.js';
import { parseAddress } from '../../../agent/policy/address.js';
import { policyOf } from '../ruleset/support.js';

const question = (name: string, id = 1, type = 1) => ({ id, name, isPlain: true, type });

t.test('an answer counts once, for what this device asked there, for half a minute', (t) => {
  const table = new QuestionTable();
  table.ask('2/10.0.0.1', '4000/10.0.0.53/17', question('a.example'), 0);
  const answer = (device: string, conversation: string, of = question('a.example'), nowMs = 10) =>
    table.answer(device, conversation, of, nowMs);
  t.equal(answer('3/10.0.0.1', '4000/10.0.0.53/17'), 'not-asked', 'another device');
  t.equal(answer('2/10.0.0.1', '4001/10.0.0.53/17'), 'not-asked', 'another port');
  t.equal(answer('2/10.0.0.1', '4000/10.0.0.54/17'), 'not-asked', 'another server');
  t.equal(answer('2/10.0.0.1', '4000/10.0.0.53/17', question('a.example', 2)), 'not-asked', 'another id');
  t.equal(
    answer('2/10.0.0.1', '4000/10.0.0.53/17', question('a.example', 1, 28)),
    'not-asked',
    'another type',
  );
  t.equal(answer('2/10.0.0.1', '4000/10.0.0.53/17', question('b.example')), 'other-name');
  t.equal(answer('2/10.0.0.1', '4000/10.0.0.53/17', question('a.example'), 31_000), 'not-asked', 'too late');
  t.equal(answer('2/10.0.0.1', '4000/10.0.0.53/17'), 'asked');
  t.equal(answer('2/10.0.0.1', '4000/10.0.0.53/17'), 'answered-before');
  t.end();
});

t.test('a flood of questions displaces the questions of its own device only', (t) => {
  const table = new QuestionTable();
  table.ask('2/x', 'c', question('a.example'), 0);
  for (let id = 0; id < 5_000; id++) table.ask('3/x', 'c', question('b.example', id), 1);
  t.equal(table.answer('2/x', 'c', question('a.example'), 2), 'asked');
  t.equal(table.answer('3/x', 'c', question('b.example', 1), 2), 'not-asked');
  t.equal(table.answer('3/x', 'c', question('b.example', 4_999), 2), 'asked');
  t.equal(table.forgotten, 5_000 - 512);
  t.end();
});

t.test('which addresses a name may stand for', (t) => {
  const { site } = policyOf(
    'version: 1\nsite: { name: x, networks: [192.0.2.0/24, "2001:db8:1::/48"], domains: [hospital.example] }\n',
  );
  const surroundings = {
    site,
    isGuarded: (text: string) => text === '192.0.2.10' || text === '2001:db8:1::10',
    isBox: (text: string) => text === '192.0.2.2' || text === '2001:db8:1::2',
  };
  for (const [address, outside, own] of [
    ['198.51.100.7', null, null],
    ['2001:db8:2::7', null, null],
    ['192.0.2.7', 'inside', null],
    ['2001:db8:1::7', 'inside', null],
    ['10.0.0.7', 'inside', null],
    ['fd77::7', 'inside', null],
    ['100.64.0.1', 'inside', null],
    ['192.0.2.10', 'guarded', 'guarded'],
    ['2001:db8:1::10', 'guarded', 'guarded'],
    ['192.0.2.2', 'box', 'box'],
    ['2001:db8:1::2', 'box', 'box'],
    ['127.0.0.1', 'no-host', 'no-host'],
    ['::1', 'no-host', 'no-host'],
    ['0.0.0.0', 'no-host', 'no-host'],
    ['::', 'no-host', 'no-host'],
    ['224.0.0.251', 'no-host', 'no-host'],
    ['ff02::fb', 'no-host', 'no-host'],
    ['255.255.255.255', 'no-host', 'no-host'],
    ['240.0.0.1', 'no-host', 'no-host'],
    ['169.254.169.254', 'link-local', 'link-local'],
    ['fe80::1', 'link-local', 'link-local'],
    ['64:ff9b::c000:207', 'inside', null],
    ['64:ff9b::7f00:1', 'no-host', 'no-host'],
    ['64:ff9b::c633:6407', null, null],
    ['2002:c000:20a::1', 'guarded', 'guarded'],
  ] as const) {
    const parsed = parseAddress(address);
    if (parsed === null) throw new Error(address);
    t.equal(judgeAddress('update.vendor.example', parsed, surroundings), outside, `${address} outside`);
    t.equal(judgeAddress('pacs.hospital.example', parsed, surroundings), own, `${address} of the site`);
  }
  t.end();
});

t.test('messages come out of a TCP stream however it is cut', (t) => {
  const messages = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(3_000, 7)];
  const stream = Buffer.concat(
    messages.map((each) => Buffer.concat([Buffer.of(each.length >> 8, each.length & 255), each])),
  );
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1_460 }), { minLength: 1 }),
      fc.nat(0xffffffff),
      (sizes, start) => {
        const tcp = new TcpMessages();
        const read: string[] = [];
        for (let at = 0, index = 0; at < stream.length; index++) {
          const size = sizes[index % sizes.length] ?? 1;
          const piece = stream.subarray(at, at + size);
          for (const repeat of [false, true])
            for (const each of tcp.push('k', (start + at) >>> 0, piece, true))
              if (!repeat) read.push(Buffer.from(each).toString('latin1'));
          at += size;
        }
        return (
          read.join('|') === messages.map((each) => each.toString('latin1')).join('|') && tcp.givenUp === 0
        );
      },
    ),
    { numRuns: 200 },
  );
  const tcp = new TcpMessages();
  tcp.push('k', 100, stream.subarray(0, 10), true);
  t.same(tcp.push('k', 120, stream.subarray(20), true), [], 'a gap');
  t.same(tcp.push('k', 110, stream.subarray(10), true), [], 'ends the reading');
  t.equal(tcp.givenUp, 1);
  tcp.end('k');
  t.equal(tcp.push('k', 100, stream, true).length, 3, 'another connection');
  t.same(tcp.push('big', 0, Buffer.of(0xff, 0xff, 1), true), []);
  t.equal(tcp.givenUp, 2, 'longer than is read');
  t.end();
});

t.test('lookups are merged, and bounded', (t) => {
  const lookups = new NameLookups();
  const answer = (name: string, address: string): AddressAnswer => ({
    ...question(name),
    outcome: 'addresses',
    addresses: [parseAddress(address)].filter((each) => each !== null),
    aliases: [],
    ttlSeconds: 60,
  });
  lookups.add('pump-1', '10.0.0.53', true, answer('a.example', '10.0.0.5'), 1);
  lookups.add('pump-1', '10.0.0.53', true, { ...answer('a.example', 'fd77::5'), ttlSeconds: 30 }, 2);
  t.match(lookups.take(), [
    { device: 'pump-1', addresses: ['10.0.0.5', 'fd77::5'], ttlSeconds: 30, count: 2, firstMs: 1, lastMs: 2 },
  ]);
  for (let index = 0; index < 1_200; index++)
    lookups.add(null, '10.0.0.53', false, answer(`n${index}.example`, '10.0.0.5'), 3);
  t.equal(lookups.take().length, 1_000);
  t.equal(lookups.dropped, 200);
  t.same(lookups.take(), []);
  t.end();
});
