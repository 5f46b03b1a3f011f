/**
 * Inline inspection: first packets of permitted connections wait in the kernel for what the detectors say. Owns the queue
 * and the heartbeat that opens the way to it. Every failure closes that way, and the allow-list alone decides: a process
 * that is gone (bypass), a queue that is full (fail open), one that hangs (the heartbeat runs out), a kernel that drops.
 */
import { readFileSync } from 'node:fs';
import type { Verdict } from '../detect/verdict.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import { readPacketCounter } from '../netlink/nf-tables-counter.js';
import { openNfqueue, type Nfqueue } from '../netlink/nfqueue.js';
import type { QueuedPacket } from '../netlink/nfqueue-codec.js';
import { changeSetElements, type SetElementChange } from '../netlink/set-elements.js';
import {
  HOLD_QUEUE_LENGTH,
  INSPECTION_HEARTBEAT_TIMEOUT_MS,
  NAME_SNAP_BYTES,
} from '../policy/default-policy.js';
import { ADMITTED } from '../ruleset/marks.js';
import { HELD_COUNTER, HOLD_QUEUE, INSPECTING_SET, NOT_HELD_COUNTER } from '../ruleset/reasons.js';
import { HeldBalance } from './held-balance.js';
import type { HoldRule } from './hold-rule.js';

/** Some beats may be late before the way to the queue closes. */
const HEARTBEAT_MS = 250;
/** Long enough for what was dropped to be sent again without meeting the queue (RFC 6298: 1, 3, 7, 15 s). */
const SUSPENDED_MS = 30_000;
/** Twice as long each time, up to this. */
const LONGEST_SUSPENDED_MS = 3_600_000;
/** As the activity log tells it, to people who do not know the word for it. */
const HELD = 'inline: the first packet of a new connection waits until the detectors have seen it';
const WATCHED = 'tap mode: detectors see first packets, but nothing waits for them';
const QUEUE_BUFFER_BYTES = 2 * 1024 * 1024;
const NF_PROTOCOLS = [2, 10] as const;
/** linux/if.h */
const IFF_PROMISC = 0x100;
const QUEUE_STATE = '/proc/net/netfilter/nfnetlink_queue';

export interface InlineOptions {
  readonly hold: HoldRule;
  /** Bridge mode: the bridge; else null. */
  readonly bridge: string | null;
  readonly now: () => number;
  readonly decide: (packet: Readonly<QueuedPacket>) => Verdict;
  /** It began, ended or was suspended: for the log and upstream. */
  readonly onChange: (detail: string) => void;
  readonly onError: (error: unknown) => void;
}

export class InlineVerdicts {
  readonly #options: InlineOptions;
  #queue: Nfqueue | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isOpen = false;
  #why: string | null = null;
  #suspendedUntilMs = 0;
  #balance: HeldBalance | null = null;
  #droppedByKernel = 0;
  /** The queue's own counter, which begins anew with it. */
  #droppedRead = 0;
  #suspendForMs = SUSPENDED_MS;
  /** Of queues that were closed and opened again. */
  #earlier = { received: 0, dropped: 0, undecided: 0, verdictErrors: 0, decodeErrors: 0 };
  #refusedBytes = 0;

