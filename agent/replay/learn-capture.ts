/**
 * Captures and flow logs into habits, as a box that watched them would have: `cordon learn … --capture`. The same detectors run beside, so that what
 * looks like an attack is known as one; DNS answers say what the device was looking for.
 */
import { EVENT_END, EVENT_IP, VERDICT_ALLOWED, VERDICT_REFUSED, type DetectEvent } from '../detect/event.js';
import type { AddressTable } from '../detect/address-table.js';
import type { DetectSettings } from '../detect/settings.js';
import { HabitBook, type WhoSeen } from '../learn/habit-book.js';
import { readAnswer } from '../learn/read-answer.js';
import { WatchLog } from '../learn/watched.js';
import type { Finding } from '../messages/vocabulary.js';
import { formatAddress, formatMac } from '../packet/format.js';
import { NONE, PROTOCOL_TCP, TCP_ACK, TCP_SYN } from '../packet/view.js';
import { Openings } from './openings.js';
import type { ReadOutcome } from './read-file.js';
import { replayFile } from './read-file.js';
import { ReplayDevices, type NamedDevice } from './replay-devices.js';
import { Replay } from './replay.js';

const DNS_PORT = 53;
/** A capture that says nothing for longer was put together from pieces; a device that sleeps is quiet for hours. */
const WATCH_JOIN_MS = 86_400_000;
/** Openings of findings kept; a capture that is one attack has thousands. */
const MAX_FINDINGS = 10_000;

export interface LearntCapture {
  readonly book: HabitBook;
  readonly watched: WatchLog;
  readonly findings: readonly Finding[];
  /** Time of the last packet. */
  readonly endMs: number;
  readonly files: readonly (ReadOutcome & { readonly file: string; readonly packets: number })[];
}

/** Files in order of time. Nobody named: every inside address is a device. Rejects only with the error of the file system. */
export async function learnFromCaptures(
  files: readonly string[],
  named: readonly NamedDevice[],
  settings: DetectSettings,
): Promise<LearntCapture> {
  const book = new HabitBook();
  const watched = new WatchLog(WATCH_JOIN_MS);
  const openings = new Openings(MAX_FINDINGS);
  const devices = new ReplayDevices(named);
  const outcomes: LearntCapture['files'][number][] = [];
  let endMs = 0;
  const whoIs = (id: number, address: string | null): WhoSeen => {
    const { name, mac } = devices.describe(id);
    return { device: name, mac, address };
  };
  for (const file of files) {
    const replay: Replay = new Replay({
      settings,
      devices,
      onFinding: (finding) => {
        openings.tell(finding, replay);
      },
      onEvent: (event, addresses) => {
        const label = whoIs(event.deviceId, addresses.text(event.local));
        const isOwnFrame = event.fromDevice && !event.isReply && event.macHigh !== NONE;
        const who = isOwnFrame ? { ...label, mac: formatMac(event.macHigh, event.macLow) } : label;
        if (who.device === null || event.verdict === VERDICT_REFUSED) return;
        // The replay lets time go on after the last packet, so that what is open ends.
        fold(book, who, event, addresses, Math.min(replay.nowMs, replay.lastMs));
      },
      onTime: (nowMs) => {
        watched.see(nowMs);
      },
      onAnswer: (id, view, bytes) => {
        if (view.srcPort !== DNS_PORT) return;
        const answer = readAnswer(bytes, view.payloadOffset, view.payloadOffset + view.payloadLength);
        const who = whoIs(id, null);
        if (answer === null || who.device === null) return;
        const resolver = formatAddress(view.family, view.src0, view.src1, view.src2, view.src3);
        book.lookup(who, { ...answer, resolver }, replay.nowMs);
      },
    });
    const outcome = await replayFile(file, replay, devices);
    outcomes.push({ file, packets: replay.packets + replay.flowRecords, ...outcome });
    endMs = Math.max(endMs, replay.lastMs);
  }
  return { book, watched, findings: openings.all.map(({ finding }) => finding), endMs, files: outcomes };
}

function fold(
  book: HabitBook,
  who: WhoSeen,
  event: Readonly<DetectEvent>,
  addresses: AddressTable,
  nowMs: number,
): void {
  const peer = addresses.text(event.peer);
  if (peer === null || event.protocol === NONE) return;
  const direction = event.fromDevice ? 'out' : 'in';
  const key = {
    direction,
    peer,
    protocol: event.protocol,
    port: event.port === NONE ? null : event.port,
  } as const;
  if (event.kind === EVENT_IP) {
    book.meet(who, nowMs);
    book.connection({
      ...who,
      ...key,
      count: 1,
      isMidstream: event.protocol === PROTOCOL_TCP && (event.tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN,
      isUnlisted: event.verdict !== VERDICT_ALLOWED,
      firstMs: nowMs,
      lastMs: nowMs,
    });
  } else if (event.kind === EVENT_END) {
    const { bytesOut, bytesIn, packetsOut, packetsIn } = event;
    book.end({ ...who, ...key, ended: 1, bytesOut, bytesIn, packetsOut, packetsIn, lastMs: nowMs });
  }
}
