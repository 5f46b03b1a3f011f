/** What pcap.ts and pcapng.ts are to capture-reader.ts: a thing that takes records from a buffer. */

/** The bytes cannot be a record: nothing after them can be found. */
export const CORRUPT = -1;

export interface RecordFormat {
  /** Reads at least one record from `bytes[at..end)`. Returns the bytes it took, 0 when more are needed, or CORRUPT. */
  read(bytes: Uint8Array, at: number, end: number): number;
  /** What was passed over, by name. */
  counters(): Readonly<Record<string, number>>;
}
