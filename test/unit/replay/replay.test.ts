import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { detectSettings } from '../../../agent/detect/settings.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { CaptureClock } from '../../../agent/replay/capture-clock.js';
import { createMutator } from '../../../agent/replay/mutated-packets.js';
import { ReplayDevices } from '../../../agent/replay/replay-devices.js';
import { Replay } from '../../../agent/replay/replay.js';
import { replayFile } from '../../../agent/replay/read-file.js';
import * as b from '../packet/build.js';

const data = process.env['CORDON_DATA'] ?? '../shared/data';
const skip = existsSync(join(data, 'pcap')) ? false : `no captures in ${data}`;

function createReplay(): { replay: Replay; devices: ReplayDevices; findings: Finding[] } {
  const findings: Finding[] = [];
  const devices = new ReplayDevices([]);
  const settings = detectSettings.parse({});
  const replay = new Replay({
    settings,
    devices,
    onFinding: (one) => findings.push(one),
    flowCapacity: 4_096,
  });
  return { replay, devices, findings };
}

t.test('every edge capture goes through decoders, flows and detectors', { skip }, async (t) => {
  for (const name of readdirSync(join(data, 'pcap/edge'))) {
    const { replay, devices } = createReplay();
    await t.resolves(replayFile(join(data, 'pcap/edge', name), replay, devices), name);
  }
});

t.test('a scan is found, whether it is a capture or a flow log', { skip }, async (t) => {
  for (const file of ['pcap/attack-scan/cs-synscan.pcapng', 'flows/slips/test11-portscan.binetflow']) {
    const { replay, devices, findings } = createReplay();
    const { problem } = await replayFile(join(data, file), replay, devices);
    t.equal(problem, 'none');
    t.ok(
      findings.some(({ detector }) => detector === 'portScan'),
      file,
    );
  }
});

t.test('every request for a lease is told, though all of them are one connection', (t) => {
  for (const named of [[], [{ name: 'pump-1', ends: ['10.0.0.9'] }]]) {
    const findings: Finding[] = [];
    const replay = new Replay({
      settings: detectSettings.parse({}),
      devices: new ReplayDevices(named),
      onFinding: (one) => findings.push(one),
    });
    for (let n = 0; n < 300; n++) {
      const client = [2, 0, 0, 0, n >> 8, n & 255];
      const request = [
        1,
        1,
        6,
        0,
        ...Array.from({ length: 24 }, () => 0),
        ...client,
        ...Array.from({ length: 202 }, () => 0),
      ];
      const datagram = [...b.u16(68), ...b.u16(67), ...b.u16(8 + request.length), 0, 0, ...request];
      const ip = b.ipv4(datagram, { protocol: 17, src: '0.0.0.0', dst: '255.255.255.255' });
      const frame = Uint8Array.from(b.ethernet(0x0800, ip));
      frame.set([255, 255, 255, 255, 255, 255, ...client]);
      replay.packet({
        timeMs: 1_700_000_000_000 + n * 100,
        linkType: 1,
        bytes: frame,
        offset: 0,
        length: frame.length,
      });
    }
    t.equal(replay.flows, 1);
    t.match(
      findings.filter(({ detector }) => detector === 'rogueServer').slice(0, 1),
      [{ evidence: { kind: 'DHCP starvation', clientHardwareAddresses: 100 } }],
      named.length === 0 ? 'everybody inside is a device' : 'from the network side',
    );
  }
  t.end();
});

t.test('mutated packets neither throw nor grow the flow table past its size', (t) => {
  const seeds = [
    b.ethernet(0x0800, b.ipv4(b.tcp(2), { protocol: 6, src: '10.0.0.1', dst: '10.0.0.2' })),
    b.ethernet(0x86dd, b.ipv6([...b.extension(60), ...b.extension(6), ...b.tcp(2)], 0)),
    b.ethernet(0x0800, b.ipv4(b.udp([1]), { protocol: 17 })),
    b.ethernet(0x0806, b.arp(1)),
  ].map((bytes) => Uint8Array.from(bytes));
  const { replay } = createReplay();
  const next = createMutator(seeds, 42);
  for (let packet = 0; packet < 30_000; packet++) replay.packet(next());
  replay.end();
  t.equal(replay.packets, 30_000);
  t.ok(replay.undecodable > 100 && replay.flows > 100);
  t.end();
});

t.test('the clock of a capture never goes back', (t) => {
  const clock = new CaptureClock();
  const times = [1_000, 2_000, 1_500, 60_000, 10_000, 10_500];
  t.same(
    times.map((timeMs) => clock.now(timeMs)),
    [1_000, 2_000, 2_000, 60_000, 60_000, 60_500],
  );
  t.equal(clock.jumps, 1);
  t.end();
});
