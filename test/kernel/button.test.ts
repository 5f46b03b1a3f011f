import './support/in-own-namespace.js';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startWebServer } from '../../agent/lab/clinical.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { PATIENCE, run, waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import { pressing } from './support/press-button.js';

const dir = await mkdtemp(join(tmpdir(), 'cordon-button-'));
const lab = await createNetworkLab('bridge');
t.teardown(async () => {
  await lab.close();
  await rm(dir, { recursive: true, force: true });
});
// evdev makes an event device of it: where no udev runs, nobody else loads it.
await run(['modprobe', '-a', 'uinput', 'evdev']);
const hasUinput = existsSync('/dev/uinput');
t.comment(hasUinput ? 'a real uinput device' : 'no /dev/uinput here: recorded events through a pipe');
const button = await pressing(lab.box, dir, hasUinput);
const light = join(dir, 'light');
await mkdir(light);
for (const file of ['trigger', 'brightness']) await writeFile(join(light, file), '');
const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
await appendFile(
  join(dir, 'config.yaml'),
  `button: { ${button.where}, containsAfterSeconds: 0.5, cutsAfterSeconds: 1.5 }\nlight: ${light}\n`,
);
const enforcer = await box.startEnforcer();
const policyFile = join(dir, 'policy.yaml');
await writeFile(policyFile, demoPolicy('bridge', lab.pumpMac));
await box.cordon('policy', 'apply', policyFile, '--no-confirm');
await startWebServer(lab.hospital, HOSPITAL[0], 8080);

const shows = async (): Promise<string> =>
  `${await readFile(join(light, 'trigger'), 'utf8')} ${await readFile(join(light, 'brightness'), 'utf8')}`;
const logged = (words: RegExp): boolean => words.test(enforcer.output());
const eventually = (isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> =>
  waitFor(isTrue, new Promise(() => undefined), () => `${what}\n${enforcer.output().slice(-1500)}`, 60_000);

t.test(
  'a short press does nothing; held, the button contains the whole box, and the light blinks',
  async (t) => {
    t.equal(await shows(), 'none 0');
    button.send('down');
    await eventually(
      async () => (await shows()).startsWith('heartbeat'),
      'the light does not show the press',
    );
    button.send('up');
    await eventually(async () => (await shows()) === 'none 0', 'the press goes on');
    t.notOk(logged(/containment-ordered/));
    button.send('down');
    await eventually(() => logged(/"kind":"containment-ordered"/), 'not contained');
    t.match(enforcer.output(), /"scope":"box","level":"contained".*"source":"button"/);
    await eventually(async () => (await shows()).startsWith('timer'), 'the light does not blink');
    const page = await lab.pump.run([
      'curl',
      '--silent',
      '--max-time',
      String(PATIENCE),
      `http://${HOSPITAL[0]}:8080/`,
    ]);
    t.equal(page.code, 28, 'what is not essential stops');
  },
);

t.test(
  'let go after the longer time it cuts, but spares what is life-sustaining; only a person releases',
  async (t) => {
    // The same press goes on. Longer than it takes does no harm: stuck is after a minute only.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    button.send('up');
    await eventually(() => logged(/"level":"cut"/), 'not cut');
    t.match(enforcer.output(), /"level":"cut","sparesLifeSustaining":true/);
    await eventually(async () => (await shows()) === 'none 255', 'the light is not on');
    const status = await box.cordon('status');
    t.match(status.stdout, /Button +is read\nLight +shows cut/);
    const released = await box.cordon('release', '--whole-box', '--all', '--reason', 'test');
    t.equal(released.code, 0, released.stderr);
    await eventually(async () => (await shows()) === 'none 0', 'the light stays on');
  },
);

t.test('a button that goes away is told, and read again once it is back', async (t) => {
  if (!hasUinput) {
    t.comment('a pipe does not go away');
    return;
  }
  await button.stop();
  await eventually(() => logged(/the button: cannot be read: ENODEV/), 'not told');
});
