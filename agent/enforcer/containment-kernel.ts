/**
 * The kernel's side of containment: brings the runtime sets to what the orders say, in one transaction of the elements that
 * differ, over raw netlink. Called by containment-keeper.ts and by nobody else. Never touches an element that stays.
 */
import {
  CONTAINMENT_SETS,
  diffElements,
  elementName,
  timeoutMs,
  type ContainmentElement,
  type ContainmentElements,
  type ContainmentSet,
} from '../containment/containment-elements.js';
import { addressKey, markKey } from '../netlink/keys.js';
import {
  SetElementError,
  changeSetElements,
  readSetElements,
  type SetElement,
  type SetElementChange,
} from '../netlink/set-elements.js';
import { markText } from '../ruleset/marks.js';
import type { Element } from '../ruleset/ruleset.js';
import { KernelLock } from './kernel-lock.js';

/** What is left of a timeout is read in milliseconds and put in a little later: nearer than this is the same end. */
const SAME_END_MS = 1_000;

export class ContainmentKernel {
  readonly #sets: readonly ContainmentSet[];
  readonly #steadyMs: () => number;
  /** One transaction at a time: an order does not wait for a policy (the kernel lock), but for another order. */
  readonly #lock = new KernelLock();
  #holds: ContainmentElements = new Map();

  constructor(mode: 'bridge' | 'router', steadyMs: () => number) {
    this.#sets = CONTAINMENT_SETS.filter((set) => mode === 'bridge' || set.startsWith('inet'));
    this.#steadyMs = steadyMs;
  }

  /** Rejects with NetlinkError, and then the kernel holds what it held. */
  bring(wanted: () => ContainmentElements): Promise<void> {
    return this.#lock.run(async () => {
      const next = wanted();
      const { gone, fresh } = diffElements(this.#holds, next);
      if (gone.length + fresh.length === 0) return;
      try {
        await changeSetElements([...this.#changes('delete', gone), ...this.#changes('add', fresh)]);
      } catch (error) {
        if (!(error instanceof SetElementError)) throw error;
        // Something of it is there already, put in by another hand: take that out first.
        await changeSetElements([
          ...this.#changes('delete', [...gone, ...fresh]),
          ...this.#changes('add', fresh),
        ]);
      }
      this.#holds = next;
    });
  }

  /** Looks what the sets hold, after tables were made anew or at the start. Rejects with NetlinkError. */
  async read(wanted: ContainmentElements): Promise<ContainmentElements> {
    const found = new Map<string, ContainmentElement>();
    for (const set of this.#sets) {
      const { family, name } = partsOf(set);
      const steadyMs = this.#steadyMs();
      for (const element of await readSetElements(family, 'cordon', name)) {
        const left = element.expirationMs ?? element.timeoutMs ?? null;
        const read = fromElement(set, element, left === null ? null : steadyMs + left);
        const same = wanted.get(elementName(read));
        const isSameEnd =
          typeof same?.endsMs === 'number' &&
          read.endsMs !== null &&
          Math.abs(same.endsMs - read.endsMs) < SAME_END_MS;
        found.set(elementName(read), isSameEnd ? { ...read, endsMs: same.endsMs } : read);
      }
    }
    this.#holds = found;
    return found;
  }

  #changes(op: 'add' | 'delete', elements: readonly ContainmentElement[]): readonly SetElementChange[] {
    const steadyMs = this.#steadyMs();
    return this.#sets.flatMap((set): SetElementChange[] => {
      const own = elements.filter((element) => element.set === set);
      if (own.length === 0) return [];
      const { family, name } = partsOf(set);
      return [
        {
          op,
          family,
          table: 'cordon',
          set: name,
          elements: own.map((element) => toElement(op, element, steadyMs)),
          ...(op === 'delete' ? { ignoreMissing: true } : {}),
        },
      ];
    });
  }
}

function partsOf(set: ContainmentSet): { readonly family: 'inet' | 'bridge'; readonly name: string } {
  const [family = '', name = ''] = set.split('/');
  return { family: family === 'bridge' ? 'bridge' : 'inet', name };
}

function toElement(op: 'add' | 'delete', element: ContainmentElement, steadyMs: number): SetElement {
  const key =
    'mark' in element.key
      ? markKey(element.key.mark)
      : addressKey(Uint8Array.from(element.key.mac.split(':'), (byte) => Number.parseInt(byte, 16)));
  if (op === 'delete') return { key };
  const timeout = timeoutMs(element, steadyMs);
  return {
    key,
    ...(element.chain === null ? {} : { data: { verdict: 'jump', chain: element.chain } }),
    ...(timeout === null ? {} : { timeoutMs: timeout }),
  };
}

function fromElement(set: ContainmentSet, element: SetElement, endsMs: number | null): ContainmentElement {
  const bytes = [...element.key];
  const chain = element.data !== undefined && 'chain' in element.data ? element.data.chain : null;
  return {
    set,
    key:
      set === 'bridge/cut_macs'
        ? { mac: bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':') }
        : { mark: bytes.reduceRight((mark, byte) => mark * 256 + byte, 0) },
    chain: chain === 'contained_out' || chain === 'contained_in' ? chain : null,
    endsMs,
  };
}

/** As nft text, for a ruleset that begins anew and for the boot. */
export function elementTexts(
  elements: ContainmentElements,
  steadyMs: number,
): ReadonlyMap<string, readonly Element[]> {
  const bySet = new Map<string, Element[]>();
  for (const element of elements.values()) {
    const timeout = timeoutMs(element, steadyMs);
    const key = 'mark' in element.key ? markText(element.key.mark) : element.key.mac;
    const list = bySet.get(element.set) ?? [];
    list.push({
      key: timeout === null ? key : `${key} timeout ${timeout}ms`,
      ...(element.chain === null ? {} : { value: `jump ${element.chain}` }),
    });
    bySet.set(element.set, list);
  }
  return bySet;
}

/** One line an element: firmware/load-ruleset loads them one by one if it has to. */
export function bootText(elements: ContainmentElements, steadyMs: number): string {
  return [...elementTexts(elements, steadyMs)]
    .flatMap(([set, list]) => {
      const [family = '', name = ''] = set.split('/');
      return list.map(
        ({ key, value }) =>
          `add element ${family} cordon ${name} { ${key}${value === undefined ? '' : ` : ${value}`} }\n`,
      );
    })
    .join('');
}
