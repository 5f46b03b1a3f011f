/** Runs the compiled command as a person would, in an environment of its own. Used by the tests of this folder. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { fromRoot } from '../../root.js';

const MAIN = fromRoot('dist/cli/main.js');
const TIMEOUT_MS = 30_000;

export interface Ran {
  readonly exitStatus: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Box {
  /** Where the box's sockets, state and configuration are. */
  readonly directory: string;
  readonly enforcerSocket: string;
  readonly agentSocket: string;
  readonly configFile: string;
  cordon(...args: readonly string[]): Promise<Ran>;
  cordonWithInput(input: string, ...args: readonly string[]): Promise<Ran>;
}

/** Nothing runs in it until a test makes it so. */
export function emptyBox(t: Test): Box {
  // Not tap's own directory, whose path is longer than a socket's may be.
  const directory = mkdtempSync(join(tmpdir(), 'cordon-cli-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const configFile = join(directory, 'config.yaml');
  const environment = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    CORDON_RUN_DIR: directory,
    CORDON_STATE_DIR: directory,
    CORDON_CONFIG: configFile,
    SUDO_USER: 'nurse',
    TZ: 'UTC',
  };
  return {
    directory,
    enforcerSocket: join(directory, 'enforcer.sock'),
    agentSocket: join(directory, 'agent.sock'),
    configFile,
    cordon: (...args) => run(args, '', environment),
    cordonWithInput: (input, ...args) => run(args, input, environment),
  };
}

async function run(
  args: readonly string[],
  input: string,
  environment: Readonly<Record<string, string>>,
): Promise<Ran> {
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: environment, timeout: TIMEOUT_MS });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (exitStatus) => {
      resolve({ exitStatus, stdout, stderr });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** What a terminal would obey: C0 (but for line feeds), DEL and C1 controls, and the right-to-left override. */
export function controlsIn(text: string): readonly string[] {
  return Array.from(text).filter((character) => {
    const code = character.codePointAt(0) ?? 0;
    return (code < 0x20 && code !== 0x0a) || (code >= 0x7f && code < 0xa0) || code === 0x202e;
  });
}
