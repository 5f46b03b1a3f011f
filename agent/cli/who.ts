/** Who gives an order, for the record. Not an authentication: the socket's file mode is that. */
import { userInfo } from 'node:os';
import type { CliContext } from './context.js';

/** The person behind sudo rather than root, where one is known. */
export function whoAsks(context: CliContext, named: string | undefined): string {
  return named ?? (context.environment['SUDO_USER'] || accountName());
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account without a name in /etc/passwd, as in a container.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
