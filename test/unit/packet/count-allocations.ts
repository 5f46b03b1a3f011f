/**
 * Bytes that a piece of code allocates on the V8 heap: run in a process of its own, so that neither tap nor its loader is
 * counted, with a new space large enough that nothing is collected in between (a collection would hide allocations).
 */
import { execFileSync } from 'node:child_process';

/**
 * `setup` is the body of a module that ends by defining `run(count: number): void`; imports use absolute URLs. Returns the
 * least bytes allocated by `run(count)` in a dozen rounds: on a busy machine the optimising compiler, a thread of its own, comes late.
 */
export function countAllocations(setup: string, count: number): number {
  const script = `
    import { getHeapStatistics } from 'node:v8';
    ${setup}
    for (let i = 0; i < 20; i++) run(${Math.ceil(count / 10)});
    let least = Infinity;
    for (let i = 0; i < 12; i++) {
      globalThis.gc();
      const before = getHeapStatistics().used_heap_size;
      run(${count});
      least = Math.min(least, getHeapStatistics().used_heap_size - before);
    }
    console.log(least);
  `;
  const output = execFileSync(
    process.execPath,
    [
      '--expose-gc',
      '--max-semi-space-size=256',
      '--min-semi-space-size=256',
      '--input-type=module',
      ...process.execArgv,
      '-e',
      script,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );
  return Number(output.trim());
}
