import fc from 'fast-check';
import t from 'tap';
import { coversName, isUnderDomain, parseHostName } from '../../../agent/policy/host-name.js';

const LONG_LABEL = 'a'.repeat(63);

t.test('one written form for every name', (t) => {
  for (const [written, name] of [
    ['pacs.hospital.example', 'pacs.hospital.example'],
    ['PACS.Hospital.Example.', 'pacs.hospital.example'],
    ['*.Hospital.Example', '*.hospital.example'],
    ['xn--krankenhuser-mcb.example', 'xn--krankenhuser-mcb.example'],
    ['1and1.com', '1and1.com'],
    ['pacs', 'pacs'],
    [`${LONG_LABEL}.example`, `${LONG_LABEL}.example`],
  ] as const)
    t.same(parseHostName(written, 'wildcard'), { ok: true, name }, written);
  t.end();
});

t.test('what is no host name is refused with what to write instead', (t) => {
  for (const [written, problem] of [
    ['', /empty/],
    ['.', /empty/],
    ['10.20.0.5', /write it under "address"/],
    ['fd77::1', /write it under "address"/],
    ['10.20.0.0/16', /write it under "network"/],
    ['https://pacs.example/', /the name alone/],
    ['pacs.example:104', /the name alone/],
    ['10.20.0', /ends in a number/],
    ['10.20.0.256', /ends in a number/],
    ['bücher.example', /write xn--bcher-kva\.example/],
    ['a..example', /empty label/],
    ['-a.example', /inner hyphens/],
    ['a-.example', /inner hyphens/],
    ['a_b.example', /inner hyphens/],
    [`${LONG_LABEL}a.example`, /64 characters, more than 63/],
    [`${`${LONG_LABEL}.`.repeat(4)}com`, /259 characters, more than 253/],
    ['*', /front only/],
    ['a.*.example', /front only/],
    ['**.example', /front only/],
    ['*.com', /top-level domain/],
    ['*.', /empty/],
  ] as const) {
    const parsed = parseHostName(written, 'wildcard');
    t.notOk(parsed.ok, written);
    if (!parsed.ok) t.match(parsed.problem, problem, written);
  }
  t.notOk(parseHostName('*.a.example', 'no-wildcard').ok);
  t.end();
});

t.test('a wildcard covers what is below it, and no more', (t) => {
  t.ok(coversName('*.b.example', 'a.b.example'));
  t.ok(coversName('*.b.example', 'x.a.b.example'));
  t.notOk(coversName('*.b.example', 'b.example'));
  t.notOk(coversName('*.b.example', 'ab.example'));
  t.notOk(coversName('*.b.example', 'a.b.example.evil.example'));
  t.ok(coversName('b.example', 'b.example'));
  t.notOk(coversName('b.example', 'a.b.example'));
  t.ok(isUnderDomain('b.example', 'b.example'));
  t.notOk(isUnderDomain('evilb.example', 'b.example'));
  t.end();
});

t.test('any text gives a name or a problem, and a name is its own written form', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 300 }), fc.domain(), fc.webUrl()), (text) => {
      const parsed = parseHostName(text, 'wildcard');
      if (!parsed.ok) return parsed.problem.length > 0 && parsed.problem.length < 500;
      const again = parseHostName(parsed.name, 'wildcard');
      return again.ok && again.name === parsed.name;
    }),
    { numRuns: 500 },
  );
  t.end();
});
