/** What passes as infrastructure reaches the detectors live: sweeps and lies in ARP and neighbour discovery, and servers of the network that nobody knew. */
import './support/in-own-namespace.js';
import t from 'tap';
import { connect } from '../../agent/ipc/client.js';
import { HOSPITAL, PUMP } from '../../agent/lab/network-lab.js';
import { waitFor } from '../../agent/lab/namespace.js';
import { requests } from '../../agent/messages/enforcer-messages.js';
import type { Finding, Memory } from '../../agent/messages/vocabulary.js';
import { pathsFromEnvironment } from '../../agent/paths.js';
import { neighborAdvertisement, rawFrames } from './support/frames.js';
import { InlineLab } from './support/inline-lab.js';

const inline = await InlineLab.create('bridge');
t.teardown(() => inline.close());
const { enforcerSocket: socketPath } = pathsFromEnvironment(inline.box.environment);
const client = await connect({ socketPath, peerName: 'enforcer', requests });
t.teardown(() => {
  client.close();
});
const findings: Finding[] = [];
const memories: Memory[] = [];
client.onEvent((event) => {
  if (event.event === 'findings') findings.push(...event.items);
  if (event.event === 'memories') memories.push(...event.items);
});
await client.request('subscribe', {});
const { text } = await client.request('policy.current', {});
await client.request('policy.apply', {
  text: `${text}  rogueServer: { learnSeconds: 0 }\n`,
  by: 'test',
  confirmWithinSeconds: null,
});

const found = (detector: string, what: RegExp): Promise<void> =>
  waitFor(
    () => Promise.resolve(findings.some((one) => one.detector === detector && what.test(one.title))),
    inline.enforcer.ended,
    () => `no ${detector}: ${findings.map(({ title }) => title).join('; ')}`,
  );

