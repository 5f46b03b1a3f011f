/**
 * The one error of this room. Thrown or rejected with when the kernel refuses something; it never carries a judgement
 * about what to do next. `code` is the errno's name, as in Node's own system errors.
 */
import { constants } from 'node:os';

export interface NetlinkErrorDetails {
  /** Positive errno. */
  readonly errno: number;
  /** What was asked, for a person: `bind NFLOG group 2`. */
  readonly action: string;
  /** The kernel's extended acknowledgement, where it gave one. */
  readonly kernelMessage?: string | undefined;
  /** Byte offset in our message of the attribute the kernel objects to. */
  readonly attributeOffset?: number | undefined;
  readonly cause?: unknown;
}

export class NetlinkError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly kernelMessage: string | null;
  readonly attributeOffset: number | null;

  constructor(details: NetlinkErrorDetails) {
    const code = errnoName(details.errno);
    const said = details.kernelMessage === undefined ? '' : ` (${details.kernelMessage})`;
    super(`${details.action}: ${code}${said}`, { cause: details.cause });
    this.name = 'NetlinkError';
    this.code = code;
    this.errno = details.errno;
    this.kernelMessage = details.kernelMessage ?? null;
    this.attributeOffset = details.attributeOffset ?? null;
  }
}

function errnoName(errno: number): string {
  const known = Object.entries(constants.errno).find(([, value]) => value === errno);
  return known ? known[0] : `E${errno}`;
}

/** The `code` of a system error or of ours; null for anything else. */
export function errorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
