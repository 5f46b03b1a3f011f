/** Nodes of a YANG container in JSON (RFC 7951), by their bare names, for the readers of access list entries. Pure. */
import { didYouMean, quoteValue } from '../policy/problem.js';

/** The modules that add nodes where others' are (RFC 7951 section 4); their names before a node say nothing more here. */
const MODULE_PREFIX = /^(ietf-mud|ietf-acldns|ietf-access-control-list|ietf-packet-fields):/;

export function unqualified(value: unknown): string {
  return typeof value === 'string' ? value.replace(MODULE_PREFIX, '') : '';
}

/** The nodes of a container by their bare names. Null where it is none; unknown and unusable ones are reasons. */
export function nodesOf(
  value: unknown,
  path: string,
  known: readonly string[],
  unusable: Readonly<Record<string, string>>,
  reasons: string[],
): ReadonlyMap<string, unknown> | null {
  const record = recordOf(value);
  if (!record) {
    reasons.push(
      value === undefined ? `${path} is missing` : `${path}: ${quoteValue(value)} where a container belongs`,
    );
    return null;
  }
  const nodes = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(record)) {
    const node = unqualified(key);
    const why = Object.hasOwn(unusable, node) ? unusable[node] : undefined;
    if (why !== undefined) reasons.push(`${path}.${node}: ${why}`);
    else if (!known.includes(node)) reasons.push(unknownNode(path, key, known));
    else if (nodes.has(node)) reasons.push(`${path}.${node} is there twice`);
    else nodes.set(node, inner);
  }
  return nodes;
}

export function unknownNode(path: string, key: string, known: readonly string[]): string {
  const hint = didYouMean(key, known);
  const where = path === '' ? quoteValue(key) : `${path}: ${quoteValue(key)}`;
  return `${where} is an unknown node${hint === undefined ? '' : ` (${hint})`}`;
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

export function isByte(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}
