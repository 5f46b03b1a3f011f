/**
 * Keeps the guard of ruleset/port-guard.ts at the ports: puts it in at the start, looks again now and then, and at once when a port is
 * another interface than before. It stays when this process ends. Without it (a kernel without sch_clsact or cls_bpf) a flushed ruleset
 * lets everything pass until it is restored: then status and doctor say so.
 */
import { spawn } from 'node:child_process';
import type { BoxConfig } from '../policy/config.js';
import { portGuard, type PortGuardPart } from '../ruleset/port-guard.js';
import { portsText } from './interface-names.js';

const LOOK_MS = 1_000;
const CHECK_EVERY_LOOKS = 30;
const TIMEOUT_MS = 5_000;
const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_WHY = 200;

export class PortGuard {
  readonly #parts: readonly PortGuardPart[];
  readonly #ports: readonly string[];
  readonly #onRestored: (detail: string) => void;
  #timer: NodeJS.Timeout | null = null;
  #looks = 0;
  #interfaces = '';
  #isBusy = false;
  #why: string | null = 'not looked at yet';

  constructor(config: BoxConfig, onRestored: (detail: string) => void) {
    this.#parts = portGuard(config);
    this.#ports = [...config.devicePorts, ...config.networkPorts];
    this.#onRestored = onRestored;
  }

  /** Null: every port is guarded. */
  get why(): string | null {
    return this.#why;
  }

  async start(): Promise<void> {
    await this.#ensure();
    this.#timer = setInterval(() => {
      this.#looks += 1;
      const isDue = this.#looks % CHECK_EVERY_LOOKS === 0 || this.#interfaces !== portsText(this.#ports);
      if (isDue && !this.#isBusy) void this.#ensure();
    }, LOOK_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Never rejects. */
  async #ensure(): Promise<void> {
    this.#isBusy = true;
    const isFirst = this.#interfaces === '';
    this.#interfaces = portsText(this.#ports);
    const problems: string[] = [];
    let put = 0;
    for (const part of this.#parts) {
      if (part.isThere.test((await run(part.show)).output)) continue;
      let said = '';
      for (const command of part.put) said = (await run(command)).error;
      if (part.isThere.test((await run(part.show)).output)) put += 1;
      else problems.push(said === '' ? 'it does not read back' : said);
    }
    if (put > 0 && !isFirst) this.#onRestored(`the guard of ${put} ports was put back`);
    this.#why = problems.length === 0 ? null : [...new Set(problems)].join('; ').slice(0, MAX_WHY);
    this.#isBusy = false;
  }
}

function run([program = '', ...args]: readonly string[]): Promise<{
  readonly output: string;
  readonly error: string;
}> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
    });
    const texts = { output: '', error: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      if (texts.output.length < MAX_OUTPUT_BYTES) texts.output += chunk.toString('latin1');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (texts.error.length < MAX_OUTPUT_BYTES) texts.error += chunk.toString('latin1');
    });
    child.on('error', (error) => {
      resolve({ output: '', error: `${program}: ${error.message}` });
    });
    child.on('close', () => {
      resolve({ output: texts.output, error: texts.error.split('\n')[0]?.trim() ?? '' });
    });
  });
}
