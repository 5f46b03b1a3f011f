/**
 * Host names of allow-lists (RFC 1035 section 2.3, RFC 1123 section 2.1, RFC 5890) in one written form: lower case, ASCII,
 * no dot at the end. Pure. Called by the schema, and by whoever asks whether a name that was looked up is one of these.
 */
import { parseAddress, parseNetwork } from './address.js';

/** RFC 1035 section 2.3.4, without the root label. */
export const MAX_NAME_CHARS = 253;
const MAX_LABEL_CHARS = 63;
/** A wildcard over a top-level domain would name half the world. */
const MIN_LABELS_UNDER_WILDCARD = 2;
/** Everything below 128. */
const IS_ASCII = /^\p{ASCII}*$/u;
const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

export type HostNameResult =
  { readonly ok: true; readonly name: string } | { readonly ok: false; readonly problem: string };

/** `pacs.hospital.example`, or `*.hospital.example` where a wildcard may stand. */
export function parseHostName(written: string, wildcard: 'wildcard' | 'no-wildcard'): HostNameResult {
  const isWildcard = written.startsWith('*.');
  const whole = isWildcard ? written.slice(2) : written;
  const text = (whole.endsWith('.') ? whole.slice(0, -1) : whole).toLowerCase();
  const no = (problem: string): HostNameResult => ({ ok: false, problem });
  if (text === '') return no('is empty: write a host name like pacs.hospital.example');
  if (parseAddress(text) !== null) return no(`"${shorten(text)}" is an address: write it under "address"`);
  if (parseNetwork(text).ok) return no(`"${shorten(text)}" is a network: write it under "network"`);
  if (/[:/@\s]/.test(text))
    return no(`"${shorten(text)}" is not a host name: write the name alone, without scheme, port or path`);
  const ascii = toAscii(text);
  if (ascii !== null && ascii !== text)
    return no(`"${shorten(text)}" is not in the form that is looked up (RFC 5890): write ${ascii}`);
  if (text.includes('*'))
    return no(
      `"${shorten(written)}": a * stands for whole labels at the front only, as in *.hospital.example`,
    );
  if (isWildcard && wildcard === 'no-wildcard') return no(`"${shorten(written)}": no wildcard here`);
  if (text.length > MAX_NAME_CHARS) return no(`has ${text.length} characters, more than ${MAX_NAME_CHARS}`);
  const labels = text.split('.');
  for (const label of labels) {
    if (label === '') return no(`"${shorten(text)}" has an empty label: two dots beside each other`);
    if (label.length > MAX_LABEL_CHARS)
      return no(`the label "${shorten(label)}" has ${label.length} characters, more than ${MAX_LABEL_CHARS}`);
    if (!LABEL.test(label))
      return no(
        `the label "${shorten(label)}" is not letters, digits and inner hyphens (RFC 1123 section 2.1)`,
      );
  }
  if (/^\d+$/.test(labels.at(-1) ?? ''))
    return no(`"${shorten(text)}" ends in a number: that is an address mistyped, not a name`);
  if (isWildcard && labels.length < MIN_LABELS_UNDER_WILDCARD)
    return no(`"${shorten(written)}" names a whole top-level domain: write at least *.hospital.example`);
  return { ok: true, name: isWildcard ? `*.${text}` : text };
}

export function isWildcardName(name: string): boolean {
  return name.startsWith('*.');
}

/**
 * Whether a name of a policy covers one that was looked up, both as parseHostName writes them. `*.` stands for one label
 * or more: `*.b.c` covers `a.b.c` and `x.a.b.c`, and not `b.c` (RFC 4592 section 2.1.1 has the same reach).
 */
export function coversName(policyName: string, name: string): boolean {
  return isWildcardName(policyName) ? name.endsWith(policyName.slice(1)) : name === policyName;
}

/** A name at or below a domain. */
export function isUnderDomain(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/** The A-label form where the name has other characters; null where there is none. */
function toAscii(text: string): string | null {
  if (IS_ASCII.test(text) || text.length > MAX_NAME_CHARS) return null;
  try {
    return new URL(`http://${text}/`).hostname;
  } catch {
    return null;
  }
}

function shorten(text: string): string {
  const MAX_QUOTED_CHARS = 60;
  const plain = text.slice(0, MAX_QUOTED_CHARS).replace(/\p{Cc}/gu, '?');
  return text.length > MAX_QUOTED_CHARS ? `${plain}…` : plain;
}
