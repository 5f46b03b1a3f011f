/**
 * Which user is at the other end of a unix socket, by the kernel's word (SO_PEERCRED, unix(7)), so that a record of who did something does not rest on what a
 * program says. Called by ipc/server.ts for each connection. Never throws: null is "not known".
 */
import type { Socket } from 'node:net';
import { loadAddon } from './native.js';

export function peerUser(socket: Socket): number | null {
  try {
    // Node has no name for it; every handle of a pipe has had it since its beginning.
    const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
    const descriptor = handle?.fd;
    return descriptor === undefined || descriptor < 0 ? null : loadAddon().peerUid(descriptor);
  } catch {
    return null;
  }
}
