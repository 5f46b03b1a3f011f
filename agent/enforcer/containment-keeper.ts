/**
 * Containment orders: in the kernel first, then on disk, then told. An order neither waits for a change of policy that is under
 * way nor for the disk; what could not be kept is told and tried again. `sync` and `load` run under the kernel lock.
 */
import { counted } from '../counted.js';
import { adoptOrders } from '../containment/adopt-orders.js';
import { elementsOf, type ContainmentElements } from '../containment/containment-elements.js';
import { effectsOf, membersOf, ordersOn } from '../containment/effects.js';
import { fromRecord, toRecord } from '../containment/order-record.js';
import {
  MAX_ORDERS,
  createOrder,
  expireOrders,
  isSameScope,
  nextMomentMs,
  releaseOrders,
  remindOrders,
  scopeText,
  toMessage,
  withMembers,
  withOrder,
  type NewOrder,
  type Now,
  type Order,
  type Orders,
} from '../containment/orders.js';
import { RequestError } from '../ipc/errors.js';
import type { ContainmentOrder, ContainmentScope, StateChange } from '../messages/vocabulary.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { Element } from '../ruleset/ruleset.js';
import { ContainmentKernel, bootText, elementTexts } from './containment-kernel.js';
import { KernelLock } from './kernel-lock.js';
import type { InForce } from './in-force.js';
import type { StateStore } from './state-store.js';

/** setTimeout's own limit; a later moment is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** An end that the kernel refused, and a disk that did, are tried again after this. */
const RETRY_MS = 1_000;
const DISK_RETRY_MS = 30_000;
/** What is left of timed orders is written this often: what a power cut may add to them. */
const REWRITE_MS = 300_000;
/** Orders named in a refusal. */
const MAX_NAMED = 8;

export interface ContainmentKeeperOptions {
  readonly mode: 'bridge' | 'router';
  readonly store: StateStore;
  readonly wallMs: () => number;
  readonly steadyMs: () => number;
  readonly bootId: string;
  readonly inForce: () => InForce;
  /** Puts our tables back, if somebody took them. */
  readonly repair: () => Promise<unknown>;
  readonly cutConnections: (scope: ContainmentScope) => Promise<number>;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  /** After every change of what holds. */
  readonly onChange: () => void;
}

export interface ReleaseResult {
  readonly released: ContainmentOrder[];
  readonly stillHeldBy: ContainmentOrder[];
}

export class ContainmentKeeper {
  readonly #options: ContainmentKeeperOptions;
  readonly #kernel: ContainmentKernel;
  readonly #disk = new KernelLock();
  #orders: Orders = [];
  #nextId = 1;
  #isStarted = false;
  #timer: NodeJS.Timeout | null = null;
  #writeTimer: NodeJS.Timeout | null = null;
  #isDiskRefusing = false;

  constructor(options: ContainmentKeeperOptions) {
    this.#options = options;
    this.#kernel = new ContainmentKernel(options.mode, options.steadyMs);
  }

  get orders(): Orders {
    return this.#orders;
  }

  messages(orders: Orders = this.#orders): ContainmentOrder[] {
    const now = this.#now();
    return orders.map((order) => toMessage(order, now));
  }

  /** Orders from disk; they reach the kernel with the first `sync`. */
  async load(): Promise<void> {
    const { store, bootId, steadyMs } = this.#options;
    const { record, problem } = await store.readContainment();
    if (record !== null) {
      this.#orders = fromRecord(record, bootId, steadyMs());
      this.#nextId = record.nextId;
    }
    if (problem !== null) this.#tellLost(problem);
  }

  /** Brings the kernel to what the orders and the policy in force say, whatever became of its sets meanwhile. */
  async sync(): Promise<void> {
    const { policy, ids } = this.#options.inForce();
    const before = this.#orders;
    this.#orders = withMembers(before, (tag) => membersOf(policy, tag));
    const inKernel = await this.#kernel.read(this.#wanted());
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#adopt(adoptOrders(inKernel, this.#wanted(), ids));
    }
    await this.#kernel.bring(() => this.#wanted());
    if (this.#orders !== before) await this.#keep();
    this.#schedule();
    this.#options.onChange();
  }

