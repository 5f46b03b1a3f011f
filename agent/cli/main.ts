#!/usr/bin/env node
/** The `cordon` command. Only starts: what there is to do is in program.ts. */
import { contextOfProcess } from './context.js';
import { runProgram } from './program.js';

// A reader that has seen enough (`cordon refusals | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

process.exitCode = await runProgram(process.argv.slice(2), contextOfProcess());
