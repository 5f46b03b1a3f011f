/**
 * Serves a message list over a unix socket, one JSON message a line: the enforcer and the agent each run one. A handler
 * never sees parameters that its schema refused. Must never let one connection that does not read, or that writes
 * rubbish, delay another or grow our memory past the limits below.
 */
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventMessage } from '../messages/enforcer-messages.js';
import { peerUser } from '../netlink/peer-user.js';
import { Connection, type ConnectionCounters, type ConnectionOptions } from './connection.js';
import { clearStaleSocket, removeSocket } from './socket-file.js';
import type { RequestTable } from './request-table.js';

/** How long `stop()` waits for what is already written to be read. */
const STOP_GRACE_MS = 300;

export interface ServeOptions<T extends RequestTable> extends ConnectionOptions<T> {
  readonly socketPath: string;
  /** Mode bits of the socket file: who may write to it may ask. */
  readonly mode: number;
  /** Further connections are closed at once and counted. */
  readonly maxConnections: number;
}

export interface IpcServer {
  /** To every connection that asked `subscribe`. Dropped, and counted, for one that lags MAX_SUBSCRIBER_BYTES behind. */
  broadcast(event: EventMessage): void;
  connectionCount(): number;
  subscriberCount(): number;
  /** Everything that was not served, by counter name, since the start. */
  dropped(): Record<'ipcConnectionsRefused' | 'ipcEventsDropped' | 'ipcBadMessages' | 'ipcBusy', number>;
  /** Ends every connection and removes the socket. Safe twice. */
  stop(): Promise<void>;
}

/** Rejects with an IpcError `in-use` or `bad-path`, or the system's error. */
export async function serve<T extends RequestTable>(options: ServeOptions<T>): Promise<IpcServer> {
  const connections = new Set<Connection<T>>();
  const counters: ConnectionCounters = { eventsDropped: 0, badMessages: 0, busy: 0 };
  let connectionsRefused = 0;
  let stopping: Promise<void> | null = null;

  await clearStaleSocket(options.socketPath);
  const server = createServer((socket: Socket) => {
    const connection = new Connection(socket, options, counters, { uid: peerUser(socket) }, () =>
      connections.delete(connection),
    );
    connections.add(connection);
  });
  server.maxConnections = options.maxConnections;
  server.on('drop', () => (connectionsRefused += 1));
  await listen(server, options.socketPath, options.mode);

  async function stop(): Promise<void> {
    const closed = new Promise<void>((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
    for (const connection of connections) connection.end();
    const grace = new AbortController();
    await Promise.race([
      closed,
      delay(STOP_GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined),
    ]);
    grace.abort();
    for (const connection of connections) connection.destroy();
    await closed;
    await removeSocket(options.socketPath);
  }

  return {
    broadcast(event) {
      const subscribers = [...connections].filter((connection) => connection.isSubscribed);
      if (subscribers.length === 0) return;
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      for (const connection of subscribers) connection.sendEvent(line);
    },
    connectionCount: () => connections.size,
    subscriberCount: () => [...connections].filter((connection) => connection.isSubscribed).length,
    dropped: () => ({
      ipcConnectionsRefused: connectionsRefused,
      ipcEventsDropped: counters.eventsDropped,
      ipcBadMessages: counters.badMessages,
      ipcBusy: counters.busy,
    }),
    stop: () => (stopping ??= stop()),
  };
}

/** The socket is born with no more than its mode: bind(2) applies the umask, and Node binds before listen() returns. */
async function listen(server: Server, socketPath: string, mode: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      // A failing accept (no file descriptors left) is not the end of the server.
      server.on('error', () => undefined);
      resolve();
    });
    const previous = process.umask(0o777 & ~mode);
    try {
      server.listen({ path: socketPath });
    } finally {
      process.umask(previous);
    }
  });
  await chmod(socketPath, mode);
}
