/**
 * Runs Debian's `nft` with a ruleset on standard input: check, apply. The only place that spawns it. A non-zero
 * exit is a value with nft's own words, because then the kernel still has the old ruleset and the caller must say so.
 */
import { spawn } from 'node:child_process';

const TIMEOUT_MS = 120_000;
const MAX_ERROR_TEXT = 4_000;

export type NftResult = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** `nft -c`: everything but the commit. Needs CAP_NET_ADMIN, as the kernel is asked. */
export function checkRuleset(text: string): Promise<NftResult> {
  return runNft(['-c', '-f', '-'], text);
}

/** One transaction: all of it, or nothing. */
export function applyRuleset(text: string): Promise<NftResult> {
  return runNft(['-f', '-'], text);
}

/** Never rejects; a missing nft is a result too. */
function runNft(options: readonly string[], input: string): Promise<NftResult> {
  return new Promise((resolve) => {
    const child = spawn('nft', options, {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
    });
    let errorText = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (errorText.length < MAX_ERROR_TEXT) errorText += chunk.toString('utf8');
    });
    child.on('error', (error) => {
      resolve({ ok: false, error: `cannot run nft: ${error.message} (Debian package nftables)` });
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ ok: true });
      else
        resolve({
          ok: false,
          error: errorText.slice(0, MAX_ERROR_TEXT).trim() || `nft ended with ${signal ?? code ?? 'nothing'}`,
        });
    });
    // nft may end before it has read everything; what it says on stderr is the answer then.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
