import t from 'tap';
import { serveEnforcer, unservedBox } from './served-box.js';

t.test('an order carries who, why and until when', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const contained = await box.cordon('contain', 'pump-1', '--reason', ' scans ', '--for', '2h');
  t.equal(contained.exitStatus, 0, contained.stderr);
  t.match(contained.stdout, 'pump-1 is contained: only its essential entries go on');
  t.match(contained.stdout, '2 live connections stopped');
  const cut = await box.cordon('cut', 'pump-1', '--confirm', 'pump-1', '--reason', 'off', '--by', 'Dr. Grey');
  t.match(cut.stdout, 'pump-1 is cut: nothing passes');
  const common = { device: 'pump-1', source: 'cli' };
  t.same(box.asked, [
    ['containment.order', { ...common, level: 'contained', by: 'nurse', reason: 'scans', forSeconds: 7_200 }],
    ['containment.order', { ...common, level: 'cut', by: 'Dr. Grey', reason: 'off', forSeconds: null }],
  ]);
});

t.test('a cut that was not confirmed never reaches the enforcer', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  for (const confirmation of [[], ['--confirm', 'pump-2'], ['--confirm', ''], ['--json']]) {
    const ran = await box.cordon('cut', 'pump-1', '--reason', 'r', ...confirmation);
    t.equal(ran.exitStatus, 2, confirmation.join(' '));
  }
  // Typed blindly into a pipe is not typed at a terminal.
  t.equal((await box.cordonWithInput('pump-1\n', 'cut', 'pump-1', '--reason', 'r')).exitStatus, 2);
  t.same(box.asked, []);
});

t.test('a release tells what it ended; an unknown device is refused', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const released = await box.cordon('release', 'pump-1', '--reason', 'clean');
  t.equal(released.exitStatus, 0);
  t.match(released.stdout, 'pump-1 is released (contained by nurse');
  const unknown = await box.cordon('release', 'pump-9', '--reason', 'clean');
  t.equal(unknown.exitStatus, 1);
  t.match(unknown.stderr, 'there is no device "pump-9"');
  const asJson = await box.cordon('release', 'pump-9', '--reason', 'clean', '--json');
  t.equal(asJson.exitStatus, 1);
  t.match(JSON.parse(asJson.stdout), { error: { code: 'unknown-device' } });
});

t.test('what is printed of an order is fit for a terminal', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const ran = await box.cordon('contain', '\u001b[2Jpump', '--reason', 'r');
  t.notMatch(ran.stdout, '\u001b');
  t.match(ran.stdout, String.raw`\x1b[2Jpump is contained`);
});
