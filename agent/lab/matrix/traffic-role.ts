/** What an end of the matrix's traffic is told to do, and what it tells: shared by traffic-peer.ts and those who start it. Pure. */
export interface TrafficRole {
  readonly is: 'server' | 'client' | 'intruder';
  /** The unix socket where it is asked. */
  readonly control: string;
  /** Whom the client and the intruder address, one of each family. */
  readonly hosts: readonly string[];
  /** TCP connections that stay, with a counter every few milliseconds both ways. */
  readonly live: readonly number[];
  /** TCP connections that are opened anew all the time. */
  readonly fresh: readonly number[];
  /** Datagrams and their echo; for the intruder, datagrams. */
  readonly udp: readonly number[];
}

export interface PeerReport {
  /** The longest time without a byte on a live connection. */
  liveGapMs: number;
  liveBroken: number;
  /** Bytes on live connections that were not the next of their counter. */
  outOfOrder: number;
  datagrams: number;
  datagramsLost: number;
  freshTried: number;
  freshFailed: number;
  freshSlowestMs: number;
  intrusions: number;
}
