import t from 'tap';
import { createCapturedPacket } from '../../../agent/capture/packet-record.js';
import { detectSettings } from '../../../agent/detect/settings.js';
import { createMutator } from '../../../agent/replay/mutated-packets.js';
import { ReplayDevices } from '../../../agent/replay/replay-devices.js';
import { Replay } from '../../../agent/replay/replay.js';
import * as b from '../packet/build.js';

const SYN = 2;
const ACK = 16;
const PSH_ACK = 24;
const FIN_ACK = 17;

/** A conversation as a client has it, again and again, with what makes a packet anything but plain. */
const CONVERSATIONS: readonly (readonly Uint8Array[])[] = (['tcp', 'udp', 'tagged'] as const).map((kind) => {
  const out = (flags: number, data: readonly number[] = []): Uint8Array => frame(kind, flags, data, false);
  const back = (flags: number, data: readonly number[] = []): Uint8Array => frame(kind, flags, data, true);
  return [
    out(SYN),
    back(SYN | ACK),
    out(ACK),
    out(PSH_ACK, [1, 2, 3]),
    back(ACK),
    back(PSH_ACK, [4]),
    out(PSH_ACK, [5, 6]),
    out(ACK),
    back(PSH_ACK, [7]),
    out(FIN_ACK),
    back(FIN_ACK),
    out(ACK),
  ];
});

/** `tagged`: TCP with the tag of a VLAN, to another server. */
function frame(
  kind: 'tcp' | 'udp' | 'tagged',
  flags: number,
  data: readonly number[],
  isBack: boolean,
): Uint8Array {
  const [client, server] = ['10.0.0.1', kind === 'tagged' ? '192.0.2.2' : '192.0.2.1'];
  const whole = kind === 'udp' ? b.udp(data) : b.tcp(flags, [], data);
  const ports = isBack ? [...b.u16(443), ...b.u16(40_000)] : [...b.u16(40_000), ...b.u16(443)];
  const ends = isBack ? { src: server, dst: client } : { src: client, dst: server };
  const inside = [...ports, ...whole.slice(4)];
  const ip = b.ipv4(inside, { protocol: kind === 'udp' ? 17 : 6, ...ends });
  const tagged = [...b.u16(7), ...b.u16(0x0800), ...ip];
  return Uint8Array.from(kind === 'tagged' ? b.ethernet(0x8100, tagged) : b.ethernet(0x0800, ip));
}

/** Everything that the detectors are fed, and all counters. */
function follow(feed: (replay: Replay) => void, isLong: boolean): unknown {
  const events: unknown[] = [];
  const replay: Replay = new Replay({
    settings: detectSettings.parse({}),
    devices: new ReplayDevices([]),
    onFinding: (finding) => events.push(finding),
    onEvent: ({ bytes, ...event }) => events.push([replay.nowMs, { ...event, length: bytes.length > 0 }]),
    flowCapacity: 1_024,
    // Who reads answers is shown every packet.
    ...(isLong ? { onAnswer: () => undefined } : {}),
  });
  feed(replay);
  replay.end();
  const { packets, flows, permitted, undecodable, fragments, otherFrames, notOurs } = replay;
  return { packets, flows, permitted, undecodable, fragments, otherFrames, notOurs, events };
}

t.test('the short way counts what the long way counts', (t) => {
  for (const [name, feed] of [
    ['conversations', converse],
    ['mutated packets', mutate],
  ] as const) {
    const long = follow(feed, true);
    t.same(follow(feed, false), long, name);
    t.ok((long as { flows: number }).flows > 5);
  }
  t.end();
});

function converse(replay: Replay): void {
  const packet = { ...createCapturedPacket(), linkType: 1, timeMs: 1_700_000_000_000 };
  for (let round = 0; round < 12; round++)
    for (const conversation of CONVERSATIONS)
      for (const [index, bytes] of conversation.entries()) {
        // Some are lost, some come twice, some rounds are far apart.
        if ((round * 7 + index) % 11 === 0) continue;
        packet.timeMs += round % 4 === 0 ? 45_000 : 20;
        packet.bytes = bytes;
        packet.length = bytes.length;
        replay.packet(packet);
        if ((round + index) % 5 === 0) replay.packet(packet);
      }
}

function mutate(replay: Replay): void {
  const next = createMutator(CONVERSATIONS.flat(), 7);
  for (let count = 0; count < 6_000; count++) replay.packet(next());
}
