/**
 * A report's document as what pdfmake takes: plain data. A4, which also prints on Letter; table heads repeat on every page, rows are not torn apart. Pure; the
 * rendering itself is cli/report-pdf.ts.
 */
import { textOf, toneOf, type Block, type Cell, type ReportDocument, type Tone } from './document.js';

/** Points, of A4 (595.28 wide). */
const MARGINS = [42, 46, 42, 50] as const;
const CONTENT_WIDTH = 595.28 - MARGINS[0] - MARGINS[2];
/** What the padding and the lines of a table take of each column. */
const CELL_PADDING = 8;
/** Where a heading may still begin, of the height of a page. */
const LOWEST_HEADING = 0.86;

interface LaidOut {
  readonly headlineLevel?: number;
  readonly startPosition: { readonly verticalRatio: number };
}

const INK = '#1f2a37';
const NAVY = '#1f3a5f';
const PALE = '#e8eef5';
const TONES: Readonly<Record<Tone, object>> = {
  bad: { color: '#b42318', bold: true },
  warn: { color: '#8a5a00' },
  good: { color: '#0b6e4f', bold: true },
  muted: { color: '#5b6675' },
  strong: { bold: true },
};

export function pdfDefinition(document: ReportDocument): Readonly<Record<string, unknown>> {
  const { title, subtitle, facts, statement, footer, blocks } = document;
  return {
    pageSize: 'A4',
    pageMargins: MARGINS,
    info: { title: printable(`${title}: ${subtitle}`), creator: 'Cordon' },
    defaultStyle: { font: 'Roboto', fontSize: 9, lineHeight: 1.15, color: INK },
    // A heading does not stand alone at the foot of a page.
    pageBreakBefore: ({ headlineLevel, startPosition }: LaidOut) =>
      headlineLevel === 1 && startPosition.verticalRatio > LOWEST_HEADING,
    footer: (page: number, pages: number) => ({
      columns: [
        { text: printable(footer), alignment: 'left' },
        { text: `${page} / ${pages}`, alignment: 'right' },
      ],
      margin: [MARGINS[0], 16, MARGINS[2], 0],
      fontSize: 7.5,
      color: '#5b6675',
    }),
    content: [
      { text: 'CORDON', bold: true, color: NAVY, characterSpacing: 1.5, fontSize: 10 },
      rule(2),
      {
        text: printable(title),
        fontSize: 26,
        bold: true,
        color: NAVY,
        margin: [0, 110, 0, 4],
        lineHeight: 1.05,
      },
      { text: breakable(subtitle), fontSize: 14, color: '#44546a', margin: [0, 0, 0, 34] },
      factsTable(facts),
      {
        table: { widths: ['*'], body: [[{ text: printable(statement), margin: [8, 5, 8, 5] }]] },
        layout: {
          hLineWidth: () => 0,
          vLineWidth: (at: number) => (at === 0 ? 2 : 0),
          vLineColor: () => '#b58900',
          fillColor: () => '#fdf9ec',
        },
        margin: [0, 18, 0, 18],
      },
      { toc: { title: { text: 'Contents', bold: true, fontSize: 11, color: NAVY, margin: [0, 6, 0, 4] } } },
      ...blocks.map((block) => blockContent(block)),
    ],
  };
}

function blockContent(block: Block): unknown {
  switch (block.kind) {
    case 'section':
      return {
        stack: [
          {
            text: printable(block.title),
            fontSize: 15,
            bold: true,
            color: NAVY,
            tocItem: true,
            tocMargin: [0, 1, 0, 1],
            margin: [0, 0, 0, 2],
          },
          rule(0.8),
        ],
        ...(block.goesOn === true
          ? { margin: [0, 20, 0, 8] }
          : { pageBreak: 'before', margin: [0, 0, 0, 8] }),
      };
    case 'heading':
      return {
        text: breakable(block.title),
        fontSize: 11,
        bold: true,
        color: '#24527a',
        margin: [0, 9, 0, 4],
        headlineLevel: 1,
      };
    case 'text':
      return {
        text: breakable(block.text),
        margin: [0, 0, 0, 6],
        ...(block.tone === undefined ? {} : TONES[block.tone]),
      };
    case 'list': {
      const items = block.items.map((item) => ({ text: breakable(item), margin: [0, 0, 0, 2] }));
      return block.isNumbered === true
        ? { ol: items, margin: [0, 0, 0, 8] }
        : { ul: items, margin: [0, 0, 0, 8] };
    }
    case 'facts':
      return factsTable(block.rows);
    case 'table':
      return table(block);
    case 'map':
      return block.sheets.map(({ svg, width, height }, index) => ({
        svg,
        width: CONTENT_WIDTH,
        height: (CONTENT_WIDTH / width) * height,
        margin: [0, index === 0 ? 2 : 0, 0, 8],
      }));
  }
}

