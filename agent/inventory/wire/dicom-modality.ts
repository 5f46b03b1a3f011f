/**
 * Which kind of images a storage SOP class is for (DICOM PS3.4 table B.5-1), as the codes of PS3.3 section C.7.3.1.1.1. Used by read-dicom.ts: what
 * a client proposes to store is what it makes.
 */

const STORAGE = '1.2.840.10008.5.1.4.1.1.';
/** The longest beginning that fits counts. Structured reports, presentation states, PDFs and secondary captures come from everywhere: none of them. */
const MODALITIES: readonly (readonly [string, string])[] = [
  ['1.1.1', 'DX'],
  ['1.1.2', 'MG'],
  ['1.1.3', 'IO'],
  ['1.1', 'DX'],
  ['1', 'CR'],
  ['2', 'CT'],
  ['3.1', 'US'],
  ['3', 'US'],
  ['4', 'MR'],
  ['6', 'US'],
  ['9.1', 'ECG'],
  ['9.2', 'HD'],
  ['9.3', 'EPS'],
  ['12', 'XA'],
  ['13.1.1', 'XA'],
  ['13.1.2', 'DX'],
  ['13.1.3', 'MG'],
  ['20', 'NM'],
  ['77.1.1', 'ES'],
  ['77.1.2', 'GM'],
  ['77.1.3', 'SM'],
  ['77.1.6', 'SM'],
  ['77.1.5', 'OP'],
  ['78', 'OP'],
  ['79', 'OP'],
  ['80', 'OP'],
  ['81', 'OP'],
  ['128', 'PT'],
  ['130', 'PT'],
  ['481', 'RT'],
];

/** Null for what is no storage class, or none of one kind of device. */
export function modalityOf(sopClass: string): string | null {
  if (!sopClass.startsWith(STORAGE)) return null;
  const rest = sopClass.slice(STORAGE.length);
  let found: readonly [string, string] | null = null;
  for (const one of MODALITIES) {
    const [prefix] = one;
    const fits = rest === prefix || rest.startsWith(`${prefix}.`);
    if (fits && prefix.length > (found?.[0].length ?? 0)) found = one;
  }
  return found?.[1] ?? null;
}
