/* eslint-disable max-lines -- (Above 400 lines: one table, read from top to bottom: splitting it would hide what is missing from it.) */
/** The policy and the probes of the verdict tests: one frame each, and what must become of it. A new row is a new case. */
import type { RefusalReason } from '../../../agent/messages/vocabulary.js';
import {
  arp,
  echo,
  ethernet,
  icmp6,
  ipBytes,
  neighborAdvertisement,
  query,
  routerAdvertisement,
  SYN,
  tcp,
  udp,
  type Bytes,
} from './frames.js';
import { MACS, type Family, type HostName, type Ward } from './ward.js';

export interface Probe {
  readonly what: string;
  readonly from: HostName;
  /** Where it must, or must not, arrive. */
  readonly to: HostName;
  readonly frame: (tag: Bytes) => Bytes;
  readonly expect: 'passes' | RefusalReason;
  /** To a group: the bridge makes a copy for every other port, and each copy is decided, counted and logged. */
  readonly isFlooded?: true;
  /** What the log says: who is meant, and whether it came from the device side. Null: nothing is logged. */
  readonly logged?: { readonly device: string | null; readonly fromDevice: boolean } | null;
  /** The prefix of that, where it is not the one of its verdict. */
  readonly loggedAs?: string;
}

/** A TCP port that no list permits. */
export const UNLISTED = 8090;

export interface PolicyOptions {
  readonly pumpMode?: 'enforce' | 'shadow' | 'observe';
  readonly monitorMode?: 'enforce' | 'shadow' | 'observe';
  readonly unknownDevices?: 'refuse' | 'observe';
}

export function wardPolicy(ward: Ward, options: PolicyOptions = {}): string {
  const both = (host: HostName): string => `${ward.address(host, 4)}, "${ward.address(host, 6)}"`;
  return `version: 1
site: { name: Ward }
unknownDevices: ${options.unknownDevices ?? 'refuse'}
groups:
  servers: [{ address: ${ward.address('hospital', 4)} }, { address: "${ward.address('hospital', 6)}" }]
devices:
  monitor-1:
    identity: { macs: ["${MACS.monitor}"], addresses: [${both('monitor')}] }
    mode: ${options.monitorMode ?? 'enforce'}
    allow:
      - { direction: in, peer: { device: pump-1 }, protocol: tcp, ports: [6000, 6002], why: both agree on 6000 }
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [8080], why: updates }
  pump-1:
    identity: { macs: ["${MACS.pump}"], addresses: [${both('pump')}] }
    mode: ${options.pumpMode ?? 'enforce'}
    allow:
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [104], essential: true, why: DICOM }
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [8080, "9000-9999"], why: updates }
      - { direction: out, peer: { group: servers }, protocol: udp, ports: [5000], why: one-way telemetry }
      - { direction: out, peer: { group: servers }, protocol: udp, ports: [5002], essential: true, why: one-way alarms }
      - { direction: out, peer: { group: servers }, protocol: icmp, why: ping }
      - { direction: out, peer: { group: servers }, protocol: icmpv6, why: ping }
      - { direction: in, peer: { group: servers }, protocol: tcp, ports: [2575], essential: true, why: orders }
      - { direction: in, peer: { group: servers }, protocol: tcp, ports: [2576], why: logs }
      - { direction: in, peer: { group: servers }, protocol: udp, ports: [6001], why: time }
      - { direction: out, peer: { device: monitor-1 }, protocol: tcp, ports: [6000, 6001], why: both agree on 6000 }
      - { direction: out, peer: { group: servers }, protocol: udp, ports: [47808], sourcePorts: [47808], why: BACnet }
      - { direction: in, peer: { group: servers }, protocol: udp, ports: [47809], sourcePorts: [47808, "50000-50010"], why: BACnet }
      - { direction: in, peer: { group: servers }, protocol: icmp, icmpTypes: ["8/0"], why: asked whether it is there }
      - { direction: in, peer: { group: servers }, protocol: icmpv6, icmpTypes: [128], essential: true, why: the same }
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [4000], family: ipv4, why: IPv4 only }
      - { direction: out, peer: any, protocol: tcp, ports: [6001], family: ipv6, why: IPv6 only }
`;
}

