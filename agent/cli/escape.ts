/**
 * Makes text from outside fit for a terminal: names, titles and evidence come from the network, and an escape
 * sequence in them must not move the cursor, retitle the window or hide a line. Pure; every printer goes through here.
 */

/**
 * C0 controls, DEL and C1 controls (ECMA-48: U+009B alone is CSI), the line separators, lone surrogates, and the
 * bidirectional and zero-width characters that make a text read as another one (Unicode TR 36, section 3).
 */
const UNFIT = new RegExp(
  String.raw`[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}`,
  'gu',
);

/** One line: line feeds and tabs are escaped as well. */
export function escapeControls(text: string): string {
  return text.replace(UNFIT, (character) => escapeOne(character));
}

/** Several lines: line feeds and tabs stay what they are. */
export function escapeControlsKeepingLines(text: string): string {
  return text.replace(UNFIT, (character) =>
    character === '\n' || character === '\t' ? character : escapeOne(character),
  );
}

/** JSON for people and programs alike: JSON.stringify leaves DEL, C1 and bidirectional characters as they are. */
export function toJsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNFIT, (character) =>
    character === '\n' ? character : unicodeEscape(character),
  );
}

function escapeOne(character: string): string {
  if (character === '\n') return String.raw`\n`;
  if (character === '\r') return String.raw`\r`;
  if (character === '\t') return String.raw`\t`;
  const code = character.charCodeAt(0);
  return code <= 0xff ? String.raw`\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
