/**
 * Finds and loads the compiled addon (native/cordon_netlink.c), from the sources and from dist/ alike. Called by
 * socket.ts and sd-notify.ts; nothing else speaks to the addon.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ADDON = 'agent/netlink/native/build/Release/cordon_netlink.node';

/** Opaque: made by open, given back to the other calls. */
export interface NativeSocket {
  readonly nativeSocket: never;
}

/** Every call throws `{code, errno, syscall}` when the kernel refuses, and a TypeError on a wrong argument. */
export interface NativeAddon {
  /** Buffer sizes of 0 leave the kernel's default. Joins the multicast groups. */
  open(
    receiveBufferBytes: number,
    sendBufferBytes: number,
    noEnobufs: boolean,
    groups: Uint32Array,
  ): NativeSocket;
  /** Datagram i lies at i * slotBytes; a length above slotBytes means truncated, 0 means not from the kernel. */
  receive(socket: NativeSocket, buffer: Buffer, slotBytes: number, lengths: Uint32Array): number;
  send(socket: NativeSocket, buffer: Buffer, lengthBytes: number): void;
  /** Level-triggered: calls back while something waits. `ref` holds the process open. */
  watch(socket: NativeSocket, onReadable: () => void, ref: boolean): void;
  /** Safe twice. */
  close(socket: NativeSocket): void;
  /** One datagram to a unix socket; a leading `@` is the abstract namespace. */
  notify(path: string, text: string): void;
  /** The user at the other end of a connected unix socket. */
  peerUid(fileDescriptor: number): number;
}

/** Throws an Error with code `ERR_ADDON_MISSING` when the addon was not built. */
export function loadAddon(): NativeAddon {
  if (endianness() !== 'LE')
    throw new Error('agent/netlink reads netlink headers as little-endian; this machine is not');
  const path = join(packageRoot(), ADDON);
  if (!existsSync(path)) {
    throw Object.assign(new Error(`${path} is missing: run \`make build\``), { code: 'ERR_ADDON_MISSING' });
  }
  return createRequire(import.meta.url)(path) as NativeAddon;
}

function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('no package.json above agent/netlink');
    directory = parent;
  }
  return directory;
}
