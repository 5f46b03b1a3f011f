/**
 * Packets of a capture into the events that detectors are fed on a box: the first packet of a connection, the first data of
 * each direction, the end, ARP. Time is the capture's. Told every packet by read-file.ts; what is found goes to `onFinding`.
 * Fragments are put together before anything looks at them, as the kernel does.
 */
import { decodeLink, LINK_ETHERNET, UNSUPPORTED_LINK } from '../capture/decode-link.js';
import type { CapturedPacket, ComingPackets } from '../capture/packet-record.js';
import { createAddressTable, type AddressTable } from '../detect/address-table.js';
import {
  createEvent,
  EVENT_END,
  EVENT_GOING,
  EVENT_IP,
  EVENT_PAYLOAD,
  fillEvent,
  fillSequence,
  GOES_ON_MS,
  GOES_ON_PACKETS,
  VERDICT_OBSERVED,
  VERDICT_REFUSED,
  type DetectEvent,
} from '../detect/event.js';
import { createDetection, type Detection } from '../detect/registry.js';
import { createFlowKey, fillFlowKey, fillQuotedKey, isIcmpError } from '../flow/flow-key.js';
import { FlowTable } from '../flow/flow-table.js';
import type { Finding } from '../messages/vocabulary.js';
import { isNeighbourMessage } from '../packet/neighbour.js';
import { CAPTURE_CUT } from '../packet/problems.js';
import {
  createPacketView,
  LAYER_ARP,
  NONE,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type PacketView,
} from '../packet/view.js';
import { CaptureClock } from './capture-clock.js';
import { fillCounters, NOTE_DEVICE, noteFirst, outcomeOf, recallFirst } from './flow-event.js';
import { PlainPacketsComing, trackPlainPacket } from './plain-packet.js';
import { Reassembly } from './reassembly.js';
import { LEARNING, type ReplayOptions } from './replay-options.js';
import { createEnd, isLeaseRequest, macOf, NOT_OURS, setEnd } from './replay-devices.js';
import { Steps } from './steps.js';

const FLOWS = 131_072;
const TICK_MS = 1_000;
/** After the last packet, time goes on for this long, so that what waits for a silence is told (tcp syn_sent: 120 s). */
const AFTERMATH_MS = 130_000;

