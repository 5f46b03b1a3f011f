/**
 * What the recorder could not write any more because the database is damaged, for the agent that begins a new one: it ends, systemd starts
 * it again, and nothing that was told in between is lost. Used by main.ts.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { EventMessage } from '../messages/enforcer-messages.js';
import { connectionSummary, finding, seenDevice, stateChange } from '../messages/vocabulary.js';

/** As many as the recorder keeps over failing writes. */
const MAX_ITEMS = 50_000;

const unwritten = z.array(
  z.discriminatedUnion('event', [
    z.strictObject({ event: z.literal('connections'), items: z.array(connectionSummary) }),
    z.strictObject({ event: z.literal('devices'), items: z.array(seenDevice) }),
    z.strictObject({ event: z.literal('findings'), items: z.array(finding) }),
    z.strictObject({ event: z.literal('state'), items: z.array(stateChange) }),
  ]),
);

/** Throws what the disk says. */
export function saveUnwritten(path: string, events: readonly EventMessage[]): void {
  writeFileSync(`${path}.new`, JSON.stringify(events.slice(0, MAX_ITEMS)), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Once: the file is gone afterwards. Nothing where there is none, or where it cannot be read. */
export function takeUnwritten(path: string): readonly EventMessage[] {
  try {
    return unwritten.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return [];
  } finally {
    rmSync(path, { force: true });
  }
}
