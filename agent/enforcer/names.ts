/**
 * Host names in allow-lists, whole: what is asked and answered (name-watch.ts), what it stands for in the kernel
 * (name-keeper.ts), on disk and in answers. Made by main.ts.
 */
import type { ConntrackRecord } from '../netlink/conntrack.js';
import type { KernelPacket } from '../netlink/kernel-packet.js';
import type { EventMessage, RequestResult } from '../messages/enforcer-messages.js';
import type { NameRow, StateChange } from '../messages/vocabulary.js';
import { parseAddress, type Address } from '../policy/address.js';
import { NAME_TTL_MIN_SECONDS, NAME_USED_SECONDS } from '../policy/default-policy.js';
import { isWildcardName } from '../policy/host-name.js';
import { peerNames, type LearnedAddresses, type NamedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { ASKS_NAMES } from '../ruleset/marks.js';
import type { Element } from '../ruleset/ruleset.js';
import { NameKeeper } from './name-keeper.js';
import { NameWatch, mayBeDns } from './name-watch.js';
import { UNFIT_TEXT } from './refused-addresses.js';
import type { StateStore } from './state-store.js';

/** Names that are looked up ahead. A list of more is a list of hosts, not of a device's needs. */
const MAX_LOOKED_UP = 1_000;
const MAX_SHARED = 16;

export interface NamesOptions {
  readonly store: StateStore;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  readonly onError: (error: unknown) => void;
}

export interface NamesSituation {
  readonly policy: Policy;
  readonly ids: DeviceIds;
  readonly learned: LearnedAddresses;
}

export class Names {
  readonly #options: NamesOptions;
  readonly #keeper: NameKeeper;
  readonly #watch: NameWatch;
  #policy: Policy | null = null;
  #saved = '';

  constructor(options: NamesOptions) {
    this.#options = options;
    this.#keeper = new NameKeeper(options);
    this.#watch = new NameWatch({
      now: options.now,
      monotonicMs: options.monotonicMs,
      nameOf: (id) => this.#keeper.nameOf(id),
      isResolver: (address) => this.#keeper.isResolver(address),
      onAnswer: (deviceId, { name, addresses, ttlSeconds }) => {
        this.#keeper.learn(deviceId, name, addresses, ttlSeconds ?? NAME_TTL_MIN_SECONDS, 'answer');
      },
    });
  }

  /** Before the first policy. */
  async load(): Promise<void> {
    this.#keeper.restore(await this.#options.store.readNames());
  }

  /** A policy came into force. Where the kernel does not go along, that is told, and tried again every minute. */
  async use(situation: NamesSituation): Promise<void> {
    this.#policy = situation.policy;
    await this.#keeper.use(situation).catch(this.#options.onError);
  }

  useLearned(situation: Pick<NamesSituation, 'policy' | 'learned'>): void {
    this.#keeper.useLearned(situation);
  }

  /** A packet of a DNS conversation: what it stands for is in the kernel when this returns. */
  packet(packet: Readonly<KernelPacket>): void {
    this.#watch.packet(packet);
  }

  /** A held packet. True: it was of a DNS conversation, and no first packet. */
  held(packet: Readonly<KernelPacket>): boolean {
    const isLater = (packet.mark & ASKS_NAMES) !== 0;
    if (isLater || mayBeDns(packet)) this.#watch.packet(packet);
    return isLater;
  }

  connectionEnd(record: Readonly<ConntrackRecord>): void {
    this.#keeper.connectionEnd(record);
  }

  reconcile(): Promise<void> {
    return this.#keeper.reconcile();
  }

  flush(): EventMessage[] {
    const items = this.#watch.take();
    return items.length === 0 ? [] : [{ event: 'lookups', items: [...items] }];
  }

  /** Written only where something else is there than last time: cards wear. */
  async save(bootGeneration: number | null): Promise<void> {
    const kept = this.#keeper.kept();
    // Times move all the time; which addresses there are is what must not be lost.
    const what = JSON.stringify([
      bootGeneration,
      kept.map(({ device, name, addresses }) => [device, name, addresses.map(({ address }) => address.text)]),
    ]);
    if (what === this.#saved) return;
    const lines = [...this.#keeper.runtimeElements()].flatMap(([set, elements]) => {
      const [family = '', name = ''] = set.split('/');
      return elements.map((element) => bootLine(family, name, element));
    });
    await this.#options.store.writeNames(kept, bootGeneration, lines.join(''));
    this.#saved = what;
  }

  runtimeElements(): ReadonlyMap<string, readonly Element[]> {
    return this.#keeper.runtimeElements();
  }

  named(): NamedAddresses {
    return this.#keeper.named();
  }

  addresses(): Iterable<string> {
    return this.#keeper.addresses();
  }

  dropped(): Record<string, number> {
    return { ...this.#watch.counters(), ...this.#keeper.counters() };
  }

  /** For every device with an entry for the very name. */
  resolved(items: readonly ResolvedName[]): { taken: number; unknown: number } {
    let taken = 0;
    let unknown = 0;
    for (const { name, addresses } of items) {
      const devices = [...this.#keeper.book.devices.values()].filter((device) => device.isExact(name));
      if (devices.length === 0) unknown += 1;
      for (const { address, ttlSeconds } of addresses) {
        const parsed: Address | null = parseAddress(address);
        if (parsed === null) continue;
        for (const { id } of devices) this.#keeper.learn(id, name, [parsed], ttlSeconds, 'look-up');
        taken += devices.length > 0 ? 1 : 0;
      }
    }
    return { taken, unknown };
  }

  table(limit: number): RequestResult<'names'> {
    const { matched, unasked, otherName, unreadable } = this.#watch;
    const rows = this.#rows();
    return {
      resolvers: this.#policy?.site.resolvers.map(({ text }) => text) ?? [],
      names: this.#exactNames(),
      rows: rows.slice(0, limit),
      total: rows.length,
      refused: this.#keeper.refused().map((each) => ({ ...each, why: UNFIT_TEXT[each.why] })),
      answers: { matched, unasked, otherName, unreadable },
    };
  }

  #exactNames(): string[] {
    const names = new Set<string>();
    const policy = this.#policy;
    for (const device of Object.values(policy?.devices ?? {}))
      for (const { peer } of device.allow)
        if (policy) for (const name of peerNames(policy, peer)) if (!isWildcardName(name)) names.add(name);
    return [...names].slice(0, MAX_LOOKED_UP);
  }

  #rows(): NameRow[] {
    const wallMs = this.#options.now() - this.#options.monotonicMs();
    const namesOf = new Map<string, Set<string>>();
    for (const held of this.#keeper.book.all())
      for (const text of held.addresses.keys())
        namesOf.set(text, (namesOf.get(text) ?? new Set()).add(held.name));
    return [...this.#keeper.book.all()].flatMap(({ deviceId, name, services, addresses }) => {
      const device = this.#keeper.nameOf(deviceId);
      if (device === null || services.length === 0) return [];
      return [...addresses.values()].map(({ address, confirmedMs, expiresMs, source }) => ({
        device,
        name,
        address: address.text,
        entries: services.map(({ entry, policyName }) => ({ index: entry, name: policyName })),
        isEssential: services.some(({ isEssential }) => isEssential),
        source,
        confirmedMs: Math.max(0, Math.round(confirmedMs + wallMs)),
        expiresMs: Math.max(0, Math.round(expiresMs + wallMs)),
        sharedWith: [...(namesOf.get(address.text) ?? [])]
          .filter((other) => other !== name)
          .slice(0, MAX_SHARED),
      }));
    });
  }
}

interface ResolvedName {
  readonly name: string;
  readonly addresses: readonly { readonly address: string; readonly ttlSeconds: number }[];
}

/** How long the box was off nobody knows then: what was in use before is in use for as long as after a use. */
function bootLine(family: string, set: string, { key, comment }: Element): string {
  const said = comment === undefined ? '' : ` comment "${comment}"`;
  return `add element ${family} cordon ${set} { ${key} timeout ${NAME_USED_SECONDS}s${said} }\n`;
}
