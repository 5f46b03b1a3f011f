/**
 * A capture with many connections alive at once, each of which asks for a page and gets a long answer, in no order: what a hospital's uplink
 * looks like, and what captures of one device are not. Written for the benches of replay.ts.
 */
import { open } from 'node:fs/promises';
import { LINK_ETHERNET } from '../capture/decode-link.js';
import { TCP_ACK, TCP_PSH, TCP_SYN } from '../packet/view.js';
import { pcapHeader } from './pcap-header.js';

/** Between two packets. */
const STEP_US = 20;
const DEVICES = 1_000;
const RECORD_HEADER_BYTES = 16;
const HEADERS_BYTES = 54;
const IP_AT = 14;
const TCP_AT = 34;
const CHUNK_BYTES = 1 << 20;
/** 10.0.0.0 and 203.0.113.10. */
const DEVICE_NETWORK = 0x0a00_0000;
const SERVER = 0xcb00_710a;
const SERVICE = 80;
const FIRST_PORT = 32_768;
const REQUEST = Buffer.from('GET /library HTTP/1.1\r\nHost: updates.example\r\n\r\n');
const ANSWER = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n${' '.repeat(60)}`);
const MORE = Buffer.alloc(100, ' ');
const NOTHING = Buffer.alloc(0);

/** Of `flows` connections: how each begins, and then parts of answers and their acknowledgements, until there are `packets`. */
export async function writeManyFlows(path: string, flows: number, packets: number): Promise<void> {
  const file = await open(path, 'w');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let used = 0;
  let timeUs = 1e6;
  let left = packets;
  /** The next byte of each server. */
  const sent = new Uint32Array(flows);
  const add = (flow: number, flags: number, isAnswer: boolean, data: Buffer): void => {
    left -= 1;
    timeUs += STEP_US;
    const length = HEADERS_BYTES + data.length;
    chunk.writeUInt32LE(Math.floor(timeUs / 1e6), used);
    chunk.writeUInt32LE(timeUs % 1e6, used + 4);
    chunk.writeUInt32LE(length, used + 8);
    chunk.writeUInt32LE(length, used + 12);
    const frame = chunk.subarray(used + RECORD_HEADER_BYTES, used + RECORD_HEADER_BYTES + length);
    used += RECORD_HEADER_BYTES + length;
    const device = flow % DEVICES;
    const port = FIRST_PORT + Math.floor(flow / DEVICES);
    frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00]);
    frame.writeUInt16BE(device, isAnswer ? 4 : 10);
    frame.set([0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0], IP_AT);
    frame.writeUInt16BE(length - IP_AT, IP_AT + 2);
    frame.writeUInt32BE(isAnswer ? SERVER : DEVICE_NETWORK + device, IP_AT + 12);
    frame.writeUInt32BE(isAnswer ? DEVICE_NETWORK + device : SERVER, IP_AT + 16);
    frame.writeUInt16BE(isAnswer ? SERVICE : port, TCP_AT);
    frame.writeUInt16BE(isAnswer ? port : SERVICE, TCP_AT + 2);
    const answered = sent[flow] ?? 0;
    const hasAsked = answered > 1 || data === ANSWER;
    const asked = flags === TCP_SYN ? 0 : hasAsked ? REQUEST.length + 1 : 1;
    frame.writeUInt32BE(isAnswer ? answered : asked, TCP_AT + 4);
    frame.writeUInt32BE(isAnswer ? asked : answered, TCP_AT + 8);
    frame.set([0x50, flags, 0xff, 0xff, 0, 0, 0, 0], TCP_AT + 12);
    data.copy(frame, HEADERS_BYTES);
    if (isAnswer) sent[flow] = answered + ((flags & TCP_SYN) === 0 ? data.length : 1);
  };
  const flush = async (): Promise<void> => {
    await file.write(chunk.subarray(0, used));
    used = 0;
  };
  try {
    await file.write(pcapHeader(LINK_ETHERNET));
    for (let flow = 0; flow < flows; flow++) {
      add(flow, TCP_SYN, false, NOTHING);
      add(flow, TCP_SYN | TCP_ACK, true, NOTHING);
      add(flow, TCP_ACK, false, NOTHING);
      add(flow, TCP_ACK | TCP_PSH, false, REQUEST);
      add(flow, TCP_ACK | TCP_PSH, true, ANSWER);
      if (used > CHUNK_BYTES - 2_000) await flush();
    }
    let state = 1;
    while (left > 0) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      // The low bits of such numbers repeat soon.
      const flow = Math.floor((state / 2 ** 32) * flows);
      add(flow, TCP_ACK | TCP_PSH, true, MORE);
      if (left > 0) add(flow, TCP_ACK, false, NOTHING);
      if (used > CHUNK_BYTES - 2_000) await flush();
    }
    await flush();
  } finally {
    await file.close();
  }
}
