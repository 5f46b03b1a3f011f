import fc from 'fast-check';
import t from 'tap';
import { readDns } from '../../../agent/names/read-dns.js';
import { a, aaaa, cname, dnsAnswer, dnsQuestion } from './messages.js';

const read = (bytes: Uint8Array) => readDns(bytes, 0, bytes.length);
const NAME = 'pacs.hospital.example';

t.test('questions and answers, in any case', (t) => {
  t.match(read(dnsQuestion('PACS.Hospital.Example', { id: 99 })), {
    kind: 'question',
    question: { id: 99, name: NAME, isPlain: true, type: 1 },
  });
  t.match(read(dnsAnswer('PaCs.hospital.example', [a(NAME, '10.0.0.5', 300), a(NAME, '10.0.0.6', 30)])), {
    kind: 'answer',
    answer: {
      name: NAME,
      outcome: 'addresses',
      addresses: [{ text: '10.0.0.5' }, { text: '10.0.0.6' }],
      aliases: [],
      ttlSeconds: 30,
    },
  });
  t.match(read(dnsAnswer(NAME, [aaaa(NAME, 'fd77'.padEnd(32, '0'))], { type: 28 })), {
    answer: { addresses: [{ family: 6, text: 'fd77::' }] },
  });
  t.end();
});

t.test('CNAMEs are followed in any order, within the answer, and never round in a circle', (t) => {
  const chain = [
    a('c.example', '10.0.0.7', 500),
    cname('b.example', 'C.example', 20),
    cname(NAME, 'b.example', 900),
  ];
  t.match(read(dnsAnswer(NAME, chain)), {
    answer: { addresses: [{ text: '10.0.0.7' }], aliases: ['b.example', 'c.example'], ttlSeconds: 20 },
  });
  t.match(read(dnsAnswer(NAME, [cname(NAME, 'b.example'), cname('b.example', NAME)])), {
    answer: { outcome: 'no-addresses', addresses: [], ttlSeconds: null },
  });
  t.match(read(dnsAnswer(NAME, [cname(NAME, 'b.example')])), { answer: { outcome: 'no-addresses' } });
  t.end();
});

t.test('records of other names, sections, classes, types and sizes give no address', (t) => {
  for (const [what, bytes] of [
    ['another name', dnsAnswer(NAME, [a('evil.example', '10.0.0.5')])],
    ['the middle of a chain', dnsAnswer(NAME, [cname(NAME, 'b.example'), a(NAME, '10.0.0.5')])],
    ['an additional record', dnsAnswer(NAME, [], { additional: [a(NAME, '10.0.0.5')] })],
    ['another class', dnsAnswer(NAME, [{ ...a(NAME, '10.0.0.5'), class: 3 }])],
    ['another type', dnsAnswer(NAME, [a(NAME, '10.0.0.5')], { type: 28 })],
    ['five bytes', dnsAnswer(NAME, [{ name: NAME, type: 1, data: Buffer.alloc(5, 1) }])],
  ] as const)
    t.match(read(bytes), { answer: { outcome: 'no-addresses', addresses: [] } }, what);
  t.match(read(dnsAnswer(NAME, [a(NAME, '10.0.0.5')], { flags: 0x8183 })), {
    answer: { outcome: 'no-such-name' },
  });
  t.match(read(dnsAnswer(NAME, [a(NAME, '10.0.0.5')], { flags: 0x8182 })), { answer: { outcome: 'failed' } });
  t.match(read(dnsAnswer(NAME, [], { type: 16 })), { kind: 'other' });
  t.end();
});

t.test('a dot inside a label makes no other name of it', (t) => {
  const bytes = dnsQuestion('pacsXhospital.example');
  bytes[bytes.indexOf('X')] = 0x2e;
  t.match(read(bytes), { kind: 'question', question: { isPlain: false } });
  t.end();
});

t.test('any bytes, and any damage to an answer, give a reading that is bounded', (t) => {
  const good = dnsAnswer(NAME, [cname(NAME, 'b.example'), a('b.example', '10.0.0.7')]);
  const damaged = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }).map((edits) => {
    const bytes = Buffer.from(good);
    for (const [at, value] of edits) bytes[at] = value;
    return new Uint8Array(bytes);
  });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 600 })), fc.nat(700), (bytes, cut) => {
      const reading = readDns(bytes, 0, Math.min(cut, bytes.length));
      if (reading.kind !== 'answer') return true;
      const { answer } = reading;
      return answer.addresses.length <= 32 && answer.aliases.length <= 16 && answer.name.length <= 253;
    }),
    { numRuns: 3_000 },
  );
  t.end();
});
