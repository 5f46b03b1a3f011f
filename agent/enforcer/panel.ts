/**
 * The button and the light at the box. In the enforcer, so that they work with the agent, the network and the broker gone; what it
 * parses are fixed structures of the kernel. Started by main.ts where the configuration names them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUTTON_UP,
  nextTickMs,
  stepButton,
  type ButtonAction,
  type ButtonState,
  type ButtonTimes,
} from '../containment/button.js';
import type { KeyEvent } from '../containment/input-event.js';
import { LIGHT, lightFor, type LightShows } from '../containment/light.js';
import { scopeText, type NewOrder, type Orders } from '../containment/orders.js';
import type { StateChange } from '../messages/vocabulary.js';
import type { BoxConfig } from '../policy/config.js';
import { InputDevice } from './input-device.js';

export interface PanelOptions {
  readonly config: Pick<BoxConfig, 'button' | 'light'>;
  readonly steadyMs: () => number;
  readonly orders: () => Orders;
  readonly order: (order: NewOrder) => Promise<unknown>;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  readonly onError: (error: unknown) => void;
}

export interface PanelStatus {
  /** Null: none is configured. `problem` null: it is read. */
  readonly button: { readonly problem: string | null } | null;
  readonly light: { readonly shows: LightShows; readonly problem: string | null } | null;
}

export class Panel {
  readonly #options: PanelOptions;
  readonly #device: InputDevice | null;
  readonly #times: ButtonTimes | null;
  #state: ButtonState = BUTTON_UP;
  #timer: NodeJS.Timeout | null = null;
  #shows: LightShows | null = null;
  #lightProblem: string | null = null;

  constructor(options: PanelOptions) {
    this.#options = options;
    const { button } = options.config;
    this.#times = button
      ? {
          containsAfterMs: button.containsAfterSeconds * 1000,
          cutsAfterMs: button.cutsAfterSeconds * 1000,
          stuckAfterMs: button.stuckAfterSeconds * 1000,
        }
      : null;
    this.#device = button
      ? new InputDevice({
          path: button.device ?? null,
          name: button.name ?? null,
          key: button.key ?? null,
          onEvent: (event, waitedMs) => {
            this.#step(event, waitedMs);
          },
          onProblem: (problem) => {
            this.#tell('panel-changed', problem === null ? 'the button is read' : `the button: ${problem}`);
          },
        })
      : null;
    this.show();
  }

  status(): PanelStatus {
    return {
      button: this.#device ? { problem: this.#device.problem } : null,
      light: this.#shows === null ? null : { shows: this.#shows, problem: this.#lightProblem },
    };
  }

  /** After every change of what is ordered. */
  show(): void {
    const { light } = this.#options.config;
    if (light === undefined) return;
    const isHeld = this.#state.kind === 'down' && this.#state.done === 'nothing';
    const shows = lightFor(
      this.#options.orders().map(({ level }) => level),
      isHeld,
    );
    if (shows === this.#shows) return;
    this.#shows = shows;
    const problem = setLight(light, shows);
    if (problem !== null && problem !== this.#lightProblem)
      this.#tell('panel-changed', `the light: ${problem}`);
    this.#lightProblem = problem;
  }

  /** Safe twice. The light stays as it is: what it shows goes on. */
  stop(): void {
    this.#device?.stop();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #step(event: KeyEvent | 'tick', waitedMs = 0): void {
    if (this.#times === null) return;
    const nowMs = this.#options.steadyMs();
    // A press counts from when it was made, not from when it was read.
    const { state, action } = stepButton(this.#state, event, nowMs - waitedMs, this.#times);
    this.#state = state;
    if (this.#timer) clearTimeout(this.#timer);
    const next = nextTickMs(state, this.#times);
    this.#timer =
      next === null
        ? null
        : setTimeout(
            () => {
              this.#step('tick');
            },
            Math.max(0, next - nowMs),
          );
    this.show();
    if (action !== null) this.#act(action);
  }

  #act(action: ButtonAction): void {
    const { config, order, onError } = this.#options;
    const { button } = config;
    if (!button) return;
    if (action === 'stuck') {
      this.#tell(
        'panel-changed',
        `the button is held for ${button.stuckAfterSeconds} s: stuck, or something leans on it; this press cuts nothing`,
      );
      return;
    }
    const isCut = action === 'cut';
    order({
      scope: button.scope,
      level: isCut ? 'cut' : 'contained',
      sparesLifeSustaining: isCut && !button.cutsLifeSustaining,
      by: 'button',
      source: 'button',
      reason: `the button of the box was held for ${isCut ? button.cutsAfterSeconds : button.containsAfterSeconds} s`,
      forSeconds: null,
    }).catch((error: unknown) => {
      onError(error);
      this.#tell(
        'containment-withheld',
        `the button asked to ${action} ${scopeText(button.scope)}, and it is NOT: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }

  #tell(kind: StateChange['kind'], detail: string): void {
    this.#options.tell({ kind, by: 'button', device: null, generation: null, detail: detail.slice(0, 500) });
  }
}

/** What went wrong, or null. */
function setLight(directory: string, shows: LightShows): string | null {
  const { trigger, isOn } = LIGHT[shows];
  try {
    try {
      writeFileSync(join(directory, 'trigger'), trigger);
      if (trigger !== 'none') return null;
    } catch (error) {
      // A kernel without that trigger: steady, then.
      writeFileSync(join(directory, 'trigger'), 'none');
      if (trigger === 'none') throw error;
    }
    writeFileSync(join(directory, 'brightness'), isOn ? '255' : '0');
    return null;
  } catch (error) {
    return `${directory} cannot be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}