/** Numbers are given in alphabetical order (assign-ids.ts). */
export const DEVICE_NUMBERS: Readonly<Record<string, number>> = { 'monitor-1': 2, 'pump-1': 3 };

/** A source port of one's own per probe: a connection that was refused or admitted before must not decide. */
let sourcePort = 20_000;
function fresh(): number {
  sourcePort += 1;
  return sourcePort;
}

interface Way {
  readonly source?: string;
  readonly frameFrom?: string;
  readonly flags?: number;
}

export function probes(ward: Ward, family: Family): readonly Probe[] {
  const at = (host: HostName): string => ward.address(host, family);
  const path = (from: HostName, to: HostName, way: Way) => ({
    source: way.source ?? at(from),
    destination: at(to),
  });
  const link = (from: HostName, to: HostName, way: Way) => ({
    ...ward.link(from, to),
    ...(way.frameFrom === undefined ? {} : { from: way.frameFrom }),
  });
  const syn = (from: HostName, to: HostName, port: number, way: Way = {}) => ({
    from,
    to,
    frame: (tag: Bytes) =>
      tcp(link(from, to, way), path(from, to, way), [fresh(), port], way.flags ?? SYN, tag),
  });
  const datagram = (from: HostName, to: HostName, ports: readonly [number, number], way: Way = {}) => ({
    from,
    to,
    frame: (tag: Bytes) => udp(link(from, to, way), path(from, to, way), ports, tag),
  });
  const ping = (from: HostName, to: HostName) => ({
    from,
    to,
    frame: (tag: Bytes) => echo(ward.link(from, to), path(from, to, {}), fresh(), tag),
  });
  const pump = { device: 'pump-1', fromDevice: true };
  const toPump = { device: 'pump-1', fromDevice: false };
  const unused = family === 4 ? '10.77.0.200' : 'fd77::200';
  const [dhcpServer, dhcpClient] = family === 4 ? [67, 68] : [547, 546];

  return [
    { what: 'permitted TCP', ...syn('pump', 'hospital', 104), expect: 'passes', logged: pump },
    { what: 'permitted TCP in a range', ...syn('pump', 'hospital', 9500), expect: 'passes', logged: pump },
    {
      what: 'permitted UDP',
      ...datagram('pump', 'hospital', [fresh(), 5000]),
      expect: 'passes',
      logged: pump,
    },
    { what: 'permitted ping', ...ping('pump', 'hospital'), expect: 'passes', logged: pump },
    { what: 'permitted TCP inwards', ...syn('hospital', 'pump', 2575), expect: 'passes', logged: toPump },
    {
      what: 'permitted UDP inwards',
      ...datagram('hospital', 'pump', [fresh(), 6001]),
      expect: 'passes',
      logged: toPump,
    },
    { what: 'a port beside it', ...syn('pump', 'hospital', 105), expect: 'policy', logged: pump },
    { what: 'the port after a range', ...syn('pump', 'hospital', 10_000), expect: 'policy', logged: pump },
    {
      what: 'the same port over UDP',
      ...datagram('pump', 'hospital', [fresh(), 104]),
      expect: 'policy',
      logged: pump,
    },
    {
      what: 'an "out" entry does not open "in"',
      ...syn('hospital', 'pump', 104),
      expect: 'policy',
      logged: toPump,
    },
    {
      what: 'an "in" entry does not open "out"',
      ...syn('pump', 'hospital', 2575),
      expect: 'policy',
      logged: pump,
    },
    { what: 'ping inwards, by its type', ...ping('hospital', 'pump'), expect: 'passes', logged: toPump },
    {
      what: 'another ICMP query inwards',
      from: 'hospital',
      to: 'pump',
      frame: (tag) => query(ward.link('hospital', 'pump'), path('hospital', 'pump', {}), fresh(), tag),
      expect: 'policy',
      logged: toPump,
    },
    {
      what: 'ping inwards to another',
      ...ping('hospital', 'monitor'),
      expect: 'policy',
      logged: { device: 'monitor-1', fromDevice: false },
    },
    {
      what: 'both ports as the entry has them',
      ...datagram('pump', 'hospital', [47_808, 47_808]),
      expect: 'passes',
      logged: pump,
    },
    {
      what: 'the port as the entry has it, from another',
      ...datagram('pump', 'hospital', [47_809, 47_808]),
      expect: 'policy',
      logged: pump,
    },
    {
      what: 'from a port of its range inwards',
      ...datagram('hospital', 'pump', [50_010, 47_809]),
      expect: 'passes',
      logged: toPump,
    },
    {
      what: 'from the port after it',
      ...datagram('hospital', 'pump', [50_011, 47_809]),
      expect: 'policy',
      logged: toPump,
    },
    {
      what: 'an entry for IPv4 only',
      ...syn('pump', 'hospital', 4000),
      expect: family === 4 ? 'passes' : 'policy',
      logged: pump,
    },
    {
      what: 'an entry for IPv6 only',
      ...syn('pump', 'hospital', 6001),
      expect: family === 6 ? 'passes' : 'policy',
      logged: pump,
    },
    {
      what: 'a TCP packet without flags',
      ...syn('pump', 'hospital', 104, { flags: 0 }),
      expect: 'invalid',
      logged: { device: 'pump-1', fromDevice: true },
    },
    {
      what: 'the same inwards',
      ...syn('hospital', 'pump', 2575, { flags: 0 }),
      expect: 'invalid',
      logged: toPump,
    },
    {
      what: 'a device nobody named',
      ...syn('stray', 'hospital', 104),
      expect: 'unknown-device',
      logged: { device: null, fromDevice: true },
    },
    {
      what: 'to a device nobody named',
      ...syn('hospital', 'stray', 104),
      expect: 'unknown-device',
      logged: { device: null, fromDevice: false },
    },
    {
      what: 'device to device, both lists permit',
      ...syn('pump', 'monitor', 6000),
      expect: 'passes',
      logged: pump,
    },
    {
      what: 'device to device, only the caller permits',
      ...syn('pump', 'monitor', 6001),
      expect: 'policy',
      logged: { device: 'monitor-1', fromDevice: false },
    },
    {
      what: 'device to device, only the one called permits',
      ...syn('pump', 'monitor', 6002),
      expect: 'policy',
      logged: pump,
    },
    {
      what: 'device to device, the other way round',
      ...syn('monitor', 'pump', 6000),
      expect: 'policy',
      logged: toPump,
    },
    {
      what: 'an unknown device to a guarded one',
      ...syn('stray', 'monitor', 6000),
      expect: 'policy',
      logged: { device: 'monitor-1', fromDevice: false },
    },
    {
      what: "another device's address",
      ...syn('pump', 'hospital', 104, { source: at('monitor') }),
      expect: 'spoofed-source',
      logged: pump,
    },
    {
      what: 'a guarded address from a device nobody named',
      ...syn('stray', 'hospital', 104, { source: at('pump') }),
      expect: 'spoofed-source',
      logged: { device: null, fromDevice: true },
    },
    {
      what: 'an address that is not its own fixed one',
      ...syn('pump', 'hospital', 104, { source: unused }),
      expect: 'spoofed-source',
      logged: pump,
    },
    {
      what: 'a guarded address from the network side',
      ...syn('hospital', 'monitor', 6000, { source: at('pump') }),
      expect: 'spoofed-source',
      logged: { device: 'pump-1', fromDevice: false },
    },
    {
      what: 'DHCP as a client',
      ...datagram('pump', 'hospital', [dhcpClient, dhcpServer]),
      expect: 'passes',
      logged: pump,
      loggedAs: 'identity',
    },
    {
      what: 'DHCP as a server',
      ...datagram('monitor', 'hospital', [dhcpServer, dhcpClient]),
      expect: 'rogue-dhcp',
      logged: { device: 'monitor-1', fromDevice: true },
    },
    {
      what: 'DHCP from a server of the network',
      ...datagram('hospital', 'monitor', [dhcpServer, dhcpClient]),
      expect: 'passes',
      logged: { device: 'monitor-1', fromDevice: false },
      loggedAs: 'watched',
    },
    {
      what: 'DHCP from a client of the network',
      ...datagram('hospital', 'monitor', [dhcpClient, dhcpServer]),
      expect: 'policy',
      logged: { device: 'monitor-1', fromDevice: false },
    },
    {
      what: 'to the box itself',
      from: 'pump',
      to: 'hospital',
      frame: (tag) =>
        udp(
          { from: MACS.pump, to: ward.boxMac },
          { source: at('pump'), destination: ward.address('box', family, 'pump') },
          [fresh(), 53],
          tag,
        ),
      expect: 'to-box',
      logged: pump,
    },
  ];
}

