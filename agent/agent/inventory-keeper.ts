/**
 * The agent's part of the inventory: concludes from what the enforcer read, keeps the book of devices in memory and writes it down seldom. Used by
 * main.ts and requests.ts. News is written once a minute at most, a mere "seen again" once a day: what a power cut takes is a time, not a fact.
 */
import type { Device, DeviceRecord } from '../inventory/device.js';
import { EvidenceBook } from '../inventory/evidence-book.js';
import type { Candidate } from '../inventory/evidence.js';
import { isMadeUp } from '../inventory/device.js';
import { KNOWLEDGE_RULES } from '../inventory/knowledge-rules.js';
import { conclude, extendKnowledge, readKnowledge, type Knowledge } from '../inventory/knowledge.js';
import { MakerFields, ownMakers, type MakerTable } from '../inventory/makers.js';
import { DEVICE_FIELDS, type DeviceField } from '../inventory/observation.js';
import { checkEntry, type OperatorEntry } from '../inventory/operator-fields.js';
import type { DeviceEvidence, SeenDevice } from '../messages/vocabulary.js';
import type { Store } from '../store/store.js';

const NEWS_INTERVAL_MS = 60_000;
const HEARD_INTERVAL_MS = 86_400_000;
/** Devices with a made-up MAC, or none, are written down once they lasted this long: a flood of them is not. */
const MADE_UP_LASTS_MS = 600_000;

export interface InventoryKeeperOptions {
  readonly store: Store;
  readonly nowMs: () => number;
  readonly onWriteError: (error: unknown) => void;
  /** Who has which MAC prefix; our own table where it is not given. */
  readonly makers?: MakerTable;
  /** Fingerprint rules of the site (inventory/knowledge.ts), YAML; null: there are none. */
  readonly siteRules?: string | null;
  /** They have a fault, and ours alone count. */
  readonly onBadRules?: (error: unknown) => void;
}

export class InventoryKeeper {
  readonly book = new EvidenceBook();
  readonly #options: InventoryKeeperOptions;
  readonly #knowledge: Knowledge;
  readonly #makers: MakerFields;
  /** Waiting to be written: with news, or only heard again. */
  readonly #news = new Map<string, Device>();
  readonly #heard = new Map<string, Device>();
  readonly #gone = new Set<string>();
  #newsWrittenMs = 0;
  #heardWrittenMs: number;

  constructor(options: InventoryKeeperOptions) {
    this.#options = options;
    this.#knowledge = knowledgeOf(options);
    this.#makers = new MakerFields(options.makers ?? ownMakers(), this.#knowledge);
    this.#heardWrittenMs = options.nowMs();
    for (const device of options.store.inventory.load()) this.book.restore(device);
    this.book.takeChanges();
  }

