/**
 * Import this first in a real-kernel test file, before tap:
 *
 *   import './support/in-own-namespace.js';
 *   import t from 'tap';
 *
 * The file then runs in namespaces of its own (agent/lab/own-namespaces.ts), so that tests run in parallel; where the machine allows
 * none it is skipped with a loud notice. The one import with work in it: it must happen before tap writes its first line.
 */
import { runInOwnNamespaces } from '../../../agent/lab/own-namespaces.js';

const ran = runInOwnNamespaces();
// Exits before tap is evaluated: the second run writes this file's TAP to the same stdout.
if (ran !== 'inside') process.exit(ran ?? skip());

function skip(): number {
  const notice =
    'real-kernel tests need root, or user namespaces, with nftables and iproute2: NOTHING HERE WAS TESTED';
  process.stderr.write(`\n*** SKIPPED ${process.argv[1] ?? ''}: ${notice} ***\n\n`);
  process.stdout.write(`TAP version 14\n1..0 # SKIP ${notice}\n`);
  return 0;
}
