/**
 * JSON in one form only (RFC 8785, JSON Canonicalization Scheme), so that a hash over a value means the same to whoever reckons it again. Used by the
 * activity log and the report. Pure.
 */
/** Members that are `undefined` are left out. Throws a RangeError for what JCS has no form for: NaN, infinities, lone surrogates, what is no JSON at all. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return canonicalText(value);
  if (value === null || typeof value === 'boolean') return String(value);
  // ECMAScript writes numbers as section 3.2.2.3 asks.
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== 'object') throw new RangeError(`a ${typeof value} has no form in JSON`);
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one)).join(',')}]`;
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  // Section 3.2.3: by UTF-16 code units, which is how JavaScript compares.
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([name, one]) => `${canonicalText(name)}:${canonicalJson(one)}`).join(',')}}`;
}

/** Text that canonicalJson takes: half a character (from the wire) becomes U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function canonicalText(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new RangeError('half a surrogate pair has no form in JSON');
  return JSON.stringify(text);
}
