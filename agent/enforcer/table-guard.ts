/**
 * Notices when somebody else changed or removed our tables, and has them restored. The kernel tells of every change of
 * nf_tables; a slow check beside it catches what a lost notification would hide.
 */
import { watchNfTables } from '../netlink/nf-tables-events.js';
import { RUNTIME_SETS } from '../ruleset/compile-ruleset.js';

/** A change of policy is several transactions away from its end at most this long; our own changes hold the lock besides. */
const SETTLE_MS = 20;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** Without a notification. One `nft -j -t list` is about 5 ms. */
const CHECK_EVERY_MS = 30_000;

export interface TableGuardOptions {
  /** Compares and restores; waits for its turn behind our own changes. */
  readonly check: () => Promise<boolean>;
  readonly onError: (error: unknown) => void;
}

export function openTableGuard({ check, onError }: TableGuardOptions): { stop(): void } {
  let settle: NodeJS.Timeout | null = null;
  let stopped = false;
  const look = (): void => {
    settle = null;
    if (!stopped) void check().catch(onError);
  };
  const lookSoon = (): void => {
    settle ??= setTimeout(look, SETTLE_MS);
  };
  const watch = watchNfTables(
    { receiveBufferBytes: RECEIVE_BUFFER_BYTES, elements: true, onOverrun: lookSoon },
    ({ changes, more }) => {
      if (more > 0 || changes.some((change) => change.table === 'cordon' && !RUNTIME_SETS.has(change.name)))
        lookSoon();
    },
  );
  const slow = setInterval(look, CHECK_EVERY_MS);
  return {
    stop() {
      stopped = true;
      if (settle) clearTimeout(settle);
      clearInterval(slow);
      watch.stop();
    },
  };
}
