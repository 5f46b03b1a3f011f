/** Commands for real-kernel tests: run one, feed one, and wait for what a command prints. Throws with its stderr. */
import { execFileSync } from 'node:child_process';

/** Splits at spaces: no quoting, on purpose. */
export function run(command: string, input?: string): string {
  const [file, ...args] = command.split(' ');
  if (file === undefined) throw new Error('no command');
  return execFileSync(file, args, { encoding: 'utf8', input: input ?? '', stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Loads a ruleset from text; throws with nft's own message. */
export function nft(ruleset: string): void {
  run('nft -f -', ruleset);
}

/** `nft -j list …`, parsed: the array under "nftables". */
export function nftJson(list: string): unknown[] {
  const parsed: unknown = JSON.parse(run(`nft -j list ${list}`));
  if (typeof parsed === 'object' && parsed !== null && 'nftables' in parsed && Array.isArray(parsed.nftables))
    return parsed.nftables as unknown[];
  throw new Error(`nft -j list ${list}: not what was expected`);
}
