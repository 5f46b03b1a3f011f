#!/usr/bin/env node
/** The `cordon` command. Only starts: what there is to do is in program.ts. */
import { contextOfProcess } from './context.js';
import { EXIT_REFUSED } from './errors.js';
import { runProgram } from './program.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`cordon refusals | head`) is no error; a full disk is.
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`cordon: cannot write its output: ${error.code ?? error.message}\n`);
  process.exit(EXIT_REFUSED);
});
// Nobody is left to tell.
process.stderr.on('error', () => undefined);

process.exitCode = await runProgram(process.argv.slice(2), contextOfProcess());
