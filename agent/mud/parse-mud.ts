/**
 * The text of a MUD file (RFC 8520) to values, or every problem it has. Called by the CLI. A problem is what makes the file unusable;
 * an entry that cannot be used is dropped whole, with its reason, and the rest stands. It must never throw, whatever the text, and
 * never fetch anything that the file names.
 */
import type { Family } from '../policy/address.js';
import { formatPath, quoteValue, type PathPart, type Problem } from '../policy/problem.js';
import { readJson } from '../policy/read-json.js';
import { toProblems, type ShapeProblem } from '../policy/shape-problems.js';
import { defaultAces } from './default-aces.js';
import { maySurviveRefusals } from './refusals.js';
import {
  CACHE_VALIDITY_HOURS,
  placeOf,
  type Ace,
  type AceDirection,
  type DroppedAce,
  type MudFile,
} from './mud-file.js';
import { MAX_NAME_CHARS, readAce } from './read-ace.js';

/** The largest published profiles have some 50 kB; a hostile one must not fill the memory of a small box. */
export const MAX_MUD_CHARS = 16 * 1024 * 1024;
/** In all lists of a file. A device of a policy has at most 1,000 entries. */
export const MAX_ACES = 10_000;
/** Each later entry is compared with them; after so many, later entries are taken to be refused in part. */
const MAX_REFUSING = 100;
/** A file as deep as the standards make it has 12 levels. */
const MAX_DEPTH = 32;
const MAX_TEXT_CHARS = 500;
/** Notes; the rest is counted. */
const MAX_WARNINGS = 100;

export type MudResult =
  | { readonly ok: true; readonly file: MudFile }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function parseMud(text: string): MudResult {
  if (text.length > MAX_MUD_CHARS)
    return failed(`the MUD file has ${text.length} characters, above the limit of ${MAX_MUD_CHARS}`);
  const json = readJson(text, MAX_DEPTH);
  if (!json.ok) return failed(`this is no MUD file: ${json.problem}`);
  const reader = new Reader();
  const file = readFile(json.value, reader);
  return reader.problems.length === 0
    ? { ok: true, file }
    : { ok: false, problems: toProblems(reader.problems, () => null) };
}

function failed(message: string): MudResult {
  return { ok: false, problems: [{ path: 'document', message }] };
}

/** Collects problems and gives what can be read all the same. */
class Reader {
  readonly problems: ShapeProblem[] = [];
  readonly warnings: Problem[] = [];
  #untold = 0;

  problem(path: readonly PathPart[], message: string): void {
    this.problems.push({ path, message });
  }

  warn(path: readonly PathPart[], message: string): void {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push({ path: formatPath(path), message });
    else this.#untold += 1;
  }

