/**
 * Run by the build: the registry of makers as the table that a start loads as it lies (dist/makers.bin), where the package oui-data or the code
 * that packs it is newer than the table.
 */
import { statSync } from 'node:fs';
import { packMakers } from './load-knowledge.js';

const changedAt = (path: string): number =>
  statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = [
  '../../node_modules/oui-data/index.json',
  './load-knowledge.js',
  '../inventory/makers.js',
  '../inventory/maker-name.js',
  '../inventory/packed-makers.js',
];
if (sources.some((path) => changedAt(path) > changedAt('../makers.bin'))) packMakers();
