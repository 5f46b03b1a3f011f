/**
 * The text of the box's configuration to a BoxConfig, or every problem it has. Called by the process roots at start and
 * by the CLI. It must never throw, whatever the text.
 */
import { boxConfig, type BoxConfig } from './config.js';
import type { Problem } from './problem.js';
import { readYaml } from './read-yaml.js';
import { checkShape, toProblems, type ShapeProblem } from './shape-problems.js';

export const MAX_CONFIG_CHARS = 64 * 1024;

export type ConfigResult =
  | { readonly ok: true; readonly config: BoxConfig }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function parseConfig(text: string): ConfigResult {
  const yaml = readYaml(text, 'configuration', MAX_CONFIG_CHARS);
  if (!yaml.ok) return yaml;
  const shape = checkShape(boxConfig, yaml.value);
  if (!shape.ok) return { ok: false, problems: toProblems(shape.problems, yaml.lineOf) };
  const hasBridge = typeof yaml.value === 'object' && yaml.value !== null && 'bridge' in yaml.value;
  const problems = [...checkPorts(shape.value, hasBridge)];
  return problems.length === 0
    ? { ok: true, config: shape.value }
    : { ok: false, problems: toProblems(problems, yaml.lineOf) };
}

function* checkPorts(config: BoxConfig, hasBridge: boolean): Generator<ShapeProblem> {
  const places = new Map<string, string>();
  for (const side of ['devicePorts', 'networkPorts'] as const) {
    for (const [index, port] of config[side].entries()) {
      const earlier = places.get(port);
      const place = `${side}[${index}]`;
      if (earlier === undefined) places.set(port, place);
      else if (earlier.startsWith(side)) yield { path: [side, index], message: `${port} is also ${earlier}` };
      else
        yield {
          path: [side, index],
          message: `${port} is also ${earlier}`,
          hint: 'a port faces the devices or the network, never both',
        };
      if (config.mode === 'bridge' && port === config.bridge)
        yield {
          path: [side, index],
          message: `${port} is the bridge itself`,
          hint: 'name the ports of the bridge',
        };
      if (port === 'lo')
        yield {
          path: [side, index],
          message: 'lo is the loopback interface: no frame of a device passes it',
        };
    }
  }
  if (config.mode === 'router' && config.vlans.length > 0)
    yield {
      path: ['vlans'],
      message: 'a routing box sees no tags',
      hint: 'make a VLAN interface for each and name it under devicePorts or networkPorts, or write mode: bridge',
    };
  if (config.mode === 'router' && hasBridge)
    yield {
      path: ['bridge'],
      message: 'there is no bridge in router mode',
      hint: 'remove it, or write mode: bridge',
    };
}
