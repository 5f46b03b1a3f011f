/**
 * The command tree of `cordon`, and the one place that turns whatever happened into an exit status and a line on stderr. Light on
 * purpose: the groups below only declare; each command's code is imported when it runs, so that `--help` is quick.
 */
import { Command, CommanderError } from 'commander';
import { declareAuditCommands } from './audit-commands.js';
import { declareContainmentCommands } from './containment-commands.js';
import type { CliContext } from './context.js';
import type { ReportStatus } from './declare.js';
import { EXIT_DONE, EXIT_USAGE, type ExitStatus } from './errors.js';
import { declareFleetCommands } from './fleet-commands.js';
import { declareInventoryCommands } from './inventory-commands.js';
import { declareLearnCommands } from './learn-commands.js';
import { declareMudCommands } from './mud-commands.js';
import { declarePolicyCommands } from './policy-commands.js';
import { declareRiskCommands } from './risk-commands.js';
import { declareProcessCommands } from './process-commands.js';
import { declareReportCommands } from './report-commands.js';
import { reportError } from './report-error.js';

const ABOUT = `Guards clinical devices that nobody can patch: they talk only to what the policy allows.

Exit status: 0 done, 1 refused or found problems, 2 wrong usage.`;

const AFTER = `
Each command has its own --help. What a box reads and writes is moved by
CORDON_CONFIG (default /etc/cordon/config.yaml), CORDON_RUN_DIR (/run/cordon)
and CORDON_STATE_DIR (/var/lib/cordon).

Example:
  cordon policy check policy.yaml && cordon policy apply policy.yaml`;

export function buildProgram(context: CliContext, report: ReportStatus): Command {
  const program = new Command('cordon')
    .description(ABOUT)
    .helpCommand(false)
    .configureHelp({ subcommandTerm: usageTerm })
    .showHelpAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        context.write(text);
      },
      writeErr: (text) => {
        context.warn(text.trimEnd());
      },
      // The error itself is printed by runProgram, in the same form as every other.
      outputError: () => undefined,
      getOutHelpWidth: () => context.columns,
      getErrHelpWidth: () => context.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', AFTER);
  program.commandsGroup('Policy:');
  declarePolicyCommands(program, context, report);
  declareLearnCommands(program, context, report);
  declareMudCommands(program, context, report);
  program.commandsGroup('What is going on:');
  declareReportCommands(program, context, report);
  program.commandsGroup('What is behind the box:');
  declareInventoryCommands(program, context, report);
  declareRiskCommands(program, context, report);
  program.commandsGroup('For an audit:');
  declareAuditCommands(program, context, report);
  program.commandsGroup('In an incident:');
  declareContainmentCommands(program, context, report);
  program.commandsGroup('Running many:');
  declareFleetCommands(program, context, report);
  program.commandsGroup('Running it:');
  declareProcessCommands(program, context, report);
  return program;
}

/** `contain <device>`: that there are options goes without saying. */
function usageTerm(command: Command): string {
  return [command.name(), ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' ');
}

/** Never rejects for something that a person did; a defect of ours is printed as one, without its stack. */
export async function runProgram(argv: readonly string[], context: CliContext): Promise<ExitStatus> {
  const asJson = argv.includes('--json');
  let status: ExitStatus = EXIT_DONE;
  const program = buildProgram(context, (reported) => {
    status = reported;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT_DONE;
      // `cordon policy` alone: its help has just been printed.
      if (error.code === 'commander.help') return EXIT_USAGE;
    }
    return reportError(context, error, asJson);
  }
}
