import './support/in-own-namespace.js';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import t, { type Test } from 'tap';
import {
  type ConntrackEntry,
  type ConntrackEventKind,
  deleteConntrack,
  dumpConntrack,
  forEachConntrack,
  openConntrackEvents,
} from '../../agent/netlink/conntrack.js';
import { nft, run } from './support/shell.js';

const RULESET = `
table inet lab {
  chain raw { type filter hook output priority -300;
    udp dport 7007 ct zone set 7
  }
  chain out { type filter hook output priority 0;
    ct state new udp dport 4000-4999 ct mark set 0x00000107
    ct state new tcp dport 1-65535 ct mark set 0x00000208
  }
}
`;

t.before(() => {
  run('sysctl -q -w net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_events=1');
  nft(RULESET);
});
t.beforeEach(() => {
  run('conntrack -F');
});

/** Outside the ephemeral range, and none twice: a port used again would be the same flow. */
let nextSourcePort = 10_000;

/** One datagram from each of `count` ports to one port of loopback. */
async function udpFlows(host: '127.0.0.1' | '::1', port: number, count: number): Promise<void> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
      socket.on('error', () => undefined); // the port is closed: loopback answers with ICMP
      socket.bind(nextSourcePort++, host);
      await once(socket, 'listening');
      await new Promise<void>((resolve) => {
        socket.send('x', port, host, () => {
          resolve();
        });
      });
      return socket;
    }),
  );
  for (const socket of sockets) socket.close();
}

/** A TCP connection over loopback that has carried five bytes one way. */
async function tcpConnection(t: Test, host: '127.0.0.1' | '::1') {
  const server = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, host).on('error', () => undefined);
  await once(client, 'connect');
  await new Promise((resolve) => client.write('hello', resolve));
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  return { port, client, server };
}

function listedByTool(...filter: string[]): string[] {
  return run(['conntrack', '-L', '-o', 'extended,id', ...filter].join(' '))
    .split('\n')
    .filter(Boolean);
}

/** What the `conntrack` tool prints of an entry, as far as both can say it. */
function key({ family, protocol, original, reply, mark, id }: ConntrackEntry): string {
  const tuple = (side: ConntrackEntry['original']): string =>
    `${text(side.source)} ${text(side.destination)} ${side.sourcePort} ${side.destinationPort}`;
  return `${family} ${protocol} ${tuple(original)} ${tuple(reply)} ${mark} ${id}`;
}

