/**
 * Makers by the first bytes of a MAC (IEEE RA assignments: MA-L, MA-M, MA-S). The registry comes from the package oui-data; the own table gives the
 * names under which clinics know them, and stands in where the package is absent. A whole listing can be given instead (`oui.txt` of the IEEE, or the
 * prefix list that nmap comes with). Who made the network card is not always who made the device: worth no more than hearsay, and who makes nothing
 * but chips, modules, boards or virtual machines is told as the maker of the interface.
 */
import { isRandomized } from './device.js';
import { conclude, type Knowledge } from './knowledge.js';
import { isComponentMaker, makerName } from './maker-name.js';
import { PackedMakers } from './packed-makers.js';
import { CONFIDENCE, NO_OBSERVATIONS, type Observation } from './observation.js';

/** Upper-case hex digits, 6, 7 or 9 of them, to a maker. */
export interface MakerTable {
  readonly size: number;
  get(prefix: string): string | undefined;
}

const OWN: Readonly<Record<string, readonly string[]>> = {
  'Abbott Diagnostics': ['0013DD'],
  BD: ['00B094', '00D075'],
  Apple: ['000393'],
  'Axis Communications': ['00408C', 'ACCC8E'],
  'B. Braun': ['001221'],
  'B&R Industrial Automation': ['006065'],
  Baxter: ['5842E4', '5846E1'],
  Beckhoff: ['000105'],
  'Beckman Coulter': ['00E090'],
  Brother: ['001BA9', '008077'],
  Cisco: ['00000C'],
  'Digi International': ['00409D'],
  Dräger: ['00105D', '0030E6'],
  'Fresenius Kabi': ['001338'],
  'GE Healthcare': ['444B5D'],
  'Hewlett Packard': ['001185'],
  'Hill-Rom': ['0014B8'],
  'ICU Medical': ['0003B1'],
  Lantronix: ['00204A'],
  Lexmark: ['000400'],
  Masimo: ['0809B6', '504A5E', '8809AF'],
  'Microsoft Hyper-V': ['00155D'],
  Mindray: ['000F14', '00A037', '380B26'],
  Moxa: ['0090E8'],
  'Nihon Kohden': ['00A09A'],
  Philips: ['00095C', '0009FB', '7C94B2'],
  'Phoenix Contact': ['00A045'],
  'Raspberry Pi': ['B827EB', 'DCA632', 'E45F01'],
  Ricoh: ['000074'],
  'Roche Diagnostics': ['000E2F', '004049', '006019'],
  'Rockwell Automation': ['0000BC', '001D9C'],
  'Schneider Electric': ['0080F4'],
  'Seiko Epson': ['000048'],
  Siemens: ['000E8C', '001B1B'],
  'Siemens Healthineers': ['001865', '20E791'],
  'Silex Technology': ['008092'],
  'Smiths Medical': ['001A01'],
  Sonos: ['000E58'],
  'Spacelabs Healthcare': ['00A0AA'],
  Stryker: ['000DD1'],
  Sysmex: ['00066B'],
  VMware: ['000569', '000C29', '005056'],
  VirtualBox: ['080027'],
  WAGO: ['0030DE'],
  'Welch Allyn': ['001AFA'],
  Xerox: ['0000AA'],
  'Zebra Technologies': ['00074D', '00A0F8'],
};

export function ownMakers(): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const [maker, prefixes] of Object.entries(OWN))
    for (const prefix of prefixes) table.set(prefix, maker);
  return table;
}

/**
 * The IEEE's registry as the package oui-data has it: prefixes of 6, 7 or 9 digits to name and address. Of each the name alone is kept, once, and
 * our own table before it.
 */
export function registeredMakers(registry: Iterable<readonly [prefix: string, entry: string]>): PackedMakers {
  return PackedMakers.of(named(registry));
}

function* named(registry: Iterable<readonly [string, string]>): Iterable<readonly [string, string]> {
  let taken = 0;
  for (const [prefix, entry] of registry) {
    if (taken >= MAX_MAKERS) break;
    const [line = ''] = entry.split('\n', 1);
    const name = makerName(line);
    // Emulators and raw captures use all zeros for everything.
    if (name === '' || prefix === '000000' || !PREFIX.test(prefix)) continue;
    taken += 1;
    yield [prefix, name];
  }
  yield* ownMakers();
}

const PREFIX = /^[0-9A-F]{6,9}$/;
/** The IEEE has assigned some 54,000. */
const MAX_MAKERS = 200_000;
const MAX_REMEMBERED = 8_192;
const MAX_MAKER_CHARACTERS = 64;

/** Lines like `00000C Cisco Systems` or `00-00-0C   (hex)   Cisco Systems, Inc`; every other line is passed over. */
export function parseMakers(text: string): MakerTable {
  const table = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([0-9A-Fa-f]{2})[-:]?([0-9A-Fa-f]{2})[-:]?([0-9A-Fa-f]{2})\s+(?:\(hex\)\s+)?(\S.*)$/.exec(
      line,
    );
    if (!match || table.size >= MAX_MAKERS) continue;
    const [, first = '', second = '', third = '', maker = ''] = match;
    table.set(`${first}${second}${third}`.toUpperCase(), makerName(maker).slice(0, MAX_MAKER_CHARACTERS));
  }
  return table;
}

/** The longest prefix that somebody has; null for a made-up MAC and for one that the table does not know. */
export function makerOf(table: MakerTable, mac: string): string | null {
  const digits = mac.replaceAll(':', '').toUpperCase();
  // The emulator of QEMU and KVM makes up its MACs, with a prefix that is known all the same.
  if (digits.startsWith('525400')) return 'QEMU';
  if (isRandomized(mac)) return null;
  return (
    table.get(digits.slice(0, 9)) ?? table.get(digits.slice(0, 7)) ?? table.get(digits.slice(0, 6)) ?? null
  );
}

/** What a MAC says of its device, by the rules for the source `oui`. Kept for MACs that were asked for. */
export class MakerFields {
  readonly #table: MakerTable;
  readonly #knowledge: Knowledge;
  readonly #known = new Map<string, readonly Observation[]>();

  constructor(table: MakerTable, knowledge: Knowledge) {
    this.#table = table;
    this.#knowledge = knowledge;
  }

  of(mac: string): readonly Observation[] {
    const known = this.#known.get(mac);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    const maker = makerOf(this.#table, mac);
    const fields = maker === null ? NO_OBSERVATIONS : this.#fieldsOf(maker);
    this.#known.set(mac, fields);
    return fields;
  }

  #fieldsOf(maker: string): readonly Observation[] {
    const field = isComponentMaker(maker) ? 'interface' : 'make';
    return conclude(this.#knowledge, [
      { field, value: maker, source: 'oui', confidence: CONFIDENCE.hearsay },
    ]);
  }
}
