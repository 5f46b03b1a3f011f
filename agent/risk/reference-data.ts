/**
 * Files that a person brings: CISA's Known Exploited Vulnerabilities (https://www.cisa.gov/known-exploited-vulnerabilities-catalog, JSON), endoflife.date
 * (https://endoflife.date/docs/api, v0 and v1) and the site's own YAML of dates. Checked and cut to what is used. Pure; hostile input is a problem, never
 * an exception.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import type { SupportEntry } from './support-table.js';

const MAX_VULNERABILITIES = 50_000;
const MAX_ENTRIES = 5_000;
const MAX_CVES_SHOWN = 8;

const text = z.string().max(200);
const date = z.iso.date();

/** What of the catalogue is used: how many entries a product has, and some of them. */
const kevProduct = z.strictObject({
  vendor: text,
  product: text,
  count: z.int(),
  ransomware: z.boolean(),
  cves: z.array(z.string().max(20)).max(MAX_CVES_SHOWN),
});
export type KevProduct = z.infer<typeof kevProduct>;
const kevDocument = z.array(kevProduct).max(5_000);

const supportDocument = z
  .array(
    z.strictObject({
      product: z.string().min(3).max(100),
      names: z.array(z.string().min(3).max(100)).max(20).optional(),
      ends: date.nullable(),
      source: z.string().min(1).max(300),
    }),
  )
  .max(MAX_ENTRIES);

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const kevFile = z.object({
  vulnerabilities: z
    .array(
      z.object({
        cveID: z.string().regex(/^CVE-\d{4}-\d{4,12}$/),
        vendorProject: text,
        product: text,
        knownRansomwareCampaignUse: z.string().optional(),
      }),
    )
    .max(MAX_VULNERABILITIES),
});

export function readKev(document: string): Read<readonly KevProduct[]> {
  const parsed = kevFile.safeParse(parseText(document));
  if (!parsed.success)
    return { ok: false, problem: 'not a catalogue of known exploited vulnerabilities (CISA, JSON)' };
  const products = new Map<string, KevProduct>();
  for (const { cveID, vendorProject, product, knownRansomwareCampaignUse } of parsed.data.vulnerabilities) {
    const key = `${vendorProject}\n${product}`;
    const known = products.get(key);
    products.set(key, {
      vendor: vendorProject,
      product,
      count: (known?.count ?? 0) + 1,
      ransomware: known?.ransomware === true || knownRansomwareCampaignUse === 'Known',
      cves: [...(known?.cves ?? []), cveID].slice(0, MAX_CVES_SHOWN),
    });
  }
  return { ok: true, value: [...products.values()].slice(0, 5_000) };
}

/** As it is kept; null for anything else. */
export function readKevProducts(body: string): readonly KevProduct[] | null {
  const parsed = kevDocument.safeParse(parseText(body));
  return parsed.success ? parsed.data : null;
}

const cycle = z.object({
  cycle: z.union([z.string().max(60), z.number()]),
  eol: z.union([date, z.boolean()]),
});
const release = z.object({ name: z.string().max(60), eolFrom: date.nullish() });
const product = z.object({ name: text, label: text.optional(), releases: z.array(release).max(2_000) });

/** `name`: the product, for files of API v0, which do not say it. */
export function readSupportTable(document: string, name: string | null): Read<readonly SupportEntry[]> {
  const value = parseText(document);
  const own = supportDocument.safeParse(value);
  if (own.success)
    return {
      ok: true,
      value: own.data.map((one) => ({ ...one, names: [one.product, ...(one.names ?? [])] })),
    };
  const source = 'https://endoflife.date';
  const v0 = z.array(cycle).max(2_000).safeParse(value);
  if (v0.success) {
    if (name === null)
      return { ok: false, problem: 'the file does not say of which product it is: add --product Debian' };
    const entries = v0.data.flatMap(({ cycle: version, eol }) =>
      typeof eol === 'string' ? [entryOf(name, String(version), eol, source)] : [],
    );
    return { ok: true, value: entries };
  }
  const v1 = z.object({ result: z.union([product, z.array(product).max(2_000)]) }).safeParse(value);
  if (!v1.success)
    return { ok: false, problem: 'neither a file of endoflife.date nor a list of { product, ends, source }' };
  const products = Array.isArray(v1.data.result) ? v1.data.result : [v1.data.result];
  const entries = products.flatMap(({ name: key, label, releases }) =>
    releases.flatMap(({ name: version, eolFrom }) =>
      eolFrom
        ? [entryOf((label ?? key).replace(/^Microsoft /, ''), version, eolFrom, `${source}/${key}`)]
        : [],
    ),
  );
  return { ok: true, value: entries.slice(0, MAX_ENTRIES) };
}

function entryOf(name: string, version: string, ends: string, source: string): SupportEntry {
  const full = `${name} ${version}`;
  return { product: full, names: [full], ends, source };
}

/** The products of the catalogue that this software is of. Whether this very version is affected has to be looked up. */
export function kevOf(software: readonly string[], kev: readonly KevProduct[]): readonly KevProduct[] {
  const texts = software.map((one) => one.toLowerCase());
  return kev
    .filter(({ vendor, product: name }) => {
      const wanted = name.toLowerCase();
      if (wanted.length < 3) return false;
      const isOfVendor = vendor.toLowerCase() === 'microsoft' ? wanted.startsWith('windows') : true;
      return isOfVendor && texts.some((one) => one === wanted || one.startsWith(`${wanted} `));
    })
    .sort((a, b) => b.count - a.count || (a.product < b.product ? -1 : 1));
}

function parseText(document: string): unknown {
  try {
    return /^\s*[[{]/.test(document)
      ? JSON.parse(document)
      : parse(document, { maxAliasCount: 0, logLevel: 'error' });
  } catch {
    return null;
  }
}
