/**
 * The agent's line to the enforcer, held open for ever: on every connection it subscribes, gives back what the devices
 * are used to, and asks the status. Started by main.ts; must never end because the enforcer is away.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type IpcClient } from '../ipc/client.js';
import { MAX_MEMORIES_PER_MESSAGE, requests, type EventMessage } from '../messages/enforcer-messages.js';
import type { DesiredResult, EnforcerStatus, Memory } from '../messages/vocabulary.js';
import type { FamiliarDevice } from '../store/familiar.js';

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5_000;
/** The enforcer also sends its status when it changes; this catches a change that was dropped on the way. */
const STATUS_INTERVAL_MS = 30_000;
/** Peers in one `familiar.restore`: about 2 MB of addresses. */
const RESTORE_PEERS = 50_000;
const RESTORE_DEVICES = 5_000;

type EnforcerClient = IpcClient<typeof requests>;

export interface EnforcerLinkOptions {
  readonly socketPath: string;
  readonly familiar: () => Iterable<FamiliarDevice>;
  readonly memories: () => Iterable<Memory>;
  readonly onEvent: (event: EventMessage) => void;
  readonly onStatus: (status: EnforcerStatus) => void;
  readonly onDesired: (results: readonly DesiredResult[]) => void;
  readonly onConnected: () => void;
  /** Once for each time the enforcer went away, not for each attempt. */
  readonly onAway: (reason: string) => void;
}

export interface EnforcerLink {
  /** Hands on a message of the fleet, now or once the enforcer is there; a newer one takes the place of one that waits. */
  desired(text: string): void;
  isConnected(): boolean;
  /** Rejects while the enforcer is away. */
  readonly ask: EnforcerClient['request'];
  badMessages(): number;
  /** Safe twice. */
  stop(): Promise<void>;
}

export function startEnforcerLink(options: EnforcerLinkOptions): EnforcerLink {
  const stopping = new AbortController();
  let client: EnforcerClient | null = null;
  let isReady = false;
  let badMessages = 0;

  let waitingDesired: string | null = null;
  let isHandingOn = false;

  /** One at a time, so that a broker that floods has one message in memory and one under way. */
  async function handOnDesired(): Promise<void> {
    if (isHandingOn) return;
    isHandingOn = true;
    try {
      for (let text = waitingDesired; text !== null && client !== null && isReady; text = waitingDesired) {
        waitingDesired = null;
        const current = client;
        try {
          const { documents } = await current.request('containment.desired', { text });
          options.onDesired(documents);
          options.onStatus(await current.request('status', {}));
        } catch (error) {
          // The enforcer went away with it: given again when it is back, if nothing newer came.
          waitingDesired ??= text;
          options.onDesired([
            {
              kid: null,
              ver: null,
              state: 'failed',
              detail: error instanceof Error ? error.message : String(error),
            },
          ]);
          return;
        }
      }
    } finally {
      isHandingOn = false;
    }
  }

  const isStopping = (): boolean => stopping.signal.aborted;

  /** One connection from beginning to end; tells why it ended. */
  async function attempt(): Promise<{ readonly wasReady: boolean; readonly reason: string }> {
    let wasReady = false;
    try {
      client = await connect({ socketPath: options.socketPath, peerName: 'enforcer', requests });
      if (isStopping()) return { wasReady, reason: 'stopped' };
      await begin(client);
      wasReady = true;
      isReady = true;
      options.onConnected();
      void handOnDesired();
      await askStatusUntilClosed(client);
      return { wasReady, reason: 'the enforcer closed the connection' };
    } catch (error) {
      return { wasReady, reason: error instanceof Error ? error.message : String(error) };
    } finally {
      isReady = false;
      badMessages += client?.badMessages() ?? 0;
      client?.close();
      client = null;
    }
  }

  async function begin(current: EnforcerClient): Promise<void> {
    current.onEvent((event) => {
      if (event.event === 'status') options.onStatus(event.status);
      options.onEvent(event);
    });
    await current.request('subscribe', {});
    for (const devices of restoreGroups(options.familiar()))
      await current.request('familiar.restore', { devices });
    for (const items of groupsOf(options.memories(), MAX_MEMORIES_PER_MESSAGE))
      await current.request('memories.restore', { items });
    options.onStatus(await current.request('status', {}));
  }

  async function askStatusUntilClosed(current: EnforcerClient): Promise<void> {
    const closed = current.closed.then(() => 'closed' as const);
    for (;;) {
      const wait = new AbortController();
      const woken = await Promise.race([
        closed,
        delay(STATUS_INTERVAL_MS, 'due' as const, { signal: wait.signal }).catch(() => 'due' as const),
      ]);
      wait.abort();
      if (woken === 'closed') return;
      options.onStatus(await current.request('status', {}));
    }
  }

  async function run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    let told: string | null = null;
    while (!isStopping()) {
      const { wasReady, reason } = await attempt();
      if (isStopping()) return;
      if (wasReady || reason !== told) options.onAway(reason);
      told = reason;
      retryMs = wasReady ? FIRST_RETRY_MS : Math.min(MAX_RETRY_MS, retryMs * 2);
      await delay(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    isConnected: () => isReady,
    ask: (name, params, how) =>
      client === null ? Promise.reject(new Error('the enforcer is away')) : client.request(name, params, how),
    desired(text) {
      waitingDesired = text;
      void handOnDesired();
    },
    badMessages: () => badMessages + (client?.badMessages() ?? 0),
    async stop() {
      stopping.abort();
      client?.close();
      await running;
    },
  };
}

/** Read to the end first: a statement that is being walked through holds the database. */
function* groupsOf<T>(all: Iterable<T>, size: number): Generator<T[]> {
  const items = [...all];
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

/** Split so that no message is near the limit of one. */
function* restoreGroups(all: Iterable<FamiliarDevice>): Generator<FamiliarDevice[]> {
  let group: FamiliarDevice[] = [];
  let peers = 0;
  for (const device of all) {
    group.push(device);
    peers += device.peers.length;
    if (peers < RESTORE_PEERS && group.length < RESTORE_DEVICES) continue;
    yield group;
    group = [];
    peers = 0;
  }
  if (group.length > 0) yield group;
}
