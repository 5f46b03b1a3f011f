import { spawn } from 'node:child_process';
import t from 'tap';
import { emptyBox } from './run-cordon.js';
import { fromRoot } from '../../root.js';

const COMMANDS: readonly (readonly string[])[] = [
  ['policy', 'check'],
  ['policy', 'compile'],
  ['policy', 'starter'],
  ['policy', 'schema'],
  ['policy', 'explain'],
  ['policy', 'show'],
  ['policy', 'diff'],
  ['policy', 'apply'],
  ['policy', 'confirm'],
  ['policy', 'rollback'],
  ['status'],
  ['devices'],
  ['refusals'],
  ['findings'],
  ['doctor'],
  ['report'],
  ['audit', 'verify'],
  ['audit', 'list'],
  ['contain'],
  ['cut'],
  ['release'],
  ['enforcer'],
  ['agent'],
  ['demo'],
  ['version'],
];

t.test('every command explains itself, offers --json and gives an example', async (t) => {
  const box = emptyBox(t);
  for (const command of COMMANDS) {
    const ran = await box.cordon(...command, '--help');
    const name = command.join(' ');
    t.equal(ran.exitStatus, 0, name);
    t.match(ran.stdout, '--json', name);
    t.match(ran.stdout, /\nExamples?:\n {2}(sudo )?cordon /, name);
    t.notMatch(ran.stdout, '\u001b', name);
    t.notMatch(ran.stdout, /\(default[^)]*(\)\s+\(default|\{)/, `${name}: a default once, as it is typed`);
    t.equal(ran.stderr, '', name);
  }
});

t.test('the overview names every command', async (t) => {
  const { exitStatus, stdout } = await emptyBox(t).cordon('--help');
  t.equal(exitStatus, 0);
  for (const [name = ''] of COMMANDS) t.match(stdout, new RegExp(`^ {2}${name}\\b`, 'm'), name);
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line);
});

t.test('every word of the overview is found where only its own group is loaded', async (t) => {
  const box = emptyBox(t);
  const { stdout } = await box.cordon('--help');
  const words = [...stdout.matchAll(/^ {2}([a-z]+)(?: <\w+>)? {2,}\S/gm)].map(([, word = '']) => word);
  t.ok(words.length > 20);
  for (const word of words) {
    const ran = await box.cordon(word, '--help');
    t.equal(ran.exitStatus, 0, word);
    t.match(ran.stdout, new RegExp(`^Usage: cordon ${word}\\b`), word);
  }
});

t.test('wrong usage ends with 2, one line on stderr and nothing on stdout', async (t) => {
  const box = emptyBox(t);
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['nonsense'], "unknown command 'nonsense'"],
    [['statsu'], 'Did you mean status?'],
    [['status', '--nonsense'], "unknown option '--nonsense'"],
    [['status', 'surplus'], 'too many arguments'],
    [['policy', 'check'], "missing required argument 'file'"],
    [['policy', 'apply', 'f', '--confirm-within', '0'], 'from 1 to 86400'],
    [['policy', 'apply', 'f', '--confirm-within', '1e3'], 'from 1 to 86400'],
    [['policy', 'apply', 'f', '--confirm-within', '60', '--no-confirm'], 'cannot be used with'],
    [['policy', 'compile', 'f', '--mode', 'switch'], 'Allowed choices are bridge, router'],
    [['policy', 'explain', '--from', 'a', '--to', 'b'], "required option '--proto <protocol>'"],
    [
      ['policy', 'explain', '--from', 'a', '--to', 'b', '--proto', 'tcp', '--port', '70000'],
      'from 1 to 65535',
    ],
    [['refusals', '--limit', '0'], 'from 1 to 10000'],
    [['findings', '--state', 'ajar'], 'Allowed choices are open, closed'],
    [['contain', 'pump-1'], "required option '--reason <text>'"],
    [['contain', 'pump-1', '--reason', '  '], 'must not be empty'],
    [['contain', 'pump-1', '--reason', 'x'.repeat(501)], 'longer than 500'],
    [['contain', 'pump-1', '--reason', 'r', '--for', '2'], 'a duration like 90s'],
    [['contain', 'pump-1', '--reason', 'r', '--for', '2y'], 'a duration like 90s'],
    [['cut', 'pump-1', '--reason', 'r'], 'add --confirm pump-1'],
    [['cut', 'pump-1', '--reason', 'r', '--confirm', 'pump-2'], '"pump-2" is not "pump-1"'],
    [['release', 'pump-1'], "required option '--reason <text>'"],
    [['demo', '--mode', 'switch'], 'Allowed choices are bridge, router'],
  ];
  for (const [args, said] of cases) {
    const name = args.join(' ').slice(0, 60);
    const ran = await box.cordon(...args);
    t.equal(ran.exitStatus, 2, name);
    t.match(ran.stderr, new RegExp(`^cordon: [^\\n]*\\n$`), name);
    t.match(ran.stderr, said, name);
    t.equal(ran.stdout, '', name);
  }
});

t.test('with --json wrong usage is an object on stdout', async (t) => {
  const ran = await emptyBox(t).cordon('contain', 'pump-1', '--json');
  t.equal(ran.exitStatus, 2);
  t.equal(ran.stderr, '');
  t.match(JSON.parse(ran.stdout), { error: { code: 'usage', message: /--reason/ } });
});

t.test('a group alone prints its help, as wrong usage', async (t) => {
  for (const args of [[], ['policy']]) {
    const ran = await emptyBox(t).cordon(...args);
    t.equal(ran.exitStatus, 2);
    t.match(ran.stderr, /^Usage: cordon/);
  }
});

t.test('a reader that stops reading is no error', async (t) => {
  const main = fromRoot('dist/cli/main.js');
  const child = spawn(process.execPath, [main, 'policy', 'schema'], {
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Closed before a byte was written: the write meets EPIPE.
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const exitStatus = await new Promise((resolve) => child.on('close', resolve));
  t.equal(stderr, '');
  t.equal(exitStatus, 0);
});

t.test('version says the version of the package', async (t) => {
  const box = emptyBox(t);
  t.match((await box.cordon('version')).stdout, /^cordon \d+\.\d+\.\d+ \(node v/);
  t.match(JSON.parse((await box.cordon('version', '--json')).stdout), {
    version: /^\d/,
    node: process.version,
  });
});
