/**
 * Runs every test and closes with one line that counts them all: `N passed, N failed, N skipped`. A test is a named
 * block directly in a file; a file that fails outside of any counts as one.
 *   node scripts/run-tests.js [--timeout=SECONDS] [--jobs=2] [FILE or DIRECTORY…]     seconds for a file that sets none itself (default: 300)
 */
import { spawn } from 'node:child_process';
import { clearInterval, setInterval } from 'node:timers';
import { inspect, parseArgs } from 'node:util';
import { Parser } from 'tap-parser';
import { compileTests, compiledPath, sourcesUnder } from './compile-tests.js';

const { values, positionals } = parseArgs({
  options: {
    timeout: { type: 'string', default: '300' },
    /** Files at once. Real-kernel tests wait as often as they compute, but what they promise has to hold on a busy box, not on a drowned one. */
    jobs: { type: 'string', default: '2' },
  },
  allowPositionals: true,
});
/** A file ends by itself at its timeout, with a report; this is for one that no longer can. */
const GRACE_SECONDS = 30;

const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const running = new Set();
const started = Date.now();
const secondsSince = (start) => ((Date.now() - start) / 1000).toFixed(0);
/** Not JSON: what a test compares may hold itself. */
const show = (diagnosis, length) => inspect(diagnosis ?? {}, { depth: 8, breakLength: 120 }).slice(0, length);

/** Every assertion that failed below a test, with the way to it. */
function showFailures(name, child, path) {
  child.on('child', (inner) => showFailures(name, inner, [...path, inner.name]));
  child.on('assert', (assertion) => {
    if (!assertion.ok && !assertion.skip && !assertion.todo)
      console.log(`  not ok: ${name}: ${[...path, assertion.name].join(' > ')}`, show(assertion.diag, 3000));
  });
}

async function runFile(name) {
  const begun = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', compiledPath(name)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP_TIMEOUT: values.timeout },
  });
  running.add(child);
  child.on('close', () => running.delete(child));
  const parser = new Parser();
  let tests = 0;
  let failedInside = 0;
  let lastSign = Date.now();
  parser.on('child', (test) => showFailures(name, test, [test.name]));
  parser.on('comment', (comment) => {
    if (/notice/i.test(comment)) console.log(`  ${name}: ${comment.trim()}`);
  });
  parser.on('assert', (test) => {
    tests += 1;
    if (test.skip || test.todo) {
      counts.skipped += 1;
      const why = typeof test.skip === 'string' ? `(${test.skip})` : '';
      console.log(`  skipped: ${name}: ${test.name} ${why}`);
    } else if (test.ok) counts.passed += 1;
    else {
      failedInside += 1;
      counts.failed += 1;
      failures.push({ name, test: test.name, diag: test.diag });
    }
  });
  child.stdout.on('data', () => (lastSign = Date.now()));
  child.stdout.pipe(parser);
  const watch = setInterval(() => {
    if (Date.now() - lastSign > (Number(values.timeout) + GRACE_SECONDS) * 1000) child.kill('SIGKILL');
  }, 1000);
  const [results, status] = await Promise.all([
    new Promise((resolve) => parser.on('complete', resolve)),
    new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal))),
  ]);
  clearInterval(watch);
  const isOk = results.ok && status === 0;
  if (!isOk && failedInside === 0) {
    counts.failed += 1;
    failures.push({ name, test: 'the file itself', diag: { status, failures: results.failures } });
  }
  if (isOk && results.plan?.skipAll) counts.skipped += 1;
  console.log(
    `${isOk ? 'ok    ' : 'NOT OK'} ${name} (${tests} tests in ${secondsSince(begun)} s, at ${secondsSince(started)} s)`,
  );
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
process.on('exit', () => running.forEach((child) => child.kill()));

compileTests();
const asked = positionals.length > 0 ? positionals : ['test/kernel', 'test/unit'];
const files = asked.flatMap((name) =>
  name.endsWith('.ts') ? [name] : sourcesUnder(name).filter((file) => file.endsWith('.test.ts')),
);
const waiting = files.values();
await Promise.all(
  Array.from({ length: Math.max(1, Number(values.jobs) || 1) }, async () => {
    for (const name of waiting) await runFile(name);
  }),
);

for (const { name, test, diag } of failures) console.log(`\nFAILED ${name}: ${test}\n${show(diag, 4000)}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
