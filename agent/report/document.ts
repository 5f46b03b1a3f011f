/**
 * A document as blocks, before it is HTML, PDF or Markdown: what keeps the three alike. Made by write-document.ts, read by the renderers of this room. Texts are
 * plain: each renderer escapes them, because names in them come from the network. Pure.
 */
export type Tone = 'bad' | 'warn' | 'good' | 'muted' | 'strong';

export type Cell = string | { readonly text: string; readonly tone: Tone };

export interface TableColumn {
  readonly title: string;
  /** Of the width of the page, in parts; those of a table add up to whatever they do. */
  readonly share: number;
  readonly align?: 'right';
}

export interface MapSheet {
  /** A whole <svg> element, made by draw-map.ts: the one block that is markup. */
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

export type Block =
  /** Begins a page, unless it is short and goes on where the one before ended. */
  | { readonly kind: 'section'; readonly id: string; readonly title: string; readonly goesOn?: true }
  | { readonly kind: 'heading'; readonly title: string }
  | { readonly kind: 'text'; readonly text: string; readonly tone?: Tone }
  | { readonly kind: 'list'; readonly items: readonly string[]; readonly isNumbered?: true }
  | { readonly kind: 'facts'; readonly rows: readonly (readonly [label: string, value: Cell])[] }
  | {
      readonly kind: 'table';
      readonly columns: readonly TableColumn[];
      readonly rows: readonly (readonly Cell[])[];
      /** Said instead of a table without rows. */
      readonly empty: string;
    }
  | { readonly kind: 'map'; readonly sheets: readonly MapSheet[] };

export interface ReportDocument {
  readonly title: string;
  readonly subtitle: string;
  readonly facts: readonly (readonly [label: string, value: Cell])[];
  /** Beneath the facts on the cover. */
  readonly statement: string;
  /** At the foot of every page, with the page's number. */
  readonly footer: string;
  readonly blocks: readonly Block[];
}

export function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

export function toneOf(cell: Cell): Tone | null {
  return typeof cell === 'string' ? null : cell.tone;
}
