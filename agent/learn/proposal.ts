/** What a proposal is made of: entries with their evidence and doubts, and what was left out with its reason. Pure values; made by propose.ts. */
import type { Finding } from '../messages/vocabulary.js';
import type { AllowEntry } from '../policy/schema.js';
import type { Habit } from './habit.js';

/** The other end, as an entry writes it. */
export type ProposedPeer =
  | { readonly address: string }
  | { readonly network: string }
  | { readonly name: string }
  | { readonly device: string };

export interface ProposedEntry {
  readonly direction: 'out' | 'in';
  readonly peer: ProposedPeer;
  readonly protocol: AllowEntry['protocol'];
  /** `104`, `49152-65535`. */
  readonly ports?: readonly string[];
  /** ICMP: types of the first packet, with every code. */
  readonly icmpTypes?: readonly number[];
  readonly why: string;
}

export interface Evidence {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
  /** Days on which it was seen, of the habit seen most often. */
  readonly days: number;
  readonly ended: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly openedBy: 'device' | 'peer';
  /** Names that the device looked up before it came here. */
  readonly names: readonly string[];
  readonly peers: readonly string[];
  readonly ports: readonly number[];
}

export interface Proposal {
  readonly entry: ProposedEntry;
  readonly evidence: Evidence;
  /** Why a person should look twice, the weightiest first; none: it was seen often and again. */
  readonly doubts: readonly Doubt[];
}

export interface Doubt {
  /** The larger, the earlier in the list. */
  readonly weight: number;
  readonly text: string;
}

/** `finding-listed`: a finding is about it, and the policy permits it already. */
export type LeftOutReason =
  'finding' | 'finding-listed' | 'middle' | 'infrastructure' | 'not-expressible' | 'no-room';

export interface LeftOut {
  readonly reason: LeftOutReason;
  readonly text: string;
  readonly habits: readonly Habit[];
  readonly findings: readonly Finding[];
  /** What would permit it, for a person who knows better; null where no entry can. */
  readonly entry: ProposedEntry | null;
}

export interface ProposalSet {
  readonly device: string;
  /** The doubtful first. */
  readonly proposals: readonly Proposal[];
  readonly leftOut: readonly LeftOut[];
  /** Of the policy's entries: whether anything that was seen needs it. */
  readonly existing: readonly { readonly index: number; readonly connections: number }[];
  /** DNS servers that names need under site.resolvers, and names of hosts inside that need a place under site.domains. */
  readonly resolvers: readonly string[];
  readonly domains: readonly string[];
}
