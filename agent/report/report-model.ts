/**
 * Everything that a report says, as data: what its hash is reckoned over, and what `--format json` prints. Built by build-report.ts from what the command
 * gathered; written down by write-document.ts. Plain JSON, every list in a fixed order: the same input gives the same hash. Pure.
 */
import type { ExceptionState } from '../policy/exceptions.js';
import type { ActivityEntry } from '../activity/entry.js';
import type { Finding } from '../messages/vocabulary.js';
import type { Budget } from '../risk/eol-budget.js';
import type { Factor, Score } from '../risk/assess.js';

export interface ReportModel {
  readonly format: 'cordon-report-1';
  readonly cover: Cover;
  /** What was not to be had: no agent, no catalogue, no activity log. */
  readonly notes: readonly string[];
  readonly inventory: readonly InventoryLine[];
  readonly map: readonly Conduit[];
  readonly risk: readonly RiskLine[];
  readonly segmentation: Segmentation | null;
  readonly containment: readonly ContainmentLine[];
  readonly activity: ActivityPart | null;
  /** Of the period, the gravest first. */
  readonly incidents: readonly Incident[];
  readonly endOfLife: Budget;
  readonly contacts: readonly ContactLine[];
  /** Rows that were left out of the lists above because there is an end to what can be read on paper. */
  readonly leftOut: Readonly<Record<string, number>>;
}

export interface Cover {
  readonly site: string;
  readonly box: string | null;
  /** Of the program. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly made: string;
  readonly by: string;
  readonly from: string;
  readonly to: string;
  /** A box that runs, or the name of a capture. */
  readonly source: string;
}

export interface InventoryLine {
  readonly name: string;
  readonly isInPolicy: boolean;
  readonly kind: string | null;
  readonly make: string | null;
  readonly model: string | null;
  readonly serial: string | null;
  readonly os: string | null;
  readonly software: string | null;
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
  readonly owner: string | null;
  readonly location: string | null;
  readonly criticality: string;
  readonly holdsPhi: string;
  readonly services: readonly string[];
  readonly speaks: readonly string[];
  /** `os: Linux`, where sources contradict what is shown. */
  readonly conflicts: readonly string[];
  /** Of what is shown, the value that is least sure, 0 to 100; null where nothing but addresses is known. */
  readonly leastSure: number | null;
  readonly lastSeen: string;
}

export const CONDUIT_KINDS = ['essential', 'permitted', 'observed', 'refused'] as const;
export type ConduitKind = (typeof CONDUIT_KINDS)[number];

/** One way between a device and a peer: IEC 62443 calls it a conduit. */
export interface Conduit {
  readonly device: string;
  /** Who opens it, as seen from the device. */
  readonly direction: 'out' | 'in';
  /** `tcp 104`. */
  readonly service: string;
  readonly peer: string;
  readonly kind: ConduitKind;
  /** Refused, or seen in a capture, so many times; null where it is only written in a policy. */
  readonly count: number | null;
  readonly why: string | null;
}

export interface RiskLine {
  readonly rank: number;
  readonly name: string;
  readonly residual: Score;
  readonly inherent: Score;
  readonly factors: readonly Factor[];
}

export interface Segmentation {
  readonly generation: number | null;
  readonly sha256: string | null;
  readonly applied: string | null;
  /** Who applied and who confirmed it, from the activity log. */
  readonly approvals: readonly { readonly at: string; readonly who: string; readonly what: string }[];
  readonly unknownDevices: string;
  readonly networks: readonly string[];
  readonly groups: readonly { readonly name: string; readonly members: readonly string[] }[];
  readonly devices: readonly SegmentedDevice[];
  /** Entries with an end, the next one first. */
  readonly exceptions: readonly ExceptionLine[];
  /** Null: the box was not asked. */
  readonly proof: Proof | null;
}

export interface ExceptionLine {
  /** Where the policy has it. */
  readonly path: string;
  readonly devices: readonly string[];
  readonly direction: 'out' | 'in';
  readonly peer: string;
  readonly service: string;
  readonly why: string;
  readonly until: string;
  /** `overdue`: essential, and past its end. */
  readonly state: ExceptionState;
}

export interface SegmentedDevice {
  readonly name: string;
  readonly mode: string;
  readonly criticality: string;
  readonly entries: readonly {
    readonly direction: 'out' | 'in';
    readonly peer: string;
    readonly service: string;
    readonly essential: boolean;
    /** As written; null: it has no end. */
    readonly until: string | null;
    readonly why: string;
  }[];
  /** Connections refused in the period, and when the last one was. */
  readonly refused: number;
  readonly lastRefused: string | null;
}

export interface Proof {
  readonly mode: string;
  readonly inspection: string;
  /** Packets by reason, since the tables were loaded. */
  readonly refusedPackets: readonly { readonly reason: string; readonly packets: number }[];
  readonly permittedNew: number;
  readonly tablesRestored: number;
  /** Ports of the box that nothing guards, and why; null: none. */
  readonly unguarded: string | null;
  readonly runningSince: string;
  readonly lastConfirmed: string | null;
  readonly lastRefusal: string | null;
}

export interface ContainmentLine {
  readonly name: string;
  readonly isLifeSustaining: boolean;
  readonly automation: string;
  readonly now: string;
  /** What goes on when it is contained. */
  readonly essential: readonly string[];
  readonly stops: number;
}

export interface ActivityPart {
  /** Oldest first. */
  readonly entries: readonly ActivityEntry[];
  readonly total: number;
  readonly isWhole: boolean;
  readonly problems: readonly string[];
  readonly heldAgainst: readonly string[];
  readonly headSeq: number;
  readonly headHash: string;
}

export interface Incident {
  readonly first: string;
  readonly last: string;
  readonly severity: Finding['severity'];
  readonly state: Finding['state'];
  readonly device: string;
  readonly title: string;
  readonly detector: string;
  readonly count: number;
}

export interface ContactLine {
  readonly name: string;
  readonly owner: string | null;
  readonly security: string | null;
  readonly support: string | null;
}
