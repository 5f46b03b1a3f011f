/**
 * Runs every test and closes with one line that counts them all: `N passed, N failed, N skipped`. A test is a named
 * block directly in a file; a file that fails outside of any counts as one. Arguments: test files (default: all).
 */
import { spawn } from 'node:child_process';
import { inspect } from 'node:util';
import { Parser } from 'tap-parser';

const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const finished = new Map();
const started = Date.now();
/** Not JSON: what a test compares may hold itself. */
const show = (diagnosis, length) => inspect(diagnosis ?? {}, { depth: 8, breakLength: 120 }).slice(0, length);

const tap = spawn('node_modules/.bin/tap', ['run', '--reporter=tap', ...process.argv.slice(2)], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const parser = new Parser();
parser.on('child', (file) => {
  let failedInside = 0;
  let tests = 0;
  const name = file.name.replace(/^.*(?=test\/)/, '');
  file.on('assert', (test) => {
    tests += 1;
    if (test.skip || test.todo) {
      counts.skipped += 1;
      console.log(
        `  skipped: ${name}: ${test.name} ${typeof test.skip === 'string' ? `(${test.skip})` : ''}`,
      );
    } else if (test.ok) counts.passed += 1;
    else {
      failedInside += 1;
      counts.failed += 1;
      failures.push({ name, test });
    }
  });
  const deep = (child, path) => {
    child.on('child', (inner) => deep(inner, [...path, inner.name]));
    child.on('assert', (assertion) => {
      if (!assertion.ok && !assertion.skip && !assertion.todo && path.length > 0)
        console.log(
          `  not ok: ${name}: ${[...path, assertion.name].join(' > ')}`,
          show(assertion.diag, 3000),
        );
    });
  };
  file.on('child', (child) => deep(child, [child.name]));
  file.on('comment', (comment) => {
    if (/notice/i.test(comment)) console.log(`  ${name}: ${comment.trim()}`);
  });
  file.on('complete', () => {
    finished.set(file.name, { name, tests, failedInside });
  });
});
// The verdict on the file as a whole comes after it: it knows the exit status too, of a file that died before its first test.
parser.on('assert', (verdict) => {
  const file = [...finished.values()].find(({ name }) => verdict.name.endsWith(name));
  const { name, tests, failedInside } = file ?? { name: verdict.name, tests: 0, failedInside: 0 };
  if (!verdict.ok && failedInside === 0) {
    counts.failed += 1;
    failures.push({ name, test: { name: 'the file itself', diag: verdict.diag } });
  }
  if (verdict.skip) counts.skipped += 1;
  console.log(
    `${verdict.ok ? 'ok    ' : 'NOT OK'} ${name} (${tests} tests, ${((Date.now() - started) / 1000).toFixed(0)} s)`,
  );
});
tap.stdout.pipe(parser);

const code = await new Promise((resolve) => {
  let exit = null;
  let done = false;
  tap.on('close', (status) => {
    exit = status ?? 1;
    if (done) resolve(exit);
  });
  parser.on('complete', () => {
    done = true;
    if (exit !== null) resolve(exit);
  });
});

for (const { name, test } of failures)
  console.log(`\nFAILED ${name}: ${test.name}\n${show(test.diag, 4000)}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = code !== 0 || counts.failed > 0 || counts.passed === 0 ? 1 : 0;
