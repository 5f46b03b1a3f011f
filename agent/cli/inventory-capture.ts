/** A capture file into an inventory: reads in chunks, hands each packet on. Used by `cordon inventory` and the tests over real captures. */
import { CaptureReader, type CaptureProblem } from '../capture/capture-reader.js';
import { decodeLink } from '../capture/decode-link.js';
import type { Inventory } from '../inventory/inventory.js';
import { createPacketView, type PacketView } from '../packet/view.js';
import { chunksOf } from '../replay/file-chunks.js';

export interface CaptureRead {
  readonly frames: number;
  readonly undecodedFrames: number;
  readonly problem: CaptureProblem;
}

/** Rejects with the system's error where the file cannot be read; what is wrong inside it is `problem`. */
export async function readCaptureInto(
  inventory: Inventory,
  file: string,
  onPacket?: (view: PacketView, timeMs: number) => void,
): Promise<CaptureRead> {
  const view = createPacketView();
  let frames = 0;
  let undecodedFrames = 0;
  const reader = new CaptureReader(({ bytes, offset, length, linkType, timeMs }) => {
    // The packet alone: a parser that looks past its end must not meet the next packet.
    const frame = bytes.subarray(offset, offset + length);
    frames += 1;
    const problem = decodeLink(view, linkType, frame, 0, frame.length);
    if (problem !== 0) undecodedFrames += 1;
    if (problem < 0) return;
    inventory.observePacket(view, frame, Math.floor(timeMs));
    onPacket?.(view, timeMs);
  });
  for await (const chunk of chunksOf(file)) {
    reader.push(chunk);
    if (reader.problem !== 'none') break;
  }
  reader.end();
  return { frames, undecodedFrames, problem: reader.problem };
}
