/** Runs a system tool for `cordon doctor` and gives what it said. Bounded in time and output; a tool that is absent is an answer. */
import { execFile } from 'node:child_process';

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export interface CommandAnswer {
  /** Null where it could not be started, or was ended by a signal. */
  readonly exitStatus: number | null;
  readonly isAbsent: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never rejects. Commands are found along PATH and in the sbin directories, where nft is and a user's PATH may not be. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly environment: Readonly<Record<string, string | undefined>> },
): Promise<CommandAnswer> {
  const { PATH = '' } = options.environment;
  const env = { ...options.environment, PATH: `${PATH}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' };
  return await new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { env, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, encoding: 'utf8' },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : (error.code ?? null);
        resolve({
          exitStatus: typeof code === 'number' ? code : null,
          isAbsent: code === 'ENOENT',
          stdout,
          stderr,
        });
      },
    );
    // A tool that does not read its input has said what it thinks of it by its exit status.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}
