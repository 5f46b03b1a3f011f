/**
 * `struct input_event` of linux/input.h as it comes out of /dev/input/eventN: two words of time, then type, code and value. Pure. A
 * word is 8 bytes on 64-bit machines, where an event takes 24, and 4 on 32-bit ones, where it takes 16 (also where time has 64
 * bits: the kernel keeps the layout). The time is of a clock that can be set: it only says how long an event waited to be read, and is
 * not believed where that cannot be.
 */
const TYPE_SYN = 0;
const TYPE_KEY = 1;
const SYN_DROPPED = 3;

export type KeyEvent = 'down' | 'up' | 'lost';

export interface Decoded {
  readonly events: readonly KeyEvent[];
  /** When each was, in milliseconds of the wall clock as it was then. */
  readonly atMs: readonly number[];
  /** The beginning of an event that is not whole yet. */
  readonly rest: Uint8Array;
}

/** `key`: its code; null: any key. Repeats of a held key say nothing new. */
export function decodeKeyEvents(bytes: Uint8Array, wordBytes: 4 | 8, key: number | null): Decoded {
  const size = 2 * wordBytes + 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: KeyEvent[] = [];
  const atMs: number[] = [];
  let at = 0;
  for (; at + size <= bytes.length; at += size) {
    const type = view.getUint16(at + 2 * wordBytes, true);
    const code = view.getUint16(at + 2 * wordBytes + 2, true);
    const value = view.getInt32(at + 2 * wordBytes + 4, true);
    // The kernel's buffer ran over: whether the key is down is not known any more.
    if (type === TYPE_SYN && code === SYN_DROPPED) events.push('lost');
    if (type === TYPE_KEY && (key === null || code === key)) {
      if (value === 1) events.push('down');
      if (value === 0) events.push('up');
    }
    if (events.length > atMs.length) atMs.push(timeMs(view, at, wordBytes));
  }
  return { events, atMs, rest: bytes.slice(at) };
}

function timeMs(view: DataView, at: number, wordBytes: 4 | 8): number {
  const word = (offset: number): number =>
    wordBytes === 4 ? view.getUint32(offset, true) : Number(view.getBigUint64(offset, true));
  return word(at) * 1000 + word(at + wordBytes) / 1000;
}