function keyOfLine(line: string): string {
  const [, family, , protocol] = line.split(/ +/);
  const values = (name: string): string[] =>
    [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map((m) => m[1] ?? '');
  const [sources, destinations, sourcePorts, destinationPorts] = ['src', 'dst', 'sport', 'dport'].map(values);
  const tuple = (side: number): string =>
    [sources, destinations, sourcePorts, destinationPorts].map((list) => list?.[side]).join(' ');
  return `${family === '2' ? 4 : 6} ${protocol} ${tuple(0)} ${tuple(1)} ${values('mark')[0]} ${values('id')[0]}`;
}

function text(address: Uint8Array): string {
  return address.length === 4
    ? address.join('.')
    : address.at(-1) === 1
      ? '::1'
      : Buffer.from(address).toString('hex');
}

t.test('the table reads the same as through the conntrack tool', async (t) => {
  await udpFlows('127.0.0.1', 4000, 3);
  await udpFlows('::1', 4001, 2);
  await tcpConnection(t, '127.0.0.1');
  await tcpConnection(t, '::1');
  const tool = [...listedByTool('-f', 'ipv4'), ...listedByTool('-f', 'ipv6')].map(keyOfLine).sort();
  const entries = await dumpConntrack();
  t.equal(entries.length, 7);
  t.same(entries.map(key).sort(), tool);
});

t.test('TCP state, counters, timeout and status of a live connection', async (t) => {
  const { port } = await tcpConnection(t, '::1');
  // Connections of the tests before may still be there: they leave the table in their own time.
  const [entry, ...others] = (await dumpConntrack({ family: 6 })).filter(
    ({ original }) => original.destinationPort === port,
  );
  t.same(others, []);
  t.match(entry, { family: 6, protocol: 6, mark: 0x208, tcpState: 3, zone: 0 });
  t.equal(entry?.original.destinationPort, port);
  t.equal(entry?.reply.sourcePort, port);
  t.equal((entry?.status ?? 0) & 0xe, 0xe, 'seen reply, assured, confirmed');
  t.ok((entry?.timeoutSeconds ?? 0) > 400_000, 'established: five days');
  t.ok((entry?.counters?.packetsOut ?? 0) >= 3 && (entry?.counters?.packetsIn ?? 0) >= 1);
  t.ok((entry?.counters?.bytesOut ?? 0) > 180);
});

t.test('an ICMP flow has type, code and id in place of ports', async (t) => {
  run('ping -c 1 -W 1 127.0.0.1');
  run('ping -6 -c 1 -W 1 ::1');
  const entries = await dumpConntrack();
  const byFamily = (family: number): ConntrackEntry | undefined =>
    entries.find((entry) => entry.family === family && entry.original.icmpId !== 0);
  t.match(byFamily(4), { protocol: 1, original: { icmpType: 8, icmpCode: 0 }, reply: { icmpType: 0 } });
  t.match(byFamily(6), { protocol: 58, original: { icmpType: 128, icmpCode: 0 }, reply: { icmpType: 129 } });
  const isIcmp = ({ protocol }: ConntrackEntry): boolean => protocol === 1 || protocol === 58;
  t.same(await deleteConntrack(isIcmp), { deleted: entries.filter(isIcmp).length, gone: 0, failed: 0 });
  t.same((await dumpConntrack()).filter(isIcmp), []);
});

t.test('the kernel filters by family and by mark', async (t) => {
  await udpFlows('127.0.0.1', 4000, 2);
  await udpFlows('::1', 4000, 1);
  await udpFlows('127.0.0.1', 5000, 1);
  t.equal((await dumpConntrack({ family: 6 })).length, 1);
  t.equal((await dumpConntrack({ mark: { value: 0x107, mask: 0xffff } })).length, 3);
  t.equal((await dumpConntrack({ family: 4, mark: { value: 0x100, mask: 0xff00 } })).length, 2);
  t.equal((await dumpConntrack({ mark: { value: 0x1, mask: 0xffff } })).length, 0);
});

t.test('deleting 1,000 of 1,200 connections leaves the other 200', async (t) => {
  for (let round = 0; round < 10; round++) await udpFlows('127.0.0.1', 4100, 100);
  for (let round = 0; round < 2; round++) await udpFlows('::1', 4200, 100);
  t.same(await deleteConntrack(({ original }) => original.destinationPort === 4100), {
    deleted: 1000,
    gone: 0,
    failed: 0,
  });
  t.equal(listedByTool('-f', 'ipv4', '-p', 'udp').length, 0);
  t.equal(listedByTool('-f', 'ipv6', '-p', 'udp').length, 200);
});

t.test('a connection in a conntrack zone is found and deleted', async (t) => {
  await udpFlows('127.0.0.1', 7007, 1);
  const [entry] = (await dumpConntrack()).filter(({ zone }) => zone === 7);
  t.equal(entry?.original.destinationPort, 7007);
  t.match(await deleteConntrack(({ zone }) => zone === 7), { deleted: 1, failed: 0 });
  t.same(await dumpConntrack(), []);
});

t.test('an entry that went by itself in between is no failure', async (t) => {
  await udpFlows('127.0.0.1', 4000, 3);
  let calls = 0;
  const result = await deleteConntrack(() => {
    if (calls++ === 0) run('conntrack -F');
    return true;
  });
  t.match(result, { failed: 0 });
  t.equal(result.gone, calls);
});

t.test('the streaming form hands out a record in place and counts', async (t) => {
  await udpFlows('127.0.0.1', 4000, 5);
  const records = new Set<object>();
  const result = await forEachConntrack((record) => records.add(record));
  t.same(result, { entries: 5, decodeErrors: 0, complete: true });
  t.equal(records.size, 1, 'one object for all');
});

t.test('events tell of beginning and end, with what was carried', async (t) => {
  const seen: { kind: ConntrackEventKind; port: number; family: number; mark: number; bytesOut: number }[] =
    [];
  let wake: () => void = () => undefined;
  const events = openConntrackEvents(
    { receiveBufferBytes: 1 << 20, groups: ['new', 'update', 'destroy'], onOverrun: t.fail, ref: true },
    (kind, { family, original, mark, bytesOut }) => {
      if (original.destinationPort < 4000 || original.destinationPort > 4999) return;
      seen.push({ kind, port: original.destinationPort, family, mark, bytesOut });
      wake();
    },
  );
  await udpFlows('::1', 4321, 1);
  await deleteConntrack(({ original }) => original.destinationPort === 4321);
  while (!seen.some(({ kind }) => kind === 'destroy')) await new Promise<void>((resolve) => (wake = resolve));
  events.stop();
  events.stop();
  t.match(seen[0], { kind: 'new', port: 4321, family: 6, mark: 0x107 });
  t.match(seen.at(-1), { kind: 'destroy', port: 4321, bytesOut: 49 });
  t.match(events.counters(), { decodeErrors: 0, truncated: 0, overruns: 0 });
});

t.test('an overrun is announced, and events after it still come', async (t) => {
  let overruns = 0;
  let wake: () => void = () => undefined;
  const ports = new Set<number>();
  const events = openConntrackEvents(
    { receiveBufferBytes: 4096, groups: ['new'], onOverrun: () => overruns++, ref: true },
    (_, { original }) => {
      ports.add(original.destinationPort);
      wake();
    },
  );
  t.teardown(() => {
    events.stop();
  });
  // Synchronous, so that nobody reads meanwhile.
  execFileSync('bash', [
    '-c',
    'for ((i = 0; i < 300; i++)); do echo >/dev/udp/127.0.0.1/$((20000 + i)); done',
  ]);
  let port = 4500;
  // What comes while the buffer is still full is lost as well: go on until one is heard.
  while (![...ports].some((seen) => seen >= 4500 && seen < 5000)) {
    const heard = new Promise<void>((resolve) => (wake = resolve));
    await udpFlows('127.0.0.1', port++, 1);
    await heard;
  }
  await udpFlows('127.0.0.1', 4555, 1);
  while (!ports.has(4555)) await new Promise<void>((resolve) => (wake = resolve));
  t.ok(overruns > 0, `${overruns} overruns`);
});