  /** Throws RequestError; then nothing changed. `mayWait`: also for a device or tag that the policy does not have yet. */
  async order(
    order: NewOrder,
    mayWait = false,
  ): Promise<{ order: ContainmentOrder; connectionsCut: number }> {
    const { policy } = this.#options.inForce();
    const members = membersOf(policy, tagOf(order.scope) ?? '');
    if (!mayWait) checkScope(order.scope, policy.devices, members);
    if (this.#orders.length >= MAX_ORDERS)
      throw new RequestError('busy', `${MAX_ORDERS} orders hold already`);
    const fresh = createOrder(order, this.#nextId, members, this.#now());
    this.#nextId += 1;
    const { orders, held } = withOrder(this.#orders, fresh);
    await this.#change(orders, 'the kernel refused the order');
    const connectionsCut = await this.#options.cutConnections(order.scope);
    await this.#keep();
    this.#tell(
      'containment-ordered',
      held,
      held.by,
      `${scopeText(held.scope)} ${held.level}, by ${held.source}, ${counted(connectionsCut, 'connection')} cut: ${order.reason}`,
    );
    return { order: toMessage(held, this.#now()), connectionsCut };
  }

  /** Throws RequestError; then nothing changed. */
  async release(
    scope: ContainmentScope,
    by: string,
    reason: string,
    ids: readonly number[] | 'all' | null,
  ): Promise<ReleaseResult> {
    const candidates = this.#orders.filter((order) => isSameScope(order.scope, scope));
    if (candidates.length === 0) throw new RequestError('not-contained', this.#whyNotContained(scope));
    if (ids === null && candidates.length > 1)
      throw new RequestError(
        'several-orders',
        `${candidates.length} orders hold ${scopeText(scope)}: ${listText(candidates)}`,
      );
    const { orders, released } = releaseOrders(this.#orders, scope, ids ?? 'all');
    if (released.length === 0)
      throw new RequestError(
        'not-contained',
        `no order with that number holds ${scopeText(scope)}: ${listText(candidates)}`,
      );
    await this.#change(orders, 'the kernel refused the release');
    await this.#keep();
    for (const order of released)
      this.#tell('containment-released', order, by, `${scopeText(order.scope)}: ${reason}`);
    return {
      released: this.messages(released),
      stillHeldBy: this.messages(this.#reaching(scope)),
    };
  }

  /** For a ruleset that begins anew: at boot, and when somebody removed our tables. */
  runtimeElements(): ReadonlyMap<string, readonly Element[]> {
    return elementTexts(this.#wanted(), this.#options.steadyMs());
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#writeTimer) clearTimeout(this.#writeTimer);
  }

  #now(): Now {
    return { wallMs: this.#options.wallMs(), steadyMs: this.#options.steadyMs() };
  }

  #wanted(): ContainmentElements {
    const { mode, inForce } = this.#options;
    const { ids, policy } = inForce();
    return elementsOf(effectsOf(this.#orders, policy), ids, policy, mode);
  }

  async #change(orders: Orders, refusal: string): Promise<void> {
    const before = this.#orders;
    this.#orders = orders;
    try {
      await this.#kernel.bring(() => this.#wanted()).catch(() => this.#bringAfterRepair());
    } catch (error) {
      this.#orders = withoutChange(this.#orders, before, orders);
      throw new RequestError('kernel-refused', `${refusal}: ${messageOf(error)}`);
    }
    this.#schedule();
    this.#options.onChange();
  }

  async #bringAfterRepair(): Promise<void> {
    await this.#options.repair();
    await this.#kernel.bring(() => this.#wanted());
  }

  #adopt(found: ReturnType<typeof adoptOrders>): void {
    for (const { scope, level, endsMs } of found) {
      const now = this.#now();
      const order: Order = {
        ...createOrder(
          {
            scope,
            level,
            sparesLifeSustaining: false,
            by: 'enforcer',
            source: 'adopted',
            reason: 'found in the kernel; its record was lost',
            forSeconds: null,
          },
          this.#nextId,
          [],
          now,
        ),
        endsMs,
      };
      this.#nextId += 1;
      this.#orders = [...this.#orders, order];
      this.#tell('containment-ordered', order, order.by, `${scopeText(scope)} ${level}: ${order.reason}`);
    }
  }

  /** Orders that go on reaching what a scope is about. */
  #reaching(scope: ContainmentScope): Orders {
    if (scope === 'box') return this.#orders.filter((order) => order.scope === 'box');
    const { policy } = this.#options.inForce();
    const devices = 'device' in scope ? [scope.device] : membersOf(policy, scope.tag);
    return [...new Set(devices.flatMap((device) => ordersOn(this.#orders, device)))];
  }

  #whyNotContained(scope: ContainmentScope): string {
    const others = this.#reaching(scope);
    return others.length === 0
      ? `${scopeText(scope)} is not contained`
      : `no order is on ${scopeText(scope)} itself; what holds it: ${listText(others)}`;
  }

  async #keep(): Promise<void> {
    const { store, bootId, steadyMs } = this.#options;
    try {
      await this.#disk.run(() => {
        const nowMs = steadyMs();
        const record = toRecord(this.#orders, this.#nextId, bootId, nowMs);
        return store.writeContainment(record, bootText(this.#wanted(), nowMs));
      });
      this.#isDiskRefusing = false;
    } catch (error) {
      // The kernel holds the order all the same; a person must know that a power cut would lose it.
      if (!this.#isDiskRefusing)
        this.#tellLost(`containment orders are not on disk, tried again until they are: ${messageOf(error)}`);
      this.#isDiskRefusing = true;
    }
    const isTimed = this.#orders.some(({ endsMs }) => endsMs !== null);
    if (this.#writeTimer) clearTimeout(this.#writeTimer);
    this.#writeTimer = null;
    if (this.#isDiskRefusing || isTimed)
      this.#writeTimer = setTimeout(
        () => void this.#keep(),
        this.#isDiskRefusing ? DISK_RETRY_MS : REWRITE_MS,
      ).unref();
  }

  #tellLost(detail: string): void {
    this.#options.tell({
      kind: 'evidence-dropped',
      by: 'enforcer',
      device: null,
      generation: null,
      detail: detail.slice(0, 500),
    });
  }

  #schedule(soonestMs = 0): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const next = nextMomentMs(this.#orders);
    if (next === null) return;
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(soonestMs, next - this.#options.steadyMs()));
    this.#timer = setTimeout(() => void this.#pass(), waitMs);
  }

  /** Reminders and ends that are due. An order that the kernel does not let go stays an order, and its end is tried again. */
  async #pass(): Promise<void> {
    const reminded = remindOrders(this.#orders, this.#options.steadyMs());
    this.#orders = reminded.orders;
    for (const order of reminded.due)
      this.#tell(
        'containment-ending',
        order,
        'enforcer',
        `${scopeText(order.scope)}: ${order.level} ends by itself in ${Math.max(0, Math.round(((order.endsMs ?? 0) - this.#options.steadyMs()) / 1000))} s, as ordered by ${order.by}`,
      );
    const { orders, released } = expireOrders(this.#orders, this.#options.steadyMs());
    let retryMs = 0;
    if (released.length > 0) {
      try {
        await this.#change(orders, 'the kernel did not let go');
        for (const order of released)
          this.#tell(
            'containment-expired',
            order,
            'enforcer',
            `${scopeText(order.scope)}: ${order.level} ended as ordered by ${order.by}`,
          );
      } catch {
        retryMs = RETRY_MS;
      }
    }
    if (reminded.due.length + released.length > 0) await this.#keep();
    this.#schedule(retryMs);
  }

  #tell(kind: StateChange['kind'], order: Order, by: string, detail: string): void {
    this.#options.tell({
      kind,
      by,
      device: order.scope !== 'box' && 'device' in order.scope ? order.scope.device : null,
      generation: null,
      detail: detail.slice(0, 500),
      order: toMessage(order, this.#now()),
    });
  }
}

/** Takes back what one change put in or left out, and nothing that others changed meanwhile. */
function withoutChange(current: Orders, before: Orders, after: Orders): Orders {
  if (current === after) return before;
  const added = after.filter((order) => !before.includes(order));
  const removed = before.filter((order) => !after.includes(order));
  return [...current.filter((order) => !added.includes(order)), ...removed];
}

function tagOf(scope: ContainmentScope): string | null {
  return scope !== 'box' && 'tag' in scope ? scope.tag : null;
}

/** Throws RequestError for what the policy does not know. */
function checkScope(
  scope: ContainmentScope,
  devices: Readonly<Record<string, unknown>>,
  members: readonly string[],
): void {
  if (scope === 'box') return;
  if ('tag' in scope) {
    if (members.length === 0)
      throw new RequestError('unknown-device', `no device of the policy has the tag "${scope.tag}"`);
  } else if (ownValue(devices, scope.device) === undefined)
    throw new RequestError('unknown-device', `the policy has no device "${scope.device}"`);
}

/** For a message of bounded length. */
function listText(orders: Orders): string {
  const more = orders.length > MAX_NAMED ? ` and ${orders.length - MAX_NAMED} more` : '';
  return orders.slice(0, MAX_NAMED).map(orderText).join('; ') + more;
}

function orderText(order: Order): string {
  return `${order.id} (${scopeText(order.scope)} ${order.level} by ${order.by}, ${order.source})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
