/** How many columns a text takes in a terminal, and how to cut it to fit. Pure; used by table.ts and wrap(). */

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** East Asian scripts and emoji take two columns (Unicode TR 11, wide); everything else is counted as one. */
const WIDE =
  /^(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uff01-\uff60]|\p{Emoji_Presentation})/u;
/** Printable ASCII, the usual case, needs no segmenter. */
const PLAIN = /^[ -~]*$/;

export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += segmentWidth(segment);
  return width;
}

/** The text itself where it fits, else its beginning and `…`. Never wider than `width`; a width below 1 gives nothing. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return '';
  let kept = '';
  let keptWidth = 0;
  for (const { segment } of segmenter.segment(text)) {
    const next = segmentWidth(segment);
    if (keptWidth + next > width - 1) break;
    kept += segment;
    keptWidth += next;
  }
  return `${kept}…`;
}

/** Spaces after (left) or before (right), up to `width`. */
export function pad(text: string, width: number, align: 'left' | 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'left' ? text + spaces : spaces + text;
}

/** Lines of at most `width` columns, broken at spaces; a longer word stays whole. Each begins with `indent`. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(indent) + textWidth(longer) > width) {
      lines.push(indent + line);
      line = word;
    } else line = longer;
  }
  lines.push(indent + line);
  return lines;
}

function segmentWidth(segment: string): number {
  return WIDE.test(segment) ? 2 : 1;
}
