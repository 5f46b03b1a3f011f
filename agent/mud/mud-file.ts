/**
 * A MUD file as values: what RFC 8520 says of a device, and its access list entries (RFC 8519) in the form in which they can be
 * compared. Made by parse-mud.ts, used by everything else in this room. Only types and the constants of the standards.
 */
import type { Family, Network } from '../policy/address.js';
import type { Problem } from '../policy/problem.js';
import type { PortSet } from './ports.js';

/** Whose policy of the file it stands in: packets that the device sends, or that are sent to it (RFC 8520 section 2.1). */
export type AceDirection = 'from-device' | 'to-device';

/** The other end. All that is given must hold; nothing given is every address of the family. */
export interface PeerMatch {
  /** Keys of site configuration, sorted: see class-keys.ts. */
  readonly classes: readonly string[];
  readonly name: string | null;
  readonly network: Network | null;
}

/** Null where any does. */
export interface IcmpMatch {
  readonly type: number | null;
  readonly code: number | null;
}

/** What one entry matches in one family, as seen from the device. */
export interface AceMatch {
  readonly family: Family;
  /** IANA number; null: any. */
  readonly protocol: number | null;
  /** Every port for protocols without. */
  readonly devicePorts: PortSet;
  readonly peerPorts: PortSet;
  readonly icmp: IcmpMatch | null;
  /** Who opened the TCP connection (RFC 8520 section 8, `direction-initiated`); null: either. */
  readonly initiator: 'device' | 'peer' | null;
  readonly peer: PeerMatch;
}

export interface Ace {
  readonly direction: AceDirection;
  readonly acl: string;
  readonly name: string;
  /** Where in the file, or `RFC 8520 appendix B`. */
  readonly path: string;
  readonly isDefault: boolean;
  readonly accepts: boolean;
  /** One for each family that it speaks of. */
  readonly matches: readonly AceMatch[];
}

/** An entry that is not used, whole, and why. */
export interface DroppedAce {
  readonly direction: AceDirection | null;
  readonly acl: string;
  readonly name: string;
  readonly path: string;
  readonly isDefault: boolean;
  readonly reason: string;
}

/** Where an entry stands, without what it says. */
export type AcePlace = Omit<DroppedAce, 'reason'>;

export function placeOf({ direction, acl, name, path, isDefault }: AcePlace): AcePlace {
  return { direction, acl, name, path, isDefault };
}

export interface MudFile {
  readonly url: string | null;
  readonly lastUpdate: string | null;
  readonly cacheValidityHours: number;
  readonly isSupported: boolean;
  readonly systemInfo: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly signatureUrl: string | null;
  /** In the order in which they are asked (RFC 8519 section 4: the first that matches decides). */
  readonly aces: readonly Ace[];
  readonly dropped: readonly DroppedAce[];
  /** What deserves a look, without making the file unusable. */
  readonly warnings: readonly Problem[];
}

/** RFC 8520 section 3.5: 1 to 168 hours, 48 where nothing is said. */
export const CACHE_VALIDITY_HOURS = { default: 48, least: 1, most: 168 } as const;
