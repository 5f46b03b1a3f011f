/**
 * YAML text to plain values with the line of every path, for parse-policy.ts and parse-config.ts. Stricter than YAML: one
 * document, text keys, no tags, no duplicate keys, bounded depth and aliases. It builds the values itself: the library's
 * own conversion is quadratic or worse for hostile keys and keeps `__proto__` as a trap. It must never throw.
 */
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from 'yaml';
import { boundProblems, formatPath, MAX_PROBLEMS, type PathPart, type Problem } from './problem.js';
import { readJson } from './read-json.js';

/** Nesting that any document of ours can have is 8; the library's own stack begins to suffer at some hundreds. */
export const MAX_DEPTH = 32;
/** How many values aliases may stand for in all: they are what a small text can grow by. */
export const MAX_ALIASED_VALUES = 200_000;

/**
 * Above this, a text that is JSON is read as JSON (YAML 1.2 section 1.3 contains it): 10 MB in 0.2 s, where YAML takes 17 s and 1.5 GB.
 * Problems then have no line, only their path.
 */
const LARGE_CHARS = 256 * 1024;

export type YamlResult =
  | {
      readonly ok: true;
      readonly value: unknown;
      readonly lineOf: (path: readonly PathPart[]) => number | null;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** `what` names the document in messages ("policy"). A text over `maxChars` UTF-16 units is refused unread. */
export function readYaml(text: string, what: string, maxChars: number): YamlResult {
  if (text.length > maxChars)
    return failed(`the ${what} has ${text.length} characters, above the limit of ${maxChars}`);
  const json = text.length > LARGE_CHARS ? readJson(text, MAX_DEPTH) : null;
  if (json?.ok === true) return { ok: true, value: json.value, lineOf: () => null };
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      lineCounter: lines,
      prettyErrors: false,
      // Its check compares every key with every other. Ours is in the walk below.
      uniqueKeys: false,
    });
  } catch (error) {
    // Not a promise of the library; a stack overflow or a defect in it must not take the enforcer down.
    return failed(
      `the text cannot be read as YAML: ${error instanceof Error ? error.message : 'unknown cause'}`,
    );
  }
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  if (document.errors.length > 0) {
    const listed = document.errors.slice(0, MAX_PROBLEMS + 1).map((error): Problem => {
      const hint = HINTS[error.code];
      return { path: place(error.pos[0]), message: error.message, ...(hint === undefined ? {} : { hint }) };
    });
    return { ok: false, problems: boundProblems(listed, document.errors.length) };
  }
  const walk = new Walk(place);
  const value = walk.valueOf(document.contents, []).value;
  if (walk.problems.length > 0) return { ok: false, problems: boundProblems(walk.problems) };
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    const got = value === null ? 'nothing' : Array.isArray(value) ? 'a list' : 'a single value';
    return failed(`the ${what} is not a mapping of keys to values, but ${got}`);
  }
  return {
    ok: true,
    value,
    lineOf: (path) => {
      const offset = offsetOf(document.contents, path, walk.anchors);
      return offset === null ? null : lines.linePos(offset).line;
    },
  };
}

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  MULTIPLE_DOCS: 'write one document: remove the "---" after the first',
  MISSING_CHAR: 'check that quotes and brackets are closed',
  BLOCK_AS_IMPLICIT_KEY: 'check the indentation, or quote text that has ": " in it',
};

function failed(message: string): YamlResult {
  return { ok: false, problems: [{ path: 'document', message }] };
}

interface Sized {
  readonly value: unknown;
  /** How many values this is, aliases counted as what they stand for. */
  readonly size: number;
}

/** One walk over a document: collects anchors in their order, as YAML 1.2.2 section 3.2.2.2 has it, and every problem. */
class Walk {
  readonly problems: Problem[] = [];
  /** Latest node of each anchor name so far. */
  readonly anchors = new Map<string, Node>();
  readonly #anchored = new Map<string, Sized>();
  #aliasedValues = 0;
  readonly #place: (offset: number) => string;

