/**
 * The enforcer's answer to `status`: what is in force, and exact counts from the kernel.
 */
import type { EnforcerStatus } from '../messages/vocabulary.js';
import { REFUSAL_REASONS } from '../messages/vocabulary.js';
import { readCounters } from '../nftables/read-tables.js';
import type { BoxConfig } from '../policy/config.js';
import { ANNOUNCED_UNREAD_COUNTER } from '../ruleset/announcements.js';
import { counterName } from '../ruleset/reasons.js';
import type { ContainmentKeeper } from './containment-keeper.js';
import type { DesiredKeeper } from './desired-keeper.js';
import type { ExceptionKeeper } from './exception-keeper.js';
import type { InlineVerdicts } from './inline-verdicts.js';
import type { Listeners } from './listeners.js';
import type { Panel } from './panel.js';
import type { PolicyKeeper } from './policy-keeper.js';
import type { PortGuard } from './port-guard.js';
import type { VariablesFile } from './variables-file.js';

export interface StatusSources {
  readonly version: string;
  readonly startedAtMs: number;
  readonly config: BoxConfig;
  readonly keeper: PolicyKeeper;
  readonly exceptions: ExceptionKeeper;
  readonly containment: ContainmentKeeper;
  readonly desired: DesiredKeeper;
  readonly inline: InlineVerdicts;
  readonly panel: Panel;
  readonly portGuard: PortGuard;
  readonly listeners: Listeners;
  readonly variables: VariablesFile;
  readonly dropped: () => Record<string, number>;
}

const NOTHING = { packets: 0, bytes: 0 };

export async function readStatus(sources: StatusSources): Promise<EnforcerStatus> {
  const counters = await readCounters();
  const refused = Object.fromEntries(
    REFUSAL_REASONS.map((reason) => [
      reason,
      reason === 'detector' ? sources.inline.refused() : (counters.get(counterName(reason)) ?? NOTHING),
    ]),
  ) as EnforcerStatus['refused'];
  return {
    version: sources.version,
    pid: process.pid,
    startedAtMs: sources.startedAtMs,
    mode: sources.config.mode,
    policy: sources.keeper.state(),
    exceptions: sources.exceptions.status(),
    containment: sources.containment.messages(),
    desired: sources.desired.results(),
    refused,
    permittedNew: counters.get('permitted_new')?.packets ?? 0,
    wouldRefuse: counters.get('would_refuse')?.packets ?? 0,
    inspection: sources.inline.status(),
    portsUnguarded: sources.portGuard.why,
    announcementsUnheard: sources.listeners.unannounced,
    variables: await sources.variables.status(sources.keeper.inForce.policy),
    panel: sources.panel.status(),
    dropped: {
      ...sources.dropped(),
      announcements: counters.get(ANNOUNCED_UNREAD_COUNTER)?.packets ?? 0,
    },
    tablesRestored: sources.keeper.tablesRestored,
    rssBytes: process.memoryUsage.rss(),
  };
}
