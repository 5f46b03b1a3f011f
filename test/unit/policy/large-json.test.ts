import t from 'tap';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { readYaml } from '../../../agent/policy/read-yaml.js';

/** Past the size from which JSON is read as JSON. */
const PADDING = 'x'.repeat(300 * 1024);
const LIMIT = 16 * 1024 * 1024;

t.test('large JSON means what the same text means as YAML', (t) => {
  const devices = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [
      `d${index}`,
      {
        identity: { macs: [`02:00:00:00:${hex(index >> 8)}:${hex(index & 255)}`] },
        mode: 'enforce',
        allow: [
          {
            direction: 'out',
            peer: { address: '10.0.0.1' },
            protocol: 'tcp',
            ports: [index + 1],
            why: 'a "quoted: colon" \\ and {',
          },
        ],
      },
    ]),
  );
  const document = { version: 1, site: { name: 'x' }, devices };
  const json = parsePolicy(JSON.stringify(document));
  t.ok(json.ok);
  // A comment makes it YAML.
  t.same(json, parsePolicy(`# as YAML\n${JSON.stringify(document)}`));
  t.end();
});

t.test('what JSON would swallow is refused as in any other text', (t) => {
  const twice = readYaml(`{"a": {"b": 1, "b": 2}, "pad": "${PADDING}"}`, 'policy', LIMIT);
  t.match(twice, { ok: false, problems: [{ message: /"b" is here twice/ }] });
  const trap = readYaml(`{"__proto__": {"b": 1}, "pad": "${PADDING}"}`, 'policy', LIMIT);
  t.match(trap, { ok: false, problems: [{ message: /__proto__/ }] });
  const deep = readYaml(`{"a": ${'['.repeat(100)}1${']'.repeat(100)}, "pad": "${PADDING}"}`, 'policy', LIMIT);
  t.match(deep, { ok: false, problems: [{ message: /nested deeper/ }] });
  t.match(readYaml(`{"a": 1, "pad": "${PADDING}"`, 'policy', LIMIT), { ok: false });
  t.end();
});

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
