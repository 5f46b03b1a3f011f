import t from 'tap';
import { diffPolicies } from '../../../agent/policy/diff-policy.js';
import { endpointOf, explain } from '../../../agent/policy/explain.js';
import { parseAddress, type Address } from '../../../agent/policy/address.js';
import { exceptionsOf, exceptionState, withoutEnded } from '../../../agent/policy/exceptions.js';
import { packPolicy, unpackPolicy } from '../../../agent/policy/packed-policy.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import type { Policy } from '../../../agent/policy/schema.js';
import { parseUntil } from '../../../agent/policy/until.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { renderRuleset } from '../../../agent/ruleset/render-ruleset.js';
import { boxConfig } from '../../../agent/policy/config.js';

const at = (text: string): number => Date.parse(text);
const END = at('2027-03-02T00:00:00Z');

const text = (until = 'until: 2027-03-01, '): string => `
version: 1
site: { name: Ward }
templates:
  pump:
    allow:
      - { direction: out, peer: { address: 10.0.0.9 }, protocol: tcp, ports: [443], until: "2027-06-01T08:00:00+02:00", why: trial }
devices:
  pump-1:
    identity: { macs: ['02:00:00:00:00:01'], addresses: [10.0.1.1] }
    mode: enforce
    allow:
      - { direction: out, peer: { address: 10.0.0.5 }, protocol: tcp, ports: [22], ${until}why: service }
      - { direction: out, peer: { address: 10.0.0.6 }, protocol: tcp, ports: [104], essential: true, until: 2027-01-01, why: images }
      - { direction: out, peer: { address: 10.0.0.7 }, protocol: tcp, ports: [80], why: page }
  pump-2: { identity: { macs: ['02:00:00:00:00:02'], addresses: [10.0.1.2] }, mode: enforce, template: pump }
  pump-3: { identity: { macs: ['02:00:00:00:00:03'], addresses: [10.0.1.3] }, mode: enforce, template: pump }
`;

function parsed(source: string): Policy {
  const result = parsePolicy(source);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.policy;
}

function address(value: string): Address {
  const read = parseAddress(value);
  if (!read) throw new Error(value);
  return read;
}

t.test('an end is a day, in UTC, or a time with its offset', (t) => {
  for (const [written, endsMs] of [
    ['2027-03-01', END],
    ['2028-02-29', at('2028-03-01T00:00:00Z')],
    ['2027-03-01T00:00:00Z', at('2027-03-01T00:00:00Z')],
    ['2027-03-01t12:00:00z', at('2027-03-01T12:00:00Z')],
    ['2027-03-01T12:00:00.25+02:00', at('2027-03-01T10:00:00.250Z')],
  ] as const)
    t.equal(parseUntil(written)?.endsMs, endsMs, written);
  for (const [wrong, message] of [
    ['2027-02-29', /^there is no day 2027-02-29\b/],
    ['2027-13-01', /^there is no day 2027-13-01\b/],
    ['2027-02-30T10:00:00Z', /^there is no day 2027-02-30\b/],
    ['2027-03-01T10:00:00', /^write a date, 2027-03-01/],
    ['2027-03-01T25:00:00Z', /^write a date, 2027-03-01/],
    ['01.03.2027', /^write a date/],
    ['soon', /^write a date/],
    ['', /^write a date/],
  ] as const) {
    t.equal(parseUntil(wrong), null, wrong);
    const policy = parsePolicy(text(`until: "${wrong}", `));
    t.match(policy, { ok: false, problems: [{ path: 'devices.pump-1.allow[0].until', message }] }, wrong);
  }
  t.end();
});

t.test('an entry counts up to its end and not from it on; what is essential goes on', (t) => {
  const policy = parsed(text());
  const ports = (endedByMs: number): readonly unknown[] =>
    (withoutEnded(policy, endedByMs).devices['pump-1']?.allow ?? []).map(({ ports }) => ports?.[0]?.low);
  t.strictSame(ports(END - 1), [22, 104, 80]);
  t.equal(withoutEnded(policy, END - 1), policy, 'the same policy, where nothing ended');
  t.strictSame(ports(END), [104, 80]);
  t.strictSame(ports(at('2099-01-01')), [104, 80]);
  t.strictSame(withoutEnded(policy, at('2027-06-01T06:00:00Z')).devices['pump-3']?.allow, []);
  t.end();
});

