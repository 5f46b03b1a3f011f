/**
 * The IEEE's registry of MAC prefixes from disk, as the package oui-data brings it. Called once at a start, by the agent and by commands that read a
 * capture. A box without the package has the makers of makers.ts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ownMakers, registeredMakers, type MakerTable } from '../inventory/makers.js';

export function loadMakers(): MakerTable {
  try {
    const file = createRequire(import.meta.url).resolve('oui-data');
    return registeredMakers(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>);
  } catch {
    return ownMakers();
  }
}
