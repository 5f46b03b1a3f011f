/**
 * Tests are compiled once to .stamps/tests/ (types are the business of `make check`) and run against dist/, which is what is shipped. A
 * compiler in each process of a test took ten times longer than the tests.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

const OUT = '.stamps/tests';
const OPTIONS = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  inlineSourceMap: true,
};

/** Where `test/unit/x.test.ts` lies compiled. */
export const compiledPath = (source) => join(OUT, source.replace(/\.ts$/, '.js'));

/** Paths of all TypeScript under a directory, from the checkout. */
export const sourcesUnder = (directory) =>
  readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name))
    .sort();

const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Compiles what changed. */
export function compileTests() {
  mkdirSync(OUT, { recursive: true });
  // `../../agent/x.js`, as a test imports it.
  if (!existsSync(join(OUT, 'agent'))) symlinkSync('../../dist', join(OUT, 'agent'));
  for (const source of sourcesUnder('test')) {
    const target = compiledPath(source);
    if (changedAt(target) > changedAt(source)) continue;
    const fileName = resolve(source);
    const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
      fileName,
      compilerOptions: OPTIONS,
    });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  // A single file is often run without make: never against yesterday's product.
  const isStale = sourcesUnder('agent').some((source) => {
    const compiled = join('dist', source.replace(/^agent\//, '').replace(/\.ts$/, '.js'));
    return changedAt(source) > changedAt(compiled) && changedAt(source) > changedAt('dist/.tsbuildinfo');
  });
  if (isStale) spawnSync('node_modules/.bin/tsc', ['-p', 'agent'], { stdio: 'inherit' });
}
