/**
 * The socket's file: cleared before listening when its owner is dead, removed after. Called by server.ts. Must never
 * remove a file that is not a socket, nor a socket that somebody answers on.
 */
import { lstat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { IpcError, systemCode } from './errors.js';

/** sockaddr_un.sun_path is 108 bytes with its terminating zero (unix(7)); a longer path would be cut silently. */
export const MAX_SOCKET_PATH_BYTES = 107;

export async function clearStaleSocket(socketPath: string): Promise<void> {
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES)
    throw new IpcError('bad-path', `the socket path is above ${MAX_SOCKET_PATH_BYTES} bytes: ${socketPath}`);
  const kind = await fileKind(socketPath);
  if (kind === 'absent') return;
  if (kind === 'other') throw new IpcError('bad-path', `${socketPath} is there and is not a socket`);
  if (await isAnswered(socketPath))
    throw new IpcError('in-use', `another process already answers on ${socketPath}`);
  await removeSocket(socketPath);
}

/** Absent is fine. */
export async function removeSocket(socketPath: string): Promise<void> {
  try {
    await unlink(socketPath);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

async function fileKind(path: string): Promise<'absent' | 'socket' | 'other'> {
  try {
    return (await lstat(path)).isSocket() ? 'socket' : 'other';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'absent';
    throw error;
  }
}

/** Only ECONNREFUSED says that nobody listens; any doubt counts as an answer. */
async function isAnswered(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createConnection({ path: socketPath });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => {
      const code = systemCode(error);
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}
