/**
 * Containment orders: in the kernel first, then on disk, then told. An order holds even if the disk is full; what could
 * not be kept is reported. Runs under the kernel lock.
 */
import { allElements, elementsFor, type ContainmentElement } from '../containment/containment-elements.js';
import {
  MAX_ORDERS,
  effectOn,
  expireOrders,
  nextExpiryMs,
  releaseDevice,
  withOrder,
  type Orders,
} from '../containment/orders.js';
import { RequestError } from '../ipc/errors.js';
import type { ContainmentOrder, StateChange } from '../messages/vocabulary.js';
import { addressKey, markKey } from '../netlink/keys.js';
import { changeSetElements, type SetElement, type SetElementChange } from '../netlink/set-elements.js';
import { ownValue } from '../policy/resolve-peers.js';
import { markText } from '../ruleset/marks.js';
import type { Element } from '../ruleset/ruleset.js';
import type { InForce } from './policy-keeper.js';
import type { StateStore } from './state-store.js';

/** setTimeout's own limit; a later expiry is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** An end that the kernel refused is tried again after this. */
const RETRY_MS = 1000;

export interface ContainmentKeeperOptions {
  readonly mode: 'bridge' | 'router';
  readonly store: StateStore;
  readonly now: () => number;
  readonly inForce: () => InForce;
  readonly cutConnections: (orders: Orders) => Promise<number>;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  readonly runLocked: <T>(work: () => Promise<T>) => Promise<T>;
}

