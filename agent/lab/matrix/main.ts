/**
 * `make matrix`: every fault of the matrix against a box under live traffic, one after another, and the table of the README with what was
 * measured. Arguments: ids of rows (default: all); MODE=router. Fails when a promise was broken. Needs root, or user namespaces.
 */
import { runInOwnNamespaces } from '../own-namespaces.js';
import { breaches, tryFault } from './fault.js';
import { FAULTS } from './faults.js';
import { Stand } from './stand.js';
import { tableOf, type Row } from './table.js';

const ran = runInOwnNamespaces();
if (ran === null) process.stderr.write('this machine allows no namespaces: run it as root\n');
if (ran !== 'inside') process.exit(ran ?? 2);

const wanted = process.argv.slice(2);
const rows: Row[] = [];
const mode = process.env['MODE'] === 'router' ? 'router' : 'bridge';
const stand = await Stand.open({ mode, broker: true });
try {
  for (const fault of FAULTS.filter(({ id }) => wanted.length === 0 || wanted.includes(id))) {
    const began = performance.now();
    let broken: readonly string[];
    try {
      const measured = await tryFault(fault, stand);
      rows.push({ fault, measured });
      broken = breaches(fault, measured);
      process.stderr.write(`${JSON.stringify(measured)}\n`);
    } catch (error) {
      broken = [error instanceof Error ? error.message : String(error)];
    }
    const tookSeconds = Math.round((performance.now() - began) / 1000);
    process.stderr.write(
      `${fault.id}: ${broken.length === 0 ? 'held' : `BROKEN: ${broken.join('; ')}`} (${tookSeconds} s)\n`,
    );
    if (broken.length > 0) process.exitCode = 1;
  }
} finally {
  await stand.close();
}
process.stdout.write(`${tableOf(rows, stand.dir)}\n`);
