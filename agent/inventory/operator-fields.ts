/**
 * What a person may enter for a device, and how each entry is checked. Kept apart from what the wire said, and always wins over it. Free text is
 * short on purpose: the inventory is no place for remarks about patients. Identifying fields follow NIST SP 1800-8 and IEC 80001-1's asset lists. Pure.
 */

/** Entries that stand in place of an observed field of the same name. */
const SHARED_FIELDS = ['kind', 'make', 'model', 'serial', 'software', 'version', 'os', 'name'] as const;
/** Entries that nothing on the wire can tell. */
const SITE_FIELDS = [
  'owner',
  'location',
  'assetTag',
  'criticality',
  'holdsPhi',
  'vendor.security',
  'vendor.support',
  'endOfSupport',
  'replaceBy',
  'cost',
  'compensating',
] as const;
export const OPERATOR_FIELDS = [...SHARED_FIELDS, ...SITE_FIELDS] as const;
export type OperatorField = (typeof OPERATOR_FIELDS)[number];

export const MAX_ENTRY_CHARACTERS = 200;
export const CRITICALITIES = ['life-sustaining', 'high', 'medium', 'low'] as const;
const ANSWERS = ['yes', 'no', 'unknown'];

export interface OperatorEntry {
  readonly value: string;
  /** Who entered it. */
  readonly by: string;
  readonly atMs: number;
}

/** `value` as it is kept; an empty one takes the entry back. */
export type CheckedEntry =
  | { readonly ok: true; readonly field: OperatorField; readonly value: string }
  | { readonly ok: false; readonly problem: string };

export function checkEntry(field: string, text: string): CheckedEntry {
  const known = OPERATOR_FIELDS.find((one) => one === field);
  if (known === undefined)
    return { ok: false, problem: `there is no entry "${field}": ${OPERATOR_FIELDS.join(', ')}` };
  const value = text.replace(/\s+/g, ' ').trim();
  const problem = value === '' ? null : problemOf(known, value);
  return problem === null
    ? { ok: true, field: known, value }
    : { ok: false, problem: `${field}: ${problem}` };
}

function problemOf(field: OperatorField, value: string): string | null {
  if (value.length > MAX_ENTRY_CHARACTERS) return `longer than ${MAX_ENTRY_CHARACTERS} characters`;
  if (/\p{Cc}/u.test(value)) return 'has a control character';
  switch (field) {
    case 'criticality':
      return CRITICALITIES.some((one) => one === value) ? null : `write one of ${CRITICALITIES.join(', ')}`;
    case 'holdsPhi':
      return ANSWERS.includes(value) ? null : `write one of ${ANSWERS.join(', ')}`;
    case 'endOfSupport':
    case 'replaceBy':
      return isDate(value) ? null : 'write a date like 2027-06-30';
    case 'cost':
      return /^\d{1,9}(\.\d{1,2})?$/.test(value) ? null : 'write a number like 12500, without a currency';
    default:
      return null;
  }
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const atMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(text);
}
