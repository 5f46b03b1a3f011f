import t from 'tap';
import { createCapturedPacket } from '../../../agent/capture/packet-record.js';
import { GOES_ON_MS } from '../../../agent/detect/event.js';
import { detectSettings } from '../../../agent/detect/settings.js';
import { ReplayDevices } from '../../../agent/replay/replay-devices.js';
import { Replay } from '../../../agent/replay/replay.js';
import * as b from '../packet/build.js';

const START = 1_700_000_000_000;
const RESOLVER = '10.20.0.53';
const DEVICE = '10.20.0.5';

t.test('a tunnel on one socket is told long before it ends', (t) => {
  const told: { readonly detector: string; readonly afterMs: number }[] = [];
  const replay: Replay = new Replay({
    settings: detectSettings.parse({}),
    devices: new ReplayDevices([]),
    onFinding: ({ detector }) => told.push({ detector, afterMs: replay.nowMs - START }),
    flowCapacity: 64,
  });
  const datagram = (
    src: string,
    dst: string,
    ports: readonly [number, number],
    bytes: number,
  ): Uint8Array => {
    const segment = [...b.udp(new Array<number>(bytes).fill(0))];
    segment.splice(0, 4, ...b.u16(ports[0]), ...b.u16(ports[1]));
    return Uint8Array.from(b.ethernet(0x0800, b.ipv4(segment, { protocol: 17, src, dst })));
  };
  const question = datagram(DEVICE, RESOLVER, [40_000, 53], 120);
  const answer = datagram(RESOLVER, DEVICE, [53, 40_000], 300);
  const send = (bytes: Uint8Array, timeMs: number): void => {
    replay.packet({ ...createCapturedPacket(), linkType: 1, bytes, offset: 0, length: bytes.length, timeMs });
  };
  for (let second = 0; second < 3_600; second++) {
    for (let at = 0; at < 1_000; at += 250) send(question, START + second * 1_000 + at);
    send(answer, START + second * 1_000 + 900);
    send(answer, START + second * 1_000 + 901);
  }
  replay.end();
  const [first] = told;
  t.equal(first?.detector, 'dnsTunnel');
  t.ok((first?.afterMs ?? Infinity) <= 2 * GOES_ON_MS, `${first?.afterMs} ms after its start`);
  t.equal(replay.flows, 1);
  t.end();
});
