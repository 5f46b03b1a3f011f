/**
 * Keeps `table netdev cordon` (ruleset/announcements.ts) at the ports: anew at the start, and again when a port is another interface than before or
 * somebody took it away. A transaction of its own, and nothing for the boot loader: before Linux 6.16 a chain at a port that is not there is refused,
 * which must never refuse a policy with it. What is lost without it are names of devices, so it is told and nothing else.
 */
import { readTableStructure } from '../netlink/table-structure.js';
import { applyRuleset } from '../nftables/run-nft.js';
import { announcementChains, announcementTable } from '../ruleset/announcements.js';
import { interfaceNumber, portsText } from './interface-names.js';

const LOOK_MS = 1_000;
const CHECK_EVERY_LOOKS = 5;
const MAX_WHY = 200;

export class AnnouncementCopies {
  readonly #ports: readonly string[];
  #timer: NodeJS.Timeout | null = null;
  #looks = 0;
  #interfaces = '';
  #working: Promise<void> | null = null;
  #why: string | null = 'not looked at yet';

  constructor(devicePorts: readonly string[]) {
    this.#ports = devicePorts;
  }

  /** Null: announcements at every port of the device side are copied. */
  get why(): string | null {
    return this.#why;
  }

  start(): void {
    // The text of an older program's table is not read back, so it is written anew.
    this.#working = this.#put();
    this.#timer = setInterval(() => {
      this.#looks += 1;
      const isDue = this.#looks % CHECK_EVERY_LOOKS === 0 || this.#interfaces !== portsText(this.#ports);
      if (isDue) this.#working ??= this.#ensure();
    }, LOOK_MS);
  }

  /** The table stays: it copies to nobody. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#working;
  }

  /** Never rejects. */
  async #ensure(): Promise<void> {
    if (this.#interfaces === portsText(this.#ports) && (await this.#isThere())) this.#working = null;
    else await this.#put();
  }

  /** Ports that are absent are left out, and said. */
  async #put(): Promise<void> {
    this.#interfaces = portsText(this.#ports);
    const present = this.#present();
    const applied = await applyRuleset(announcementTable(present));
    const absent = this.#ports.filter((port) => !present.includes(port));
    if (!applied.ok) this.#why = (applied.error.split('\n')[0] ?? '').slice(0, MAX_WHY);
    else this.#why = absent.length === 0 ? null : `no interface ${absent.join(', ')}`.slice(0, MAX_WHY);
    this.#working = null;
  }

  async #isThere(): Promise<boolean> {
    const chains = announcementChains(this.#present());
    try {
      const found = (await readTableStructure('netdev', 'cordon'))?.chains ?? new Map<string, never>();
      return (
        found.size === chains.size && [...chains].every(([name, rules]) => found.get(name)?.rules === rules)
      );
    } catch {
      // It was changing: the next look is soon.
      return true;
    }
  }

  #present(): readonly string[] {
    return this.#ports.filter((port) => interfaceNumber(port) !== null);
  }
}
