/** Declares `cordon fleet …`, the operator's side. Its code is in fleet.ts. */
import type { Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, withExample, type ReportStatus } from './declare.js';
import type { SignOptions } from './fleet.js';

const MAX_KID_CHARACTERS = 64;

export function declareFleetCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const fleet = program
    .command('fleet')
    .summary('the side of those who run many boxes')
    .description('The side of those who run many boxes.');
  withExample(
    leaf(
      fleet,
      'sign-containment <document>',
      'sign what a box is to contain, for its broker',
      'The document is JSON: { aud: the box, ver: higher than before, orders: [...], releases: [...] }. What is printed is published, retained, to cordon/v1/BOX/desired/containment; one line for each key.',
    )
      .requiredOption('--key <file>', 'Ed25519 private key, PEM (openssl genpkey -algorithm ed25519)')
      .requiredOption('--kid <name>', 'its name in fleet.keys of the box', nonEmpty(MAX_KID_CHARACTERS)),
    'cordon fleet sign-containment --key policy.pem --kid policy-1 ward.json | mosquitto_pub -r -q 1 -t cordon/v1/box-7/desired/containment -s …',
  ).action(
    act(report, async (file: string, options: SignOptions) =>
      (await import('./fleet.js')).signContainment(context, file, options),
    ),
  );
}