/** Sends frames of 60 bytes from the pump: `fill` is the body of a function of `frame` and `n`. socat sends one a read. */
async function pumpSends(count: number, fill: string): Promise<void> {
  const program = `
    const frames = Buffer.alloc(60 * ${count});
    for (let n = 0; n < ${count}; n++) {
      const frame = frames.subarray(n * 60, n * 60 + 60);
      ${fill}
    }
    process.stdout.write(frames);
  `;
  const send = `"${process.execPath}" -e '${program.replaceAll("'", `'\\''`)}' | socat -u -b 60 - INTERFACE:eth0`;
  await inline.lab.pump.must(['sh', '-c', send], { timeoutMs: 20_000 });
}

t.test(
  'a device sweeps its subnet by ARP; asking one host whether it is there is no part of it',
  async (t) => {
    // RFC 1122 section 2.3.2.1: to one MAC, for addresses that the sweep does not ask for.
    const hospitalMac = (await inline.lab.hospital.macOf('eth0')).replaceAll(':', '');
    const pumpMac = inline.lab.pumpMac.replaceAll(':', '');
    await pumpSends(
      40,
      `frame.write('${hospitalMac}${pumpMac}0806000108000604' + '0001${pumpMac}', 'hex');
     const [own, network] = ['${PUMP.bridge[0]}', '${HOSPITAL[0]}'].map((text) => text.split('.').map(Number));
     frame.set(own, 28);
     frame.set([...network.slice(0, 3), 200 + n], 38);`,
    );
    // The kernel asks for each address before it can send the datagram.
    const sweep = `
    const socket = require('node:dgram').createSocket('udp4');
    for (let host = 100; host < 140; host++) socket.send('x', 9, '${HOSPITAL[0].replace(/\d+$/, '')}' + host);
    setTimeout(() => process.exit(0), 1500);
  `;
    await inline.lab.pump.must([process.execPath, '-e', sweep], { timeoutMs: 20_000 });
    await found('hostSweep', /sweeps .* for arp/);
    t.notMatch(JSON.stringify(findings), /\b10\.77\.0\.2[0-3]\d\b/);
  },
);

t.test('a device sweeps its link by neighbour discovery', async (t) => {
  const sweep = `
    const socket = require('node:dgram').createSocket('udp6');
    for (let host = 0x100; host < 0x128; host++) socket.send('x', 9, '${HOSPITAL[1].replace(/[0-9a-f]+$/, '')}' + host.toString(16));
    setTimeout(() => process.exit(0), 1500);
  `;
  await inline.lab.pump.must([process.execPath, '-e', sweep], { timeoutMs: 20_000 });
  await found('hostSweep', /sweeps .* for neighbour discovery/);
  // Each protocol has a limit of its own: the sweep by ARP took nothing from this one.
  const limits = await inline.lab.box.must(['nft', 'list', 'set', 'bridge', 'cordon', 'neighbour_log_rate']);
  for (const protocol of ['arp', 'ip6'])
    t.match(limits, new RegExp(`${inline.lab.pumpMac} \\. ${protocol} limit rate`));
});

t.test('somebody on the network says again and again that the server is elsewhere', async (t) => {
  const [, pump] =
    /inet6 (fd\S+)\/\d+ /.exec(await inline.lab.pump.must(['ip', '-6', 'address', 'show'])) ?? [];
  const link = { from: '02:00:00:00:06:66', to: inline.lab.pumpMac };
  const claimed = 'fd77::77';
  const lie = neighborAdvertisement(link, { source: claimed, destination: pump ?? '' }, claimed, []);
  for (let n = 0; n < 12; n++) await inline.lab.hospital.must(['sh', '-c', rawFrames([lie], 'eth0')]);
  await found('arpSpoof', /^02:00:00:00:06:66 keeps telling .* that it is fd77::77; nobody asks/);
  t.pass();
});

t.test('somebody on the network begins to answer as a DHCPv6 server', async (t) => {
  const answer = `
    const socket = require('node:dgram').createSocket('udp6');
    socket.bind(547, () => socket.send(Buffer.from([2, 0, 0, 1]), 546, process.argv[1], () => process.exit(0)));
  `;
  const [, pump] =
    /inet6 (fd\S+)\/\d+ /.exec(await inline.lab.pump.must(['ip', '-6', 'address', 'show'])) ?? [];
  await inline.lab.hospital.must([process.execPath, '-e', answer, pump ?? ''], { timeoutMs: 20_000 });
  await found('rogueServer', /is new and acts as a DHCPv6 server/);
  t.pass();
});

t.test('somebody on the network answers for wpad, refused as it is', async (t) => {
  const answer = `
    const socket = require('node:dgram').createSocket('udp4');
    const bytes = Buffer.from('010280000001000100000000' + '047770616400' + '00010001' + 'c00c00010001', 'hex');
    socket.bind(5355, () => socket.send(bytes, 50000, '${PUMP.bridge[0]}', () => process.exit(0)));
  `;
  await inline.lab.hospital.must([process.execPath, '-e', answer], { timeoutMs: 20_000 });
  await found('rogueServer', /answers for the name wpad by LLMNR/);
  t.pass();
});

t.test('a flood of made-up MACs does not fill the box, nor stop a guarded device', async (t) => {
  // ARP probes (RFC 5227) from as many MACs.
  await pumpSends(
    6_000,
    `frame.fill(0xff, 0, 6);
     for (const from of [6, 22]) frame.writeUIntBE(0x020000000000 + 0x010000 + n, from, 6);
     frame.write('0806000108000604' + '0001', 12, 'hex');
     frame.write('0a4d00fe', 38, 'hex');`,
  );
  await found('spoofing', /^More than 4096 MACs send from the device side/);
  const learnt = await inline.lab.box.must(['sh', '-c', 'bridge fdb show br br0 | grep -c ^02:00:00:01']);
  t.ok(Number(learnt) > 1_000 && Number(learnt) <= 4_096, `${learnt.trim()} MACs are remembered`);
  await inline.connect(4, [8080]);
  t.pass('the guarded device');
});

t.test('what was learnt is handed over when the enforcer stops', async (t) => {
  await inline.connect(4, [8080]);
  await inline.enforcer.stop();
  await client.closed;
  t.ok(
    memories.some(({ detector, device }) => detector === 'unfamiliarService' && device === 'pump-1'),
    memories.map(({ detector, device }) => `${detector} of ${device}`).join(', '),
  );
});