/** What is only there where both sides share a segment. */
export function layer2Probes(ward: Ward): readonly Probe[] {
  const pump = { device: null, fromDevice: true };
  const network = { device: null, fromDevice: false };
  const group4 = { from: MACS.hospital, to: '01:00:5e:00:00:fb' };
  const group6 = (from: HostName) => ({ from: MACS[from], to: '33:33:00:00:00:01' });
  const everyone = (from: HostName) => ({ from: MACS[from], to: 'ff:ff:ff:ff:ff:ff' });
  /** What passes is copied for the detectors. */
  const copied = (
    from: HostName,
    expect: Probe['expect'],
    logged: Probe['logged'],
  ): Pick<Probe, 'logged' | 'loggedAs'> =>
    expect === 'passes'
      ? { logged: from === 'hospital' ? network : pump, loggedAs: 'watched' }
      : { logged: logged ?? null };
  const claim = (
    what: string,
    from: HostName,
    address: string,
    expect: Probe['expect'],
    logged: Probe['logged'],
    mac?: string,
  ): Probe => ({
    what,
    from,
    to: from === 'hospital' ? 'monitor' : 'hospital',
    frame: (tag) =>
      arp(
        everyone(from),
        { operation: 2, address, target: address, ...(mac === undefined ? {} : { mac }) },
        tag,
      ),
    expect,
    ...copied(from, expect, logged),
  });
  const neighbor = (
    what: string,
    from: HostName,
    target: string,
    expect: Probe['expect'],
    logged: Probe['logged'],
  ): Probe => ({
    what,
    from,
    to: from === 'hospital' ? 'monitor' : 'hospital',
    frame: (tag) =>
      neighborAdvertisement(
        ward.link(from, from === 'hospital' ? 'monitor' : 'hospital'),
        {
          source: ward.address(from, 6),
          destination: ward.address(from === 'hospital' ? 'monitor' : 'hospital', 6),
        },
        target,
        tag,
      ),
    expect,
    ...copied(from, expect, logged),
  });
  const ndp = (
    what: string,
    from: HostName,
    type: number,
    hopLimit: number,
    expect: Probe['expect'],
    logged: Probe['logged'] = null,
  ): Probe => ({
    what,
    from,
    to: from === 'hospital' ? 'pump' : 'hospital',
    frame: (tag) =>
      icmp6(
        group6(from),
        { source: `fe80::${from === 'hospital' ? '1' : '10'}`, destination: 'ff02::1', hopLimit },
        type,
        [
          ...[0, 0, 0, 0],
          ...ipBytes('ff02::1'),
          ...[253, 2, ...tag, ...new Array<number>(14 - tag.length).fill(0)],
        ],
      ),
    expect,
    logged,
    isFlooded: true,
  });
  return [
    {
      what: 'a frame of no known ethertype',
      from: 'pump',
      to: 'hospital',
      frame: (tag) => ethernet(ward.link('pump', 'hospital'), 0x88b5, tag),
      expect: 'ethertype',
      logged: pump,
    },
    {
      what: 'the same from the network side',
      from: 'hospital',
      to: 'pump',
      frame: (tag) => ethernet(ward.link('hospital', 'pump'), 0x88b5, tag),
      expect: 'ethertype',
      logged: network,
    },
    {
      what: 'permitted traffic in a VLAN tag',
      from: 'pump',
      to: 'hospital',
      frame: (tag) => {
        const frame = tcp(
          ward.link('pump', 'hospital'),
          { source: ward.address('pump', 4), destination: ward.address('hospital', 4) },
          [fresh(), 104],
          SYN,
          tag,
        );
        return [...frame.slice(0, 12), 0x81, 0, 0, 10, ...frame.slice(12)];
      },
      expect: 'ethertype',
      logged: pump,
    },
    {
      what: "a guarded device's MAC from the network side",
      from: 'hospital',
      to: 'monitor',
      frame: (tag) =>
        udp(
          { from: MACS.pump, to: MACS.monitor },
          { source: ward.address('hospital', 4), destination: ward.address('monitor', 4) },
          [fresh(), 6001],
          tag,
        ),
      expect: 'spoofed-source',
      logged: network,
    },
    claim('ARP for its own address', 'pump', ward.address('pump', 4), 'passes', null),
    claim('an ARP probe claims nothing', 'pump', '0.0.0.0', 'passes', null),
    claim(
      'ARP from the network for its own address',
      'hospital',
      ward.address('hospital', 4),
      'passes',
      null,
    ),
    claim("ARP for another device's address", 'pump', ward.address('monitor', 4), 'arp-spoof', pump),
    claim(
      'ARP for a guarded address from the network side',
      'hospital',
      ward.address('pump', 4),
      'arp-spoof',
      network,
    ),
    claim(
      "ARP for its own address with another's MAC inside",
      'pump',
      ward.address('pump', 4),
      'arp-spoof',
      pump,
      MACS.stray,
    ),
    claim(
      'ARP of a device with fixed addresses for another one',
      'pump',
      ward.address('hospital', 4),
      'arp-spoof',
      pump,
    ),
    claim('ARP of an unknown device for an unused address', 'stray', '10.77.0.201', 'passes', null),
    neighbor('a neighbour advertisement of its own address', 'pump', ward.address('pump', 6), 'passes', null),
    neighbor('one of its link-local address', 'pump', 'fe80::10', 'passes', null),
    neighbor("one of another device's address", 'pump', ward.address('monitor', 6), 'spoofed-source', pump),
    neighbor(
      'one of a guarded address from the network side',
      'hospital',
      ward.address('pump', 6),
      'spoofed-source',
      network,
    ),
    neighbor(
      'one of a device with fixed addresses for another one',
      'pump',
      ward.address('hospital', 6),
      'spoofed-source',
      pump,
    ),
    {
      what: 'a router advertisement of a device',
      from: 'pump',
      to: 'hospital',
      frame: (tag) => routerAdvertisement(group6('pump'), 'fe80::10', tag),
      isFlooded: true,
      expect: 'rogue-ra',
      logged: { device: 'pump-1', fromDevice: true },
    },
    {
      what: 'a router advertisement of the network',
      from: 'hospital',
      to: 'pump',
      frame: (tag) => routerAdvertisement(group6('hospital'), 'fe80::1', tag),
      isFlooded: true,
      expect: 'passes',
      logged: network,
      loggedAs: 'watched',
    },
    ndp('an MLD report of a device', 'pump', 143, 1, 'passes'),
    ndp('an MLD query of the network', 'hospital', 130, 1, 'passes'),
    ndp('an MLD query of a device', 'pump', 130, 1, 'policy', { device: 'pump-1', fromDevice: true }),
    ndp('a router solicitation of a device', 'pump', 133, 255, 'passes'),
    ndp('neighbour discovery that crossed a router', 'pump', 135, 254, 'policy', {
      device: 'pump-1',
      fromDevice: true,
    }),
    {
      what: 'broadcast of the network',
      from: 'hospital',
      to: 'pump',
      frame: (tag) =>
        udp(
          everyone('hospital'),
          { source: ward.address('hospital', 4), destination: '255.255.255.255' },
          [137, 137],
          tag,
        ),
      expect: 'broadcast',
      logged: null,
    },
    {
      what: 'multicast of the network',
      from: 'hospital',
      to: 'pump',
      frame: (tag) =>
        udp(group4, { source: ward.address('hospital', 4), destination: '224.0.0.251' }, [5353, 5353], tag),
      expect: 'broadcast',
      logged: null,
    },
    {
      what: 'IPv6 multicast of the network',
      from: 'hospital',
      to: 'pump',
      frame: (tag) =>
        udp(
          group6('hospital'),
          { source: ward.address('hospital', 6), destination: 'ff02::1' },
          [5353, 5353],
          tag,
        ),
      expect: 'broadcast',
      logged: null,
    },
  ];
}
