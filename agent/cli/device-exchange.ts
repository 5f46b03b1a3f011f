/** `cordon devices import` and `devices export`: the inventory in the forms that other programs take. */
import { counted } from '../counted.js';
import { exportCsv, exportCycloneDx, exportNetbox } from '../inventory/export-devices.js';
import { importTemplate, readImport } from '../inventory/import-devices.js';
import type { CliContext } from './context.js';
import { readInventory } from './devices.js';
import { nameOf, readDocument } from './documents.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { withAgent } from './sockets.js';
import { readVersion } from './version.js';
import { whoAsks } from './who.js';

/** As many as the agent takes in one message. */
const AT_ONCE = 50;
const MAX_DEVICES = 10_000;

export interface ImportOptions {
  readonly json?: true;
  readonly by?: string;
  readonly template?: true;
  readonly dryRun?: true;
}

export interface ExportOptions {
  readonly format: 'csv' | 'json' | 'netbox' | 'cyclonedx';
  readonly site: string;
}

export async function importDevices(
  context: CliContext,
  file: string | undefined,
  options: ImportOptions,
): Promise<ExitStatus> {
  if (options.template) {
    context.write(importTemplate());
    return EXIT_DONE;
  }
  if (file === undefined) throw usageError('name a file, or ask for a --template');
  const list = readImport(await readDocument(file));
  if (list.problems.length > 0)
    throw new CliError('bad-list', `${nameOf(file)}: nothing was taken in`, { problems: list.problems });
  const answers = options.dryRun ? [] : await enter(context, list.devices, whoAsks(context, options.by));
  const changed = answers.reduce((sum, answer) => sum + answer.changed, 0);
  const problems = answers.flatMap((answer) => answer.problems);
  if (options.json) context.json({ devices: list.devices.length, changed, leftOut: list.leftOut, problems });
  else {
    if (list.leftOut.length > 0)
      context.line(
        `left out, as the inventory has no place for it: ${escapeControls(list.leftOut.join(', '))}`,
      );
    for (const { device, message } of problems) context.warn(escapeControls(`${device}: ${message}`));
    context.line(
      options.dryRun
        ? `${counted(list.devices.length, 'device')} read; nothing was changed`
        : `${changed} of ${counted(list.devices.length, 'device')} entered`,
    );
  }
  return problems.length === 0 ? EXIT_DONE : EXIT_REFUSED;
}

async function enter(context: CliContext, devices: ReturnType<typeof readImport>['devices'], by: string) {
  return await withAgent(context, async (agent) => {
    const answers = [];
    for (let at = 0; at < devices.length; at += AT_ONCE) {
      const group = devices
        .slice(at, at + AT_ONCE)
        .map(({ device, entries }) => ({ device: device.slice(0, 64), entries: { ...entries } }));
      answers.push(await agent.request('inventory.enter', { by, devices: group }));
    }
    return answers;
  });
}

export async function exportDevices(context: CliContext, options: ExportOptions): Promise<ExitStatus> {
  const { rows } = await withAgent(context, (agent) => readInventory(agent, MAX_DEVICES));
  switch (options.format) {
    case 'csv':
      context.write(exportCsv(rows));
      break;
    case 'netbox':
      context.write(exportNetbox(rows, options.site));
      break;
    case 'json':
      context.json(rows);
      break;
    case 'cyclonedx':
      context.json(exportCycloneDx(rows, context.nowMs(), await readVersion()));
      break;
  }
  return EXIT_DONE;
}
