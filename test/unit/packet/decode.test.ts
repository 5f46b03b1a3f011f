import t, { type Test } from 'tap';
import { decodeArp } from '../../../agent/packet/decode-arp.js';
import { decodeEthernet } from '../../../agent/packet/decode-ethernet.js';
import { decodeIp } from '../../../agent/packet/decode-ip.js';
import { PROBLEM_NAMES, problemName, type ProblemName } from '../../../agent/packet/problems.js';
import { createPacketView, NONE, type PacketView } from '../../../agent/packet/view.js';
import * as b from './build.js';

const view = createPacketView();

interface Case {
  readonly name: string;
  readonly bytes: b.Bytes;
  readonly problem?: ProblemName;
  readonly see?: Partial<PacketView>;
}

const v4Ends = { family: 4, src0: 0x0a140005, dst0: 0xc80102fe, src1: 0, dst3: 0 };
const v6Ends = { family: 6, src0: 0x20010db8, src3: 2, dst1: 1, dst3: 0xfffffffe };
const ports = { srcPort: 49_152, dstPort: 104 };
const longOptions = new Array<number>(40).fill(1);

const ipCases: readonly Case[] = [
  {
    name: 'a TCP SYN over IPv4',
    bytes: b.ipv4(b.tcp(2), { protocol: 6 }),
    see: { ...v4Ends, ...ports, protocol: 6, tcpFlags: 2, hopLimit: 64, ipLength: 40, truncated: false },
  },
  {
    name: 'a TCP SYN over IPv6',
    bytes: b.ipv6(b.tcp(2), 6),
    see: { ...v6Ends, ...ports, protocol: 6, tcpFlags: 2 },
  },
  {
    name: 'IPv4 and TCP options, and data after them',
    bytes: b.ipv4(b.tcp(24, [1, 1, 1, 0], [9, 9, 9]), { protocol: 6, options: longOptions }),
    see: { ...ports, transportOffset: 60, payloadOffset: 84, payloadLength: 3 },
  },
  {
    name: 'Ethernet padding after a short packet is not payload',
    bytes: [...b.ipv4(b.udp([1, 2]), { protocol: 17 }), 0, 0, 0, 0],
    see: { payloadLength: 2, ipLength: 30, truncated: false },
  },
  {
    name: 'UDP over IPv4',
    bytes: b.ipv4(b.udp([1]), { protocol: 17 }),
    see: { srcPort: 40_000, dstPort: 123, payloadLength: 1 },
  },
  {
    name: 'UDP over IPv6',
    bytes: b.ipv6(b.udp([1]), 17),
    see: { srcPort: 40_000, dstPort: 123, payloadLength: 1 },
  },
  {
    name: 'an ICMP echo request',
    bytes: b.ipv4(b.icmp(8, 0), { protocol: 1 }),
    see: { icmpType: 8, icmpCode: 0, dstPort: NONE },
  },
  {
    name: 'an ICMPv6 unreachable',
    bytes: b.ipv6(b.icmp(1, 4), 58),
    see: { icmpType: 1, icmpCode: 4, protocol: 58 },
  },
  {
    name: 'SCTP ports',
    bytes: b.ipv4([...b.u16(5), ...b.u16(2905), ...b.u32(0), ...b.u32(0)], { protocol: 132 }),
    see: { srcPort: 5, dstPort: 2905 },
  },
  {
    name: 'a protocol without ports',
    bytes: b.ipv4([1, 2, 3], { protocol: 47 }),
    see: { protocol: 47, dstPort: NONE, payloadLength: 3 },
  },
  {
    name: 'hop-by-hop, destination options and routing before TCP',
    bytes: b.ipv6([...b.extension(60), ...b.extension(43, 1), ...b.extension(6), ...b.tcp(2)], 0),
    see: { ...v6Ends, ...ports, protocol: 6, transportOffset: 72 },
  },
  {
    name: 'an authentication header counts in 4-byte units',
    bytes: b.ipv6([6, 1, ...new Array<number>(10).fill(0), ...b.tcp(2)], 51),
    see: { ...ports, transportOffset: 52 },
  },
  { name: 'no next header', bytes: b.ipv6([], 59), see: { protocol: 59, payloadLength: 0 } },
  {
    name: 'a first IPv4 fragment has ports',
    bytes: b.ipv4(b.udp([1, 2, 3, 4, 5, 6, 7, 8], 2000), { protocol: 17, fragment: 0x2000 }),
    see: { isFragment: true, isFirstFragment: true, dstPort: 123 },
  },
  {
    name: 'a later IPv4 fragment has none, whatever its bytes look like',
    bytes: b.ipv4(b.tcp(2), { protocol: 6, fragment: 0x2003 }),
    see: {
      isFragment: true,
      isFirstFragment: false,
      fragmentOffset: 24,
      dstPort: NONE,
      tcpFlags: 0,
      protocol: 6,
    },
  },
  {
    name: 'a first IPv6 fragment has ports',
    bytes: b.ipv6([...b.fragment6(17, 0, true), ...b.udp([1], 1500)], 44),
    see: { isFragment: true, isFirstFragment: true, dstPort: 123, protocol: 17 },
  },
  {
    name: 'a later IPv6 fragment has none, even if its next header looks like an extension',
    bytes: b.ipv6([...b.fragment6(60, 1208, false), 6, 0, 0, 0], 44),
    see: { isFragment: true, isFirstFragment: false, fragmentOffset: 1208, protocol: 60, dstPort: NONE },
  },
  {
    name: 'an atomic IPv6 fragment is a whole packet (RFC 6946)',
    bytes: b.ipv6([...b.fragment6(6, 0, false), ...b.tcp(2)], 44),
    see: { isFragment: false, ...ports },
  },
  {
    name: 'a copy range that ends in the data',
    bytes: b.ipv4(b.tcp(24, [], new Array<number>(10).fill(1)), { protocol: 6, totalLength: 1500 }),
    see: { ...ports, truncated: true, payloadLength: 10 },
  },
  {
    name: 'a copy range that ends within TCP options still has ports and flags',
    bytes: b.ipv4(b.tcp(2, longOptions), { protocol: 6 }).slice(0, 44),
    problem: 'capture-cut',
    see: { ...ports, tcpFlags: 2, truncated: true },
  },
  {
    name: 'total length 0 is a segment cut later by hardware',
    bytes: b.ipv4(b.tcp(2), { protocol: 6, totalLength: 0 }),
    see: { ...ports, ipLength: 40 },
  },

  { name: 'nothing', bytes: [], problem: 'ip-empty', see: { family: 0 } },
  {
    name: 'version 5',
    bytes: [0x55, ...new Array<number>(60).fill(0)],
    problem: 'ip-version',
    see: { family: 0 },
  },
  {
    name: 'half an IPv4 header',
    bytes: b.ipv4([], { protocol: 6 }).slice(0, 19),
    problem: 'ipv4-short',
    see: { family: 0 },
  },
  {
    name: 'a header length of 16',
    bytes: [0x44, ...b.ipv4([], { protocol: 6 }).slice(1)],
    problem: 'ipv4-header-length',
  },
  {
    name: 'a total length within the header',
    bytes: b.ipv4(b.tcp(2), { protocol: 6, totalLength: 19 }),
    problem: 'ipv4-total-length',
    see: v4Ends,
  },
  {
    name: 'options beyond the capture',
    bytes: b.ipv4([], { protocol: 6, options: longOptions }).slice(0, 30),
    problem: 'capture-cut',
  },
  {
    name: 'a fragment past the largest datagram (ping of death)',
    bytes: b.ipv4(new Array<number>(100).fill(0), { protocol: 1, fragment: 0x1fff }),
    problem: 'fragment-beyond-end',
  },
  {
    name: 'a tiny first fragment (RFC 1858)',
    bytes: b.ipv4(b.tcp(2).slice(0, 8), { protocol: 6, fragment: 0x2000 }),
    problem: 'tcp-short',
    see: { isFirstFragment: true, dstPort: NONE },
  },
  {
    name: 'a TCP header of 4 words',
    bytes: b.ipv4([...b.tcp(2).slice(0, 12), 0x40, ...b.tcp(2).slice(13)], { protocol: 6 }),
    problem: 'tcp-header-length',
    see: ports,
  },
  {
    name: 'a TCP header longer than the packet',
    bytes: b.ipv4([...b.tcp(2).slice(0, 12), 0xf0, ...b.tcp(2).slice(13)], { protocol: 6 }),
    problem: 'tcp-header-length',
  },
  {
    name: 'TCP cut by the capture before its flags',
    bytes: b.ipv4(b.tcp(2), { protocol: 6 }).slice(0, 32),
    problem: 'capture-cut',
    see: { ...v4Ends, dstPort: NONE },
  },
  { name: 'UDP of 7 bytes', bytes: b.ipv4([0, 1, 0, 2, 0, 7, 0], { protocol: 17 }), problem: 'udp-short' },
  {
    name: 'a UDP length of 3',
    bytes: b.ipv4(b.udp([], 3), { protocol: 17 }),
    problem: 'udp-length',
    see: { dstPort: 123 },
  },
  {
    name: 'a UDP length beyond the packet',
    bytes: b.ipv4(b.udp([1], 500), { protocol: 17 }),
    problem: 'udp-length',
  },
  {
    name: 'a UDP length of 0 over IPv4',
    bytes: b.ipv4(b.udp([1], 0), { protocol: 17 }),
    problem: 'udp-length',
  },
  { name: 'an ICMP message of 2 bytes', bytes: b.ipv4([8, 0], { protocol: 1 }), problem: 'icmp-short' },
  { name: 'SCTP of 3 bytes', bytes: b.ipv4([1, 2, 3], { protocol: 132 }), problem: 'transport-short' },
  { name: 'half an IPv6 header', bytes: b.ipv6([], 59).slice(0, 39), problem: 'ipv6-short' },
  {
    name: 'an extension header past the end',
    bytes: b.ipv6(b.extension(6, 0), 0).map((byte, i) => (i === 41 ? 200 : byte)),
    problem: 'ipv6-extension-short',
    see: v6Ends,
  },
  {
    name: 'an extension header cut by the capture',
    bytes: b.ipv6([...b.extension(6, 3), ...b.tcp(2)], 0).slice(0, 50),
    problem: 'capture-cut',
  },
  {
    name: 'nine extension headers',
    bytes: b.ipv6([...Array.from({ length: 9 }, () => b.extension(60)).flat(), ...b.tcp(2)], 60),
    problem: 'ipv6-too-many-extensions',
    see: { protocol: NONE },
  },
  {
    name: 'an IPv6 fragment past the largest datagram',
    bytes: b.ipv6([...b.fragment6(17, 0xfff8, false), ...new Array<number>(64).fill(0)], 44),
    problem: 'fragment-beyond-end',
  },
];

