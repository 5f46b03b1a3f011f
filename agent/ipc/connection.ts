/**
 * One accepted connection of server.ts: reads requests, answers them, carries events while it is subscribed. Not for use
 * elsewhere. Must never hold more than the limits below for its peer.
 */
import type { Socket } from 'node:net';
import { errorBody, requestMessage, type ErrorBody } from '../messages/enforcer-messages.js';
import { RequestError } from './errors.js';
import { LineSplitter } from './lines.js';
import type { Asker, Handlers, RequestTable } from './request-table.js';

/** What waits for a peer that does not read: past this, its events are dropped and its requests not read. */
export const MAX_SUBSCRIBER_BYTES = 4 * 1024 * 1024;
/** Requests of one connection being worked on at once; the next is answered `busy`. */
export const MAX_REQUESTS_IN_FLIGHT = 64;
/** A peer that keeps sending what is no request is not one of ours. */
export const MAX_BAD_MESSAGES = 16;
/** The id of an answer to something that had no readable id. Askers count from 1. */
export const NO_ID = 0;
const MAX_ERROR_MESSAGE_LENGTH = 2000;
const MAX_PROBLEMS = 1000;

export interface ConnectionOptions<T extends RequestTable> {
  /** One request line at most; a longer one ends the connection. */
  readonly maxRequestBytes: number;
  readonly requests: T;
  readonly handlers: Handlers<T>;
  /** A handler failed with something that is not a RequestError: the asker hears `internal`, the log should hear this. */
  readonly onHandlerError?: (error: unknown, request: string) => void;
}

export interface ConnectionCounters {
  eventsDropped: number;
  badMessages: number;
  busy: number;
}

export class Connection<T extends RequestTable> {
  isSubscribed = false;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions<T>;
  readonly #counters: ConnectionCounters;
  readonly #asker: Asker;
  readonly #splitter: LineSplitter;
  #badMessages = 0;
  #inFlight = 0;

  constructor(
    socket: Socket,
    options: ConnectionOptions<T>,
    counters: ConnectionCounters,
    asker: Asker,
    onClose: () => void,
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#counters = counters;
    this.#asker = asker;
    this.#splitter = new LineSplitter(options.maxRequestBytes);
    socket.on('data', (chunk: Buffer) => {
      this.#read(chunk);
    });
    socket.on('drain', () => socket.resume());
    // The peer went away in the middle: `close` follows, and there is nobody left to tell.
    socket.on('error', () => undefined);
    socket.on('close', onClose);
  }

  sendEvent(line: Buffer): void {
    if (this.#socket.writableLength + line.length > MAX_SUBSCRIBER_BYTES) this.#counters.eventsDropped += 1;
    else this.#write(line);
  }

  /** Flushes what is written, then closes. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const { lines, isOverlong } = this.#splitter.push(chunk);
    for (const line of lines) {
      if (!this.#socket.writable) return;
      this.#take(line);
    }
    if (!isOverlong || !this.#socket.writable) return;
    this.#refuse(NO_ID, `a message is longer than ${this.#options.maxRequestBytes} bytes`);
    this.#close();
  }

  #take(line: Buffer): void {
    const json = parseJson(line);
    const message = requestMessage.safeParse(json);
    if (!message.success) {
      this.#refuse(readableId(json), 'not a request: { "id": number, "request": name, "params": object }');
      return;
    }
    const { id, request: name, params } = message.data;
    const entry = Object.hasOwn(this.#options.requests, name) ? this.#options.requests[name] : undefined;
    if (!entry) {
      this.#refuse(id, `there is no request "${name}"`);
      return;
    }
    const parsed = entry.params.safeParse(params);
    if (!parsed.success) {
      const problems = parsed.error.issues.map((issue) => ({
        path: issue.path.map(String).join('.'),
        message: issue.message,
      }));
      this.#refuse(id, `the parameters of "${name}" are not valid`, problems);
      return;
    }
    if (name === 'subscribe') {
      this.isSubscribed = true;
      this.#answer({ id, result: {} });
      return;
    }
    if (this.#inFlight >= MAX_REQUESTS_IN_FLIGHT) {
      this.#counters.busy += 1;
      const message = `${MAX_REQUESTS_IN_FLIGHT} requests are already being worked on`;
      this.#answer({ id, error: { code: 'busy', message } });
      return;
    }
    void this.#handle(id, name, parsed.data);
  }

  async #handle(id: number, name: string, params: unknown): Promise<void> {
    // The table ties each handler to its schema; after the look-up by name only the pair's existence is known here.
    const handler = (
      this.#options.handlers as Record<string, ((params: unknown, asker: Asker) => unknown) | undefined>
    )[name];
    this.#inFlight += 1;
    try {
      if (!handler) throw new RequestError('internal', `"${name}" has no handler`);
      this.#answer({ id, result: await handler(params, this.#asker) });
    } catch (error) {
      if (!(error instanceof RequestError)) this.#options.onHandlerError?.(error, name);
      this.#answer({ id, error: asErrorBody(error) });
    } finally {
      this.#inFlight -= 1;
    }
  }

  #refuse(id: number, message: string, problems?: ErrorBody['problems']): void {
    this.#counters.badMessages += 1;
    this.#badMessages += 1;
    this.#answer({ id, error: asErrorBody(new RequestError('bad-message', message, problems)) });
    if (this.#badMessages >= MAX_BAD_MESSAGES) this.#close();
  }

  /** No more is read from a peer that has lost the protocol; what it was told may still arrive. */
  #close(): void {
    this.#socket.pause();
    this.#socket.removeAllListeners('data');
    this.#socket.end(() => this.#socket.destroy());
  }

  #answer(message: { id: number; result: unknown } | { id: number; error: ErrorBody }): void {
    this.#write(Buffer.from(`${JSON.stringify(message)}\n`));
    if (this.#socket.writableLength > MAX_SUBSCRIBER_BYTES) this.#socket.pause();
  }

  #write(line: Buffer): void {
    if (this.#socket.writable) this.#socket.write(line);
  }
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function readableId(json: unknown): number {
  const parsed = requestMessage.shape.id.safeParse(
    typeof json === 'object' && json !== null && 'id' in json ? json.id : undefined,
  );
  return parsed.success ? parsed.data : NO_ID;
}

function asErrorBody(error: unknown): ErrorBody {
  if (!(error instanceof RequestError))
    return { code: 'internal', message: 'an internal error; the log has it' };
  const body = {
    code: error.code,
    message: error.message.slice(0, MAX_ERROR_MESSAGE_LENGTH),
    ...(error.problems && { problems: error.problems.slice(0, MAX_PROBLEMS) }),
  };
  return errorBody.parse(body);
}
