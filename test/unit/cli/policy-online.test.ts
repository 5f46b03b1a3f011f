import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { RequestError } from '../../../agent/ipc/errors.js';
import { BAD_POLICY, CHANGED_POLICY, POLICY } from './policies.js';
import { serveEnforcer, unservedBox } from './served-box.js';

t.test('the running policy is printed byte for byte', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  t.equal((await box.cordon('policy', 'show')).stdout, POLICY);
  t.match(JSON.parse((await box.cordon('policy', 'show', '--json')).stdout), {
    text: POLICY,
    state: { generation: 4 },
  });
});

t.test('a policy is applied with its text, who and the time to confirm', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const cases: readonly (readonly [readonly string[], string, number | null])[] = [
    [[], 'nurse', 120],
    [['--confirm-within', '300', '--by', 'Dr. Grey'], 'Dr. Grey', 300],
    [['--no-confirm'], 'nurse', null],
  ];
  for (const [args, by, confirmWithinSeconds] of cases) {
    const ran = await box.cordonWithInput(CHANGED_POLICY, 'policy', 'apply', '-', ...args);
    t.equal(ran.exitStatus, 0, ran.stderr);
    t.same(box.asked.pop(), ['policy.apply', { text: CHANGED_POLICY, by, confirmWithinSeconds }]);
    t.match(ran.stdout, /^\+! devices\.pump-1\.allow\[1\]$/m);
    t.match(ran.stdout, 'Generation 5 is in force');
    t.match(ran.stdout, confirmWithinSeconds === null ? 'It stays' : /comes back at .*\(in [34] min \d+ s\)/);
    t.match(ran.stdout, confirmWithinSeconds === null ? 'cordon policy rollback' : 'cordon policy confirm');
  }
  const asJson = await box.cordonWithInput(POLICY, 'policy', 'apply', '-', '--json');
  t.match(JSON.parse(asJson.stdout), { state: { generation: 5, pending: { generation: 5 } }, changes: [] });
});

t.test('a bad policy is refused before the enforcer hears of it', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const ran = await box.cordonWithInput(BAD_POLICY, 'policy', 'apply', '-');
  t.equal(ran.exitStatus, 1);
  t.match(ran.stderr, 'devices.pump-1.allow[0].ports[0]');
  t.same(box.asked, []);
});

t.test('what the enforcer refuses is told with its problems', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box, {
    'policy.apply': () => {
      throw new RequestError('bad-policy', 'the policy has 1 problem; nothing was changed', [
        { path: 'devices.pump-1', message: 'too\u009bmany', hint: 'use fewer' },
      ]);
    },
    'policy.confirm': () => {
      throw new RequestError('nothing-pending', 'no policy waits for its confirmation');
    },
    'policy.rollback': () => {
      throw new RequestError('no-previous', 'there is no earlier policy');
    },
  });
  const applied = await box.cordonWithInput(POLICY, 'policy', 'apply', '-');
  t.equal(applied.exitStatus, 1);
  t.match(applied.stderr, /^cordon: the policy has 1 problem; nothing was changed\n {2}devices\.pump-1\n/);
  t.match(applied.stderr, String.raw`too\x9bmany`);
  t.match(applied.stderr, 'hint: use fewer');
  for (const [verb, code] of [
    ['confirm', 'nothing-pending'],
    ['rollback', 'no-previous'],
  ] as const) {
    const ran = await box.cordon('policy', verb, '--json');
    t.equal(ran.exitStatus, 1);
    t.match(JSON.parse(ran.stdout), { error: { code } });
  }
});

t.test('confirm and rollback say which policy it is now', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const confirmed = await box.cordon('policy', 'confirm');
  t.equal(confirmed.exitStatus, 0);
  t.match(confirmed.stdout, 'Generation 4 is confirmed');
  const back = await box.cordon('policy', 'rollback', '--by', 'lead');
  t.equal(back.exitStatus, 0);
  t.match(back.stdout, 'Back to generation 4');
  t.same(box.asked, [
    ['policy.confirm', { by: 'nurse' }],
    ['policy.rollback', { by: 'lead' }],
  ]);
});

t.test('without a file to compare with, it is the running policy', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const file = join(box.directory, 'policy.yaml');
  writeFileSync(file, CHANGED_POLICY);
  const diff = await box.cordon('policy', 'diff', file, '--json');
  t.equal(diff.exitStatus, 0);
  t.equal((JSON.parse(diff.stdout) as { changes: readonly unknown[] }).changes.length, 2);
  const connection = ['--from', 'pump-1', '--to', '10.20.0.5', '--proto', 'tcp', '--port', '104'];
  t.match((await box.cordon('policy', 'explain', ...connection)).stdout, /^PERMITTED/);
});

t.test('with no enforcer, everything that asks it ends with 1 and says so', async (t) => {
  const box = unservedBox(t);
  const cases = [
    ['policy', 'show'],
    ['policy', 'confirm'],
    ['policy', 'rollback'],
    ['policy', 'apply', '-'],
    ['policy', 'diff', '-'],
    ['policy', 'explain', '--from', 'a', '--to', 'b', '--proto', 'icmp'],
  ];
  for (const args of cases) {
    const ran = await box.cordonWithInput(POLICY, ...args);
    t.equal(ran.exitStatus, 1, args.join(' '));
    t.match(ran.stderr, /^cordon: the enforcer is not running: [^\n]*\n$/);
    t.equal(ran.stdout, '');
  }
});