export class Replay {
  packets = 0;
  events = 0;
  flows = 0;
  /** First packets of our connections, or records of a flow log, that the judge let through, and that it refused. */
  permitted = 0;
  refused = 0;
  undecodable = 0;
  /** Each of them; what became of them is among the counters. */
  fragments = 0;
  unsupportedLink = 0;
  /** Neither IP nor ARP. */
  otherFrames = 0;
  /** Connections of which neither end is a device. */
  notOurs = 0;
  /** Records of a flow log, where one is read instead of packets. */
  flowRecords = 0;
  /** Of the first packet. */
  startMs = Number.NaN;
  nowMs = 0.5;
  /** Of the last packet: `end` lets time go on. */
  lastMs = 0;
  /** For the capture's reader. */
  readonly coming: ComingPackets;
  readonly #options: ReplayOptions;
  readonly #addresses = createAddressTable();
  readonly #detection: Detection;
  readonly #table: FlowTable;
  readonly #clock = new CaptureClock();
  readonly #reassembly = new Reassembly();
  readonly #view = createPacketView();
  readonly #key = createFlowKey();
  readonly #event = createEvent();
  readonly #source = createEnd();
  readonly #destination = createEnd();
  readonly #steps: Steps;
  #goingDueMs = Number.POSITIVE_INFINITY;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#detection = createDetection(options.settings, {
      addresses: this.#addresses,
      describe: (id) => options.devices.describe(id),
      idOf: (name) => options.devices.idOf(name),
    });
    this.#table = new FlowTable(options.flowCapacity ?? FLOWS, (flow) => {
      this.#tellCounters(flow, EVENT_END);
    });
    this.coming = new PlainPacketsComing(this.#table);
    this.#steps = new Steps({
      expire: (atMs) => {
        this.#expire(atMs);
      },
      flowsDueMs: () => this.#table.dueMs(),
      tick: (atMs) => {
        this.#tell(this.#detection.tick(atMs));
      },
      detectorsDueMs: () => this.#detection.dueMs(),
    });
  }

  packet(captured: Readonly<CapturedPacket>): void {
    this.packets++;
    this.advanceTo(captured.timeMs);
    const { bytes, offset, length } = captured;
    // Who reads answers wants to see every one.
    if (captured.linkType === LINK_ETHERNET && this.#options.onAnswer === undefined) {
      const table = this.#table;
      table.nowMs = this.nowMs;
      if (trackPlainPacket(table, bytes, offset, length)) {
        if (table.isFirstData) {
          decodeLink(this.#view, captured.linkType, bytes, offset, length);
          this.#data(table.flow, this.#view, bytes);
        }
        return;
      }
    }
    const view = this.#view;
    const problem = decodeLink(view, captured.linkType, bytes, offset, length);
    // What cannot be read at all leaves the view as it was.
    if (problem === UNSUPPORTED_LINK || !view.isFragment) {
      this.#decoded(problem, bytes);
      return;
    }
    this.fragments++;
    const whole = this.#reassembly.add(view, bytes, offset, this.nowMs);
    if (whole !== null) this.#assembled(captured.linkType, whole);
  }

  /** A fragment inside of fragments, which no host sends, is not put together twice. */
  #assembled(linkType: number, whole: Uint8Array): void {
    const problem = decodeLink(this.#view, linkType, whole, 0, whole.length);
    if (this.#view.isFragment) this.undecodable++;
    else this.#decoded(problem, whole);
  }

  #decoded(problem: number, bytes: Uint8Array): void {
    const view = this.#view;
    if (problem === UNSUPPORTED_LINK) this.unsupportedLink++;
    else if (problem > CAPTURE_CUT) this.undecodable++;
    else if ((view.layers & LAYER_ARP) !== 0) this.#resolution(view, bytes);
    else if (view.family === 0 || view.protocol === NONE) this.otherFrames++;
    else if (isNeighbourMessage(view)) this.#resolution(view, bytes);
    else this.#ip(view, bytes);
  }

  /** Time of the capture; detectors and the flow table are told of the seconds in between. */
  advanceTo(timeMs: number): void {
    const nowMs = this.#clock.now(timeMs);
    this.nowMs = nowMs;
    if (!this.#steps.hasBegun) {
      this.startMs = nowMs;
      this.#goingDueMs = nowMs + GOES_ON_MS;
      this.#steps.begin(nowMs);
    }
    this.lastMs = nowMs;
    this.#options.onTime?.(nowMs);
    this.#steps.advance(nowMs);
    this.nowMs = nowMs;
    if (nowMs >= this.#goingDueMs) this.#tellGoing(nowMs);
  }

  #tellGoing(nowMs: number): void {
    const sinceMs = this.#goingDueMs - GOES_ON_MS;
    this.#goingDueMs = nowMs + GOES_ON_MS;
    this.#table.forEachLive(sinceMs, GOES_ON_PACKETS, (flow) => {
      this.#tellCounters(flow, EVENT_GOING);
    });
  }

  /** Hands an event to the detectors; for flow-replay.ts, which has no packets. */
  observe(event: DetectEvent): void {
    this.#steps.event();
    this.events++;
    this.#options.onEvent?.(event, this.#addresses);
    this.#tell(this.#detection.observe(event, this.nowMs));
  }

  /** Says what the policy, if there is one, makes of a first packet, and counts it. */
  judge(event: DetectEvent): void {
    event.verdict = this.#verdictOf(event);
    if (event.verdict === VERDICT_REFUSED) this.refused++;
    else this.permitted++;
  }

  get addresses(): AddressTable {
    return this.#addresses;
  }

  /** What was seen until now is usual: from here on detectors learn nothing silently any more. */
  endLearning(): void {
    const settings = structuredClone(this.#options.settings);
    for (const name of LEARNING) settings[name].learnSeconds = 0;
    this.#detection.useSettings(settings, this.nowMs);
  }

  /** The capture is over: what still lives ends. */
  end(): void {
    if (!this.#steps.hasBegun) return;
    this.#steps.event();
    const lastMs = this.nowMs;
    for (let atMs = lastMs; atMs < lastMs + AFTERMATH_MS; atMs += TICK_MS) {
      this.#expire(atMs);
      this.#tell(this.#detection.tick(atMs));
    }
    this.#table.endAll();
    this.#tell(this.#detection.tick(this.nowMs));
  }

  counters(): Record<string, number> {
    return {
      'flows.evicted': this.#table.evicted,
      'clock.jumps': this.#clock.jumps,
      ...this.#reassembly.counters(),
      'devices.refused': this.#options.devices.refused,
      ...this.#detection.counters(),
    };
  }

  #expire(atMs: number): void {
    this.nowMs = atMs;
    this.#table.nowMs = atMs;
    this.#table.expire();
  }

  #tell(findings: readonly Finding[]): void {
    for (const finding of findings) this.#options.onFinding(finding);
  }

  /** ARP and neighbour discovery, which no connection tracking follows. */
  #resolution(view: PacketView, bytes: Uint8Array): void {
    const sender = this.#source;
    sender.mac = view.srcMacHigh * 0x1000000 + view.srcMacLow;
    if (view.family === 6) setEnd(sender, 6, view.src0, view.src1, view.src2, view.src3);
    else {
      // The link of some captures has no addresses.
      if (sender.mac === 0) sender.mac = view.arpSenderMacHigh * 0x1000000 + view.arpSenderMacLow;
      setEnd(sender, 4, view.arpSenderAddress, 0, 0, 0);
    }
    const id = this.#options.devices.ofSender(sender);
    fillEvent(
      this.#event,
      view,
      this.#addresses,
      Math.max(1, id),
      id !== NOT_OURS,
      VERDICT_OBSERVED,
      0,
      NONE, // then it is what the packet claims
      NONE,
      bytes,
    );
    this.observe(this.#event);
  }

  #ip(view: PacketView, bytes: Uint8Array): void {
    const key = this.#key;
    if (isIcmpError(view) && fillQuotedKey(key, view, bytes)) {
      const quoted = this.#table.find(key);
      // The error comes back to whoever opened: it quotes the opener's own packet.
      if (quoted >= 0) {
        if (!this.#table.isReply) this.#table.reject(quoted);
        return;
      }
    }
    fillFlowKey(key, view, bytes);
    const table = this.#table;
    table.nowMs = this.nowMs;
    const flow = table.track(key, view.tcpFlags, view.ipLength);
    if (table.isNew) this.#opened(flow, view, bytes);
    else if (isLeaseRequest(view)) this.#asked(view, bytes);
    const hasData = view.protocol === PROTOCOL_TCP && view.payloadLength > 0;
    if (hasData && table.noteData(flow, table.isReply)) this.#data(flow, view, bytes);
    if (view.protocol === PROTOCOL_UDP && table.isReply && table.note(flow, NOTE_DEVICE) > 0)
      this.#options.onAnswer?.(table.note(flow, NOTE_DEVICE), view, bytes);
  }

  #opened(flow: number, view: PacketView, bytes: Uint8Array): void {
    this.flows++;
    const device = this.#deviceOf(view);
    const table = this.#table;
    table.setNote(flow, NOTE_DEVICE, device);
    if (device === NOT_OURS) {
      this.notOurs++;
      return;
    }
    const event = this.#event;
    this.#fillFirst(device, view, bytes);
    this.judge(event);
    noteFirst(event, table, flow);
    event.kind = EVENT_IP;
    this.observe(event);
  }

  /** To connection tracking all who ask for addresses are one flow; a box is told each of their packets (enforcer/evidence.ts). */
  #asked(view: PacketView, bytes: Uint8Array): void {
    const device = this.#deviceOf(view);
    if (device === NOT_OURS) return;
    this.#fillFirst(device, view, bytes);
    this.#event.verdict = this.#verdictOf(this.#event);
    this.observe(this.#event);
  }

  #verdictOf(event: DetectEvent): number {
    return this.#options.judge?.(event, this.#addresses) ?? VERDICT_OBSERVED;
  }

  #deviceOf(view: PacketView): number {
    setEnd(this.#source, view.family, view.src0, view.src1, view.src2, view.src3);
    setEnd(this.#destination, view.family, view.dst0, view.dst1, view.dst2, view.dst3);
    this.#source.mac = macOf(view.srcMacHigh, view.srcMacLow);
    this.#destination.mac = macOf(view.dstMacHigh, view.dstMacLow);
    return this.#options.devices.ofFirstPacket(view, this.#source, this.#destination);
  }

  #fillFirst(device: number, view: PacketView, bytes: Uint8Array): void {
    const hasMac = (view.srcMacHigh | view.srcMacLow) !== 0;
    const macHigh = hasMac ? view.srcMacHigh : NONE;
    const macLow = hasMac ? view.srcMacLow : NONE;
    const event = this.#event;
    const id = Math.abs(device);
    fillEvent(event, view, this.#addresses, id, device > 0, VERDICT_OBSERVED, 0, macHigh, macLow, bytes);
  }

  /** The first data of a direction. */
  #data(flow: number, view: PacketView, bytes: Uint8Array): void {
    const event = this.#event;
    if (!recallFirst(event, this.#table, this.#addresses, flow)) return;
    event.kind = EVENT_PAYLOAD;
    event.isReply = this.#table.isReply;
    event.tcpFlags = view.tcpFlags;
    fillSequence(event, view, bytes);
    event.bytes = bytes;
    event.payloadOffset = view.payloadOffset;
    event.payloadLength = view.payloadLength;
    this.observe(event);
  }

  /** `kind`: EVENT_END, which alone has an outcome, or EVENT_GOING. */
  #tellCounters(flow: number, kind: number): void {
    const event = this.#event;
    if (!recallFirst(event, this.#table, this.#addresses, flow)) return;
    fillCounters(event, this.#table, flow);
    event.kind = kind;
    if (kind === EVENT_END) event.outcome = outcomeOf(this.#table, flow);
    this.observe(event);
  }
}