t.test('what NFLOG gives is decoded from the IP header on', (t) => {
  for (const { name, bytes, problem, see } of ipCases) check(t, name, decodeIp, bytes, problem, see);
  t.end();
});

const macs = { srcMacHigh: 0x0242ac, srcMacLow: 0x110002, dstMacHigh: 0xf09fc2, dstMacLow: 0x010203 };
const arpSeen = {
  arpSenderMacHigh: 0x0242ac,
  arpSenderMacLow: 0x110002,
  arpSenderAddress: 0x0a140005,
  arpTargetMacHigh: 0xf09fc2,
  arpTargetAddress: 0xc0a8fffe,
};
const syn = b.ipv4(b.tcp(2), { protocol: 6 });

const frameCases: readonly Case[] = [
  {
    name: 'IPv4 in Ethernet',
    bytes: b.ethernet(0x0800, syn),
    see: { ...macs, ...v4Ends, ...ports, etherType: 0x0800, vlanOuter: NONE },
  },
  {
    name: 'IPv6 in a VLAN',
    bytes: b.ethernet(0x8100, [...b.vlan(100, 0x86dd), ...b.ipv6(b.tcp(2), 6)]),
    see: { ...v6Ends, vlanOuter: 100, vlanInner: NONE, etherType: 0x86dd },
  },
  {
    name: 'a service and a customer tag',
    bytes: b.ethernet(0x88a8, [...b.vlan(7, 0x8100), ...b.vlan(4094, 0x0800), ...syn]),
    see: { vlanOuter: 7, vlanInner: 4094, dstPort: 104 },
  },
  {
    name: 'ARP',
    bytes: b.ethernet(0x0806, b.arp(1)),
    see: { ...macs, ...arpSeen, arpOperation: 1, family: 0 },
  },
  {
    name: 'an 802.3 length',
    bytes: b.ethernet(0x0026, [0x42, 0x42, 3]),
    see: { etherType: 0x26, family: 0, payloadLength: 3 },
  },
  {
    name: 'an ethertype nobody asked for',
    bytes: b.ethernet(0x88cc, [1]),
    see: { etherType: 0x88cc, family: 0 },
  },
  {
    name: 'three tags',
    bytes: b.ethernet(0x8100, [...b.vlan(1, 0x8100), ...b.vlan(2, 0x8100), ...b.vlan(3, 0x0800)]),
    problem: 'vlan-too-deep',
  },
  { name: 'a tag that ends early', bytes: b.ethernet(0x8100, [0, 1, 8]), problem: 'vlan-short' },
  { name: '13 bytes', bytes: b.ethernet(0, []).slice(0, 13), problem: 'ethernet-short' },
  { name: 'an empty IPv4 frame', bytes: b.ethernet(0x0800, []), problem: 'ip-empty', see: macs },
];

