/**
 * The two kinds of failure of a request over a unix socket: the other side said no (RequestError), or there was no other
 * side to say anything (IpcError). Used by both ends.
 */
import type { ErrorBody } from '../messages/enforcer-messages.js';

export type RequestErrorCode = ErrorBody['code'];
export type Problems = NonNullable<ErrorBody['problems']>;

/** Thrown by a handler, carried over the socket, and thrown again from the asker's `request()`. */
export class RequestError extends Error {
  readonly code: RequestErrorCode;
  readonly problems: Problems | undefined;

  constructor(code: RequestErrorCode, message: string, problems?: Problems) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
    this.problems = problems;
  }
}

export type IpcErrorCode =
  /** Nobody listens there. */
  | 'no-server'
  /** The socket is there, but its mode keeps us out. */
  | 'no-permission'
  | 'timeout'
  /** The connection ended before the answer came. */
  | 'closed'
  /** The answer is not what the message list promises. */
  | 'bad-answer'
  /** Someone else already answers on the path we were to serve. */
  | 'in-use'
  /** The path cannot be a socket of ours: too long, or another kind of file is there. */
  | 'bad-path';

export class IpcError extends Error {
  readonly code: IpcErrorCode;

  constructor(code: IpcErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'IpcError';
    this.code = code;
  }
}

/** `errno` name of a system error, or null. */
export function systemCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