function factsTable(rows: readonly (readonly [string, Cell])[]): unknown {
  return {
    table: {
      widths: [118, '*'],
      dontBreakRows: true,
      body: rows.map(([label, value]) => [{ text: breakable(label), color: '#44546a' }, cellContent(value)]),
    },
    layout: LAYOUT,
    margin: [0, 0, 0, 8],
  };
}

function table({ columns, rows, empty }: Extract<Block, { readonly kind: 'table' }>): unknown {
  if (rows.length === 0) return { text: printable(empty), color: '#5b6675', margin: [0, 0, 0, 8] };
  const total = columns.reduce((sum, { share }) => sum + share, 0);
  const room = CONTENT_WIDTH - columns.length * CELL_PADDING;
  return {
    table: {
      headerRows: 1,
      keepWithHeaderRows: 1,
      dontBreakRows: true,
      widths: columns.map(({ share }) => (share / total) * room),
      body: [
        columns.map(({ title, align }) => ({
          text: title,
          bold: true,
          color: NAVY,
          fillColor: PALE,
          alignment: align ?? 'left',
        })),
        ...rows.map((row) =>
          row.map((cell, index) => ({ ...cellContent(cell), alignment: columns[index]?.align ?? 'left' })),
        ),
      ],
    },
    layout: LAYOUT,
    fontSize: 7.8,
    margin: [0, 0, 0, 8],
  };
}

const LAYOUT = {
  hLineWidth: (at: number, node: { readonly table: { readonly headerRows?: number } }) =>
    at === 0 ? 0 : at === node.table.headerRows ? 0.8 : 0.4,
  hLineColor: (at: number, node: { readonly table: { readonly headerRows?: number } }) =>
    at === node.table.headerRows ? NAVY : '#cfd7e1',
  vLineWidth: () => 0,
  paddingLeft: () => CELL_PADDING / 2,
  paddingRight: () => CELL_PADDING / 2,
  paddingTop: () => 2.5,
  paddingBottom: () => 2.5,
};

function cellContent(cell: Cell): { readonly text: string } {
  const tone = toneOf(cell);
  return { text: breakable(textOf(cell)), ...(tone === null ? {} : TONES[tone]) };
}

function rule(width: number): unknown {
  return {
    canvas: [{ type: 'line', x1: 0, y1: 0, x2: CONTENT_WIDTH, y2: 0, lineWidth: width, lineColor: NAVY }],
    margin: [0, 3, 0, 0],
  };
}

/** What Roboto has: Latin, Greek, Cyrillic and the signs of our own words. The rest is written as its code point rather than as an empty box. */
const OUTSIDE =
  /[^\u0020-\u024f\u0370-\u052f\u1e00-\u1eff\u2010-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122\ufffd\u200b]/gu;

export function printable(text: string): string {
  return text
    .replace(
      OUTSIDE,
      (character) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
    )
    .replaceAll('\ufffd', '?');
}

/** Words longer than a narrow column may be broken: after punctuation, and anywhere after so many characters. */
const LONG_WORD = /[^\s\u200b]{13,}/gu;
/** In the middle only: halves of a MAC are its maker's part and the rest. */
const MAC = /^((?:[0-9a-f]{2}:){3})((?:[0-9a-f]{2}:){2}[0-9a-f]{2},?)$/u;

function breakable(text: string): string {
  return printable(text).replace(LONG_WORD, (word) =>
    MAC.test(word)
      ? word.replace(MAC, '$1\u200b$2')
      : word
          .replace(/([:./,_@=-])(?=.)/gu, '$1\u200b')
          .replace(/[^\s\u200b]{16}(?=[^\s\u200b])/gu, '$&\u200b'),
  );
}
