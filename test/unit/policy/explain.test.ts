import t from 'tap';
import { endpointOf, explain } from '../../../agent/policy/explain.js';
import { parseAddress, type Address } from '../../../agent/policy/address.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { policyOf, WARD } from '../ruleset/support.js';

const policy = policyOf(WARD);
const at = (text: string): Address => parseAddress(text) ?? { family: 4, text: 'never' };

/** From, to, protocol, port: the verdict and what decides. Every row has its IPv6 twin. */
const TABLE: readonly (readonly [string, string, number, number | null, string, RegExp])[] = [
  ['10.77.0.10', '10.77.0.1', 6, 104, 'permit', /devices\.pump-1\.allow\[0\]/],
  ['fd77::10', 'fd77::1', 6, 104, 'permit', /devices\.pump-1\.allow\[0\]/],
  ['10.77.0.10', '10.77.0.1', 6, 105, 'refuse', /no-entry/],
  ['fd77::10', 'fd77::1', 6, 105, 'refuse', /no-entry/],
  ['10.77.0.10', '10.77.0.1', 17, 104, 'refuse', /no-entry/],
  ['10.77.0.10', '10.9.8.7', 6, 150, 'permit', /allow\[1\]/],
  ['10.77.0.10', '10.9.7.7', 6, 150, 'refuse', /no-entry/],
  ['10.77.0.1', '10.77.0.10', 6, 104, 'refuse', /no-entry/],
  ['fd77::99', 'fd77::10', 58, null, 'permit', /allow\[3\]/],
  ['10.77.0.99', '10.77.0.10', 1, null, 'refuse', /no-entry/],
  ['10.77.0.10', '10.77.0.11', 6, 6000, 'permit', /monitor-1\.allow\[0\].*pump-1\.allow\[2\]/],
  ['fd77::10', 'fd77::11', 6, 6000, 'permit', /monitor-1\.allow\[0\].*pump-1\.allow\[2\]/],
  ['10.77.0.11', '10.77.0.10', 6, 6000, 'refuse', /no-entry/],
  ['10.77.0.11', '203.0.113.1', 6, 443, 'permit', /shadow/],
  ['203.0.113.1', '203.0.113.2', 6, 443, 'not-ours', /./],
];

t.test('the verdict and the entry that gives it, for both families', (t) => {
  for (const [from, to, protocol, port, verdict, decides] of TABLE) {
    const explanation = explain(policy, {
      from: endpointOf(policy, at(from)),
      to: endpointOf(policy, at(to)),
      protocol,
      port,
    });
    t.equal(explanation.verdict, verdict, `${from} to ${to} ${protocol}/${port ?? ''}`);
    t.match(JSON.stringify(explanation), decides, `${from} to ${to}: what decides`);
  }
  t.end();
});

t.test('what it says would allow a refused connection does allow it', (t) => {
  for (const [from, to, protocol, port, verdict] of TABLE) {
    if (verdict !== 'refuse') continue;
    const query = { from: endpointOf(policy, at(from)), to: endpointOf(policy, at(to)), protocol, port };
    let text = WARD;
    for (const { device, wouldAllow } of explain(policy, query).judgements) {
      if (device === null || wouldAllow === null) continue;
      const entry = `      ${wouldAllow}\n`;
      const list = new RegExp(`(  ${device}:\\n(?:    .*\\n)*?    allow:\\n)`);
      text = text.replace(list, `$1${entry}`);
    }
    const parsed = parsePolicy(text);
    t.ok(parsed.ok, `${from} to ${to}: the entry is valid`, {
      problems: parsed.ok ? [] : [...parsed.problems],
    });
    if (parsed.ok) t.equal(explain(parsed.policy, query).verdict, 'permit', `${from} to ${to}`);
  }
  t.end();
});
