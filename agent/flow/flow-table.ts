/**
 * Connections by their numbers, for whoever watches packets and has no kernel to ask: both directions find the same flow.
 * Open addressing with linear probing over typed arrays; lookups, updates and expiry allocate nothing. Timers are a hashed
 * wheel (Varghese and Lauck, SOSP 1987, scheme 6) with lazy refresh: a packet only writes the time. Pure.
 *
 * Memory: BYTES_PER_FLOW times the capacity, all of it reserved at the start. When it is full, the flow whose timer is
 * next makes room; `evicted` counts them.
 */
import { PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_SYN } from '../packet/view.js';
import { hashOf, hashOfIpv4 } from './flow-hash.js';
import type { FlowKey } from './flow-key.js';
import {
  firstState,
  nextState,
  STATE_CLOSED,
  STATE_ESTABLISHED,
  STATE_FIN_WAIT,
  STATE_TIME_WAIT,
  STATE_UDP,
  STATE_UDP_ANSWERED,
  TIMEOUTS_MS,
} from './timeouts.js';
import { TimerWheel } from './timer-wheel.js';

/** A key, an order of the index, a timer and two directions of counters. */
export const BYTES_PER_FLOW = 118;
const NIL = -1;
/** An index below 2^30 stays a small integer in V8. */
const MAX_CAPACITY = 1 << 24;

/** Bits of `flags`. */
const SEEN_REPLY = 1;
const WAS_ESTABLISHED = 2;
const FIN_FROM_OPENER = 4;
const FIN_FROM_ANSWERER = 8;
const REJECTED = 16;
export const PAYLOAD_FROM_OPENER = 32;
export const PAYLOAD_FROM_ANSWERER = 64;

export class FlowTable {
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

  readonly #onEnd: (flow: number) => void;
  readonly #words: Uint32Array;
  readonly #ports: Uint16Array;
  readonly #families: Uint8Array;
  readonly #protocols: Uint8Array;
  readonly #states: Uint8Array;
  readonly flags: Uint8Array;
  readonly #hashes: Int32Array;
  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #wheel: TimerWheel;
  /** Of the opener at 2 * flow, of the other end after it. */
  readonly packets: Uint32Array;
  readonly bytes: Float64Array;
  readonly firstMs: Float64Array;
  readonly lastMs: Float64Array;
  /** For the caller: four numbers a flow. */
  readonly notes: Int32Array;
  #free = NIL;
  #used = 0;

  /** `onEnd` is called with a flow whose columns can still be read; it must not call back into the table. */
  constructor(capacity: number, onEnd: (flow: number) => void) {
    if (capacity < 2 || capacity > MAX_CAPACITY || (capacity & (capacity - 1)) !== 0)
      throw new RangeError(`flow table: ${capacity} is not a power of two between 2 and ${MAX_CAPACITY}`);
    this.capacity = capacity;
    this.#onEnd = onEnd;
    this.#words = new Uint32Array(capacity * 8);
    this.#ports = new Uint16Array(capacity * 2);
    this.#families = new Uint8Array(capacity);
    this.#protocols = new Uint8Array(capacity);
    this.#states = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.#hashes = new Int32Array(capacity);
    this.#index = new Int32Array(capacity * 2);
    this.#mask = capacity * 2 - 1;
    this.#wheel = new TimerWheel(capacity);
    this.packets = new Uint32Array(capacity * 2);
    this.bytes = new Float64Array(capacity * 2);
    this.firstMs = new Float64Array(capacity);
    this.lastMs = new Float64Array(capacity);
    this.notes = new Int32Array(capacity * 4);
  }

