/**
 * Inputs that are almost right, made of a corpus: bytes and chunks changed, cut, doubled and taken from another input; for text also whole
 * words of the corpus in each other's place. The same for the same seed. Pure; used by `make fuzz` and its test.
 */
const MAX_INPUT_BYTES = 16_384;
const MAX_CHANGES = 5;
/** Where lengths, counts and signs turn over. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0x20, 0x40];

export type Random = (below: number) => number;

/** xorshift32 (Marsaglia 2003). */
export function createRandom(seed: number): Random {
  let state = (seed | 0) === 0 ? 1 : seed | 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A new input of one of `corpus`; `words` is empty for what is not text. */
export function mutate(
  corpus: readonly Uint8Array[],
  words: readonly Uint8Array[],
  random: Random,
): Uint8Array {
  const pick = <T>(from: readonly T[]): T | undefined => from[random(from.length)];
  let bytes: Uint8Array = pick(corpus)?.slice() ?? new Uint8Array();
  for (let change = random(MAX_CHANGES); change >= 0; change -= 1) {
    const at = random(bytes.length + 1);
    switch (random(words.length > 0 ? 9 : 7)) {
      case 0:
        if (at < bytes.length) bytes[at] = random(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        if (at < bytes.length) bytes[at] = pick(EDGES) ?? 0;
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes = splice(bytes, at, random(9), new Uint8Array());
        break;
      case 5:
        bytes = splice(bytes, at, 0, bytes.slice(at, at + random(64)));
        break;
      case 6: {
        const other = pick(corpus) ?? bytes;
        const from = random(other.length + 1);
        bytes = splice(bytes, at, random(32), other.slice(from, from + random(128)));
        break;
      }
      default: {
        const word = pick(words) ?? new Uint8Array();
        const place = wordAt(bytes, at);
        bytes = splice(bytes, place.start, place.length, word);
      }
    }
  }
  return bytes.slice(0, MAX_INPUT_BYTES);
}

/** What text is made of: words, numbers and marks. */
export function wordsOf(corpus: readonly Uint8Array[]): readonly Uint8Array[] {
  const words = new Set<string>();
  for (const text of corpus)
    for (const [word] of Buffer.from(text)
      .toString('utf8')
      .matchAll(/[\w.:/-]+|[^\w\s]/g))
      words.add(word);
  for (const word of [
    '-1',
    '0',
    '1e999',
    '99999999999999999999',
    'null',
    'true',
    '~',
    '&a',
    '*a',
    '<<',
    '!!binary',
    '""',
    '__proto__',
    '\u0000',
    '\ud800',
    '\n',
    '\t',
    '...',
    '---',
  ])
    words.add(word);
  return [...words].map((word) => Buffer.from(word));
}

function wordAt(bytes: Uint8Array, at: number): { readonly start: number; readonly length: number } {
  const isWord = (byte: number | undefined): boolean =>
    byte !== undefined && byte > 0x2c && byte !== 0x5b && byte !== 0x5d;
  let start = at;
  while (start > 0 && isWord(bytes[start - 1])) start -= 1;
  let end = at;
  while (isWord(bytes[end])) end += 1;
  return { start, length: end - start };
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const after = bytes.subarray(at + remove);
  const made = new Uint8Array(at + insert.length + after.length);
  made.set(bytes.subarray(0, at));
  made.set(insert, at);
  made.set(after, at + insert.length);
  return made;
}
