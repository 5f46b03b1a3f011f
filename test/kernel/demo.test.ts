import './support/in-own-namespace.js';
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { PATIENCE } from '../../agent/lab/namespace.js';
import { fromRoot } from '../root.js';

const MAIN = fromRoot('dist/cli/main.js');

for (const mode of ['bridge', 'router']) {
  t.test(`the main job holds on real traffic, ${mode} mode`, (t) => {
    const ran = spawnSync(process.execPath, [MAIN, 'demo', '--mode', mode, '--json'], {
      encoding: 'utf8',
      timeout: 135_000 * PATIENCE,
    });
    const steps = ran.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step: string; expected: string; observed: string; pass: boolean });
    for (const { step, expected, observed, pass } of steps) t.ok(pass, step, { expected, observed });
    t.equal(steps.length, 11, 'every step was tried');
    t.equal(ran.status, 0, 'the exit status says so', { stderr: ran.stderr });
    t.end();
  });
}
