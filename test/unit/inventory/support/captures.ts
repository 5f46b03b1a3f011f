/** Real captures for the tests of this room, and what is made of them. Third-party data that is not part of the project: null where absent. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFrame } from '../../../../agent/capture/decode-frame.js';
import { readCapture } from '../../../../agent/capture/read-capture.js';
import type { EvidenceBook } from '../../../../agent/inventory/evidence-book.js';
import { Inventory } from '../../../../agent/inventory/inventory.js';
import { createPacketView } from '../../../../agent/packet/view.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export function captureFile(name: string): string | null {
  const directory = process.env['CORDON_DATA'] ?? join(ROOT, '../shared/data');
  const file = join(directory, 'pcap', name);
  return existsSync(file) ? file : null;
}

export async function inventoryOf(file: string): Promise<EvidenceBook> {
  const inventory = new Inventory();
  const view = createPacketView();
  for await (const { bytes, linkType, timeMs } of readCapture(file))
    if (decodeFrame(view, bytes, linkType)) inventory.observePacket(view, bytes, Math.floor(timeMs));
  return inventory.book;
}