t.test('frames are decoded from the Ethernet header on', (t) => {
  for (const { name, bytes, problem, see } of frameCases) check(t, name, decodeEthernet, bytes, problem, see);
  t.end();
});

const arpCases: readonly Case[] = [
  { name: 'a request', bytes: b.arp(1), see: { ...arpSeen, arpOperation: 1 } },
  { name: 'a reply with padding', bytes: [...b.arp(2), 0, 0, 0], see: { ...arpSeen, arpOperation: 2 } },
  { name: 'one byte missing', bytes: b.arp(1).slice(0, 27), problem: 'arp-short' },
  { name: 'only the beginning', bytes: b.arp(1).slice(0, 7), problem: 'arp-short' },
  { name: 'hardware of another kind', bytes: [0, 6, ...b.arp(1).slice(2)], problem: 'arp-not-ethernet-ipv4' },
  {
    name: 'lying address lengths',
    bytes: [...b.arp(1).slice(0, 4), 255, 255, ...b.arp(1).slice(6)],
    problem: 'arp-not-ethernet-ipv4',
  },
];

t.test('ARP is decoded from its own header on', (t) => {
  for (const { name, bytes, problem, see } of arpCases) check(t, name, decodeArp, bytes, problem, see);
  t.end();
});

t.test('nothing of one packet shows through in the next', (t) => {
  decodeEthernet(
    view,
    Uint8Array.from(b.ethernet(0x8100, [...b.vlan(5, 0x86dd), ...b.ipv6(b.tcp(2), 6)])),
    0,
    200,
  );
  decodeArp(view, new Uint8Array(0), 0, 0);
  const { problem, ...rest } = view;
  const fresh: Partial<PacketView> = createPacketView();
  delete fresh.problem;
  t.equal(problemName(problem), 'arp-short');
  t.same(rest, fresh);
  t.end();
});

t.test('every problem has a name, and a number that is none is a mistake of the caller', (t) => {
  t.equal(new Set(PROBLEM_NAMES).size, PROBLEM_NAMES.length);
  t.throws(() => problemName(PROBLEM_NAMES.length), RangeError);
  t.end();
});

/** Each packet also sits in the middle of a larger buffer of 0xff: an offset that is forgotten shows. */
function check(
  t: Test,
  name: string,
  decode: typeof decodeIp,
  bytes: b.Bytes,
  problem: ProblemName = 'none',
  see: Partial<PacketView> = {},
): void {
  decode(view, Uint8Array.from(bytes), 0, bytes.length);
  const alone = { ...view };
  t.equal(problemName(alone.problem), problem, `${name}: problem`);
  t.match(alone, see, name);
  const surrounded = new Uint8Array(bytes.length + 200).fill(0xff);
  surrounded.set(bytes, 100);
  decode(view, surrounded, 100, bytes.length);
  for (const key of ['ipOffset', 'transportOffset', 'payloadOffset', 'fragmentHeaderOffset'] as const)
    if (view[key] !== NONE) view[key] -= 100;
  t.same(view, alone, `${name}: the same at another offset`);
}