  /** What the enforcer read of devices behind the box. */
  take(items: readonly DeviceEvidence[]): void {
    for (const { mac, address, isClaimed, name, port, atMs, observations } of items) {
      const fields = [...conclude(this.#knowledge, observations)];
      if (mac !== null) fields.push(...this.#makers.of(mac));
      const id = this.book.observe({ mac, address, isClaimed, observations }, fields, atMs, port);
      if (id !== null && mac !== null) this.book.setPolicyName(id, name);
    }
  }

  /** A device that sent something, whatever it was. */
  see({ mac, addresses, name, port, lastMs }: SeenDevice): void {
    const fields = this.#makers.of(mac);
    for (const address of addresses.length === 0 ? [null] : addresses)
      this.book.observe({ mac, address, isClaimed: false, observations: [] }, fields, lastMs, port);
    const device = this.book.find(mac);
    if (device !== null) this.book.setPolicyName(device.id, name);
  }

  /** The devices, the ones that matter first: in the policy, then by when they were last heard. */
  rows(): readonly DeviceRecord[] {
    return [...this.book.devices()].sort(
      (a, b) =>
        Number(b.policyName !== null) - Number(a.policyName !== null) ||
        b.lastMs - a.lastMs ||
        (a.id < b.id ? -1 : 1),
    );
  }

  /** By policy name, id, MAC, address, or a name that only one device has. */
  find(key: string): DeviceRecord | null {
    const direct = this.book.find(key.toLowerCase());
    if (direct !== null) return direct;
    const rows = this.rows();
    const byPolicy = rows.find(({ policyName }) => policyName === key);
    if (byPolicy !== undefined) return byPolicy;
    const named = rows.filter(({ fields }) => fields.name?.value.toLowerCase() === key.toLowerCase());
    return named.length === 1 ? (named[0] ?? null) : null;
  }

  /** Everything that was said of each field. */
  evidence(id: string): Partial<Record<DeviceField, Candidate[]>> {
    const said: Partial<Record<DeviceField, Candidate[]>> = {};
    for (const field of DEVICE_FIELDS) {
      const candidates = this.book.candidates(id, field);
      if (candidates.length > 0) said[field] = [...candidates];
    }
    return said;
  }

  /**
   * Problems by entry; nothing is changed where there is one. A MAC that was never seen is taken down as a device that a person knows of; an
   * empty value takes an entry back.
   */
  enter(key: string, entries: Readonly<Record<string, string>>, by: string): EnterResult {
    const checked = Object.entries(entries).map(([field, value]) => checkEntry(field, value));
    const problems = checked.flatMap((one) => (one.ok ? [] : [one.problem]));
    if (problems.length > 0) return { ok: false, problems };
    const atMs = this.#options.nowMs();
    const mac = key.toLowerCase();
    const known = this.find(key);
    const id = known?.id ?? (MAC.test(mac) ? this.book.declare(mac, atMs) : null);
    if (id === null) return { ok: false, problems: [`no device ${key}: name one, or write its MAC address`] };
    for (const one of checked) {
      if (!one.ok) continue;
      const entry: OperatorEntry | null = one.value === '' ? null : { value: one.value, by, atMs };
      this.book.setOperatorEntry(id, one.field, entry);
    }
    this.#write(true);
    const device = this.book.find(id);
    return device === null ? { ok: false, problems: ['there is no room for it'] } : { ok: true, device };
  }

  /** Call once a second or so. */
  tick(): void {
    const now = this.#options.nowMs();
    if (now - this.#newsWrittenMs >= NEWS_INTERVAL_MS)
      this.#write(now - this.#heardWrittenMs >= HEARD_INTERVAL_MS);
  }

  /** For a process that stops. */
  finish(): void {
    this.#write(true);
  }

  counters(): Record<string, number> {
    const { counters } = this.book;
    return {
      inventoryEvicted: counters.evictedDevices,
      inventoryEvictedMadeUp: counters.evictedMadeUpDevices,
      inventoryRefused: counters.refusedDevices,
      inventoryEvictedValues: counters.evictedCandidates,
      inventoryEvictedAddresses: counters.evictedAddresses,
    };
  }

  #write(withHeard: boolean): void {
    const { store, nowMs, onWriteError } = this.#options;
    this.#gather();
    this.#newsWrittenMs = nowMs();
    const due = [...this.#news.values(), ...(withHeard ? this.#heard.values() : [])].filter(lasts);
    if (due.length === 0 && this.#gone.size === 0) return;
    try {
      store.transaction(() => {
        for (const id of this.#gone) store.inventory.remove(id);
        for (const device of due) store.inventory.put(device);
      });
    } catch (error) {
      onWriteError(error);
      return;
    }
    for (const device of due) {
      this.#news.delete(device.id);
      this.#heard.delete(device.id);
    }
    this.#gone.clear();
    if (withHeard) this.#heardWrittenMs = nowMs();
  }

  #gather(): void {
    const { news, heard, gone } = this.book.takeChanges();
    for (const id of gone) {
      this.#gone.add(id);
      this.#news.delete(id);
      this.#heard.delete(id);
    }
    for (const device of news) {
      this.#news.set(device.id, device);
      this.#gone.delete(device.id);
    }
    for (const device of heard) this.#heard.set(device.id, device);
  }
}

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;

export type EnterResult =
  | { readonly ok: true; readonly device: DeviceRecord }
  | { readonly ok: false; readonly problems: readonly string[] };

function knowledgeOf({ siteRules = null, onBadRules }: InventoryKeeperOptions): Knowledge {
  const ours = readKnowledge(KNOWLEDGE_RULES);
  if (siteRules === null) return ours;
  try {
    return extendKnowledge(ours, siteRules);
  } catch (error) {
    onBadRules?.(error);
    return ours;
  }
}

function lasts(device: Device): boolean {
  return !isMadeUp(device) || device.operator.size > 0 || device.lastMs - device.firstMs >= MADE_UP_LASTS_MS;
}
