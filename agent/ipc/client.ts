/**
 * The asking end of our unix sockets: the CLI asks the enforcer and the agent, the agent asks the enforcer and listens to
 * its events. Every answer is checked against the message list before anybody sees it. Does not reconnect: who needs
 * that connects again. The schemas are loaded after the first request has left: to read them takes longer than all the rest of
 * a command, and `cordon contain` should not wait for what only its answer wants.
 */
import { createConnection, type Socket } from 'node:net';
import type { z } from 'zod';
import type { EventMessage, eventMessage, responseMessage } from '../messages/enforcer-messages.js';
import { MAX_MESSAGE_BYTES } from '../messages/limits.js';
import { IpcError, RequestError, systemCode } from './errors.js';
import { LineSplitter } from './lines.js';
import type { ParamsOf, RequestNameOf, RequestTable, ResultOf } from './request-table.js';

/** A whole policy applied and read back takes seconds, not tens of them. */
export const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;

export interface ConnectOptions<T extends RequestTable> {
  readonly socketPath: string;
  /** How errors call the other side, such as `enforcer`. */
  readonly peerName: string;
  readonly requests: T | (() => Promise<T>);
  /** For requests that set none themselves. */
  readonly timeoutMs?: number;
}

interface Schemas<T> {
  readonly requests: T;
  readonly eventMessage: typeof eventMessage;
  readonly responseMessage: typeof responseMessage;
}

export interface IpcClient<T extends RequestTable> {
  /** Rejects with a RequestError (the other side refused) or an IpcError (no usable answer). */
  request<N extends RequestNameOf<T>>(
    name: N,
    params: ParamsOf<T, N>,
    options?: { readonly timeoutMs?: number },
  ): Promise<ResultOf<T, N>>;
  /** Every event from now on; ask `subscribe` to get any. */
  onEvent(listener: (event: EventMessage) => void): void;
  /** Settles once the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Lines that were neither an answer of ours nor a known event. */
  badMessages(): number;
  /** Safe twice. Requests without an answer reject with `closed`. */
  close(): void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Rejects with an IpcError `no-server` or `no-permission`. */
export async function connect<T extends RequestTable>(options: ConnectOptions<T>): Promise<IpcClient<T>> {
  const socket = await openSocket(options.socketPath, options.peerName);
  const waiting = new Map<number, Waiting>();
  const listeners: ((event: EventMessage) => void)[] = [];
  const splitter = new LineSplitter(MAX_MESSAGE_BYTES);
  let badMessages = 0;
  let lastId = 0;

  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      for (const one of waiting.values()) {
        clearTimeout(one.timer);
        one.reject(
          new IpcError('closed', `the ${options.peerName} closed the connection before it answered`),
        );
      }
      waiting.clear();
      resolve();
    });
  });
  // `close` follows every error, and says what is to be said to those who wait.
  socket.on('error', () => undefined);
  const schemas = afterThisTurn().then(() => loadSchemas(options.requests));
  // What comes before waits in the socket.
  schemas.then(
    (loaded) => {
      socket.on('data', (chunk: Buffer) => {
        const { lines, isOverlong } = splitter.push(chunk);
        for (const line of lines) take(parseJson(line), loaded);
        if (isOverlong) socket.destroy();
      });
    },
    () => socket.destroy(),
  );

  function take(json: unknown, { eventMessage, responseMessage }: Schemas<T>): void {
    if (typeof json === 'object' && json !== null && 'event' in json) {
      const event = eventMessage.safeParse(json);
      if (event.success) for (const listener of listeners) listener(event.data);
      else badMessages += 1;
      return;
    }
    const answer = responseMessage.safeParse(json);
    const one = answer.success ? waiting.get(answer.data.id) : undefined;
    if (!answer.success || !one) {
      // Also the late answer to a request that timed out.
      badMessages += 1;
      return;
    }
    waiting.delete(answer.data.id);
    clearTimeout(one.timer);
    if ('error' in answer.data) {
      const { code, message, problems } = answer.data.error;
      one.reject(new RequestError(code, message, problems));
    } else one.resolve(answer.data.result);
  }

  return {
    async request(name, params, { timeoutMs = options.timeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS } = {}) {
      if (!socket.writable)
        throw new IpcError('closed', `the connection to the ${options.peerName} is closed`);
      const id = (lastId += 1);
      const result = await new Promise<unknown>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(
            new IpcError('timeout', `the ${options.peerName} did not answer ${name} in ${timeoutMs} ms`),
          );
        }, timeoutMs);
        waiting.set(id, { resolve, reject, timer });
        socket.write(`${JSON.stringify({ id, request: name, params })}\n`);
      });
      return checkedResult((await schemas).requests, options.peerName, name, result);
    },
    onEvent(listener) {
      listeners.push(listener);
    },
    closed,
    badMessages: () => badMessages,
    close() {
      socket.destroy();
    },
  };
}

/** Whoever waits for the connection asks first. */
function afterThisTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function loadSchemas<T extends RequestTable>(
  requests: ConnectOptions<T>['requests'],
): Promise<Schemas<T>> {
  const { eventMessage, responseMessage } = await import('../messages/enforcer-messages.js');
  return {
    requests: typeof requests === 'function' ? await requests() : requests,
    eventMessage,
    responseMessage,
  };
}

function checkedResult<T extends RequestTable, N extends RequestNameOf<T>>(
  requests: T,
  peerName: string,
  name: N,
  result: unknown,
): ResultOf<T, N> {
  const entry: { readonly result: z.ZodType } | undefined = requests[name];
  const parsed = entry?.result.safeParse(result);
  if (parsed?.success) return parsed.data as ResultOf<T, N>;
  throw new IpcError(
    'bad-answer',
    `the ${peerName} answered ${name} with something else than promised; are both of one version?`,
    { cause: parsed?.error },
  );
}

async function openSocket(socketPath: string, peerName: string): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = createConnection({ path: socketPath });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (cause) => {
      const code = systemCode(cause);
      if (code === 'ENOENT' || code === 'ECONNREFUSED')
        reject(
          new IpcError('no-server', `the ${peerName} is not running: no answer at ${socketPath}`, { cause }),
        );
      else if (code === 'EACCES' || code === 'EPERM')
        reject(
          new IpcError('no-permission', `may not speak to the ${peerName}: no permission for ${socketPath}`, {
            cause,
          }),
        );
      else
        reject(
          new IpcError(
            'no-server',
            `no connection to the ${peerName} at ${socketPath}: ${code ?? cause.message}`,
            { cause },
          ),
        );
    });
  });
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