export class ContainmentKeeper {
  readonly #options: ContainmentKeeperOptions;
  #orders: Orders = [];
  /** What we put into the kernel, by device: taken out again when it changes. */
  readonly #inKernel = new Map<string, readonly ContainmentElement[]>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ContainmentKeeperOptions) {
    this.#options = options;
  }

  get orders(): Orders {
    return this.#orders;
  }

  /** Orders from disk; they reach the kernel with the first `sync`. */
  async load(): Promise<void> {
    const { orders, problem } = await this.#options.store.readContainment();
    this.#orders = orders;
    if (problem !== null) this.#tellLost(problem);
  }

  /** Brings the kernel's elements to what the orders and the policy in force say. */
  async sync(): Promise<void> {
    const devices = new Set([...this.#orders.map((order) => order.device), ...this.#inKernel.keys()]);
    for (const device of devices) await this.#act(device);
    this.#schedule();
  }

  async order(
    order: Omit<ContainmentOrder, 'sinceMs' | 'untilMs'>,
    forSeconds: number | null,
  ): Promise<{ order: ContainmentOrder; connectionsCut: number }> {
    const { inForce, now } = this.#options;
    if (!ownValue(inForce().policy.devices, order.device))
      throw new RequestError('unknown-device', `the policy has no device "${order.device}"`);
    if (this.#orders.length >= MAX_ORDERS)
      throw new RequestError('busy', `${MAX_ORDERS} orders hold already`);
    const sinceMs = now();
    const before = this.#orders;
    const { orders, held } = withOrder(before, {
      ...order,
      sinceMs,
      untilMs: forSeconds === null ? null : sinceMs + forSeconds * 1000,
    });
    this.#orders = orders;
    try {
      await this.#act(order.device);
    } catch (error) {
      this.#orders = before;
      throw new RequestError(
        'kernel-refused',
        `the kernel refused the order: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    const connectionsCut = await this.#options.cutConnections(this.#orders);
    await this.#keep();
    this.#tell(
      'containment-ordered',
      held,
      `${held.level}, by ${held.source}, ${connectionsCut} connections cut: ${held.reason}`,
    );
    this.#schedule();
    return { order: held, connectionsCut };
  }

  async release(device: string, by: string, reason: string): Promise<{ released: ContainmentOrder[] }> {
    const { orders, released } = releaseDevice(this.#orders, device);
    const first = released[0];
    if (!first) throw new RequestError('unknown-device', `"${device}" is not contained`);
    const before = this.#orders;
    this.#orders = orders;
    try {
      await this.#act(device);
    } catch (error) {
      this.#orders = before;
      throw new RequestError(
        'kernel-refused',
        `the kernel refused the release: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    await this.#keep();
    this.#tell('containment-released', { ...first, by }, reason);
    this.#schedule();
    return { released: [...released] };
  }

  /** For a ruleset that begins anew: at boot, and when somebody removed our tables. */
  runtimeElements(): ReadonlyMap<string, readonly Element[]> {
    const { inForce, mode, now } = this.#options;
    const { ids, policy } = inForce();
    const byText = new Map<string, Element[]>();
    for (const element of allElements(
      this.#orders,
      ids,
      (device) => ownValue(policy.devices, device)?.identity.macs ?? [],
      mode,
      now(),
    )) {
      const list = byText.get(element.set) ?? [];
      byText.set(element.set, [...list, toText(element)]);
    }
    return byText;
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #act(device: string): Promise<void> {
    const { inForce, mode, now } = this.#options;
    const { ids, policy } = inForce();
    const next = elementsFor(
      device,
      effectOn(this.#orders, device),
      ids,
      ownValue(policy.devices, device)?.identity.macs ?? [],
      mode,
      now(),
    );
    const before =
      this.#inKernel.get(device) ??
      elementsFor(
        device,
        { level: 'cut', untilMs: null },
        ids,
        ownValue(policy.devices, device)?.identity.macs ?? [],
        mode,
        now(),
      );
    await changeSetElements([...changes('delete', before), ...changes('add', next)]);
    if (next.length > 0) this.#inKernel.set(device, next);
    else this.#inKernel.delete(device);
  }

  async #keep(): Promise<void> {
    const elements = [...this.runtimeElements()].flatMap(([set, list]) => {
      const [family = '', name = ''] = set.split('/');
      return list.map(
        (element) =>
          `add element ${family} cordon ${name} { ${element.key}${element.value === undefined ? '' : ` : ${element.value}`} }\n`,
      );
    });
    try {
      await this.#options.store.writeContainment([...this.#orders], elements.join(''));
    } catch (error) {
      // The kernel holds the order all the same; a person must know that a power cut would lose it.
      this.#tellLost(
        `containment orders are not on disk: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
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
    const next = nextExpiryMs(this.#orders);
    if (next === null) return;
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(soonestMs, next - this.#options.now()));
    this.#timer = setTimeout(
      () => void this.#options.runLocked(() => this.#expire()).catch(() => undefined),
      waitMs,
    );
  }

  /** An order that the kernel does not let go stays an order, and its end is tried again. */
  async #expire(): Promise<void> {
    const { released } = expireOrders(this.#orders, this.#options.now());
    let isRefused = false;
    for (const order of released) {
      const before = this.#orders;
      this.#orders = before.filter((each) => each !== order);
      try {
        await this.#act(order.device);
      } catch {
        this.#orders = before;
        isRefused = true;
        continue;
      }
      this.#tell('containment-expired', order, `${order.level} ended as ordered by ${order.by}`);
    }
    if (released.length > 0) await this.#keep();
    this.#schedule(isRefused ? RETRY_MS : 0);
  }

  #tell(kind: StateChange['kind'], order: ContainmentOrder, detail: string): void {
    this.#options.tell({
      kind,
      by: order.by,
      device: order.device,
      generation: null,
      detail: detail.slice(0, 500),
    });
  }
}

function changes(op: 'add' | 'delete', elements: readonly ContainmentElement[]): readonly SetElementChange[] {
  return (['inet/containment', 'bridge/cut_macs'] as const).flatMap((set): SetElementChange[] => {
    const own = elements.filter((element) => element.set === set);
    if (own.length === 0) return [];
    const [family, name] =
      set === 'inet/containment' ? (['inet', 'containment'] as const) : (['bridge', 'cut_macs'] as const);
    return [
      {
        op,
        family,
        table: 'cordon',
        set: name,
        elements: own.map((element) => toElement(op, element)),
        ...(op === 'delete' ? { ignoreMissing: true } : {}),
      },
    ];
  });
}

function toElement(op: 'add' | 'delete', element: ContainmentElement): SetElement {
  const key =
    'mark' in element.key
      ? markKey(element.key.mark)
      : addressKey(Uint8Array.from(element.key.mac.split(':'), (byte) => Number.parseInt(byte, 16)));
  if (op === 'delete') return { key };
  return {
    key,
    ...(element.verdict ? { data: { verdict: element.verdict.kind, chain: element.verdict.chain } } : {}),
    ...(element.timeoutMs === null ? {} : { timeoutMs: element.timeoutMs }),
  };
}

function toText(element: ContainmentElement): Element {
  const timeout = element.timeoutMs === null ? '' : ` timeout ${element.timeoutMs}ms`;
  const key = 'mark' in element.key ? markText(element.key.mark) : element.key.mac;
  return {
    key: `${key}${timeout}`,
    ...(element.verdict ? { value: `${element.verdict.kind} ${element.verdict.chain}` } : {}),
  };
}
