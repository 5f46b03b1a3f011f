import './support/in-own-namespace.js';
import fc from 'fast-check';
import t from 'tap';
import { parseAddress } from '../../agent/policy/address.js';
import { createElementEvaluator } from '../../agent/ruleset/evaluate-elements.js';
import { ascii, echo, SYN, tcp, udp, type Bytes } from './support/frames.js';
import { DEVICE_NUMBERS } from './support/verdict-probes.js';
import { KernelLog } from './support/verdicts.js';
import { eventually, MACS, Ward } from './support/ward.js';

/** Within the burst that the kernel logs of what is refused. */
const CONNECTIONS = 60;
const SENT_AT_ONCE = 12;
const ICMP = 1;
const ICMPV6 = 58;
const UDP = 17;

const policy = (ward: Ward): string => `version: 1
site: { name: Ward }
groups:
  servers: [{ address: 10.77.0.1 }, { network: 10.9.0.0/16 }, { address: "fd77::1" }, { network: "fd09::/32" }]
devices:
  pump-1:
    identity: { macs: ["${MACS.pump}"], addresses: [${ward.address('pump', 4)}, "${ward.address('pump', 6)}"] }
    mode: enforce
    allow:
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [104, "11112-11113"], why: x }
      - { direction: out, peer: { network: 10.9.8.0/24 }, protocol: tcp, ports: ["100-2000"], why: overlaps }
      - { direction: out, peer: { network: "fd09:0:8::/48" }, protocol: udp, ports: ["100-2000"], why: x }
      - { direction: out, peer: { group: servers }, protocol: icmp, why: x }
      - { direction: in, peer: { group: servers }, protocol: icmpv6, why: x }
      - { direction: in, peer: { group: servers }, protocol: udp, ports: [104, "1000-1999"], why: x }
      - { direction: in, peer: { network: 10.9.8.128/25 }, protocol: any, why: x }
`;

const PEERS = {
  4: [
    '10.77.0.1',
    '10.77.0.2',
    '10.9.0.0',
    '10.9.8.0',
    '10.9.8.127',
    '10.9.8.128',
    '10.9.8.255',
    '10.9.9.0',
    '10.8.255.255',
    '10.10.0.0',
  ],
  6: [
    'fd77::1',
    'fd77::3',
    'fd09::',
    'fd09:0:8::',
    'fd09:0:8:ffff:ffff:ffff:ffff:ffff',
    'fd09:0:9::',
    'fd09:1::',
    'fd08:ffff::1',
  ],
} as const;

t.test('the kernel says of random connections what the evaluator over the elements says', async (t) => {
  const ward = await Ward.create('bridge');
  const log = new KernelLog();
  t.teardown(async () => {
    log.stop();
    await ward.close();
  });
  const evaluate = createElementEvaluator(await ward.load(policy(ward)));
  // In alphabetical order: with the pump alone, it has the first number.
  const deviceId = Math.min(...Object.values(DEVICE_NUMBERS));
  const connection = fc.record({
    family: fc.constantFrom(4 as const, 6 as const),
    opened: fc.boolean(),
    kind: fc.constantFrom('tcp', 'udp', 'icmp'),
    peer: fc.nat(),
    port: fc.constantFrom(
      99,
      100,
      103,
      104,
      105,
      999,
      1_000,
      1_999,
      2_000,
      2_001,
      11_111,
      11_112,
      11_113,
      11_114,
    ),
  });
  const sent = fc.sample(connection, CONNECTIONS).map((one, index) => {
    const { family, opened, kind, port } = one;
    const peer = PEERS[family][one.peer % PEERS[family].length] ?? '';
    const own = ward.address('pump', family);
    const path = opened ? { source: own, destination: peer } : { source: peer, destination: own };
    const [from, to] = opened ? (['pump', 'hospital'] as const) : (['hospital', 'pump'] as const);
    const link = ward.link(from, to);
    const tag = ward.tag();
    const frame = (bytes: Bytes): Bytes =>
      kind === 'tcp'
        ? tcp(link, path, [20_000 + index, port], SYN, bytes)
        : kind === 'udp'
          ? udp(link, path, [20_000 + index, port], bytes)
          : echo(link, path, 20_000 + index, bytes);
    const protocol = kind === 'tcp' ? 6 : kind === 'udp' ? UDP : family === 4 ? ICMP : ICMPV6;
    const address = parseAddress(peer);
    if (address === null) throw new Error(peer);
    const by = evaluate({ deviceId, opened, peer: address, protocol, port, source: null });
    return {
      tag,
      from,
      to,
      frame: frame(ascii(tag)),
      by,
      what: `${opened ? 'out' : 'in'} ${kind} ${port} ${peer}`,
    };
  });
  for (let at = 0; at < sent.length; at += SENT_AT_ONCE)
    await Promise.all(sent.slice(at, at + SENT_AT_ONCE).map(({ from, frame }) => ward.send(from, frame)));
  await eventually(
    () => sent.every(({ tag }) => log.of(tag).length > 0),
    () =>
      sent
        .filter(({ tag }) => log.of(tag).length === 0)
        .map(({ what }) => what)
        .join(', '),
  );
  for (const { tag, to, by, what } of sent) {
    t.equal(log.of(tag)[0]?.prefix, by === null ? 'policy' : 'new', `${what}: ${by ?? 'no element'}`);
    if (by !== null) await ward.arrives(to, tag);
    else t.notOk(ward.hasArrived(to, tag), what);
  }
  t.ok(sent.some(({ by }) => by !== null) && sent.some(({ by }) => by === null), 'both verdicts were met');
});
