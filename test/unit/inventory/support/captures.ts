/** Real captures for the tests of this room, and what is made of them. Third-party data that is not part of the project: null where absent. */
import { loadMakers } from '../../../../agent/agent/load-knowledge.js';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readCaptureInto } from '../../../../agent/cli/inventory-capture.js';
import type { EvidenceBook } from '../../../../agent/inventory/evidence-book.js';
import { Inventory } from '../../../../agent/inventory/inventory.js';
import { fromRoot } from '../../../root.js';

const ROOT = fromRoot('');

const makers = loadMakers();

export function captureFile(name: string): string | null {
  const directory = process.env['CORDON_DATA'] ?? join(ROOT, '../shared/data');
  const file = join(directory, 'pcap', name);
  return existsSync(file) ? file : null;
}

export async function inventoryOf(file: string): Promise<EvidenceBook> {
  const inventory = new Inventory({ makers });
  await readCaptureInto(inventory, file);
  return inventory.book;
}
