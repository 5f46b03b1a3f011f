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
  const common = { scope: { device: 'pump-1' }, sparesLifeSustaining: false, source: 'cli' };
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
    t.match(JSON.parse(json.stdout), {
      stopsTotal: 1,
      lifeSustainingTotal: 1,
      devices: [{ lifeSustaining: true }],
    });
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
  t.match(unknown.stderr, 'pump-9 is not contained');
  const asJson = await box.cordon('release', 'pump-9', '--reason', 'clean', '--json');
  t.equal(asJson.exitStatus, 1);
  t.match(JSON.parse(asJson.stdout), { error: { code: 'not-contained' } });
  const one = await box.cordon('release', 'pump-1', '--reason', 'clean', '--order', '4', '--order', '9');
  t.match(one.stdout, /STILL HELD by:\n {2}order 5 on tag icu: contained by nurse/);
  t.match(box.asked.at(-1), ['containment.release', { orders: [4, 9] }]);
  for (const wrong of [
    ['--order', 'x'],
    ['--order', '4', '--all'],
  ])
    t.equal(
      (await box.cordon('release', 'pump-1', '--reason', 'r', ...wrong)).exitStatus,
      2,
      wrong.join(' '),
    );
});

t.test('a tag and the whole box are ordered as a device is, and confirmed by their own name', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const dry = await box.cordon('contain', '--tag', 'icu', '--reason', 'r', '--dry-run');
  t.match(
    dry.stdout,
    /1 of them is LIFE-SUSTAINING[^]*1 device:\n.*\n +pump-1 +LIFE-SUSTAINING +contained +1 +0/,
  );
  for (const [words, exitStatus] of [
    [['--whole-box', '--confirm', 'pump-1'], 2],
    [['--whole-box', '--confirm', 'box-7'], 0],
    [['--tag', 'icu', '--confirm', 'icu', '--spare-life-sustaining'], 0],
    [['pump-1', '--tag', 'icu', '--confirm', 'icu'], 2],
    [['--confirm', 'icu'], 2],
  ] as const) {
    const ran = await box.cordon('cut', ...words, '--reason', 'r');
    t.equal(ran.exitStatus, exitStatus, `${words.join(' ')}: ${ran.stderr}`);
  }
  t.match(box.asked, [
    ['containment.order', { scope: 'box', level: 'cut', confirmedBy: 'box-7' }],
    ['containment.order', { scope: { tag: 'icu' }, sparesLifeSustaining: true, confirmedBy: 'icu' }],
  ]);
});

t.test('what is printed of an order is fit for a terminal', async (t) => {
  const box = unservedBox(t);
  await serveEnforcer(t, box);
  const ran = await box.cordon('contain', '\u001b[2Jpump', '--reason', 'r');
  t.notMatch(ran.stdout, '\u001b');
  t.match(ran.stdout, String.raw`\x1b[2Jpump is contained`);
});
