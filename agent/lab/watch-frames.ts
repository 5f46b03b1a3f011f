/**
 * Frames that arrive at a host of the lab, read by socat. Not by tcpdump, which gives up root's groups as it begins: in a
 * user namespace nobody may. A VLAN tag is not seen, the kernel takes it off first.
 */
import type { Namespace } from './namespace.js';

/** Linux's if_packet.h: what the host itself sends is not wanted. */
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;

export interface FrameWatcher {
  /** Every frame so far, from its Ethernet header on. */
  frames(): readonly Buffer[];
  stop(): Promise<void>;
}

/** Resolves once it reads. */
export async function watchFrames(host: Namespace): Promise<FrameWatcher> {
  const source = `INTERFACE:eth0,setsockopt=${SOL_PACKET}:${PACKET_IGNORE_OUTGOING}:1`;
  const running = await host.start(['socat', '-d', '-d', '-u', '-x', source, '/dev/null'], {
    readyWhen: /starting data transfer loop/,
  });
  const frames: Buffer[] = [];
  let read = 0;
  return {
    frames() {
      const output = running.output();
      const end = output.lastIndexOf('\n') + 1;
      // A dump is a line of its own: " de 81 cb …".
      for (const line of output.slice(read, end).split('\n'))
        if (line.startsWith(' ')) frames.push(Buffer.from(line.replaceAll(' ', ''), 'hex'));
      read = Math.max(read, end);
      return frames;
    },
    stop: () => running.stop(),
  };
}
