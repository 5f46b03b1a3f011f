/**
 * The text of a JSON object (RFC 8259) to plain values, stricter than JSON.parse: no key twice, no `__proto__`, bounded depth, objects
 * without a prototype. Linear in time. Called by read-yaml.ts for large documents and by mud/parse-mud.ts. It must never throw.
 */

export type JsonResult =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problem: string };

/** `problem` is a clause for a message: `not JSON: …`, `a key is there twice`. */
export function readJson(text: string, maxDepth: number): JsonResult {
  // An object is what all our documents are; JSON.parse of another text may take long to say so.
  if (!/^\s*\{/.test(text)) return { ok: false, problem: 'not a JSON object' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message.slice(0, MAX_SAID_CHARS) : 'unknown cause';
    return { ok: false, problem: `not JSON: ${said}` };
  }
  // JSON.parse keeps the last of two equal keys and says nothing: then the text has more colons than the value has keys.
  const keys = bareKeys(value, 0, maxDepth);
  if (keys === null)
    return { ok: false, problem: `nested deeper than ${maxDepth} levels, or with a key __proto__` };
  if (keys !== colonsOutsideStrings(text)) return { ok: false, problem: 'a key is there twice' };
  return { ok: true, value: value as Readonly<Record<string, unknown>> };
}

/** What the parser says of hostile text may quote it. */
const MAX_SAID_CHARS = 200;

/** How many keys a value has in all, every object made one without a prototype. Null: not to be trusted as it is. */
function bareKeys(value: unknown, depth: number, maxDepth: number): number | null {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > maxDepth || Object.hasOwn(value, '__proto__')) return null;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  if (!Array.isArray(value)) Object.setPrototypeOf(value, null);
  for (const each of Object.values(value)) {
    const inner = bareKeys(each, depth + 1, maxDepth);
    if (inner === null) return null;
    count += inner;
  }
  return count;
}

function colonsOutsideStrings(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x3a) count++;
    if (unit !== 0x22) continue;
    // To the quote that ends the string: JSON.parse has accepted the text, so there is one.
    for (at++; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
  }
  return count;
}
