/** Declares `agent`, `enforcer`, `demo` and `version`. Nothing of the processes is loaded before one is asked for. */
import { Option, type Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, withExample, type ReportStatus } from './declare.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';

interface DemoOptions {
  readonly mode: 'bridge' | 'router';
  readonly keep?: true;
  readonly json?: true;
  readonly down?: true;
}

export function declareProcessCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const { paths, environment } = context;

  withExample(
    leaf(
      program,
      'enforcer',
      'run the enforcer in the foreground',
      'It loads the rules and watches what they refuse. Needs CAP_NET_ADMIN; on a box systemd runs it. Its log is JSON in any case.',
    ),
    'sudo cordon enforcer',
  ).action(
    act(report, async () => {
      const { readConfigFile } = await import('./documents.js');
      const config = await readConfigFile(paths.configFile);
      const version = await (await import('./version.js')).readVersion();
      const { runEnforcer } = await import('../enforcer/main.js');
      return (await runEnforcer({ paths, config, version, environment })) === 0 ? EXIT_DONE : EXIT_REFUSED;
    }),
  );

  withExample(
    leaf(
      program,
      'agent',
      'run the agent in the foreground',
      'It keeps the records and reports them over MQTT. Needs no privilege; on a box systemd runs it. Its log is JSON in any case.',
    ),
    'cordon agent',
  ).action(
    act(report, async () => {
      const { readConfigFile } = await import('./documents.js');
      const config = await readConfigFile(paths.configFile);
      const version = await (await import('./version.js')).readVersion();
      const { runAgent } = await import('../agent/main.js');
      const status = await runAgent({ paths, config, version, environment });
      return status === 0 ? EXIT_DONE : EXIT_REFUSED;
    }),
  );

  withExample(
    leaf(
      program,
      'demo',
      'a hospital on this machine, with real traffic',
      'An infusion pump behind a box, in network namespaces; each step with what was expected and what happened. Needs root. Exit status 1 if a step failed.',
    )
      .addOption(
        new Option('--mode <mode>', 'how the box stands in the network')
          .choices(['bridge', 'router'])
          .default('bridge'),
      )
      .option('--keep', 'leave the lab up to explore')
      .option('--down', 'take a lab down that was kept'),
    'sudo cordon demo --mode router',
  ).action(
    act(report, async (options: DemoOptions) => {
      const inPrivate = process.getuid?.() === 0 ? 'inside' : await demoWithoutRoot(options);
      if (inPrivate !== 'inside') return inPrivate;
      const { runDemo } = await import('./demo.js');
      const passed = await runDemo({
        mode: options.mode,
        keep: options.keep ?? false,
        json: options.json ?? false,
        down: options.down ?? false,
      });
      return passed ? EXIT_DONE : EXIT_REFUSED;
    }),
  );

  withExample(leaf(program, 'version', 'the version of this build'), 'cordon version').action(
    act(report, async (options: { json?: true }) => {
      const { readVersion } = await import('./version.js');
      const version = await readVersion();
      if (options.json) context.json({ version, node: process.version });
      else context.line(`cordon ${version} (node ${process.version})`);
      return EXIT_DONE;
    }),
  );
}

/** The same command again in namespaces of its own, which only it can see: nothing to keep, nothing to take down. */
async function demoWithoutRoot(options: DemoOptions): Promise<'inside' | ExitStatus> {
  if (options.keep || options.down) throw usageError('--keep and --down need root');
  const { runInOwnNamespaces } = await import('../lab/own-namespaces.js');
  const ran = runInOwnNamespaces();
  if (ran === null)
    throw new CliError(
      'needs-root',
      'the demo needs root here: this machine lets no other user have network namespaces (unshare --user --net)',
    );
  return ran === 'inside' ? ran : ran === 0 ? EXIT_DONE : EXIT_REFUSED;
}
