/** The end-of-life budget: which device has to be replaced in which year, what it costs, what compensates until then. Pure. */
import { daysUntil, type Support } from './support-state.js';
import type { Subject } from './subject.js';

export interface BudgetLine {
  readonly id: string;
  readonly name: string;
  readonly product: string | null;
  readonly ends: string;
  readonly source: string;
  /** Negative: over since. */
  readonly daysLeft: number;
  readonly replaceBy: string | null;
  readonly cost: number | null;
  readonly compensating: string | null;
  readonly owner: string | null;
}

export interface BudgetYear {
  /** In which it is to be paid: of the replacement, where somebody has planned it, else of the end of support, this year at the earliest. */
  readonly year: number;
  readonly lines: readonly BudgetLine[];
  /** Of the lines that have a cost. */
  readonly cost: number;
  readonly withoutCost: number;
}

export interface Budget {
  readonly years: readonly BudgetYear[];
  /** Devices whose end of support nobody knows. */
  readonly unknown: readonly { readonly id: string; readonly name: string; readonly why: string }[];
  readonly withoutVendorContact: readonly {
    readonly id: string;
    readonly name: string;
    readonly missing: string;
  }[];
}

export function budgetOf(
  devices: readonly {
    readonly subject: Subject;
    readonly support: Support;
    readonly guarded: string | null;
  }[],
  nowMs: number,
): Budget {
  const years = new Map<number, BudgetLine[]>();
  const thisYear = new Date(nowMs).getUTCFullYear();
  for (const { subject, support, guarded } of devices) {
    if (support.ends === null) continue;
    const planned = subject.replaceBy ?? support.ends;
    const year = Math.max(thisYear, Number(planned.slice(0, 4)));
    const lines = years.get(year) ?? [];
    years.set(year, lines);
    lines.push({
      id: subject.id,
      name: subject.name,
      product: support.product,
      ends: support.ends,
      source: support.source,
      daysLeft: daysUntil(support.ends, nowMs),
      replaceBy: subject.replaceBy,
      cost: subject.cost,
      compensating: subject.compensating ?? guarded,
      owner: subject.owner,
    });
  }
  return {
    years: [...years.entries()]
      .sort(([a], [b]) => a - b)
      .map(([year, lines]) => ({
        year,
        lines: lines.sort((a, b) => (a.ends < b.ends ? -1 : a.ends > b.ends ? 1 : a.name < b.name ? -1 : 1)),
        cost: lines.reduce((sum, { cost }) => sum + (cost ?? 0), 0),
        withoutCost: lines.filter(({ cost }) => cost === null).length,
      })),
    unknown: devices
      .filter(({ support }) => support.ends === null)
      .map(({ subject, support }) => ({ id: subject.id, name: subject.name, why: support.state })),
    withoutVendorContact: devices.flatMap(({ subject }) => {
      const missing = [
        ...(subject.vendorSecurity === null ? ['security'] : []),
        ...(subject.vendorSupport === null ? ['support'] : []),
      ];
      return missing.length === 0
        ? []
        : [{ id: subject.id, name: subject.name, missing: missing.join(' and ') }];
    }),
  };
}
