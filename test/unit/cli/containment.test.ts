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
    [
      'containment.order',
      { ...common, level: 'contained', by: 'nurse', reason: 'scans', forSeconds: 7_200, confirmedBy: null },
    ],
    [
      'containment.order',
      { ...common, level: 'cut', by: 'Dr. Grey', reason: 'off', forSeconds: null, confirmedBy: 'pump-1' },
    ],
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

t.test(
  'what would stop is shown first; a dry run changes nothing; a second person may confirm',
  async (t) => {
    const box = unservedBox(t);
    await serveEnforcer(t, box);
    const dry = await box.cordon('contain', 'pump-1', '--reason', 'r', '--dry-run');
    t.equal(dry.exitStatus, 0, dry.stderr);
    t.match(dry.stdout, 'pump-1 is LIFE-SUSTAINING');
    t.match(
      dry.stdout,
      /1 live connection would stop:\n.*\n +out +10\.0\.0\.5 +tcp 8080 +1234\n0 live connections would go on\./,
    );
    const json = await box.cordon('cut', 'pump-1', '--reason', 'r', '--dry-run', '--json');
    t.match(JSON.parse(json.stdout), { stopsTotal: 1, lifeSustaining: true });
    const same = await box.cordon(
      'cut',
      'pump-1',
      '--reason',
      'r',
      '--by',
      'Grey',
      '--second-person',
      ' grey',
    );
    t.equal(same.exitStatus, 2);
    t.match(same.stderr, 'the one who asks');
    t.same(box.asked, []);
    const cut = await box.cordon(
      'cut',
      'pump-1',
      '--reason',
      'r',
      '--by',
      'Grey',
      '--second-person',
      'Shepherd',
    );
    t.match(cut.stdout, /would stop[^]*pump-1 is cut/);
    t.match(box.asked, [['containment.order', { confirmedBy: 'Shepherd' }]]);
  },
);

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
