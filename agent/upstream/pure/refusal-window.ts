/**
 * How many refusals go upstream: the first of a kind at once, then one event a window with the count of the rest. Pure
 * but for the window's own state. A device that tries every port must not become 65,535 events.
 */
import type { ConnectionSummary, RefusalReason } from '../../messages/vocabulary.js';

export const WINDOW_MS = 60_000;
/** Kinds told apart for one device within a window; further ones share an event with no peer and no port. */
export const MAX_KINDS_PER_DEVICE = 64;
/** Kinds held in all; past this, refusals are left to the store's count and to the kernel's. */
export const MAX_KINDS = 20_000;

export type Refusal = ConnectionSummary & { readonly refused: RefusalReason };

interface Kind {
  readonly device: string;
  readonly endsAtMs: number;
  /** What came since the last event of this kind. */
  waiting: Refusal | null;
}

export class RefusalWindow {
  /** Refused packets that no event tells of. */
  dropped = 0;
  readonly #kinds = new Map<string, Kind>();
  readonly #kindsByDevice = new Map<string, number>();

  /** The event to send now, or null when it waits for the window's end. */
  add(refusal: Refusal, nowMs: number): Refusal | null {
    const device = refusal.device ?? refusal.deviceMac ?? '';
    const isFull = (this.#kindsByDevice.get(device) ?? 0) >= MAX_KINDS_PER_DEVICE;
    const exact = this.#kinds.get(keyOf(refusal));
    if (exact) return merge(exact, refusal);
    const item = isFull
      ? { ...refusal, peer: null, deviceAddress: null, protocol: null, port: null }
      : refusal;
    const key = keyOf(item);
    const shared = this.#kinds.get(key);
    if (shared) return merge(shared, item);
    if (this.#kinds.size >= MAX_KINDS) {
      this.dropped += refusal.count;
      return null;
    }
    this.#kinds.set(key, { device, endsAtMs: nowMs + WINDOW_MS, waiting: null });
    this.#kindsByDevice.set(device, (this.#kindsByDevice.get(device) ?? 0) + 1);
    return item;
  }

  /** The events of the windows that have ended. Call about once a second. */
  ended(nowMs: number): Refusal[] {
    const events: Refusal[] = [];
    for (const [key, kind] of this.#kinds) {
      // Insertion order is end order, for windows are of one length and a kind is set anew when its window ends.
      if (kind.endsAtMs > nowMs) break;
      this.#kinds.delete(key);
      if (kind.waiting) {
        events.push(kind.waiting);
        this.#kinds.set(key, { device: kind.device, endsAtMs: nowMs + WINDOW_MS, waiting: null });
      } else this.#forget(kind.device);
    }
    return events;
  }

  /** Everything that waits, for a process that stops. */
  drain(): Refusal[] {
    const events = [...this.#kinds.values()].flatMap((kind) => kind.waiting ?? []);
    this.#kinds.clear();
    this.#kindsByDevice.clear();
    return events;
  }

  #forget(device: string): void {
    const left = (this.#kindsByDevice.get(device) ?? 0) - 1;
    if (left > 0) this.#kindsByDevice.set(device, left);
    else this.#kindsByDevice.delete(device);
  }
}

function merge(kind: Kind, refusal: Refusal): null {
  const before = kind.waiting;
  kind.waiting = before
    ? {
        ...before,
        count: before.count + refusal.count,
        firstMs: Math.min(before.firstMs, refusal.firstMs),
        lastMs: Math.max(before.lastMs, refusal.lastMs),
      }
    : refusal;
  return null;
}

function keyOf(item: Refusal): string {
  const device = item.device ?? item.deviceMac;
  return JSON.stringify([device, item.from, item.peer, item.protocol, item.port, item.refused]);
}
