/**
 * What the schema says is wrong, in words for the person who wrote the document: one problem per mistake, unions
 * flattened to what was meant, unknown keys with the nearest known one. Used by parse-policy.ts and parse-config.ts.
 */
import { z } from 'zod';
import {
  boundProblems,
  didYouMean,
  formatPath,
  MAX_PROBLEMS,
  quoteValue,
  type PathPart,
  type Problem,
} from './problem.js';

export interface ShapeProblem {
  readonly path: readonly PathPart[];
  readonly message: string;
  readonly hint?: string;
}

export type ShapeResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ShapeProblem[] };

/** Checks a value against a schema. Every problem, each once. */
export function checkShape<S extends z.ZodType>(schema: S, value: unknown): ShapeResult<z.output<S>> {
  const result = schema.safeParse(value, { error: explainIssue });
  if (result.success) return { ok: true, value: result.data };
  const keys = knownKeys(schema);
  const seen = new Map<string, ShapeProblem>();
  for (const issue of result.error.issues) {
    for (const problem of flatten(issue, [], keys)) {
      const id = `${formatPath(problem.path)}\0${problem.message}`;
      if (!seen.has(id)) seen.set(id, problem);
    }
  }
  return { ok: false, problems: [...seen.values()] };
}

/** In our style, with the line of the document where there is one; at most MAX_PROBLEMS. */
export function toProblems(
  problems: readonly ShapeProblem[],
  lineOf: (path: readonly PathPart[]) => number | null,
): readonly Problem[] {
  const listed = problems.slice(0, MAX_PROBLEMS + 1).map(({ path, message, hint }, index): Problem => {
    const line = index < MAX_PROBLEMS ? lineOf(path) : null;
    return {
      path: formatPath(path),
      message: line === null ? message : `${message} (line ${line})`,
      ...(hint === undefined ? {} : { hint }),
    };
  });
  return boundProblems(listed, problems.length);
}

type Issue = z.core.$ZodIssue;
type KnownKeys = (path: readonly PathPart[]) => readonly string[];

/** Messages where the schema has none of its own. */
function explainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      return input === undefined
        ? 'is missing'
        : `${describe(input)} where ${wanted(issue.expected)} belongs`;
    case 'too_big':
      return tooFarText(input, `above ${issue.maximum}`, `more than ${issue.maximum}`);
    case 'too_small':
      return tooFarText(input, `below ${issue.minimum}`, `less than ${issue.minimum}`);
    case 'invalid_value':
      return `${input === undefined ? 'is missing: write' : `${quoteValue(input)} is not`} one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return `${quoteValue(input)} is not ${FORMATS[issue.format] ?? `a ${issue.format}`}`;
    default:
      return undefined;
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  email: 'an e-mail address',
  date: 'a date like 2027-12-31',
};

function tooFarText(input: unknown, bound: string, count: string): string {
  if (typeof input === 'string')
    return input === '' ? 'is empty' : `has ${input.length} characters, ${count}`;
  if (Array.isArray(input))
    return input.length === 0 ? 'is an empty list' : `has ${input.length} entries, ${count}`;
  return `${quoteValue(input)} is ${bound}`;
}

function describe(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  return typeof input === 'object' ? 'a mapping' : quoteValue(input);
}

function wanted(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    string: 'text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  return words[expected] ?? expected;
}

function flatten(issue: Issue, prefix: readonly PathPart[], keys: KnownKeys): readonly ShapeProblem[] {
  const path = [...prefix, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = keys(path);
        const hint =
          didYouMean(key, known) ?? (known.length > 0 ? `known here: ${known.join(', ')}` : undefined);
        return { path: [...path, key], message: 'unknown key', ...(hint === undefined ? {} : { hint }) };
      });
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? issue.message }];
    case 'invalid_union': {
      const meant = issue.errors.filter((branch) => branch.length > 0 && branch.every(isInside));
      if (meant.length === 1 && meant[0]) return meant[0].flatMap((inner) => flatten(inner, path, keys));
      const strangers = new Set(
        issue.errors.flat().flatMap((inner) => (inner.code === 'unrecognized_keys' ? inner.keys : [])),
      );
      const known = keys(path);
      const hint = [...strangers].flatMap((key) =>
        known.includes(key) ? [] : (didYouMean(key, known) ?? []),
      )[0];
      return [{ path, message: issue.message, ...(hint === undefined ? {} : { hint }) }];
    }
    case 'invalid_value': {
      const written = /^"(.*)" is not one of/.exec(issue.message)?.[1];
      const hint = written === undefined ? undefined : didYouMean(written, issue.values.map(String));
      return [{ path, message: issue.message, ...(hint === undefined ? {} : { hint }) }];
    }
    default:
      return [
        {
          path,
          message: issue.message,
          ...(issue.code === 'invalid_type' && issue.message.startsWith('nothing ')
            ? { hint: 'give it a value, or remove the key' }
            : {}),
        },
      ];
  }
}

/** The branch of a union that was meant: its own key is there, and what is wrong is the value under it. */
function isInside(issue: Issue): boolean {
  return issue.path.length > 0 && issue.code !== 'unrecognized_keys' && issue.message !== 'is missing';
}

/** The keys that belong at a path, read from the JSON Schema of the same schema; made only once something is wrong. */
function knownKeys(schema: z.ZodType): KnownKeys {
  let root: z.core.JSONSchema.BaseSchema | null = null;
  return (path) => {
    root ??= z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    let nodes = branches(root);
    for (const part of path) {
      nodes = nodes.flatMap((node) => {
        if (typeof part === 'number') return branches(Array.isArray(node.items) ? undefined : node.items);
        const own =
          node.properties && Object.hasOwn(node.properties, part) ? node.properties[part] : undefined;
        return branches(own ?? node.additionalProperties);
      });
    }
    return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
  };
}

type SchemaNode = z.core.JSONSchema.BaseSchema;

function branches(node: z.core.JSONSchema._JSONSchema | undefined): SchemaNode[] {
  if (node === undefined || typeof node === 'boolean') return [];
  return node.anyOf ? node.anyOf.flatMap(branches) : [node];
}
