/**
 * One host of the lab: a network namespace, and the processes that run in it. Everything it starts is killed when it is
 * closed. Used by the demo, the tests and the benches; needs root, or a user namespace of one's own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 15_000;
/** Two processes start within a second each; a machine that does other things takes many times that. */
const READY_TIMEOUT_MS = 60_000;
/** All of it this many times: a machine emulated in software is that much slower (scripts/test-debian-kernel). */
export const PATIENCE = Number(process.env['CORDON_LAB_PATIENCE'] ?? 1);
/** What happens within seconds cannot be tested there. */
export const IS_EMULATED = PATIENCE > 1;
const KILL_GRACE_MS = 500;

export interface Ran {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Wait until stdout or stderr has this. */
  readonly readyWhen?: RegExp;
}

export interface Running {
  readonly pid: number;
  output(): string;
  /** Resolves when the process has ended by itself or was stopped. */
  readonly ended: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL. Safe twice. */
  stop(): Promise<void>;
}

/** A command on this machine, bounded in time and output. Never rejects; a missing program is code 127. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const began = Date.now();
  return new Promise((resolve) => {
    const [program = 'false', ...args] = argv;
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const out = collect(child);
    const timer = setTimeout(
      () => {
        killGroup(child, 'SIGKILL');
      },
      (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) * PATIENCE,
    );
    const done = (code: number | null, extra = ''): void => {
      clearTimeout(timer);
      resolve({ code, stdout: out.stdout(), stderr: out.stderr() + extra, tookMs: Date.now() - began });
    };
    child.on('error', (error) => {
      done(127, error.message);
    });
    child.on('close', (code) => {
      done(code);
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** As `run`, but a failure is an error that says what was said. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(argv, options);
  if (ran.code !== 0)
    throw new Error(`${argv.join(' ')}: ${ran.stderr.trim() || `ended with ${ran.code ?? 'a signal'}`}`);
  return ran.stdout;
}

export class Namespace {
  readonly name: string;
  readonly #running = new Set<Running>();

  private constructor(name: string) {
    this.name = name;
  }

  static async create(name: string): Promise<Namespace> {
    await must(['ip', 'netns', 'add', name]);
    const namespace = new Namespace(name);
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** Of a lab that another process left up. */
  static existing(name: string): Namespace {
    return new Namespace(name);
  }

  /** Words of an `ip` command, in this namespace. */
  async ip(words: string): Promise<string> {
    return must(['ip', '-n', this.name, ...words.split(' ')]);
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run(['ip', 'netns', 'exec', this.name, ...argv], options);
  }

  must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(['ip', 'netns', 'exec', this.name, ...argv], options);
  }

  async sysctl(name: string, value: string): Promise<void> {
    await this.must(['sh', '-c', `echo ${value} >/proc/sys/${name.replaceAll('.', '/')}`]);
  }

  async macOf(device: string): Promise<string> {
    return (await this.must(['cat', `/sys/class/net/${device}/address`])).trim();
  }

  /** Starts a long-running process here. Rejects, with what it said, when it ends before it is ready. */
  async start(argv: readonly string[], options: StartOptions = {}): Promise<Running> {
    const child = spawn('ip', ['netns', 'exec', this.name, ...argv], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const out = collect(child);
    const ended = new Promise<number | null>((resolve) => {
      child.on('error', () => {
        resolve(127);
      });
      child.on('close', resolve);
    });
    const running: Running = {
      pid: child.pid ?? -1,
      output: () => out.stdout() + out.stderr(),
      ended,
      signal: (signal) => {
        killGroup(child, signal);
      },
      stop: async () => {
        killGroup(child, 'SIGTERM');
        const grace = delay(KILL_GRACE_MS, 'late' as const, { ref: false });
        if ((await Promise.race([ended, grace])) === 'late') killGroup(child, 'SIGKILL');
        await ended;
        this.#running.delete(running);
      },
    };
    this.#running.add(running);
    if (options.readyWhen)
      await waitFor(
        () => options.readyWhen?.test(running.output()) ?? true,
        ended,
        () => `${argv.join(' ')}: ${running.output().slice(-2000)}`,
      );
    return running;
  }

  async listensOn(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<void> {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const isListening = async (): Promise<boolean> => {
      const { stdout } = await this.run(['sh', '-c', `cat /proc/net/${protocol} /proc/net/${protocol}6`]);
      return new RegExp(`:${hex} \\S+ ${protocol === 'tcp' ? '0A' : '07'} `).test(stdout);
    };
    await waitFor(
      isListening,
      new Promise(() => undefined),
      () => `nobody listens on ${protocol} ${port} in ${this.name}`,
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop()));
    await this.killAll();
    await run(['ip', 'netns', 'del', this.name]);
  }

  /** Also what daemonised away from us. */
  async killAll(): Promise<void> {
    const { stdout } = await run(['ip', 'netns', 'pids', this.name]);
    for (const pid of stdout.split('\n').filter((line) => /^\d+$/.test(line.trim()))) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended between the two.
      }
    }
  }
}

/** Until `isTrue`, looking 20 times a second; rejects after `timeoutMs` or when `ended` comes first. */
export async function waitFor(
  isTrue: () => boolean | Promise<boolean>,
  ended: Promise<unknown>,
  what: () => string,
  timeoutMs = READY_TIMEOUT_MS,
): Promise<void> {
  const end = { isReached: false };
  void ended.then(() => (end.isReached = true));
  const deadline = Date.now() + timeoutMs * PATIENCE;
  while (!(await isTrue())) {
    if (end.isReached || Date.now() > deadline)
      throw new Error(`${end.isReached ? 'ended early' : 'not in time'}: ${what()}`);
    await delay(50);
  }
}

function collect(child: ChildProcess): { stdout: () => string; stderr: () => string } {
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      if (texts[stream].length < MAX_OUTPUT_BYTES) texts[stream] += chunk;
    });
  }
  return { stdout: () => texts.stdout, stderr: () => texts.stderr };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended between the two.
  }
}