  /** Bytes held in typed arrays. */
  get byteLength(): number {
    const columns = [
      this.#words,
      this.#ports,
      this.#families,
      this.#protocols,
      this.#states,
      this.flags,
      this.#hashes,
      this.#index,
      this.packets,
      this.bytes,
      this.firstMs,
      this.lastMs,
      this.notes,
    ];
    return columns.reduce((sum, column) => sum + column.byteLength, this.#wheel.byteLength);
  }

  /** The flow of a packet, or -1. */
  find(key: FlowKey): number {
    const hash = hashOf(key);
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const flow = (this.#index[at] ?? 0) - 1;
      if (flow === NIL) return NIL;
      if (this.#hashes[flow] === hash && this.#matches(flow, key)) return flow;
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
    const side = flow * 2 + (this.isReply ? 1 : 0);
    this.packets[side] = (this.packets[side] ?? 0) + 1;
    this.bytes[side] = (this.bytes[side] ?? 0) + ipBytes;
    this.lastMs[flow] = this.nowMs;
    return flow;
  }

  /**
   * As `track` for an IPv4 packet of a flow in which it changes nothing but counters: TCP without SYN, FIN and RST of an established one, or
   * UDP; false, and nothing done, for any other, and for the first data of a direction. Addresses are int32.
   */
  countPlain(
    source: number,
    destination: number,
    protocol: number,
    srcPort: number,
    dstPort: number,
    hasData: boolean,
    ipBytes: number,
  ): boolean {
    this.expire();
    const hash = hashOfIpv4(source, destination, protocol, srcPort, dstPort);
    for (let at = hash & this.#mask; ; at = (at + 1) & this.#mask) {
      const flow = (this.#index[at] ?? 0) - 1;
      if (flow === NIL) return false;
      if (this.#hashes[flow] !== hash || this.#families[flow] !== 4 || this.#protocols[flow] !== protocol)
        continue;
      const opener = (this.#words[flow * 8] ?? 0) | 0;
      const other = (this.#words[flow * 8 + 4] ?? 0) | 0;
      const from = this.#ports[flow * 2];
      const to = this.#ports[flow * 2 + 1];
      const isReply = !(opener === source && other === destination && from === srcPort && to === dstPort);
      if (isReply && !(opener === destination && other === source && from === dstPort && to === srcPort))
        continue;
      const state = this.#states[flow];
      const flags = this.flags[flow] ?? 0;
      if (protocol === PROTOCOL_TCP) {
        const dataBit = isReply ? PAYLOAD_FROM_ANSWERER : PAYLOAD_FROM_OPENER;
        if (state !== STATE_ESTABLISHED || (hasData && (flags & dataBit) === 0)) return false;
      } else if (state !== STATE_UDP_ANSWERED && (state !== STATE_UDP || isReply)) return false;
      if (isReply) this.flags[flow] = flags | SEEN_REPLY;
      this.isReply = isReply;
      this.isNew = false;
      const side = flow * 2 + (isReply ? 1 : 0);
      this.packets[side] = (this.packets[side] ?? 0) + 1;
      this.bytes[side] = (this.bytes[side] ?? 0) + ipBytes;
      this.lastMs[flow] = this.nowMs;
      return true;
    }
  }

  /** An ICMP error answered a packet of this flow (RFC 792, RFC 4443 section 3). */
  reject(flow: number): void {
    this.flags[flow] = (this.flags[flow] ?? 0) | REJECTED;
  }

  /** Ends what is over. */
  expire(): void {
    const wheel = this.#wheel;
    const second = Math.floor(this.nowMs / 1_000);
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

  /** Ends every flow, in no order of time: the capture is over. */
  endAll(): void {
    for (let flow = 0; flow < this.#used; flow++) if (this.#families[flow] !== 0) this.#end(flow);
  }

  family(flow: number): number {
    return this.#families[flow] ?? 0;
  }

  protocol(flow: number): number {
    return this.#protocols[flow] ?? 0;
  }

  /** Word 0..3 of the opener, 4..7 of the other end. */
  word(flow: number, index: number): number {
    return this.#words[flow * 8 + index] ?? 0;
  }

  openerPort(flow: number): number {
    return this.#ports[flow * 2] ?? 0;
  }

  answererPort(flow: number): number {
    return this.#ports[flow * 2 + 1] ?? 0;
  }

  hasReply(flow: number): boolean {
    return ((this.flags[flow] ?? 0) & SEEN_REPLY) !== 0;
  }

  /** TCP: reached ESTABLISHED. Others: the other end sent something. */
  wasEstablished(flow: number): boolean {
    const bit = this.#protocols[flow] === PROTOCOL_TCP ? WAS_ESTABLISHED : SEEN_REPLY;
    return ((this.flags[flow] ?? 0) & bit) !== 0;
  }

  wasRejected(flow: number): boolean {
    return ((this.flags[flow] ?? 0) & REJECTED) !== 0;
  }

  #open(key: FlowKey, tcpFlags: number): number {
    if (this.size === this.capacity) this.#evict();
    let flow = this.#free;
    if (flow === NIL) flow = this.#used++;
    else this.#free = this.notes[flow * 4] ?? NIL;
    const base = flow * 8;
    this.#words[base] = key.src0;
    this.#words[base + 1] = key.src1;
    this.#words[base + 2] = key.src2;
    this.#words[base + 3] = key.src3;
    this.#words[base + 4] = key.dst0;
    this.#words[base + 5] = key.dst1;
    this.#words[base + 6] = key.dst2;
    this.#words[base + 7] = key.dst3;
    this.#ports[flow * 2] = key.srcPort;
    this.#ports[flow * 2 + 1] = key.dstPort;
    this.#families[flow] = key.family;
    this.#protocols[flow] = key.protocol;
    this.#states[flow] = firstState(key.protocol, tcpFlags);
    this.flags[flow] = 0;
    this.packets.fill(0, flow * 2, flow * 2 + 2);
    this.bytes.fill(0, flow * 2, flow * 2 + 2);
    this.notes.fill(0, flow * 4, flow * 4 + 4);
    this.firstMs[flow] = this.nowMs;
    this.lastMs[flow] = this.nowMs;
    const hash = hashOf(key);
    this.#hashes[flow] = hash;
    let at = hash & this.#mask;
    while ((this.#index[at] ?? 0) !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = flow + 1;
    this.#wheel.add(flow, this.#dueSecond(flow));
    this.size++;
    return flow;
  }

  #advance(flow: number, tcpFlags: number): void {
    const before = this.#states[flow] ?? 0;
    let flags = this.flags[flow] ?? 0;
    if (this.isReply) flags |= SEEN_REPLY;
    let state = nextState(before, tcpFlags, this.isReply);
    if (state === STATE_FIN_WAIT && (tcpFlags & TCP_FIN) !== 0) {
      flags |= this.isReply ? FIN_FROM_ANSWERER : FIN_FROM_OPENER;
      const both = FIN_FROM_ANSWERER | FIN_FROM_OPENER;
      if ((flags & both) === both) state = STATE_TIME_WAIT;
    }
    if (state >= STATE_ESTABLISHED && state <= STATE_TIME_WAIT) flags |= WAS_ESTABLISHED;
    this.flags[flow] = flags;
    if (state === before) return;
    this.#states[flow] = state;
    // Lazy refresh finds a later end by itself; an earlier one needs another place in the wheel.
    if ((TIMEOUTS_MS[state] ?? 0) >= (TIMEOUTS_MS[before] ?? 0)) return;
    this.#wheel.remove(flow);
    this.#wheel.add(flow, Math.ceil((this.nowMs + (TIMEOUTS_MS[state] ?? 0)) / 1_000));
  }

  /** A new SYN on a connection that is over opens another one, as in nf_conntrack. */
  #isReopened(flow: number, tcpFlags: number): boolean {
    if ((tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN || this.#protocols[flow] !== PROTOCOL_TCP) return false;
    const state = this.#states[flow];
    return state === STATE_TIME_WAIT || state === STATE_CLOSED;
  }

  #dueSecond(flow: number): number {
    return Math.ceil(((this.lastMs[flow] ?? 0) + (TIMEOUTS_MS[this.#states[flow] ?? 0] ?? 0)) / 1_000);
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
    this.#families[flow] = 0;
    this.notes[flow * 4] = this.#free;
    this.#free = flow;
    this.size--;
  }

  /** Sets `isReply`. */
  #matches(flow: number, key: FlowKey): boolean {
    if (this.#families[flow] !== key.family || this.#protocols[flow] !== key.protocol) return false;
    const words = this.#words;
    const base = flow * 8;
    const from = this.#ports[flow * 2];
    const to = this.#ports[flow * 2 + 1];
    if (
      words[base] === key.src0 &&
      words[base + 4] === key.dst0 &&
      from === key.srcPort &&
      to === key.dstPort &&
      words[base + 1] === key.src1 &&
      words[base + 2] === key.src2 &&
      words[base + 3] === key.src3 &&
      words[base + 5] === key.dst1 &&
      words[base + 6] === key.dst2 &&
      words[base + 7] === key.dst3
    ) {
      this.isReply = false;
      return true;
    }
    this.isReply = true;
    return (
      words[base] === key.dst0 &&
      words[base + 4] === key.src0 &&
      from === key.dstPort &&
      to === key.srcPort &&
      words[base + 1] === key.dst1 &&
      words[base + 2] === key.dst2 &&
      words[base + 3] === key.dst3 &&
      words[base + 5] === key.src1 &&
      words[base + 6] === key.src2 &&
      words[base + 7] === key.src3
    );
  }

  /** Deletion by shifting back (Knuth, TAOCP 6.4 algorithm R): no tombstones, so probes stay short for ever. */
  #shiftOut(flow: number): void {
    const index = this.#index;
    let hole = (this.#hashes[flow] ?? 0) & this.#mask;
    while (index[hole] !== flow + 1) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; (index[at] ?? 0) !== 0; at = (at + 1) & this.#mask) {
      const home = (this.#hashes[(index[at] ?? 0) - 1] ?? 0) & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      index[hole] = index[at] ?? 0;
      hole = at;
    }
    index[hole] = 0;
  }
}
