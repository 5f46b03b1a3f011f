/** A file system of its own for a bench, on a loop device, so that the kernel counts what reaches the disk: data, metadata and journal. Needs root. */
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { must } from '../lab/namespace.js';

/** As large as that mkfs.ext4 takes blocks of 4 KiB and a journal as on a card. Sparse: it takes what is written. */
const SIZE_BYTES = 4 * 1024 ** 3;
const SECTOR_BYTES = 512;

export interface OwnDisk {
  /** Sent to the device until now. */
  writtenBytes(): Promise<number>;
  /** Everything that waits in the kernel is on the device afterwards. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** An empty ext4 of default shape at `path`, its blocks in `image`. */
export async function createOwnDisk(path: string, image: string): Promise<OwnDisk> {
  await writeFile(image, '');
  await truncate(image, SIZE_BYTES);
  // Nothing is initialised later, in the background.
  await must(['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]);
  await mkdir(path);
  const device = (await must(['losetup', '--find', '--show', image])).trim();
  try {
    await must(['mount', '-o', 'noatime', device, path]);
  } finally {
    // While it is mounted, this only says that the device goes with the mount.
    await must(['losetup', '--detach', device]);
  }
  return {
    async writtenBytes() {
      // Field 7, https://docs.kernel.org/block/stat.html
      const fields = (await readFile(`/sys/block/${basename(device)}/stat`, 'utf8')).trim().split(/\s+/);
      return Number(fields[6]) * SECTOR_BYTES;
    },
    async sync() {
      await must(['sync', '--file-system', path]);
    },
    async close() {
      await must(['umount', path]);
    },
  };
}
