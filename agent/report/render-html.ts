/**
 * A report's document as one HTML page that needs nothing else: no script, no font, no picture from anywhere. Prints on A4 and Letter alike. Every text is escaped
 * and the page forbids scripts by its own policy, because names in it come from the network. Pure.
 */
import { textOf, toneOf, type Block, type Cell, type ReportDocument } from './document.js';
import { escapeXml as escape } from './draw-map.js';

export function renderHtml(document: ReportDocument): string {
  const { title, subtitle, facts, statement, footer, blocks } = document;
  const sections = blocks.flatMap((block) => (block.kind === 'section' ? [block] : []));
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escape(`${title}: ${subtitle}`)}</title>`,
    // The footer is quoted for CSS: only letters, digits and what cannot end a string get there.
    `<style>${STYLE}@page { @bottom-left { content: "${cssText(footer)}"; } }</style>`,
    '</head>',
    '<body>',
    '<header class="cover">',
    `<p class="brand">Cordon</p><h1>${escape(title)}</h1><p class="subtitle">${escape(subtitle)}</p>`,
    factsHtml(facts),
    `<p class="statement">${escape(statement)}</p>`,
    `<nav><h2>Contents</h2><ul>${sections.map(({ id, title: name }) => `<li><a href="#${id}">${escape(name)}</a></li>`).join('')}</ul></nav>`,
    '</header>',
    '<main>',
    ...blocks.map((block) => blockHtml(block)),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'section':
      return `<h2 id="${block.id}"${block.goesOn === true ? ' class="goes-on"' : ''}>${escape(block.title)}</h2>`;
    case 'heading':
      return `<h3>${escape(block.title)}</h3>`;
    case 'text':
      return `<p${classOf(block.tone ?? null)}>${escape(block.text)}</p>`;
    case 'list': {
      const tag = block.isNumbered === true ? 'ol' : 'ul';
      return `<${tag}>${block.items.map((item) => `<li>${escape(item)}</li>`).join('')}</${tag}>`;
    }
    case 'facts':
      return factsHtml(block.rows);
    case 'table':
      return tableHtml(block);
    case 'map':
      return block.sheets.map(({ svg }) => `<figure>${svg}</figure>`).join('\n');
  }
}

function factsHtml(rows: readonly (readonly [string, Cell])[]): string {
  return `<table class="facts"><tbody>${rows.map(([label, value]) => `<tr><th scope="row">${escape(label)}</th>${cellHtml(value, false)}</tr>`).join('')}</tbody></table>`;
}

function tableHtml({ columns, rows, empty }: Extract<Block, { readonly kind: 'table' }>): string {
  if (rows.length === 0) return `<p class="muted">${escape(empty)}</p>`;
  const total = columns.reduce((sum, { share }) => sum + share, 0);
  const widths = columns
    .map(({ share }) => `<col style="width:${((share / total) * 100).toFixed(2)}%">`)
    .join('');
  const heads = columns
    .map(
      ({ title, align }) =>
        `<th scope="col"${align === 'right' ? ' class="right"' : ''}>${escape(title)}</th>`,
    )
    .join('');
  const body = rows
    .map(
      (row) =>
        `<tr>${row.map((cell, index) => cellHtml(cell, columns[index]?.align === 'right')).join('')}</tr>`,
    )
    .join('\n');
  return `<table><colgroup>${widths}</colgroup><thead><tr>${heads}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

function cellHtml(cell: Cell, isRight: boolean): string {
  const classes = [toneOf(cell), isRight ? 'right' : null].filter((one) => one !== null);
  return `<td${classes.length === 0 ? '' : ` class="${classes.join(' ')}"`}>${escape(textOf(cell))}</td>`;
}

function classOf(tone: string | null): string {
  return tone === null ? '' : ` class="${tone}"`;
}

function cssText(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:()_·-]/gu, ' ');
}

const STYLE = `
@page { margin: 16mm 15mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt Helvetica, Arial, sans-serif; color: #5b6675; } @bottom-left { font: 8pt Helvetica, Arial, sans-serif; color: #5b6675; } }
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 190mm; padding: 8mm; font: 9.5pt/1.4 Helvetica, Arial, "Liberation Sans", sans-serif; color: #1f2a37; background: #fff; }
.brand { margin: 0 0 38mm; padding-bottom: 2mm; border-bottom: 2pt solid #1f3a5f; color: #1f3a5f; font-weight: bold; letter-spacing: .08em; text-transform: uppercase; }
h1 { margin: 0 0 2mm; font-size: 26pt; line-height: 1.15; color: #1f3a5f; }
.subtitle { margin: 0 0 12mm; font-size: 14pt; color: #44546a; overflow-wrap: anywhere; }
.statement { margin: 8mm 0; padding: 3mm 4mm; border-left: 2pt solid #b58900; background: #fdf9ec; }
nav h2 { margin-top: 8mm; border: 0; font-size: 11pt; }
nav ul { margin: 0; padding: 0; columns: 2; list-style: none; }
nav a { color: inherit; text-decoration: none; }
h2 { margin: 10mm 0 3mm; padding-bottom: 1mm; border-bottom: .8pt solid #1f3a5f; font-size: 15pt; color: #1f3a5f; }
h3 { margin: 6mm 0 2mm; font-size: 11pt; color: #24527a; overflow-wrap: anywhere; }
p, ul, ol { margin: 0 0 2.5mm; }
li { margin-bottom: 1mm; overflow-wrap: anywhere; }
table { width: 100%; margin: 0 0 4mm; border-collapse: collapse; table-layout: fixed; font-size: 8pt; line-height: 1.3; }
th, td { padding: 1.1mm 1.4mm; border-bottom: .4pt solid #cfd7e1; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead th { background: #e8eef5; border-bottom: .8pt solid #1f3a5f; color: #1f3a5f; }
.facts th { width: 42mm; color: #44546a; font-weight: normal; }
.facts { font-size: 9pt; }
.right { text-align: right; }
.bad { color: #b42318; font-weight: bold; }
.warn { color: #8a5a00; }
.good { color: #0b6e4f; font-weight: bold; }
.muted { color: #5b6675; }
.strong { font-weight: bold; }
figure { margin: 0 0 4mm; }
figure svg { display: block; width: 100%; height: auto; }
@media print {
  body { max-width: none; padding: 0; }
  h2 { break-before: page; margin-top: 0; }
  nav h2, #summary, .goes-on { break-before: auto; }
  .goes-on { margin-top: 10mm; }
  .cover { break-after: page; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
  tr, figure, .facts { break-inside: avoid; }
}
`;
