/**
 * Who did something, for the record: the name that the command gave, and the user that the kernel saw at the other end of the socket. Used by both
 * processes' handlers. The name is a claim (of sudo, of the page, of a person who wrote --by); the number is not.
 */
import type { Asker } from './request-table.js';

export function attributed(by: string, { uid }: Asker): string {
  return `${by} (uid ${uid ?? 'unknown'})`;
}
