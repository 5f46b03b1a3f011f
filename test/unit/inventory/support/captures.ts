/** Real captures for the tests of this room: where they are, and a reader of pcap and pcapng that is enough for them. Third-party data, not part of the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Inventory } from '../../../../agent/inventory/inventory.js';
import { decodeEthernet } from '../../../../agent/packet/decode-ethernet.js';
import { decodeIp } from '../../../../agent/packet/decode-ip.js';
import { createPacketView, type PacketView } from '../../../../agent/packet/view.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** The path of a capture, or null where the data is absent. */
export function captureFile(name: string): string | null {
  const directory = process.env['CORDON_DATA'] ?? join(ROOT, '../shared/data');
  const file = join(directory, 'pcap', name);
  return existsSync(file) ? file : null;
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly linkType: number;
  readonly timeMs: number;
}

export function readFrames(file: string): readonly Frame[] {
  const bytes = readFileSync(file);
  return bytes.readUInt32LE(0) === 0x0a0d0d0a ? pcapng(bytes) : pcap(bytes);
}

function pcap(bytes: Buffer): readonly Frame[] {
  const magic = bytes.readUInt32LE(0);
  const isLittle = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const u32 = (at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const linkType = u32(20) & 0xffff;
  const frames: Frame[] = [];
  for (let at = 24; at + 16 <= bytes.length;) {
    const length = u32(at + 8);
    frames.push({ bytes: bytes.subarray(at + 16, at + 16 + length), linkType, timeMs: u32(at) * 1000 });
    at += 16 + length;
  }
  return frames;
}

function pcapng(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  const linkTypes: number[] = [];
  for (let at = 0; at + 12 <= bytes.length;) {
    const type = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    if (length < 12) break;
    if (type === 1) linkTypes.push(bytes.readUInt16LE(at + 8));
    if (type === 6) {
      const captured = bytes.readUInt32LE(at + 20);
      const timeMs = (bytes.readUInt32LE(at + 12) * 2 ** 32 + bytes.readUInt32LE(at + 16)) / 1000;
      const linkType = linkTypes[bytes.readUInt32LE(at + 8)] ?? 1;
      frames.push({ bytes: bytes.subarray(at + 28, at + 28 + captured), linkType, timeMs });
    }
    at += length;
  }
  return frames;
}

const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;

export function decodeFrame(view: PacketView, { bytes, linkType }: Frame): boolean {
  if (linkType === LINKTYPE_ETHERNET) decodeEthernet(view, bytes, 0, bytes.length);
  else if (linkType === LINKTYPE_RAW || linkType === 12) decodeIp(view, bytes, 0, bytes.length);
  else return false;
  return true;
}

export function inventoryOf(file: string): Inventory {
  const inventory = new Inventory();
  const view = createPacketView();
  for (const frame of readFrames(file))
    if (decodeFrame(view, frame)) inventory.observePacket(view, frame.bytes, Math.floor(frame.timeMs));
  return inventory;
}
