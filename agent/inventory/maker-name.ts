/**
 * A maker's name as people say it, from how the IEEE's registry writes it (`TP-LINK TECHNOLOGIES CO.,LTD.`), and who makes parts rather than devices.
 * Used by makers.ts. Pure.
 */

/** How the entry begins, and the name; the first that fits counts. */
const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/^philips (medical|patient|healthcare|ultrasound|care)/i, 'Philips'],
  [/^(ge|general electric) (medical|healthcare)/i, 'GE Healthcare'],
  [/^siemens.*(health|medical)/i, 'Siemens Healthineers'],
  [/^siemens/i, 'Siemens'],
  [/^dr(ä|ae)ger/i, 'Dräger'],
  [/mindray/i, 'Mindray'],
  [/^masimo/i, 'Masimo'],
  [/^(alaris|carefusion)/i, 'BD'],
  [/^b\.? ?braun/i, 'B. Braun'],
  [/^fresenius medical/i, 'Fresenius Medical Care'],
  [/^fresenius/i, 'Fresenius Kabi'],
  [/^(nihon kohden)/i, 'Nihon Kohden'],
  [/^spacelabs/i, 'Spacelabs Healthcare'],
  [/^hewlett[- ]packard|^hp inc/i, 'Hewlett Packard'],
  [/^tp-?link/i, 'TP-Link'],
  [/^asustek/i, 'ASUS'],
  [/^micro-star|^msi\b/i, 'MSI'],
  [/^giga-?byte/i, 'Gigabyte'],
  [/^cisco/i, 'Cisco'],
  [/^lg electronics/i, 'LG'],
  [/^samsung/i, 'Samsung'],
  [/^raspberry pi/i, 'Raspberry Pi'],
  [/^pcs systemtechnik|^cadmus/i, 'VirtualBox'],
  [/^xensource/i, 'Xen'],
  [/^murata/i, 'Murata'],
  [/^icp electronics/i, 'ICP Electronics'],
  [/^texas instruments/i, 'Texas Instruments'],
  [/^(sun microsystems|oracle)/i, 'Oracle'],
];
const LEGAL =
  /[,.]?[ ,]+(inc|incorporated|corp|corporation|corporate|co|company|ltd|limited|llc|l\.l\.c|gmbh|ag|kg|kgaa|se|sa|s\.a|sas|srl|bv|b\.v|nv|ab|a\/s|aps|oy|oyj|as|spa|s\.p\.a|plc|pty|kk|k\.k|pte|sdn|bhd|& co|technologies|international)\.?$/i;
const MAX_LEGAL_WORDS = 5;
/** Registered, but not told to whom. */
const NOBODY = /^(private|ieee registration authority)$/i;

/** Empty where the entry names nobody. */
export function makerName(entry: string): string {
  const plain = entry.replace(/\s+/g, ' ').trim();
  if (NOBODY.test(plain)) return '';
  const known = KNOWN.find(([pattern]) => pattern.test(plain));
  if (known !== undefined) return known[1];
  let name = plain.replaceAll(/,(?=\S)/g, ', ');
  for (let cut = 0; cut < MAX_LEGAL_WORDS; cut++) {
    const shorter = name.replace(LEGAL, '').replace(/[ ,]+$/, '');
    if (shorter === name || shorter === '') break;
    name = shorter;
  }
  return name.replace(/\b[A-Z]{5,}\b/g, (word) => word.charAt(0) + word.slice(1).toLowerCase());
}

/** Whoever makes chips, radio modules, boards to build in, serial servers or virtual machines, and sells devices under other names than this. */
const COMPONENTS =
  /^(intel|realtek|broadcom|texas instruments|espressif|murata|azurewave|lite-?on|hon hai|foxconn|cloud network technology|quanta|compal|wistron|pegatron|universal global scientific|gemtek|microchip|silicon lab|mellanox|nvidia|marvell|qualcomm|atheros|mediatek|ralink|nordic semi|nxp|freescale|stmicro|renesas|cypress|ampak|sparklan|fn-link|shenzhen bilian|sichuan ai-link|chongqing fugui|hui zhou gaoshengda|quectel|telit|u-blox|sierra wireless|3com|digi international|digi$|lantronix|moxa|silex|redpine|tuya|advantech|kontron|portwell|aaeon|iei integration|congatec|axiomtek|asix|standard microsystems|davicom|wiznet|icp electronics|vmware|virtualbox|xen$|parallels|qemu|nutanix|microsoft hyper-v|universal electronics|sena technologies|b&b electronics|hms industrial|laird|connectblue|rabbit semi|rcm|bluegiga|gainspan|zentri|roving networks|altera|xilinx)/i;

export function isComponentMaker(name: string): boolean {
  return COMPONENTS.test(name);
}
