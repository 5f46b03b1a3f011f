/**
 * Connections by their numbers, for whoever watches packets and has no kernel to ask: both directions find the same flow.
 * Open addressing with linear probing over typed arrays; lookups, updates and expiry allocate nothing. Timers are a hashed
 * wheel (Varghese and Lauck, SOSP 1987, scheme 6) with lazy refresh: a packet only writes the time. Pure.
 *
 * Memory: BYTES_PER_FLOW times the capacity, all of it reserved at the start. When it is full, the flow whose timer is
 * next makes room; `evicted` counts them.
 */
import { PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../packet/view.js';
import { hashOf, hashOfIpv4 } from './flow-hash.js';
import type { FlowKey } from './flow-key.js';
import {
  RECORD,
  DOUBLES,
  HASH,
  PORTS,
  META,
  OPENER,
  OTHER,
  PACKETS,
  LAST_MS,
  BYTES,
  FIRST_MS,
  REST,
  FLAGS,
  SEEN_REPLY,
  WAS_ESTABLISHED,
  FIN_FROM_OPENER,
  FIN_FROM_ANSWERER,
  REJECTED,
  FlowRecords,
  metaOf,
  familyOf,
  protocolOf,
  stateOf,
} from './flow-records.js';
import {
  firstState,
  nextState,
  STATE_CLOSED,
  STATE_ESTABLISHED,
  STATE_FIN_WAIT,
  STATE_TIME_WAIT,
  STATE_UDP_ANSWERED,
  TIMEOUTS_MS,
} from './timeouts.js';
import { TimerWheel } from './timer-wheel.js';

/** A key, an order of the index, a timer and two directions of counters. */
export const BYTES_PER_FLOW = 126;

const NIL = -1;
/** Packets that `fetch` reads for. */
const MOST_EXPECTED = 16;
/** An index below 2^30 stays a small integer in V8. */
const MAX_CAPACITY = 1 << 24;

export class FlowTable extends FlowRecords {
  readonly capacity: number;
  size = 0;
  /** Flows that made room before their time. */
  evicted = 0;
  /** Set before `track` and `expire`, never back. A field, because V8 would box the argument of a call. */
  nowMs = 0.5;
  /** Of the last `find` or `track`: the packet goes against the direction of the opener. */
  isReply = false;
  /** Of the last `track`: this packet opened the flow. */
  isNew = false;
  /** Of the last `trackKnown`. */
  flow = NIL;
  isFirstData = false;
  /** What `fetch` read, so that no compiler leaves the reading out. */
  fetched = 0;

  readonly #onEnd: (flow: number) => void;
  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #wheel: TimerWheel;
  readonly #expected = new Int32Array(MOST_EXPECTED);
  #expectedCount = 0;
  #free = NIL;
  #used = 0;
  #nextSecondMs = Number.NEGATIVE_INFINITY;

  /** `onEnd` is called with a flow whose columns can still be read; it must not call back into the table. */
  constructor(capacity: number, onEnd: (flow: number) => void) {
    if (capacity < 2 || capacity > MAX_CAPACITY || (capacity & (capacity - 1)) !== 0)
      throw new RangeError(`flow table: ${capacity} is not a power of two between 2 and ${MAX_CAPACITY}`);
    super(capacity);
    this.capacity = capacity;
    this.#onEnd = onEnd;
    this.#index = new Int32Array(capacity * 2);
    this.#mask = capacity * 2 - 1;
    this.#wheel = new TimerWheel(capacity);
  }

  /** Bytes held in typed arrays. */
  get byteLength(): number {
    const columns = [this.record, this.rest, this.#index];
    return columns.reduce((sum, column) => sum + column.byteLength, this.#wheel.byteLength);
  }

  /** The flow of a packet, or -1. */
  find(key: FlowKey): number {
    const hash = hashOf(key);
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const flow = (this.#index[at] ?? 0) - 1;
      if (flow === NIL) return NIL;
      if (this.record[flow * RECORD + HASH] === hash && this.#matches(flow, key)) return flow;
    }
  }

  /** Ends what is over, finds or opens the flow of a packet and counts it. */
  track(key: FlowKey, tcpFlags: number, ipBytes: number): number {
    this.expire();
    let flow = this.find(key);
    if (flow !== NIL && this.#isReopened(flow, tcpFlags)) {
      this.#end(flow);
      flow = NIL;
    }
    this.isNew = flow === NIL;
    if (flow === NIL) {
      flow = this.#open(key, tcpFlags);
      this.isReply = false;
    } else this.#advance(flow, tcpFlags);
    this.#count(flow, ipBytes);
    return flow;
  }

  /**
   * As `track` for an IPv4 packet (TCP or UDP) of a flow that is there: by numbers alone, addresses are int32. False, and nothing done, for
   * one that opens a flow. Sets `flow` and, for TCP with data, `isFirstData`.
   */
  trackKnown(
    source: number,
    destination: number,
    protocol: number,
    srcPort: number,
    dstPort: number,
    tcpFlags: number,
    hasData: boolean,
    ipBytes: number,
  ): boolean {
    this.expire();
    const hash = hashOfIpv4(source, destination, protocol, srcPort, dstPort);
    const record = this.record;
    const ports = (srcPort << 16) | dstPort;
    const portsBack = (dstPort << 16) | srcPort;
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const flow = (this.#index[at] ?? 0) - 1;
      if (flow === NIL) return false;
      const base = flow * RECORD;
      const meta = record[base + META] ?? 0;
      if (record[base + HASH] !== hash || meta >>> 16 !== ((4 << 8) | protocol)) continue;
      const opener = record[base + OPENER];
      const other = record[base + OTHER];
      const known = record[base + PORTS];
      const isReply = !(opener === source && other === destination && known === ports);
      if (isReply && !(opener === destination && other === source && known === portsBack)) continue;
      if (this.#isReopened(flow, tcpFlags)) return false;
      this.flow = flow;
      this.isReply = isReply;
      this.isNew = false;
      const state = stateOf(meta);
      const isUsual =
        (state === STATE_ESTABLISHED && (tcpFlags & (TCP_SYN | TCP_FIN | TCP_RST)) === 0) ||
        state === STATE_UDP_ANSWERED;
      if (!isUsual) this.#advance(flow, tcpFlags);
      else if (isReply && (meta & SEEN_REPLY) === 0) record[base + META] = meta | SEEN_REPLY;
      this.#count(flow, ipBytes);
      this.isFirstData = hasData && this.noteData(flow, isReply);
      return true;
    }
  }

  /** An IPv4 packet of TCP or UDP is about to be tracked, as `trackKnown` has it; counts nothing. */
  expect(source: number, destination: number, protocol: number, srcPort: number, dstPort: number): void {
    if (this.#expectedCount === MOST_EXPECTED) return;
    this.#expected[this.#expectedCount++] = hashOfIpv4(source, destination, protocol, srcPort, dstPort);
  }

  /**
   * Reads what the expected packets will find, all indexes and then all records: with a hundred thousand flows each of them is a miss of every
   * cache, and misses that do not depend on each other take as long as one.
   */
  fetch(): void {
    const expected = this.#expected;
    const index = this.#index;
    const record = this.record;
    const count = this.#expectedCount;
    this.#expectedCount = 0;
    for (let at = 0; at < count; at++) expected[at] = index[(expected[at] ?? 0) & this.#mask] ?? 0;
    let fetched = 0;
    for (let at = 0; at < count; at++) {
      const flow = (expected[at] ?? 0) - 1;
      if (flow !== NIL) fetched ^= record[flow * RECORD + META] ?? 0;
    }
    this.fetched = fetched;
  }

  /** An ICMP error answered a packet of this flow (RFC 792, RFC 4443 section 3). */
  reject(flow: number): void {
    this.setFlag(flow, REJECTED);
  }

  /** Ends what is over. */
  expire(): void {
    // Within a second nothing becomes due.
    if (this.nowMs < this.#nextSecondMs) return;
    const wheel = this.#wheel;
    const second = Math.floor(this.nowMs / 1_000);
    this.#nextSecondMs = (second + 1) * 1_000;
    wheel.advance(second);
    for (let flow = wheel.takeDue(); flow !== NIL; flow = wheel.takeDue()) {
      const due = this.#dueSecond(flow);
      if (due > second) wheel.add(flow, due);
      else this.#end(flow);
    }
  }

  /** Before this time `expire` finds nothing to do; Infinity in an empty table. */
  dueMs(): number {
    return this.size === 0 ? Infinity : this.#wheel.nextSecond() * 1_000;
  }

  /** Every flow that had a packet since then, and as many as that of both sides. In no order of time. */
  forEachLive(sinceMs: number, leastPackets: number, onFlow: (flow: number) => void): void {
    for (let flow = 0; flow < this.#used; flow++) {
      if (this.meta(flow) === 0 || (this.doubles[flow * DOUBLES + LAST_MS] ?? 0) < sinceMs) continue;
      if (this.packets(flow, 0) + this.packets(flow, 1) >= leastPackets) onFlow(flow);
    }
  }

  /** Ends every flow, in no order of time: the capture is over. */
  endAll(): void {
    for (let flow = 0; flow < this.#used; flow++) if (this.meta(flow) !== 0) this.#end(flow);
  }

  #count(flow: number, ipBytes: number): void {
    const side = this.isReply ? 1 : 0;
    const packets = flow * RECORD + PACKETS + side;
    this.record[packets] = (this.record[packets] ?? 0) + 1;
    const bytes = flow * DOUBLES + BYTES + side;
    this.doubles[bytes] = (this.doubles[bytes] ?? 0) + ipBytes;
    this.doubles[flow * DOUBLES + LAST_MS] = this.nowMs;
  }

  #open(key: FlowKey, tcpFlags: number): number {
    if (this.size === this.capacity) this.#evict();
    let flow = this.#free;
    if (flow === NIL) flow = this.#used++;
    else this.#free = this.note(flow, 0);
    const record = this.record;
    const base = flow * RECORD;
    const hash = hashOf(key);
    record.fill(0, base, base + RECORD);
    record[base + HASH] = hash;
    record[base + PORTS] = (key.srcPort << 16) | key.dstPort;
    record[base + META] = metaOf(key.family, key.protocol, firstState(key.protocol, tcpFlags), 0);
    record[base + OPENER] = key.src0;
    record[base + OTHER] = key.dst0;
    this.doubles[flow * DOUBLES + FIRST_MS] = this.doubles[flow * DOUBLES + LAST_MS] = this.nowMs;
    const rest = this.rest;
    const more = flow * REST;
    rest[more] = key.src1;
    rest[more + 1] = key.src2;
    rest[more + 2] = key.src3;
    rest[more + 3] = key.dst1;
    rest[more + 4] = key.dst2;
    rest[more + 5] = key.dst3;
    for (let note = 6; note < REST; note++) rest[more + note] = 0;
    let at = hash & this.#mask;
    while ((this.#index[at] ?? 0) !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = flow + 1;
    this.#wheel.add(flow, this.#dueSecond(flow));
    this.size++;
    return flow;
  }

  #advance(flow: number, tcpFlags: number): void {
    const meta = this.meta(flow);
    const before = stateOf(meta);
    let flags = meta & FLAGS;
    if (this.isReply) flags |= SEEN_REPLY;
    let state = nextState(before, tcpFlags, this.isReply);
    if (state === STATE_FIN_WAIT && (tcpFlags & TCP_FIN) !== 0) {
      flags |= this.isReply ? FIN_FROM_ANSWERER : FIN_FROM_OPENER;
      const both = FIN_FROM_ANSWERER | FIN_FROM_OPENER;
      if ((flags & both) === both) state = STATE_TIME_WAIT;
    }
    if (state >= STATE_ESTABLISHED && state <= STATE_TIME_WAIT) flags |= WAS_ESTABLISHED;
    this.record[flow * RECORD + META] = metaOf(familyOf(meta), protocolOf(meta), state, flags);
    if (state === before) return;
    // Lazy refresh finds a later end by itself; an earlier one needs another place in the wheel.
    if ((TIMEOUTS_MS[state] ?? 0) >= (TIMEOUTS_MS[before] ?? 0)) return;
    this.#wheel.remove(flow);
    this.#wheel.add(flow, Math.ceil((this.nowMs + (TIMEOUTS_MS[state] ?? 0)) / 1_000));
  }

  /** A new SYN on a connection that is over opens another one, as in nf_conntrack. */
  #isReopened(flow: number, tcpFlags: number): boolean {
    if ((tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN || this.protocol(flow) !== PROTOCOL_TCP) return false;
    const state = stateOf(this.meta(flow));
    return state === STATE_TIME_WAIT || state === STATE_CLOSED;
  }

  #dueSecond(flow: number): number {
    const lastMs = this.doubles[flow * DOUBLES + LAST_MS] ?? 0;
    return Math.ceil((lastMs + (TIMEOUTS_MS[stateOf(this.meta(flow))] ?? 0)) / 1_000);
  }

  #evict(): void {
    const flow = this.#wheel.next();
    if (flow === NIL) return;
    this.evicted++;
    this.#end(flow);
  }

  #end(flow: number): void {
    this.#onEnd(flow);
    this.#wheel.remove(flow);
    this.#shiftOut(flow);
    this.record[flow * RECORD + META] = 0;
    this.setNote(flow, 0, this.#free);
    this.#free = flow;
    this.size--;
  }

  /** Sets `isReply`. */
  #matches(flow: number, key: FlowKey): boolean {
    const record = this.record;
    const base = flow * RECORD;
    if ((record[base + META] ?? 0) >>> 16 !== ((key.family << 8) | key.protocol)) return false;
    const known = record[base + PORTS];
    const opener = record[base + OPENER];
    const other = record[base + OTHER];
    const from = key.src0 | 0;
    const to = key.dst0 | 0;
    if (known === ((key.srcPort << 16) | key.dstPort) && opener === from && other === to) {
      if (key.family === 4 || this.#hasRest(flow, key, 0)) {
        this.isReply = false;
        return true;
      }
    }
    this.isReply = true;
    return (
      known === ((key.dstPort << 16) | key.srcPort) &&
      opener === to &&
      other === from &&
      (key.family === 4 || this.#hasRest(flow, key, 3))
    );
  }

  /** `source`: where the further words of the packet's source are, 0 with the opener and 3 with the other end. */
  #hasRest(flow: number, key: FlowKey, source: 0 | 3): boolean {
    const rest = this.rest;
    const from = flow * REST + source;
    const to = flow * REST + 3 - source;
    return (
      rest[from] === (key.src1 | 0) &&
      rest[from + 1] === (key.src2 | 0) &&
      rest[from + 2] === (key.src3 | 0) &&
      rest[to] === (key.dst1 | 0) &&
      rest[to + 1] === (key.dst2 | 0) &&
      rest[to + 2] === (key.dst3 | 0)
    );
  }

  /** Deletion by shifting back (Knuth, TAOCP 6.4 algorithm R): no tombstones, so probes stay short for ever. */
  #shiftOut(flow: number): void {
    const index = this.#index;
    let hole = this.#home(flow);
    while (index[hole] !== flow + 1) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; (index[at] ?? 0) !== 0; at = (at + 1) & this.#mask) {
      const home = this.#home((index[at] ?? 0) - 1);
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      index[hole] = index[at] ?? 0;
      hole = at;
    }
    index[hole] = 0;
  }

  #home(flow: number): number {
    return (this.record[flow * RECORD + HASH] ?? 0) & this.#mask;
  }
}
