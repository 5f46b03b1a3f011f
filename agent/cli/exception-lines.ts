/** Exceptions of a policy, entries with an end, as lines: for `policy check` from the file, for `status` from the box. */
import type { PolicyException } from '../messages/vocabulary.js';
import type { Policy } from '../policy/schema.js';
import { formatRelative } from './durations.js';
import { escapeControls } from './escape.js';
import { wrap } from './text-width.js';

/** As a box would have them whose clock is the one here. */
export async function exceptionRows(policy: Policy, nowMs: number): Promise<readonly PolicyException[]> {
  const [{ exceptionsOf }, { exceptionRow }] = await Promise.all([
    import('../policy/exceptions.js'),
    import('../policy/exception-row.js'),
  ]);
  return exceptionsOf(policy).map((exception) => exceptionRow(exception, nowMs, nowMs));
}

export function exceptionLines(row: PolicyException, nowMs: number, columns: number): readonly string[] {
  return wrap(escapeControls(`${row.path} ${exceptionText(row, nowMs)}: ${row.text}`), columns, '  ');
}

/** `ends in 3 days (2027-03-01)`. */
export function exceptionText({ state, until, endsMs }: PolicyException, nowMs: number): string {
  const when = formatRelative(endsMs, nowMs);
  switch (state) {
    case 'running':
      return `ends ${when} (until ${until})`;
    case 'ended':
      return `HAS ENDED ${when} (until ${until}) and permits nothing`;
    case 'due':
      return `was to end ${when} (until ${until}), and does once the clock has run long enough`;
    case 'overdue':
      return `IS OVERDUE since ${until}, ${when}; it is essential and goes on`;
  }
}
