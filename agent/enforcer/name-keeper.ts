/**
 * Brings the kernel's sets to what names stand for: at once when an answer comes (in the thread that gives the verdict on
 * it, before the device has it), and every minute from what the kernel itself knows of use and time. The elements have
 * kernel timeouts: with this process gone they run out, or stay while they are used. A failure here changes no verdict.
 */
import { networkInterfaces } from 'node:os';
import type { StateChange } from '../messages/vocabulary.js';
import type { ConntrackRecord } from '../netlink/conntrack.js';
import { forEachConntrack } from '../netlink/conntrack.js';
import { changeSetElementsNow, readSetElements, type SetElementChange } from '../netlink/set-elements.js';
import { elementId, elementsOf, type NamedElement } from '../names/named-elements.js';
import { NameBook, type AddressSource, type HeldName } from '../names/name-book.js';
import { judgeAddress } from '../names/judge-address.js';
import { addressFromBytes, type Address } from '../policy/address.js';
import { deviceAddresses, type LearnedAddresses, type NamedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { DEVICE_MASK, deviceOfMark } from '../ruleset/marks.js';
import { namedSets } from '../ruleset/name-chains.js';
import type { Element } from '../ruleset/ruleset.js';
import { elementKey, keptName, nameElement, readElementKey, type KeptName } from './name-elements.js';
import { RefusedAddresses, type RefusedAddress } from './refused-addresses.js';

/** What the kernel knows of use and time is read this often, and what runs out soon is looked for among live connections. */
export const RECONCILE_MS = 60_000;
const RUNS_OUT_SOON_MS = 3 * RECONCILE_MS;
/** An element is put anew only if it gains this much: the same answer again costs no transaction. */
const WORTH_PUTTING_MS = 60_000;
const SETS = namedSets().map(({ name }) => name);

export interface NameKeeperOptions {
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  readonly onError: (error: unknown) => void;
}

interface Situation {
  readonly policy: Policy;
  readonly ids: DeviceIds;
  readonly learned: LearnedAddresses;
}

export class NameKeeper {
  readonly book = new NameBook();
  readonly #options: NameKeeperOptions;
  #policy: Policy | null = null;
  #ids: DeviceIds = new Map();
  #names = new Map<number, string>();
  #guarded: ReadonlySet<string> = new Set();
  #box: ReadonlySet<string> = new Set();
  #resolvers: ReadonlySet<string> = new Set();
  /** When each element leaves the kernel at the earliest, on the clock that only goes forward. */
  #inKernel = new Map<string, number>();
  #kept: readonly KeptName[] = [];
  #isAdopted = false;
  readonly #refused: RefusedAddresses;
  kernelErrors = 0;

  constructor(options: NameKeeperOptions) {
    this.#options = options;
    this.#refused = new RefusedAddresses(options);
  }

  /** What was on disk; it counts from the first policy on. */
  restore(kept: readonly KeptName[]): void {
    this.#kept = kept;
  }

  /** Another policy is in force, or other addresses were learnt. Rejects where the kernel cannot be read or changed. */
  async use(situation: Situation): Promise<void> {
    const { policy, ids } = situation;
    this.#policy = policy;
    this.#ids = ids;
    this.#names = new Map([...ids].map(([name, id]) => [id, name]));
    this.#resolvers = new Set(policy.site.resolvers.map(({ text }) => text));
    this.useLearned(situation);
    this.book.usePolicy(policy, ids);
    this.#takeKept();
    await this.reconcile();
  }

  useLearned({ policy, learned }: Pick<Situation, 'policy' | 'learned'>): void {
    this.#guarded = new Set(
      Object.keys(policy.devices).flatMap((name) =>
        deviceAddresses(policy, name, learned).map(({ text }) => text),
      ),
    );
  }

  isResolver(address: string): boolean {
    return this.#resolvers.has(address);
  }

  /** When this returns the kernel holds what `name` stands for. Never throws: the answer goes on in any case. */
  learn(
    deviceId: number,
    name: string,
    addresses: readonly Address[],
    ttlSeconds: number,
    source: AddressSource,
  ): void {
    const policy = this.#policy;
    if (policy === null) return;
    const surroundings = {
      site: policy.site,
      isGuarded: (text: string) => this.#guarded.has(text),
      isBox: (text: string) => this.#box.has(text),
    };
    const isNamed = (this.book.devices.get(deviceId)?.servicesOf(name) ?? []).length > 0;
    const fit = addresses.filter((address) => {
      const why = judgeAddress(name, address, surroundings);
      if (why !== null && isNamed) this.#refused.add(this.nameOf(deviceId) ?? '', name, address, why);
      return why === null;
    });
    if (fit.length === 0) return;
    const held = this.book.learn(deviceId, name, fit, ttlSeconds, source, this.#options.monotonicMs());
    if (held !== null) this.#put([held]);
  }

  /** Of a connection that ended: whoever used an address may come back to it. */
  connectionEnd(record: Readonly<ConntrackRecord>): void {
    const marked = deviceOfMark(record.mark);
    if (!marked || !this.book.has(marked.deviceId)) return;
    this.#put(this.book.touch(marked.deviceId, peerOf(record, marked.opened), this.#options.monotonicMs()));
  }

  /**
   * The kernel prolongs what is used, and its clock is the one that counts: its times are taken over, what it lost is put
   * back, what nothing stands for any more is taken out.
   */
  async reconcile(): Promise<void> {
    if (this.#policy === null) return;
    this.#box = boxAddresses();
    const inKernel = await this.#readKernel();
    if (!this.#isAdopted) this.#adoptOrphans(inKernel);
    const nowMs = this.#options.monotonicMs();
    this.#adopt(inKernel);
    await this.#touchLive(nowMs);
    this.book.expire(nowMs);
    const wanted = this.#wanted();
    const unwanted = [...inKernel.values()].filter(({ id }) => !wanted.has(id));
    this.#inKernel = new Map([...inKernel].map(([id, { leavesMs }]) => [id, leavesMs]));
    changeSetElementsNow(
      SETS.map((set) => ({
        op: 'delete',
        ...at(set),
        ignoreMissing: true,
        elements: unwanted.filter((element) => element.set === set).map(({ key }) => ({ key })),
      })),
    );
    for (const { id } of unwanted) this.#inKernel.delete(id);
    this.book.takeDropped();
    this.#put([...this.book.all()]);
  }

  /** For tables that begin anew. */
  runtimeElements(): ReadonlyMap<string, readonly Element[]> {
    const nowMs = this.#options.monotonicMs();
    const sets = new Map<string, Element[]>();
    for (const { element, expiresMs } of this.#wanted().values()) {
      const list = sets.get(`inet/${element.set}`) ?? [];
      sets.set(`inet/${element.set}`, list);
      if (expiresMs > nowMs) list.push(nameElement(element, expiresMs - nowMs));
    }
    return sets;
  }

  /** What is worth a place on disk: names that entries cover. */
  kept(): readonly KeptName[] {
    const { now, monotonicMs } = this.#options;
    const wallMs = now() - monotonicMs();
    return [...this.book.all()].flatMap((held) => {
      const device = this.#names.get(held.deviceId);
      return device === undefined || held.services.length === 0 ? [] : [keptName(device, held, wallMs)];
    });
  }

  named(): NamedAddresses {
    return (device, name) => {
      const id = this.#ids.get(device);
      return id === undefined ? [] : this.book.addressesOf(id, name);
    };
  }

  /** Addresses that names of the policy stand for: no device may claim them. */
  *addresses(): Generator<string> {
    for (const held of this.book.all()) if (held.services.length > 0) yield* held.addresses.keys();
  }

  nameOf(deviceId: number): string | null {
    return this.#names.get(deviceId) ?? null;
  }

  refused(): readonly RefusedAddress[] {
    return this.#refused.list();
  }

  counters(): Record<string, number> {
    return {
      nameAddressesRefused: this.#refused.count,
      nameRoom: this.book.full,
      nameKernelErrors: this.kernelErrors,
    };
  }

  #takeKept(): void {
    const { now, monotonicMs } = this.#options;
    const [wallMs, nowMs] = [now(), monotonicMs()];
    for (const { device, name, addresses } of this.#kept) {
      const id = this.#ids.get(device);
      if (id === undefined) continue;
      for (const { address, confirmedMs, expiresMs } of addresses)
        this.book.restore(
          id,
          name,
          {
            address,
            // A box without a clock of its own may believe that it is earlier than when it wrote this.
            confirmedMs: nowMs - Math.max(0, wallMs - confirmedMs),
            expiresMs: nowMs + Math.min(expiresMs - confirmedMs, expiresMs - wallMs),
            source: 'disk',
          },
          nowMs,
        );
    }
    this.#kept = [];
  }

  #put(held: readonly HeldName[]): void {
    const nowMs = this.#options.monotonicMs();
    const puts = new Map<string, { element: NamedElement; expiresMs: number }>();
    for (const { services, addresses } of held)
      for (const { address, expiresMs } of addresses.values())
        for (const element of elementsOf(address, services)) {
          const id = elementId(element);
          const leavesMs = this.#inKernel.get(id) ?? Number.NEGATIVE_INFINITY;
          if (expiresMs <= nowMs || expiresMs - leavesMs < WORTH_PUTTING_MS) continue;
          if ((puts.get(id)?.expiresMs ?? 0) < expiresMs) puts.set(id, { element, expiresMs });
        }
    const gone = this.#gone();
    if (puts.size === 0 && gone.size === 0) return;
    const changes: SetElementChange[] = [];
    for (const set of SETS) {
      const left = [...gone.values()].filter((element) => element.set === set);
      if (left.length > 0)
        changes.push({
          op: 'delete',
          ...at(set),
          ignoreMissing: true,
          elements: left.map((element) => ({ key: elementKey(element) })),
        });
      const ofSet = [...puts].filter(([, { element }]) => element.set === set);
      // Replaced, not prolonged: adding an element that is there does not renew its time on every kernel.
      const old = ofSet.filter(([id]) => this.#inKernel.has(id));
      if (old.length > 0)
        changes.push({
          op: 'delete',
          ...at(set),
          ignoreMissing: true,
          elements: old.map(([, { element }]) => ({ key: elementKey(element) })),
        });
      if (ofSet.length > 0)
        changes.push({
          op: 'add',
          ...at(set),
          ignoreExisting: true,
          elements: ofSet.map(([, { element, expiresMs }]) => ({
            key: elementKey(element),
            timeoutMs: expiresMs - nowMs,
            comment: element.comment,
          })),
        });
    }
    try {
      changeSetElementsNow(changes);
      for (const id of gone.keys()) this.#inKernel.delete(id);
      for (const [id, { expiresMs }] of puts) this.#inKernel.set(id, expiresMs);
    } catch (error) {
      // The next reconciliation tries again from what the kernel then has.
      this.kernelErrors += 1;
      this.#options.onError(error);
    }
  }

  /** Elements that made room, so that a flood of names cannot fill the kernel's sets. */
  #gone(): Map<string, NamedElement> {
    const gone = new Map<string, NamedElement>();
    for (const { deviceId, address, services } of this.book.takeDropped()) {
      for (const element of elementsOf(address, services)) gone.set(elementId(element), element);
      for (const held of this.book.holding(deviceId, address.text))
        for (const element of elementsOf(address, held.services)) gone.delete(elementId(element));
    }
    return gone;
  }

  #wanted(): Map<string, { readonly element: NamedElement; readonly expiresMs: number }> {
    const wanted = new Map<string, { element: NamedElement; expiresMs: number }>();
    for (const { services, addresses } of this.book.all())
      for (const { address, expiresMs } of addresses.values())
        for (const element of elementsOf(address, services)) {
          const id = elementId(element);
          if ((wanted.get(id)?.expiresMs ?? 0) < expiresMs) wanted.set(id, { element, expiresMs });
        }
    return wanted;
  }

  async #readKernel(): Promise<Map<string, InKernel>> {
    const found = new Map<string, InKernel>();
    for (const set of SETS) {
      const elements = await readSetElements('inet', 'cordon', set);
      const nowMs = this.#options.monotonicMs();
      for (const { key, expirationMs = 0, comment } of elements) {
        const read = readElementKey(set, key);
        found.set(read.id, { ...read, set, key, comment, leavesMs: nowMs + expirationMs });
      }
    }
    return found;
  }

  /**
   * At the start: elements of an enforcer that died before it had written down what they belong to. They say which entry they
   * are of; that entry's name has to do.
   */
  #adoptOrphans(inKernel: ReadonlyMap<string, InKernel>): void {
    this.#isAdopted = true;
    const wanted = this.#wanted();
    const nowMs = this.#options.monotonicMs();
    for (const { id, address, comment, leavesMs, mark } of inKernel.values()) {
      if (wanted.has(id) || address === null) continue;
      const deviceId = mark & DEVICE_MASK;
      const services = this.book.devices.get(deviceId)?.services ?? [];
      const service = services.find(
        (each) =>
          each.comment === comment && elementsOf(address, [each]).some((one) => elementId(one) === id),
      );
      if (service === undefined) continue;
      const held = { address, confirmedMs: nowMs, expiresMs: leavesMs, source: 'disk' as const };
      this.book.restore(deviceId, service.policyName, held, nowMs);
    }
  }

  /** The kernel's times where it has the element. */
  #adopt(inKernel: ReadonlyMap<string, InKernel>): void {
    for (const { services, addresses } of this.book.all())
      for (const held of addresses.values())
        for (const element of elementsOf(held.address, services))
          held.expiresMs = Math.max(held.expiresMs, inKernel.get(elementId(element))?.leavesMs ?? 0);
  }

  /** What runs out soon and has a live connection is used. */
  async #touchLive(nowMs: number): Promise<void> {
    const soon = new Set<string>();
    for (const { deviceId, services, addresses } of this.book.all())
      for (const [text, { expiresMs }] of addresses)
        if (services.length > 0 && expiresMs - nowMs < RUNS_OUT_SOON_MS) soon.add(`${deviceId}/${text}`);
    if (soon.size === 0) return;
    await forEachConntrack((record) => {
      const marked = deviceOfMark(record.mark);
      if (!marked || !this.book.has(marked.deviceId)) return;
      const peer = peerOf(record, marked.opened);
      if (soon.delete(`${marked.deviceId}/${peer}`)) this.book.touch(marked.deviceId, peer, nowMs);
    });
  }
}

interface InKernel {
  readonly id: string;
  readonly set: string;
  readonly key: Uint8Array;
  readonly mark: number;
  readonly address: Address | null;
  readonly comment: string | undefined;
  readonly leavesMs: number;
}

function at(set: string) {
  return { family: 'inet', table: 'cordon', set } as const;
}

function boxAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address)),
  );
}

function peerOf(record: Readonly<ConntrackRecord>, opened: boolean): string {
  const offset = opened ? record.original.destinationOffset : record.original.sourceOffset;
  return addressFromBytes(record.buffer.subarray(offset, offset + record.addressBytes)).text;
}
