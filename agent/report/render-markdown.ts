/** A report's document as Markdown (GitHub's tables). The map is drawn in HTML and PDF only; its table of data flows is here. Texts are escaped. Pure. */
import { textOf, toneOf, type Block, type Cell, type ReportDocument } from './document.js';

export function renderMarkdown({ title, subtitle, facts, statement, blocks }: ReportDocument): string {
  return [
    `# ${escape(title)}: ${escape(subtitle)}`,
    factsText(facts),
    `> ${escape(statement)}`,
    ...blocks.map((block) => blockText(block)),
  ]
    .join('\n\n')
    .concat('\n');
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'section':
      return `## ${escape(block.title)}`;
    case 'heading':
      return `### ${escape(block.title)}`;
    case 'text':
      return escape(block.text);
    case 'list':
      return block.items
        .map((item, index) => `${block.isNumbered === true ? `${index + 1}.` : '-'} ${escape(item)}`)
        .join('\n');
    case 'facts':
      return factsText(block.rows);
    case 'table':
      return tableText(block);
    case 'map':
      return '*The map is drawn in the HTML and PDF forms of this report.*';
  }
}

function factsText(rows: readonly (readonly [string, Cell])[]): string {
  return [
    '| | |',
    '|---|---|',
    ...rows.map(([label, value]) => `| ${escape(label)} | ${cellText(value)} |`),
  ].join('\n');
}

function tableText({ columns, rows, empty }: Extract<Block, { readonly kind: 'table' }>): string {
  if (rows.length === 0) return escape(empty);
  return [
    `| ${columns.map(({ title }) => escape(title)).join(' | ')} |`,
    `|${columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join('|')}|`,
    ...rows.map((row) => `| ${row.map((cell) => cellText(cell)).join(' | ')} |`),
  ].join('\n');
}

function cellText(cell: Cell): string {
  const tone = toneOf(cell);
  const text = escape(textOf(cell));
  return tone === 'bad' || tone === 'good' || tone === 'strong' ? `**${text}**` : text;
}

/** What Markdown and the HTML in it would read as markup (CommonMark section 2.4: a backslash before ASCII punctuation is literal). */
function escape(text: string): string {
  return (
    text
      .replace(/[\r\n]+/g, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replace(/[\\`*_[\]|~#!]/g, String.raw`\$&`)
      // A bare address would become a link.
      .replace(/(https?|ftp)(:\/\/)/gi, '$1&#58;//')
  );
}
