import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { WARD } from '../ruleset/support.js';
import { fromRoot } from '../../root.js';

const MAIN = fromRoot('dist/cli/main.js');
const dir = mkdtempSync(join(tmpdir(), 'cordon-cli-'));
t.teardown(() => {
  rmSync(dir, { recursive: true, force: true });
});
const good = join(dir, 'good.yaml');
const bad = join(dir, 'bad.yaml');
writeFileSync(good, WARD);
writeFileSync(
  bad,
  WARD.replace('ports: [6000], why: "alarms of the pump"', 'ports: [70000], why: "\u001b[31mred"'),
);

const cordon = (...words: string[]) => cordonWith({}, ...words);

const cordonWith = (environment: Readonly<Record<string, string>>, ...words: string[]) =>
  spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    env: {
      ...process.env,
      COLUMNS: '80',
      CORDON_RUN_DIR: dir,
      CORDON_STATE_DIR: dir,
      CORDON_CONFIG: join(dir, 'config.yaml'),
      ...environment,
    },
  });

/** The command, the exit status, and what it says on stdout and stderr together. */
const TABLE: readonly (readonly [string, number, RegExp])[] = [
  [`policy check ${good}`, 0, /no problems\. 3 devices/],
  [`policy check ${good} --json`, 0, /"ok": ?true/],
  [`policy check ${bad}`, 1, /devices\.monitor-1\.allow\[0\]\.ports\[0\]\n\s+70000 is above 65535/],
  [`policy check ${bad} --json`, 1, /"problems"/],
  [`policy check ${join(dir, 'none.yaml')}`, 1, /there is no such file/],
  [`policy check`, 2, /missing required argument/],
  [`policy chekc x`, 2, /./],
  [`policy compile ${good} --device-port dev0 --network-port net0`, 0, /table inet cordon/],
  [`policy compile ${good} --mode router --device-port dev0 --network-port net0 --json`, 0, /"nft"/],
  [`policy compile ${good}`, 2, /--device-port/],
  [`policy schema`, 0, /json-schema\.org/],
  [`policy starter`, 0, /unknownDevices: observe/],
  [`policy diff ${good} --against ${good}`, 0, /changes nothing/],
  [
    `policy explain --policy ${good} --from pump-1 --to 10.77.0.1 --proto tcp --port 104`,
    0,
    /PERMITTED\n.*devices\.pump-1\.allow\[0\] \(essential\)/,
  ],
  [
    `policy explain --policy ${good} --from pump-1 --to 10.77.0.1 --proto tcp --port 80`,
    1,
    /REFUSED[\s\S]*would allow it/,
  ],
  [`policy explain --policy ${good} --from pump-1 --to 10.77.0.1 --proto tcp`, 2, /--port/],
  [
    `policy explain --policy ${good} --from nobody --to 10.77.0.1 --proto icmp`,
    2,
    /neither an address nor a device/,
  ],
  ['policy apply', 2, /missing required argument/],
  [`policy apply ${bad}`, 1, /70000/],
  ['policy confirm', 1, /enforcer is not running/],
  ['status', 1, /NOT RUNNING/],
  ['devices', 1, /agent is not running/],
  ['findings --state half-open', 2, /./],
  ['contain pump-1', 2, /--reason/],
  ['cut pump-1 --reason x', 2, /--confirm/],
  ['version', 0, /^cordon 0\.1\.0/],
];

t.test('exit status 0 done, 1 refused or found problems, 2 usage; and a sentence that says which', (t) => {
  for (const [words, status, said] of TABLE) {
    const ran = cordon(...words.split(' '));
    t.equal(ran.status, status, `cordon ${words.replaceAll(dir, '')}`, {
      stdout: ran.stdout.slice(0, 500),
      stderr: ran.stderr.slice(0, 500),
    });
    t.match(ran.stdout + ran.stderr, said, `cordon ${words.replaceAll(dir, '')} says so`);
    t.notMatch(ran.stderr, /\n\s+at /, 'no stack trace');
    t.notMatch(
      ran.stdout + ran.stderr,
      /\u001b\[31m/,
      'no control characters of a document reach the terminal',
    );
    if (words.endsWith('--json')) t.doesNotThrow(() => JSON.parse(ran.stdout) as unknown, 'JSON');
  }
  t.end();
});

t.test('how long an answer is waited for is a number of seconds, or wrong usage', (t) => {
  for (const text of ['', 'x', '0', '1.5', '3601']) {
    const ran = cordonWith({ CORDON_TIMEOUT: text }, 'status');
    t.equal(ran.status, 2, text);
    t.match(ran.stderr, /CORDON_TIMEOUT is .*: write seconds, 1 to 3600/);
  }
  t.match(cordonWith({ CORDON_TIMEOUT: '240' }, 'status').stdout, /NOT RUNNING/);
  t.end();
});

t.test('every command has --help, with --json named where it prints something', (t) => {
  for (const words of [
    'policy check',
    'policy compile',
    'policy diff',
    'policy apply',
    'policy confirm',
    'policy rollback',
    'policy explain',
    'status',
    'devices',
    'refusals',
    'findings',
    'contain',
    'cut',
    'release',
    'doctor',
    'demo',
    'agent',
    'enforcer',
  ]) {
    const ran = cordon(...words.split(' '), '--help');
    t.equal(ran.status, 0, words);
    t.match(ran.stdout, /Usage: cordon/, words);
    t.match(ran.stdout, /--json/, `${words}: --json`);
    t.ok(
      ran.stdout.split('\n').every((line) => line.length <= 100),
      `${words}: fits`,
    );
  }
  t.end();
});
