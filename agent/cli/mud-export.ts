/** `cordon mud export`: what a device may do by a policy, as a MUD file on standard output. */
import { exportMud } from '../mud/export-mud.js';
import { didYouMean } from '../policy/problem.js';
import type { CliContext } from './context.js';
import { readPolicyFile } from './documents.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { runningPolicy } from './policy-online.js';
import { withEnforcer } from './sockets.js';

export interface MudExportOptions {
  readonly json?: true;
  readonly policy?: string;
  readonly url?: string;
}

/** RFC 8520 section 3.3 wants one; example names are nobody's (RFC 2606). */
const NOBODYS_URL = 'https://mud.example';

export async function exportMudFile(
  context: CliContext,
  device: string,
  options: MudExportOptions,
): Promise<ExitStatus> {
  const { url } = options;
  if (url !== undefined && !(/^https:\/\/\S+$/.test(url) && URL.canParse(url)))
    throw usageError(`--url ${url}: write an https URL (RFC 8520 section 3.3)`);
  const policy =
    options.policy === undefined
      ? await withEnforcer(context, (enforcer) => runningPolicy(context, enforcer))
      : (await readPolicyFile(context, options.policy)).policy;
  const exported = exportMud({
    policy,
    device,
    url: url ?? `${NOBODYS_URL}/${device}.json`,
    nowMs: context.nowMs(),
  });
  if (!exported) {
    const hint = didYouMean(device, Object.keys(policy.devices));
    throw new CliError(
      'no-device',
      `the policy has no device "${device}"${hint === undefined ? '' : ` (${hint})`}`,
    );
  }
  const { document, aces, leftOut } = exported;
  if (options.json) context.json({ document, aces, leftOut });
  else {
    context.json(document);
    for (const { path, reason } of leftOut) context.warn(escapeControls(`left out: ${path}: ${reason}`));
  }
  return leftOut.length === 0 ? EXIT_DONE : EXIT_REFUSED;
}
