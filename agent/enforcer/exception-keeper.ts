/**
 * Ends exceptions: watches the clock that may end them (policy/settled-clock.ts), has policy-keeper.ts take what has ended out of the
 * kernel, and tells. Made by main.ts. A failure leaves the entry in force, and is tried again at the next look.
 */
import type { EnforcerStatus, StateChange } from '../messages/vocabulary.js';
import { entryText } from '../policy/diff-policy.js';
import { exceptionRow } from '../policy/exception-row.js';
import { exceptionState, type Exception } from '../policy/exceptions.js';
import { lookAtClocks, settledWallMs, type ClockState } from '../policy/settled-clock.js';
import type { InForce } from './in-force.js';

const MAX_LOOK_MS = 60_000;
const LOOKS_WHILE_SETTLING = 4;
const MAX_NAMED_DEVICES = 10;
const DAY_MS = 86_400_000;

export interface ExceptionKeeperOptions {
  readonly settlesAfterMs: number;
  readonly wallMs: () => number;
  readonly steadyMs: () => number;
  readonly inForce: () => InForce;
  /** Under the kernel lock. Resolves with what was ended. */
  readonly end: (atMs: number) => Promise<readonly Exception[]>;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  readonly onError: (error: unknown) => void;
}

export class ExceptionKeeper {
  readonly #options: ExceptionKeeperOptions;
  #clock: ClockState | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isEnding = false;

  constructor(options: ExceptionKeeperOptions) {
    this.#options = options;
    this.look();
  }

  start(): void {
    const everyMs = Math.min(MAX_LOOK_MS, this.#options.settlesAfterMs / LOOKS_WHILE_SETTLING);
    this.#timer ??= setInterval(() => {
      this.look();
      void this.#end();
    }, everyMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** The wall clock, or null while it may end nothing. */
  settledMs(): number | null {
    return settledWallMs(this.#clock, this.#clocks(), this.#options.settlesAfterMs);
  }

  look(): void {
    const { state, jumpedMs } = lookAtClocks(this.#clock, this.#clocks());
    this.#clock = state;
    if (jumpedMs !== null && this.#options.inForce().exceptions.length > 0) this.#tellJump(jumpedMs);
  }

  status(): EnforcerStatus['exceptions'] {
    const { exceptions, endedByMs } = this.#options.inForce();
    const nowMs = this.#options.wallMs();
    return {
      endedByMs,
      isClockSettled: this.settledMs() !== null,
      rows: exceptions.map((exception) => {
        const row = exceptionRow(exception, endedByMs, nowMs);
        return { ...row, text: row.text.slice(0, 500), devices: row.devices.slice(0, MAX_NAMED_DEVICES) };
      }),
    };
  }

  async #end(): Promise<void> {
    const atMs = this.settledMs();
    if (atMs === null || this.#isEnding) return;
    this.#isEnding = true;
    try {
      for (const { path, until, entry, devices } of await this.#options.end(atMs))
        this.#options.tell({
          kind: 'exception-ended',
          by: 'enforcer',
          device: devices.length === 1 ? (devices[0] ?? null) : null,
          generation: this.#options.inForce().state.generation,
          detail: `${path} permits nothing any more, until ${until.text} is over: ${entryText(entry)}`.slice(
            0,
            500,
          ),
        });
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#isEnding = false;
    }
  }

  #tellJump(jumpedMs: number): void {
    const { settlesAfterMs, tell, wallMs, inForce } = this.#options;
    const { exceptions, endedByMs, state } = inForce();
    const next = exceptions.filter((each) => exceptionState(each, endedByMs, wallMs()) === 'due').length;
    const far = Math.abs(jumpedMs) / DAY_MS;
    const moved = far < 1 ? `${Math.round(Math.abs(jumpedMs) / 60_000)} minutes` : `${Math.round(far)} days`;
    tell({
      kind: 'clock-jumped',
      by: 'enforcer',
      device: null,
      generation: state.generation,
      detail: `the clock was set ${jumpedMs > 0 ? 'forward' : 'back'} by ${moved}; it ends no exception until it has run for ${Math.round(settlesAfterMs / 1000)} s without a jump${next === 0 ? '' : `, and then ${next}`}`,
    });
  }

  #clocks(): { readonly wallMs: number; readonly steadyMs: number } {
    return { wallMs: this.#options.wallMs(), steadyMs: this.#options.steadyMs() };
  }
}
