/**
 * Tables for a terminal. Pure: rows and a width in, lines out. Columns shrink to their contents, then the ones that may
 * give way are cut with `…`, then the least important ones are left out. Never a line wider than asked, never an escape code.
 */
import { escapeControls } from './escape.js';
import { pad, textWidth, truncate } from './text-width.js';

const GAP = '  ';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** May be cut with `…` down to this many columns. Absent: never cut. */
  readonly shrinkTo?: number;
  /** Left out first where the table is too wide; higher goes earlier. Absent: stays to the end. */
  readonly leaveOut?: number;
}

/** `maxWidth` in columns; Infinity shows everything. A table without rows gives no lines: the caller says so in words. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  maxWidth: number,
): readonly string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => new Map(columns.map((column) => [column, cellText(column, row)])));
  const widths = fit(columns, naturalWidths(columns, cells), maxWidth);
  const shown = columns.filter((column) => widths.has(column));
  const line = (text: (column: Column<Row>) => string): string =>
    truncate(
      shown
        .map((column, index) => {
          const width = widths.get(column) ?? 0;
          const cell = truncate(text(column), width);
          const isLastLeft = index === shown.length - 1 && column.align !== 'right';
          return isLastLeft ? cell : pad(cell, width, column.align ?? 'left');
        })
        .join(GAP),
      maxWidth,
    ).trimEnd();
  return [
    line((column) => column.title.toUpperCase()),
    ...cells.map((row) => line((column) => row.get(column) ?? '')),
  ];
}

function cellText<Row>(column: Column<Row>, row: Row): string {
  const text = escapeControls(column.value(row));
  return text === '' ? '-' : text;
}

function naturalWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly ReadonlyMap<Column<Row>, string>[],
): Map<Column<Row>, number> {
  const widths = new Map<Column<Row>, number>();
  for (const column of columns) {
    let width = textWidth(column.title);
    for (const row of cells) width = Math.max(width, textWidth(row.get(column) ?? ''));
    widths.set(column, width);
  }
  return widths;
}

function fit<Row>(
  columns: readonly Column<Row>[],
  natural: ReadonlyMap<Column<Row>, number>,
  maxWidth: number,
): Map<Column<Row>, number> {
  let shown = [...columns];
  for (;;) {
    const widths = new Map(shown.map((column) => [column, natural.get(column) ?? 0]));
    shrink(widths, maxWidth);
    if (total(widths) <= maxWidth) return widths;
    const least = shown.reduce<Column<Row> | null>(
      (best, column) =>
        column.leaveOut !== undefined && column.leaveOut > (best?.leaveOut ?? -1) ? column : best,
      null,
    );
    if (!least) return widths;
    shown = shown.filter((column) => column !== least);
  }
}

/** The widest of the columns that may shrink gives way first, so that two long ones end up alike. */
function shrink<Row>(widths: Map<Column<Row>, number>, maxWidth: number): void {
  for (let excess = total(widths) - maxWidth; excess > 0; excess--) {
    let widest: Column<Row> | null = null;
    for (const [column, width] of widths) {
      if (column.shrinkTo === undefined || width <= column.shrinkTo) continue;
      if (!widest || width > (widths.get(widest) ?? 0)) widest = column;
    }
    if (!widest) return;
    widths.set(widest, (widths.get(widest) ?? 0) - 1);
  }
}

function total(widths: ReadonlyMap<unknown, number>): number {
  let sum = Math.max(0, widths.size - 1) * GAP.length;
  for (const width of widths.values()) sum += width;
  return sum;
}
