/**
 * `cordon policy check`, `compile` and `schema`: everything that needs no root, no running box and no kernel. Must never
 * open a socket.
 */
import type { BoxConfig } from '../policy/config.js';
import type { CliContext } from './context.js';
import { CliError, EXIT_DONE, usageError, type ExitStatus } from './errors.js';
import { nameOf, readConfigFile, readPolicyFile } from './documents.js';
import { escapeControls } from './escape.js';
import { exceptionLines, exceptionRows } from './exception-lines.js';

export interface CompileOptions {
  readonly json?: true;
  readonly config?: string;
  readonly mode?: 'bridge' | 'router';
  readonly bridge?: string;
  readonly devicePort?: readonly string[];
  readonly networkPort?: readonly string[];
}

export async function checkPolicyFile(
  context: CliContext,
  file: string,
  options: { readonly json?: true },
): Promise<ExitStatus> {
  const { policy } = await readPolicyFile(context, file);
  const devices = Object.values(policy.devices);
  const entries = devices.reduce((sum, device) => sum + device.allow.length, 0);
  const modes = { observe: 0, shadow: 0, enforce: 0 };
  for (const device of devices) modes[device.mode] += 1;
  const exceptions = await exceptionRows(policy, context.nowMs());
  if (options.json) {
    const { name: site } = policy.site;
    context.json({ ok: true, file, site, devices: devices.length, entries, modes, exceptions });
    return EXIT_DONE;
  }
  const perMode = Object.entries(modes)
    .filter(([, count]) => count > 0)
    .map(([mode, count]) => `${count} ${mode}`)
    .join(', ');
  context.line(
    `${escapeControls(nameOf(file))}: no problems. ${devices.length} device${devices.length === 1 ? '' : 's'} (${perMode || 'none'}), ${entries} allow entr${entries === 1 ? 'y' : 'ies'}.`,
  );
  if (exceptions.length > 0)
    context.lines([
      `${exceptions.length === 1 ? 'One exception' : `${exceptions.length} exceptions`}, by their end:`,
      ...exceptions.flatMap((row) => exceptionLines(row, context.nowMs(), context.columns)),
    ]);
  return EXIT_DONE;
}

export async function compilePolicyFile(
  context: CliContext,
  file: string,
  options: CompileOptions,
): Promise<ExitStatus> {
  const { policy } = await readPolicyFile(context, file);
  const config = await boxConfigFor(context, options);
  const [{ compileRuleset }, { renderRuleset }] = await Promise.all([
    import('../ruleset/compile-ruleset.js'),
    import('../ruleset/render-ruleset.js'),
  ]);
  const { withoutEnded } = await import('../policy/exceptions.js');
  // On the box, numbers of devices and learnt addresses come from its disk; here it is the policy alone.
  const ruleset = compileRuleset({ policy: withoutEnded(policy, context.nowMs()), config });
  const text = renderRuleset(ruleset);
  if (options.json) context.json({ mode: config.mode, ruleset, nft: text });
  else context.write(text.endsWith('\n') ? text : `${text}\n`);
  return EXIT_DONE;
}

export async function showStarter(context: CliContext): Promise<ExitStatus> {
  context.write((await import('../policy/starter-policy.js')).STARTER_POLICY);
  return EXIT_DONE;
}

export async function showSchema(context: CliContext): Promise<ExitStatus> {
  const { policyJsonSchema } = await import('../policy/json-schema.js');
  context.json(policyJsonSchema());
  return EXIT_DONE;
}

async function boxConfigFor(context: CliContext, options: CompileOptions): Promise<BoxConfig> {
  const { mode, bridge, devicePort, networkPort } = options;
  const named = [mode, bridge, devicePort, networkPort].some((value) => value !== undefined);
  if (named && options.config !== undefined)
    throw usageError('give either --config, or --mode, --bridge, --device-port and --network-port');
  if (!named) {
    try {
      return await readConfigFile(options.config ?? context.paths.configFile);
    } catch (error) {
      if (options.config === undefined && error instanceof CliError && error.code === 'ENOENT')
        throw usageError(
          `there is no ${context.paths.configFile}: give --config FILE, or --mode, --device-port and --network-port`,
        );
      throw error;
    }
  }
  if (!devicePort || !networkPort) throw usageError('give at least one --device-port and one --network-port');
  const { boxConfig } = await import('../policy/config.js');
  const parsed = boxConfig.safeParse({
    box: 'box',
    mode: mode ?? 'bridge',
    ...(bridge !== undefined && { bridge }),
    devicePorts: devicePort,
    networkPorts: networkPort,
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw usageError(`${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not valid'}`);
}
