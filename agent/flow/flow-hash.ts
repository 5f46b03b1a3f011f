/** The hash of a flow's key, by which flow-table.ts finds it. Pure, numbers only. */
import type { FlowKey } from './flow-key.js';

/** The same for both directions: the ends are hashed apart and added. */
export function hashOf(key: FlowKey): number {
  const source = hashEnd(key.src0 | 0, key.src1 | 0, key.src2 | 0, key.src3 | 0, key.srcPort);
  const destination = hashEnd(key.dst0 | 0, key.dst1 | 0, key.dst2 | 0, key.dst3 | 0, key.dstPort);
  return finish(source + destination, key.protocol, key.family);
}

/** The same hash, for IPv4 addresses as int32. */
export function hashOfIpv4(
  source: number,
  destination: number,
  protocol: number,
  srcPort: number,
  dstPort: number,
): number {
  return finish(hashEnd(source, 0, 0, 0, srcPort) + hashEnd(destination, 0, 0, 0, dstPort), protocol, 4);
}

function finish(ends: number, protocol: number, family: number): number {
  let hash = Math.imul(ends ^ (protocol << 8) ^ family, 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x297a2d39);
  return hash ^ (hash >>> 15);
}

function hashEnd(w0: number, w1: number, w2: number, w3: number, port: number): number {
  let hash = Math.imul(w0 ^ port, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 15)) + w1, 0xc2b2ae35);
  hash = Math.imul((hash ^ (hash >>> 13)) + w2, 0x27d4eb2f);
  hash = Math.imul((hash ^ (hash >>> 14)) + w3, 0x165667b1);
  return Math.imul(hash ^ (hash >>> 16) ^ port, 0x9e3779b1);
}