  constructor(place: (offset: number) => string) {
    this.#place = place;
  }

  valueOf(node: unknown, path: readonly PathPart[]): Sized {
    if (path.length > MAX_DEPTH) return this.#problem(node, `nested deeper than ${MAX_DEPTH} levels`);
    if (isAlias(node)) {
      const target = this.#anchored.get(node.source);
      if (!target) return this.#problem(node, `*${node.source} stands for nothing before it, or for itself`);
      this.#aliasedValues += target.size;
      if (this.#aliasedValues > MAX_ALIASED_VALUES)
        return this.#problem(node, `aliases stand for more than ${MAX_ALIASED_VALUES} values`);
      return target;
    }
    if (node === null || node === undefined) return { value: null, size: 1 };
    let sized: Sized;
    if (isMap(node)) sized = this.#mapOf(node.items, path);
    else if (isSeq(node)) sized = this.#listOf(node.items, path);
    else if (isScalar(node)) sized = { value: node.value, size: 1 };
    else return this.#problem(node, 'not a value that can be read');
    if (node.tag !== undefined) this.#problem(node, `the tag ${node.tag} is not read here`, 'remove the tag');
    if (node.anchor !== undefined) {
      this.#anchored.set(node.anchor, sized);
      this.anchors.set(node.anchor, node);
    }
    return sized;
  }

  #listOf(items: readonly unknown[], path: readonly PathPart[]): Sized {
    let size = 1;
    const list = items.map((item, index) => {
      const sized = this.valueOf(item, [...path, index]);
      size += sized.size;
      return sized.value;
    });
    return { value: list, size };
  }

  #mapOf(pairs: readonly unknown[], path: readonly PathPart[]): Sized {
    // No prototype: a document may use any name for a key.
    const map = Object.create(null) as Record<string, unknown>;
    let size = 1;
    for (const pair of pairs) {
      if (!isPair(pair)) continue;
      const key = keyOf(pair.key);
      if (key === null) {
        this.#problem(
          pair.key ?? pair.value,
          'a key must be a plain text',
          'quote it, or check the indentation',
        );
        continue;
      }
      if (key === '__proto__') this.#problem(pair.key, '"__proto__" cannot be used as a key');
      else if (key in map) this.#problem(pair.key, `"${key}" is here twice under ${formatPath(path)}`);
      else {
        const sized = this.valueOf(pair.value, [...path, key]);
        size += sized.size;
        map[key] = sized.value;
      }
    }
    return { value: map, size };
  }

  #problem(node: unknown, message: string, hint?: string): Sized {
    if (this.problems.length <= MAX_PROBLEMS) {
      const offset = startOf(node);
      this.problems.push({
        path: offset === null ? 'document' : this.#place(offset),
        message,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    return { value: null, size: 1 };
  }
}

/** Scalars as YAML wrote them: `1`, `true` and `null` are legal names in a policy. An empty key is none. */
function keyOf(node: unknown): string | null {
  if (!isScalar(node) || node.tag !== undefined || node.anchor !== undefined) return null;
  if (typeof node.value === 'string') return node.value;
  return node.source === undefined || node.source === '' ? null : node.source;
}

function startOf(node: unknown): number | null {
  if (!isAlias(node) && !isMap(node) && !isSeq(node) && !isScalar(node)) return null;
  return node.range?.[0] ?? null;
}

/** Where a path begins in the text: its key for a mapping's value, itself for a list's. The deepest part that exists. */
function offsetOf(
  root: unknown,
  path: readonly PathPart[],
  anchors: ReadonlyMap<string, Node>,
): number | null {
  let node: unknown = root;
  let offset = startOf(root);
  for (const part of path) {
    if (isAlias(node)) node = anchors.get(node.source);
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item.key) === String(part));
      if (!pair) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}
