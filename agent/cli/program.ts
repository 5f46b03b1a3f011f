/**
 * The command tree of `cordon`, and the one place that turns whatever happened into an exit status and a line on stderr. Light on
 * purpose: of the groups below only the one that is asked for is imported, and each command's code when it runs, so that
 * `cordon contain` loads nothing else.
 */
import { Command, CommanderError } from 'commander';
import { answerTimeoutMs } from './answer-timeout.js';
import type { CliContext } from './context.js';
import type { ReportStatus } from './declare.js';
import { EXIT_DONE, EXIT_USAGE, type ExitStatus } from './errors.js';
import { reportError } from './report-error.js';

const ABOUT = `Guards clinical devices that nobody can patch: they talk only to what the policy allows.

Exit status: 0 done, 1 refused or found problems, 2 wrong usage.`;

const AFTER = `
Each command has its own --help. What a box reads and writes is moved by
CORDON_CONFIG (default /etc/cordon/config.yaml), CORDON_RUN_DIR (/run/cordon)
and CORDON_STATE_DIR (/var/lib/cordon). An answer of the box is waited for
CORDON_TIMEOUT seconds (30).

Example:
  cordon policy check policy.yaml && cordon policy apply policy.yaml`;

type Declare = (program: Command, context: CliContext, report: ReportStatus) => void;

interface Group {
  readonly heading: string;
  /** The first words of its commands, so that it need not be loaded to know them. */
  readonly words: readonly string[];
  load(): Promise<Declare>;
}

const GROUPS: readonly Group[] = [
  {
    heading: 'Policy:',
    words: ['policy'],
    load: async () => (await import('./policy-commands.js')).declarePolicyCommands,
  },
  {
    heading: 'Policy:',
    words: ['learn'],
    load: async () => (await import('./learn-commands.js')).declareLearnCommands,
  },
  {
    heading: 'Policy:',
    words: ['mud'],
    load: async () => (await import('./mud-commands.js')).declareMudCommands,
  },
  {
    heading: 'What is going on:',
    words: ['status', 'refusals', 'findings', 'flows', 'names', 'replay', 'inventory', 'doctor'],
    load: async () => (await import('./report-commands.js')).declareReportCommands,
  },
  {
    heading: 'What is behind the box:',
    words: ['devices', 'device'],
    load: async () => (await import('./inventory-commands.js')).declareInventoryCommands,
  },
  {
    heading: 'What is behind the box:',
    words: ['risk', 'eol', 'data'],
    load: async () => (await import('./risk-commands.js')).declareRiskCommands,
  },
  {
    heading: 'For an audit:',
    words: ['audit', 'report'],
    load: async () => (await import('./audit-commands.js')).declareAuditCommands,
  },
  {
    heading: 'In an incident:',
    words: ['contain', 'cut', 'release'],
    load: async () => (await import('./containment-commands.js')).declareContainmentCommands,
  },
  {
    heading: 'Running many:',
    words: ['fleet'],
    load: async () => (await import('./fleet-commands.js')).declareFleetCommands,
  },
  {
    heading: 'Running it:',
    words: ['enforcer', 'agent', 'demo', 'version'],
    load: async () => (await import('./process-commands.js')).declareProcessCommands,
  },
];

/** Of the group that `word` belongs to; all of them where it belongs to none, for the overview and for suggestions. */
export async function buildProgram(
  word: string,
  context: CliContext,
  report: ReportStatus,
): Promise<Command> {
  const asked = GROUPS.filter(({ words }) => words.includes(word));
  const groups = asked.length > 0 ? asked : GROUPS;
  const declarations = await Promise.all(groups.map((group) => group.load()));
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
  for (const [at, declare] of declarations.entries()) {
    program.commandsGroup(groups[at]?.heading ?? '');
    declare(program, context, report);
  }
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
  const program = await buildProgram(argv[0] ?? '', context, (reported) => {
    status = reported;
  });
  try {
    // Before anything is asked: `status` would take a wrong one for a box that does not answer.
    answerTimeoutMs(context);
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
