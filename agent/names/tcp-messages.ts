/**
 * DNS messages out of a TCP stream (RFC 1035 section 4.2.2, RFC 7766 section 8): a length, then the message. Segments are
 * taken in the order of the stream only; after a gap or a message above the limit the stream is given up, and counted. Pure.
 */

/** Streams followed at once: both directions of a conversation are two. The one quiet for longest makes room. */
const MAX_STREAMS = 128;
/** A stub resolver's answer about one host; zone transfers and the like are not read. */
const MAX_MESSAGE_BYTES = 8_192;
const LENGTH_BYTES = 2;

interface Stream {
  /** Sequence number of the byte that comes next. */
  next: number;
  bytes: Uint8Array;
  filled: number;
}

export class TcpMessages {
  readonly #streams = new Map<string, Stream | null>();
  /** Streams that could not be followed to their end. */
  givenUp = 0;

  /**
   * The payload of one segment, `sequence` being that of its first byte. Gives the whole messages that it completes; they are
   * valid until the next call. The first segment with data that is seen begins a message.
   */
  push(key: string, sequence: number, payload: Uint8Array, isWhole: boolean): readonly Uint8Array[] {
    if (payload.length === 0) return [];
    let stream = this.#streams.get(key);
    if (stream === null) return [];
    stream ??= { next: sequence, bytes: new Uint8Array(0), filled: 0 };
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    if (this.#streams.size > MAX_STREAMS) {
      const [oldest] = this.#streams.keys();
      if (oldest !== undefined) this.#streams.delete(oldest);
    }
    // Sequence numbers wrap (RFC 9293 section 3.4): the difference does not.
    const known = (stream.next - sequence) | 0;
    if (known >= payload.length) return [];
    if (known < 0 || !isWhole) return this.#giveUp(key);
    const fresh = payload.subarray(known);
    stream.next = (stream.next + fresh.length) >>> 0;
    stream.bytes = joined(stream.bytes.subarray(0, stream.filled), fresh);
    stream.filled = stream.bytes.length;
    const messages: Uint8Array[] = [];
    let at = 0;
    while (stream.filled - at >= LENGTH_BYTES) {
      const length = ((stream.bytes[at] ?? 0) << 8) | (stream.bytes[at + 1] ?? 0);
      if (length > MAX_MESSAGE_BYTES) return this.#giveUp(key, messages);
      if (stream.filled - at - LENGTH_BYTES < length) break;
      messages.push(stream.bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
      at += LENGTH_BYTES + length;
    }
    stream.bytes = stream.bytes.subarray(at);
    stream.filled = stream.bytes.length;
    return messages;
  }

  /** The connection ended, or another one begins with the same ports. */
  end(key: string): void {
    this.#streams.delete(key);
  }

  #giveUp(key: string, messages: readonly Uint8Array[] = []): readonly Uint8Array[] {
    this.#streams.set(key, null);
    this.givenUp += 1;
    return messages;
  }
}

function joined(before: Uint8Array, after: Uint8Array): Uint8Array {
  if (before.length === 0) return Uint8Array.from(after);
  const both = new Uint8Array(before.length + after.length);
  both.set(before);
  both.set(after, before.length);
  return both;
}