  /** Every note, the last of them about those that are too many. */
  notes(): readonly Problem[] {
    if (this.#untold === 0) return this.warnings;
    return [...this.warnings, { path: 'document', message: `${this.#untold} more of the kind` }];
  }

  record(value: unknown, path: readonly PathPart[]): Readonly<Record<string, unknown>> | null {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
    this.problem(path, value === undefined ? 'is missing' : `${quoteValue(value)} where a container belongs`);
    return null;
  }

  /** A note about each node that is none of these; gives one of them in words. */
  unknown(
    record: Readonly<Record<string, unknown>>,
    path: readonly PathPart[],
    known: readonly string[],
    follows: string,
  ): string | null {
    const odd = Object.keys(record).filter((key) => !known.includes(key));
    for (const key of odd) this.warn([...path, key], `unknown node, ${follows}`);
    return odd[0] === undefined ? null : `the unknown node ${quoteValue(odd[0])}`;
  }

  list(value: unknown, path: readonly PathPart[]): readonly unknown[] {
    if (Array.isArray(value)) return value as readonly unknown[];
    if (value !== undefined) this.problem(path, `${quoteValue(value)} where a list belongs`);
    return [];
  }

  text(value: unknown, path: readonly PathPart[], maximum = MAX_TEXT_CHARS): string | null {
    if (value === undefined) return null;
    if (typeof value !== 'string') this.problem(path, `${quoteValue(value)} where text belongs`);
    else if (value.length > maximum)
      this.problem(path, `has ${value.length} characters, more than ${maximum}`);
    else return value;
    return null;
  }
}

const UNUSED = 'the entries that it is about are not used';
const MUD = 'ietf-mud:mud';
/** The name of the RFC first; the other is that of the drafts before it, and of most files in use. */
const LISTS = ['ietf-access-control-list:acls', 'ietf-access-control-list:access-lists'] as const;

function readFile(document: Readonly<Record<string, unknown>>, reader: Reader): MudFile {
  reader.unknown(document, [], [MUD, ...LISTS], 'not read');
  const mud = reader.record(document[MUD], [MUD]) ?? {};
  const lists = readLists(document, reader);
  const used = new Set<string>();
  const aces: Ace[] = [];
  const dropped: DroppedAce[] = [];
  for (const direction of ['from-device', 'to-device'] as const) {
    const named = listsOf(mud, direction, lists, reader);
    for (const { name } of named) used.add(name);
    readDirection(direction, named, aces, dropped);
  }
  for (const list of lists.values())
    if (!used.has(list.name)) dropped.push(...list.aces.map((value, index) => unused(list, value, index)));
  return { ...readDescription(mud, reader), aces, dropped, warnings: reader.notes() };
}

type Description = Omit<MudFile, 'aces' | 'dropped' | 'warnings'>;

function readDescription(mud: Readonly<Record<string, unknown>>, reader: Reader): Description {
  const text = (node: string): string | null => reader.text(mud[node], [MUD, node]);
  const version = mud['mud-version'];
  if (version === undefined) reader.warn([MUD, 'mud-version'], 'is missing: read as version 1');
  else if (version !== 1)
    reader.problem([MUD, 'mud-version'], `${quoteValue(version)}: this build reads version 1`);
  const url = text('mud-url');
  if (url === null && mud['mud-url'] === undefined) reader.warn([MUD, 'mud-url'], 'is missing');
  else if (url !== null && !/^https:\/\/\S+$/i.test(url))
    reader.warn([MUD, 'mud-url'], `${quoteValue(url)} is not an https URL (RFC 8520 section 3.3)`);
  const supported = mud['is-supported'];
  if (supported !== undefined && typeof supported !== 'boolean')
    reader.problem([MUD, 'is-supported'], `${quoteValue(supported)} where true or false belongs`);
  if (supported === false)
    reader.warn(
      [MUD, 'is-supported'],
      'false: its manufacturer no longer supports the device (RFC 8520 section 3.7)',
    );
  if (mud['extensions'] !== undefined)
    reader.warn([MUD, 'extensions'], 'not read: entries that use them are dropped');
  reader.unknown(mud, [MUD], KNOWN_NODES, 'not read');
  const lastUpdate = text('last-update');
  if (lastUpdate !== null && !(DATE_AND_TIME.test(lastUpdate) && !Number.isNaN(Date.parse(lastUpdate))))
    reader.warn(
      [MUD, 'last-update'],
      `${quoteValue(lastUpdate)} is not a date and time (RFC 6991 section 3)`,
    );
  return {
    url,
    lastUpdate,
    cacheValidityHours: readCacheValidity(mud['cache-validity'], reader),
    isSupported: supported !== false,
    systemInfo: text('systeminfo'),
    manufacturer: text('mfg-name'),
    model: text('model-name'),
    signatureUrl: text('mud-signature'),
  };
}

const DATE_AND_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

const KNOWN_NODES = [
  'mud-version',
  'mud-url',
  'last-update',
  'mud-signature',
  'cache-validity',
  'is-supported',
  'systeminfo',
  'mfg-name',
  'model-name',
  'firmware-rev',
  'software-rev',
  'documentation',
  'extensions',
  'from-device-policy',
  'to-device-policy',
];

function readCacheValidity(value: unknown, reader: Reader): number {
  const path = [MUD, 'cache-validity'];
  const { least, most } = CACHE_VALIDITY_HOURS;
  if (value === undefined) return CACHE_VALIDITY_HOURS.default;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    reader.problem(path, `${quoteValue(value)} where a whole number of hours belongs`);
    return CACHE_VALIDITY_HOURS.default;
  }
  if (value < least || value > most)
    reader.warn(
      path,
      `${value} is not from ${least} to ${most} hours (RFC 8520 section 3.5): taken as the nearest`,
    );
  return Math.min(most, Math.max(least, value));
}

interface AccessList {
  readonly name: string;
  readonly families: readonly Family[] | 'frames';
  /** Why none of its entries can be used. */
  readonly unusable: string | null;
  readonly aces: readonly unknown[];
  readonly path: readonly PathPart[];
}

function readLists(
  document: Readonly<Record<string, unknown>>,
  reader: Reader,
): ReadonlyMap<string, AccessList> {
  const lists = new Map<string, AccessList>();
  let count = 0;
  for (const key of LISTS) {
    if (document[key] === undefined) continue;
    const container = reader.record(document[key], [key]) ?? {};
    reader.unknown(container, [key], ['acl', 'attachment-points'], 'not read');
    for (const [index, value] of reader.list(container['acl'], [key, 'acl']).entries()) {
      const path = [key, 'acl', index];
      const list = reader.record(value, path);
      if (!list) continue;
      const isNew = list['access-list-entries'] === undefined;
      const [inside, nameKey, typeKey] = isNew
        ? ['aces', 'name', 'type']
        : ['access-list-entries', 'acl-name', 'acl-type'];
      const name = reader.text(list[nameKey], [...path, nameKey], MAX_NAME_CHARS);
      if (name === null) {
        if (list[nameKey] === undefined) reader.problem([...path, nameKey], 'is missing');
        continue;
      }
      const inner = list[inside] === undefined ? {} : (reader.record(list[inside], [...path, inside]) ?? {});
      const aces = reader.list(inner['ace'], [...path, inside, 'ace']);
      count += aces.length;
      if (lists.has(name)) reader.problem([...path, nameKey], `there is another list ${quoteValue(name)}`);
      const families = familiesOf(list[typeKey]);
      // It may say when the list counts, or for whom: half of a condition would permit more than the file does.
      const unusable =
        reader.unknown(list, path, [inside, nameKey, typeKey], UNUSED) ??
        reader.unknown(inner, [...path, inside], ['ace'], UNUSED) ??
        (families === null ? `the unknown type ${quoteValue(list[typeKey])}` : null);
      lists.set(name, {
        name,
        families: families ?? [],
        unusable: unusable === null ? null : `its list has ${unusable}`,
        aces,
        path: [...path, inside, 'ace'],
      });
    }
  }
  if (count > MAX_ACES) {
    reader.problem([LISTS[0]], `${count} entries in all, above ${MAX_ACES}`);
    return new Map();
  }
  return lists;
}