t.test('an ended entry leaves the others their places, packed or not', (t) => {
  const policy = parsed(text());
  const config = boxConfig.parse({ box: 'b', devicePorts: ['a'], networkPorts: ['c'] });
  const compiled = (of: Policy): string =>
    renderRuleset(compileRuleset({ policy: of, config }), { how: 'replace' });
  const now = compiled(withoutEnded(policy, END));
  t.equal(compiled(unpackPolicy(packPolicy(policy), END)), now);
  t.match(now, /10\.0\.0\.7 .*policy devices\.pump-1\.allow\[2\]/);
  t.notMatch(now, /10\.0\.0\.5/);
  t.match(compiled(policy), /10\.0\.0\.5 .*policy devices\.pump-1\.allow\[0\]/);
  t.end();
});

t.test('exceptions are told as they are written, with their state', (t) => {
  const policy = parsed(text());
  const states = (endedByMs: number, nowMs: number): readonly unknown[] =>
    exceptionsOf(policy).map((each) => [each.path, each.devices, exceptionState(each, endedByMs, nowMs)]);
  t.strictSame(states(0, at('2026-12-01')), [
    ['devices.pump-1.allow[1]', ['pump-1'], 'running'],
    ['devices.pump-1.allow[0]', ['pump-1'], 'running'],
    ['templates.pump.allow[0]', ['pump-2', 'pump-3'], 'running'],
  ]);
  t.strictSame(
    states(0, END).map((row) => (row as unknown[])[2]),
    ['overdue', 'due', 'running'],
  );
  t.strictSame(
    states(END, at('2020-01-01')).map((row) => (row as unknown[])[2]),
    ['running', 'ended', 'running'],
    'what ended stays so when the clock goes back',
  );
  t.end();
});

t.test('explain names the end, and what ended', (t) => {
  const policy = parsed(text());
  const query = {
    from: endpointOf(policy, address('10.0.1.1')),
    to: endpointOf(policy, address('10.0.0.5')),
    protocol: 6,
    port: 22,
  };
  t.match(explain(policy, query, undefined, undefined, END - 1), {
    verdict: 'permit',
    judgements: [{ entry: { path: 'devices.pump-1.allow[0]', until: '2027-03-01' }, ended: null }],
  });
  t.match(explain(policy, query, undefined, undefined, END), {
    verdict: 'refuse',
    judgements: [{ entry: null, ended: { path: 'devices.pump-1.allow[0]', until: '2027-03-01' } }],
  });
  t.end();
});

t.test('only another end is a change of the entry, which widens where it is later', (t) => {
  const of = (before: string, after: string): readonly unknown[] =>
    diffPolicies(parsed(text(before)), parsed(text(after))).map(({ kind, widens }) => [kind, widens]);
  t.strictSame(of('until: 2027-03-01, ', 'until: 2027-04-01, '), [['changed', true]]);
  t.strictSame(of('until: 2027-03-01, ', ''), [['changed', true]]);
  t.strictSame(of('until: 2027-03-01, ', 'until: 2027-02-01, '), [['changed', false]]);
  t.strictSame(of('', 'until: 2027-02-01, '), [['changed', false]]);
  t.end();
});

t.test('more than a thousand exceptions are refused', (t) => {
  const entries = Array.from(
    { length: 1_001 },
    (_, index) =>
      `      - { direction: out, peer: { address: 10.1.${index >> 8}.${index & 255} }, protocol: tcp, ports: [22], until: 2027-01-01, why: x }`,
  );
  const half = (name: string, mac: number, list: readonly string[]): string =>
    `  ${name}:\n    identity: { macs: ['02:00:00:00:00:0${mac}'] }\n    mode: enforce\n    allow:\n${list.join('\n')}\n`;
  const result = parsePolicy(
    `version: 1\nsite: { name: Ward }\ndevices:\n${half('a', 1, entries.slice(500))}${half('b', 2, entries.slice(0, 500))}`,
  );
  t.match(result, { ok: false, problems: [{ path: 'devices', message: /1001 entries have an end/ }] });
  t.end();
});
