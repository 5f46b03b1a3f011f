/**
 * The abstractions of RFC 8520 section 8 as keys of site configuration: `my-controller`, `local-networks`, `same-manufacturer`,
 * `manufacturer:NAME`, `model:URL`, and a controller class by its own URI. Who they stand for is the site's to say, never the file's.
 */

export const LOCAL_NETWORKS = 'local-networks';
export const MY_CONTROLLER = 'my-controller';
export const SAME_MANUFACTURER = 'same-manufacturer';
export const DNS_CLASS = 'urn:ietf:params:mud:dns';
export const NTP_CLASS = 'urn:ietf:params:mud:ntp';

export const MAX_CLASS_KEY_CHARS = 300;

/** RFC 3986 characters, so that a key can be written on a command line and in a policy as it is. */
const KEY_CHARACTERS = /^[\w.~:/?#[\]@!$&'()*+,;%=-]+$/;

export function isClassKey(text: string): boolean {
  return text.length <= MAX_CLASS_KEY_CHARS && KEY_CHARACTERS.test(text) && text !== '__proto__';
}

/** The nodes of `ietf-mud:mud` that say who the other end is, null-valued ones (RFC 7951 section 6.9) and those with a value. */
export const EMPTY_NODES: Readonly<Record<string, string>> = {
  'local-networks': LOCAL_NETWORKS,
  'my-controller': MY_CONTROLLER,
  'same-manufacturer': SAME_MANUFACTURER,
};

/** A key, or null for a value that would be the key of something else: a file that calls a controller `local-networks`. */
export const VALUE_NODES: Readonly<Record<string, (value: string) => string | null>> = {
  controller: (value) => (nodeOfClass(value).node === 'controller' ? value : null),
  manufacturer: (value) => `manufacturer:${value.toLowerCase()}`,
  model: (value) => `model:${value}`,
};

/** The node of a key, for export. */
export function nodeOfClass(key: string): { readonly node: string; readonly value: string | null } {
  if (Object.hasOwn(EMPTY_NODES, key)) return { node: key, value: null };
  const value = /^(manufacturer|model):(.+)$/.exec(key);
  if (value?.[1] !== undefined && value[2] !== undefined) return { node: value[1], value: value[2] };
  return { node: 'controller', value: key };
}