/** RFC 8519 section 4.1, the names of its drafts, and what files in use have. Null: none of them. */
function familiesOf(type: unknown): AccessList['families'] | null {
  if (type === undefined) return [4, 6];
  if (typeof type !== 'string') return null;
  const bare = type.replace(/^ietf-access-control-list:/, '').replace(/-acl(-type)?$/, '');
  switch (bare) {
    case 'ipv4':
    case 'mixed-eth-ipv4':
      return [4];
    case 'ipv6':
    case 'mixed-eth-ipv6':
      return [6];
    case 'mixed-eth-ipv4-ipv6':
      return [4, 6];
    case 'eth':
    case 'ethernet':
      return 'frames';
    default:
      return null;
  }
}

function listsOf(
  mud: Readonly<Record<string, unknown>>,
  direction: AceDirection,
  lists: ReadonlyMap<string, AccessList>,
  reader: Reader,
): readonly AccessList[] {
  const path = [MUD, `${direction}-policy`];
  const policy = mud[`${direction}-policy`];
  if (policy === undefined) {
    reader.warn(path, 'is missing: nothing but the defaults is permitted in this direction');
    return [];
  }
  const inside = [...path, 'access-lists'];
  const outer = reader.record(policy, path) ?? {};
  const container = reader.record(outer['access-lists'] ?? {}, inside) ?? {};
  const listPath = [...inside, 'access-list'];
  const odd =
    reader.unknown(outer, path, ['access-lists'], UNUSED) ??
    reader.unknown(container, inside, ['access-list'], UNUSED);
  const named = new Map<string, AccessList>();
  for (const [index, value] of reader.list(container['access-list'], listPath).entries()) {
    const reference = reader.record(value, [...listPath, index]);
    if (!reference) continue;
    const name = reader.text(
      reference['name'] ?? reference['acl-name'],
      [...listPath, index, 'name'],
      MAX_NAME_CHARS,
    );
    const list = name === null ? undefined : lists.get(name);
    if (list) {
      const at =
        reader.unknown(reference, [...listPath, index], ['name', 'acl-name', 'type', 'acl-type'], UNUSED) ??
        odd;
      const unusable = list.unusable ?? (at === null ? null : `what names its list has ${at}`);
      named.set(list.name, { ...list, unusable: named.get(list.name)?.unusable ?? unusable });
    } else if (lists.size > 0 || reader.problems.length === 0)
      reader.problem(
        [...listPath, index, 'name'],
        name === null ? 'is missing' : `the file has no access list ${quoteValue(name)}`,
      );
  }
  return [...named.values()];
}

/** Appends the entries of one direction in their order, the defaults of the RFC last. */
function readDirection(
  direction: AceDirection,
  lists: readonly AccessList[],
  aces: Ace[],
  dropped: DroppedAce[],
): void {
  const refusing: (Ace | 'unreadable')[] = [];
  const take = (ace: Ace): void => {
    const refuser = ace.accepts ? refusing.find((earlier) => !maySurviveRefusals(ace, earlier)) : undefined;
    if (refuser !== undefined) {
      const which =
        refuser === 'unreadable' ? 'an entry before it that was dropped' : quoteValue(refuser.name);
      dropped.push({ ...placeOf(ace), reason: `${which} is asked first, and may refuse some of it` });
      return;
    }
    if (!ace.accepts) refusing.push(refusing.length < MAX_REFUSING ? ace : 'unreadable');
    aces.push(ace);
  };
  for (const list of lists) {
    for (const [index, value] of list.aces.entries()) {
      const path = formatPath([...list.path, index]);
      const read = readAce(value, direction, list.families);
      const place = { direction, acl: list.name, name: read.name, path, isDefault: false };
      if (list.unusable !== null) dropped.push({ ...place, reason: list.unusable });
      else if (read.ok) take({ ...place, accepts: read.accepts, matches: read.matches });
      else dropped.push({ ...place, reason: read.reason });
      if ((!read.ok && read.mayRefuse) || list.unusable !== null) refusing.push('unreadable');
    }
  }
  for (const ace of defaultAces(direction)) take(ace);
}

function unused(list: AccessList, value: unknown, index: number): DroppedAce {
  const read = readAce(value, 'from-device', list.families);
  return {
    direction: null,
    acl: list.name,
    name: read.name,
    path: formatPath([...list.path, index]),
    isDefault: false,
    reason: 'neither policy of the file names its list',
  };
}
