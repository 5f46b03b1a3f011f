/**
 * Makers by the first three bytes of a MAC (IEEE RA, MA-L assignments). The own table holds what stands in clinics most often, from the IEEE's public
 * listing; a whole listing can be given instead (`oui.txt` of the IEEE, or the prefix list that nmap comes with). Who made the network card is not
 * always who made the device: worth no more than hearsay.
 */
import { isRandomized } from './device.js';
import { CONFIDENCE, type Observation } from './observation.js';

/** Six upper-case hex digits to a maker. */
export type MakerTable = ReadonlyMap<string, string>;

const OWN: Readonly<Record<string, readonly string[]>> = {
  'Abbott Diagnostics': ['0013DD'],
  Alaris: ['00B094', '00D075'],
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
  'Fresenius Vial': ['001338'],
  'GE Healthcare': ['444B5D'],
  'Hewlett Packard': ['001185'],
  'Hill-Rom': ['0014B8'],
  'ICU Medical': ['0003B1'],
  Lantronix: ['00204A'],
  Lexmark: ['000400'],
  Masimo: ['0809B6', '504A5E', '8809AF'],
  Microsoft: ['00155D'],
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

export function ownMakers(): MakerTable {
  const table = new Map<string, string>();
  for (const [maker, prefixes] of Object.entries(OWN))
    for (const prefix of prefixes) table.set(prefix, maker);
  return table;
}

/** The IEEE has assigned some 40,000. */
const MAX_MAKERS = 100_000;
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
    table.set(`${first}${second}${third}`.toUpperCase(), maker.trim().slice(0, MAX_MAKER_CHARACTERS));
  }
  return table;
}

/** Null for a made-up MAC and for one that the table does not know. */
export function makerOf(table: MakerTable, mac: string): Observation | null {
  if (isRandomized(mac)) return null;
  const maker = table.get(mac.slice(0, 8).replaceAll(':', '').toUpperCase());
  return maker === undefined
    ? null
    : { field: 'make', value: maker, source: 'oui', confidence: CONFIDENCE.hearsay };
}
