/**
 * Key events of one /dev/input device, by its path or by the name that the kernel gives it. Used by panel.ts. Opened without
 * blocking and looked at 20 times a second, and oftener while a key is down: a blocked read would hold one of node's few threads
 * for ever. What an event waited meanwhile is told with it. A device that goes away is looked for again.
 */
import { closeSync, constants, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeKeyEvents, type KeyEvent } from '../containment/input-event.js';
import { systemCode } from '../ipc/errors.js';

const LOOK_MS = 50;
/** A key that is let go may be an order. */
const LOOK_WHILE_DOWN_MS = 5;
/** Longer: the clock was set meanwhile, or this process stood still. */
const MOST_WAITED_MS = 250;
const OPEN_AGAIN_MS = 1_000;
/** A key makes a handful of events; a device that floods is read in portions. */
const BUFFER_BYTES = 24 * 64;
const SYS_INPUT = '/sys/class/input';

export interface InputDeviceOptions {
  readonly path: string | null;
  /** Instead of a path: as in /sys/class/input/eventN/device/name. */
  readonly name: string | null;
  /** Its code in linux/input-event-codes.h; null: any key. */
  readonly key: number | null;
  /** `waitedMs`: for how long it was there unread. */
  readonly onEvent: (event: KeyEvent, waitedMs: number) => void;
  /** What became of the device; null: it is there and is read. */
  readonly onProblem: (problem: string | null) => void;
}

export class InputDevice {
  readonly #options: InputDeviceOptions;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  readonly #wordBytes: 4 | 8 = ['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch) ? 4 : 8;
  #fd: number | null = null;
  #rest: Uint8Array = new Uint8Array(0);
  #problem: string | null = 'not looked at yet';
  #openAgainMs = 0;
  #isDown = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: InputDeviceOptions) {
    this.#options = options;
    this.#lookAgain();
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** Safe twice. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#close();
  }

  #lookAgain(): void {
    if (this.#isStopped) return;
    this.#look();
    this.#timer = setTimeout(
      () => {
        this.#lookAgain();
      },
      this.#isDown ? LOOK_WHILE_DOWN_MS : LOOK_MS,
    );
  }

  #look(): void {
    if (this.#fd === null) this.#open();
    if (this.#fd === null) return;
    try {
      const count = readSync(this.#fd, this.#buffer, 0, BUFFER_BYTES, null);
      if (count === 0) return; // a pipe that nobody writes to
      const { events, atMs, rest } = decodeKeyEvents(
        Buffer.concat([this.#rest, this.#buffer.subarray(0, count)]),
        this.#wordBytes,
        this.#options.key,
      );
      this.#rest = rest;
      for (const [index, event] of events.entries()) this.#tell(event, atMs[index] ?? Number.NaN);
    } catch (error) {
      if (systemCode(error) === 'EAGAIN') return;
      this.#close();
      this.#tell('lost', Number.NaN);
      this.#say(`cannot be read: ${systemCode(error) ?? String(error)}`);
    }
  }

  #tell(event: KeyEvent, atMs: number): void {
    this.#isDown = event === 'down';
    const waitedMs = Math.round(Date.now() - atMs);
    this.#options.onEvent(event, waitedMs >= 0 && waitedMs <= MOST_WAITED_MS ? waitedMs : 0);
  }

  #open(): void {
    this.#openAgainMs -= LOOK_MS;
    if (this.#openAgainMs > 0) return;
    this.#openAgainMs = OPEN_AGAIN_MS;
    const path = this.#options.path ?? findByName(this.#options.name ?? '');
    if (path === null) {
      this.#say(`no input device is named "${this.#options.name ?? ''}"`);
      return;
    }
    try {
      this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      this.#rest = new Uint8Array(0);
      this.#say(null);
    } catch (error) {
      this.#say(`${path} cannot be opened: ${systemCode(error) ?? String(error)}`);
    }
  }

  #close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #say(problem: string | null): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onProblem(problem);
  }
}

function findByName(name: string): string | null {
  try {
    for (const entry of readdirSync(SYS_INPUT)) {
      if (!/^event\d+$/.test(entry)) continue;
      if (readFileSync(join(SYS_INPUT, entry, 'device/name'), 'utf8').trim() === name)
        return `/dev/input/${entry}`;
    }
  } catch {
    return null;
  }
  return null;
}
