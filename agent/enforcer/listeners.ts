/**
 * The enforcer's ears in the kernel: four NFLOG groups and the ends of connections. Opened together; a group that
 * another process holds is an error, because then we would be blind.
 */
import { openConntrackEvents, type ConntrackRecord } from '../netlink/conntrack.js';
import { openNflog, type NflogPacket } from '../netlink/nflog.js';
import { DATA_SNAP_BYTES, NAME_SNAP_BYTES } from '../policy/default-policy.js';
import {
  LEARN_GROUP,
  NAMES_GROUP,
  NAMES_PREFIX,
  PERMITTED_GROUP,
  REFUSED_GROUP,
} from '../ruleset/reasons.js';
import { AnnouncementCopies } from './announcement-copies.js';
import { LOG_PREFIXES } from './log-prefixes.js';

const NFLOG_BUFFER_BYTES = 4 * 1024 * 1024;
const CONNTRACK_BUFFER_BYTES = 8 * 1024 * 1024;

export interface Listeners {
  dropped(): Record<string, number>;
  /** Why LLDP and CDP are not heard; null: they are. */
  readonly unannounced: string | null;
  stop(): Promise<void>;
}

export function openListeners(
  devicePorts: readonly string[],
  onPacket: (packet: Readonly<NflogPacket>) => void,
  onNames: (packet: Readonly<NflogPacket>) => void,
  onFlowEnd: (record: Readonly<ConntrackRecord>) => void,
): Listeners {
  let flowEndOverruns = 0;
  const opened: { stop(): void }[] = [];
  try {
    const readers = [REFUSED_GROUP, PERMITTED_GROUP, LEARN_GROUP, NAMES_GROUP].map((group) => {
      const isNames = group === NAMES_GROUP;
      const reader = openNflog(
        {
          group,
          copyBytes: isNames ? NAME_SNAP_BYTES : DATA_SNAP_BYTES,
          receiveBufferBytes: NFLOG_BUFFER_BYTES,
          prefixes: isNames ? [NAMES_PREFIX] : LOG_PREFIXES,
        },
        isNames ? onNames : onPacket,
      );
      opened.push(reader);
      return reader;
    });
    const ends = openConntrackEvents(
      // Ends that were lost cannot be read again; that they were is counted.
      {
        receiveBufferBytes: CONNTRACK_BUFFER_BYTES,
        groups: ['destroy'],
        onOverrun: () => (flowEndOverruns += 1),
      },
      (_kind, record) => {
        onFlowEnd(record);
      },
    );
    opened.push(ends);
    const copies = new AnnouncementCopies(devicePorts);
    copies.start();
    return {
      get unannounced() {
        return copies.why;
      },
      dropped: () => ({
        loggedPackets: readers.reduce((sum, reader) => sum + reader.counters().seqGaps, 0),
        logOverruns: readers.reduce((sum, reader) => sum + reader.counters().overruns, 0),
        logDecodeErrors: readers.reduce((sum, reader) => sum + reader.counters().decodeErrors, 0),
        flowEndOverruns,
      }),
      stop: async () => {
        for (const each of opened) each.stop();
        await copies.stop();
      },
    };
  } catch (error) {
    for (const each of opened) each.stop();
    throw error;
  }
}