  constructor(options: InlineOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#why = this.#options.hold.why;
    await this.#beatOnce();
    if (!this.#isOpen && this.#options.hold.wanted === 'inline')
      this.#options.onChange(`${WATCHED}: ${this.#why ?? 'not known why'}`);
    this.#timer = setInterval(() => void this.#beatOnce(), HEARTBEAT_MS);
  }

  status(): EnforcerStatus['inspection'] {
    const { received, dropped } = this.#counters();
    const { hold } = this.#options;
    return {
      wanted: hold.wanted,
      active: this.#isOpen ? 'inline' : 'tap',
      how: hold.kind,
      why: this.#isOpen || hold.wanted === 'tap' ? null : (this.#why ?? hold.why),
      held: received,
      refused: dropped,
      unseen: this.#balance?.unseen ?? 0,
    };
  }

  refused(): { readonly packets: number; readonly bytes: number } {
    return { packets: this.#counters().dropped, bytes: this.#refusedBytes };
  }

  dropped(): Record<string, number> {
    const { undecided, verdictErrors, decodeErrors } = this.#counters();
    return {
      heldDecodeErrors: decodeErrors,
      heldUndecided: undecided,
      heldVerdictErrors: verdictErrors,
      heldLost: this.#droppedByKernel + (this.#balance?.lost ?? 0),
    };
  }

  /** The way to the queue first, then the queue: nothing is dropped. Safe twice. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.#isOpen = true; // a beat may be under way
    await this.#closeGate();
    this.#closeQueue();
  }

  /** A beat that fails leaves the way to the queue to run out. */
  #beatOnce(): Promise<void> {
    return this.#beat().catch((error: unknown) => {
      this.#why = text(error);
      this.#options.onError(error);
    });
  }

  async #beat(): Promise<void> {
    const reason = this.#openQueue();
    if (reason !== null) return this.#tap(reason);
    const { bridge, now } = this.#options;
    const lost = await this.#lostPackets();
    if (bridge !== null && isPromiscuous(bridge))
      return this.#tap(`${bridge} is promiscuous (a capture?): the kernel would drop what it is to hold`);
    if (lost > 0) {
      this.#suspendedUntilMs = now() + this.#suspendForMs;
      this.#suspendForMs = Math.min(LONGEST_SUSPENDED_MS, 2 * this.#suspendForMs);
    }
    if (now() < this.#suspendedUntilMs)
      return this.#tap('the kernel dropped packets that it was to hold: copies of a frame that was flooded');
    try {
      await changeSetElements(gate(true));
    } catch (error) {
      return this.#tap(`the way to the queue cannot be opened: ${text(error)}`);
    }
    if (!this.#isOpen) this.#options.onChange(HELD);
    this.#isOpen = true;
    this.#why = null;
  }

  async #tap(why: string): Promise<void> {
    const wasOpen = this.#isOpen;
    this.#why = why;
    await this.#closeGate();
    if (wasOpen) this.#options.onChange(`${WATCHED}: ${why}`);
  }

  /** Null when the queue is there; else why not. Tried again with every beat: a predecessor may still hold it. */
  #openQueue(): string | null {
    const { hold, decide, now, onError } = this.#options;
    if (hold.kind === null) {
      this.#closeQueue();
      return hold.wanted === 'tap' ? 'configured' : (hold.why ?? 'the kernel was not asked yet');
    }
    if (this.#queue) return null;
    try {
      this.#queue = openNfqueue(
        {
          queue: HOLD_QUEUE,
          // DNS answers are held, too; of most first packets there is nothing to copy.
          copyBytes: NAME_SNAP_BYTES,
          maxLength: HOLD_QUEUE_LENGTH,
          receiveBufferBytes: QUEUE_BUFFER_BYTES,
          acceptedMark: ADMITTED,
          now,
          onError,
        },
        (packet) => {
          if (decide(packet).verdict === 'pass') return true;
          this.#refusedBytes += packet.wholeLength;
          return false;
        },
      );
      return null;
    } catch (error) {
      return text(error);
    }
  }

  /** What went missing since the last beat; see held-balance.ts. */
  async #lostPackets(): Promise<number> {
    // Read in this order: what is sent in between is received or waiting at the most, never missing.
    const counted = (name: string): Promise<number> =>
      readPacketCounter('inet', 'cordon', name).catch(() => 0);
    const sent = (await counted(HELD_COUNTER)) - (await counted(NOT_HELD_COUNTER));
    const { waiting, dropped } = readQueueState();
    const { received } = this.#counters();
    const balance = { sent, received, waiting };
    this.#balance ??= new HeldBalance(balance);
    const told = Math.max(0, dropped - this.#droppedRead);
    this.#droppedRead = dropped;
    this.#droppedByKernel += told;
    return this.#balance.update(balance) + told;
  }

  async #closeGate(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // It runs out by itself where this fails: the table may be gone.
    await changeSetElements(gate(false)).catch(() => undefined);
  }

  #closeQueue(): void {
    this.#earlier = this.#counters();
    this.#queue?.stop();
    this.#queue = null;
    this.#droppedRead = 0;
  }

  #counters() {
    const {
      received = 0,
      dropped = 0,
      undecided = 0,
      verdictErrors = 0,
      decodeErrors = 0,
    } = this.#queue?.counters() ?? {};
    return {
      received: this.#earlier.received + received,
      dropped: this.#earlier.dropped + dropped,
      undecided: this.#earlier.undecided + undecided,
      verdictErrors: this.#earlier.verdictErrors + verdictErrors,
      decodeErrors: this.#earlier.decodeErrors + decodeErrors,
    };
  }
}

/** Replaced, not prolonged: adding an element that is there does not renew its time on every kernel. */
function gate(isOpen: boolean): readonly SetElementChange[] {
  const at = { family: 'inet', table: 'cordon', set: INSPECTING_SET } as const;
  const keys = NF_PROTOCOLS.map((protocol) => Uint8Array.of(protocol));
  return [
    { ...at, op: 'delete', ignoreMissing: true, elements: keys.map((key) => ({ key })) },
    ...(isOpen
      ? [
          {
            ...at,
            op: 'add' as const,
            elements: keys.map((key) => ({ key, timeoutMs: INSPECTION_HEARTBEAT_TIMEOUT_MS })),
          },
        ]
      : []),
  ];
}

/**
 * Columns of the kernel's list: queue, portid, waiting, copy mode, copy range, dropped, dropped for the receive buffer,
 * id, 1. A queue that fails open counts neither for being full; what is counted was lost.
 */
function readQueueState(): { readonly waiting: number; readonly dropped: number } {
  for (const line of (readText(QUEUE_STATE) ?? '').split('\n')) {
    const columns = line.trim().split(/\s+/).map(Number);
    if (columns[0] === HOLD_QUEUE)
      return { waiting: columns[2] ?? 0, dropped: (columns[5] ?? 0) + (columns[6] ?? 0) };
  }
  return { waiting: 0, dropped: 0 };
}

/** A capture on the bridge itself (`tcpdump -i br0`) makes it promiscuous: it then takes a copy of every frame. */
function isPromiscuous(bridge: string): boolean {
  return (Number(readText(`/sys/class/net/${bridge}/flags`) ?? 0) & IFF_PROMISC) !== 0;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
