import './support/in-own-namespace.js';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import {
  type NflogOptions,
  type NflogPacket,
  type NflogReader,
  openNflog,
} from '../../agent/netlink/nflog.js';
import { nft, run } from './support/shell.js';

interface Seen extends Omit<NflogPacket, 'buffer'> {
  readonly payload: Buffer;
  readonly hwAddr: string | null;
  readonly hwHeader: Buffer | null;
}

/** What a callback must do to keep a packet: copy it out of the reused struct. */
function copy(packet: Readonly<NflogPacket>): Seen {
  const { buffer, ...rest } = packet;
  const part = (offset: number, length: number): Buffer | null =>
    offset < 0 ? null : Buffer.from(buffer.subarray(offset, offset + length));
  return {
    ...rest,
    payload: part(packet.payloadOffset, packet.payloadLength) ?? Buffer.alloc(0),
    hwAddr: part(packet.hwAddrOffset, packet.hwAddrLength)?.toString('hex') ?? null,
    hwHeader: part(packet.hwHeaderOffset, packet.hwHeaderLength),
  };
}

interface Listener {
  readonly reader: NflogReader;
  readonly seen: Seen[];
  /** Waits for that many packets in all. */
  first(count: number): Promise<Seen[]>;
}

function listen(t: Test, options: Partial<NflogOptions> & { readonly group: number }): Listener {
  const seen: Seen[] = [];
  let wake: () => void = () => undefined;
  const reader = openNflog(
    {
      copyBytes: 256,
      receiveBufferBytes: 1024 * 1024,
      prefixes: ['policy', 'new', 'shadow'],
      ref: true,
      ...options,
    },
    (packet) => {
      seen.push(copy(packet));
      wake();
    },
  );
  t.teardown(() => {
    reader.stop();
  });
  return {
    reader,
    seen,
    async first(count) {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return seen.slice(0, count);
    },
  };
}

/** Sends UDP datagrams of one byte, and returns when they are sent. */
function sendUdp(address: string, port: number, count = 1, netns?: string): void {
  const command = [
    'bash',
    '-c',
    `for ((i = 0; i < ${count}; i++)); do echo >/dev/udp/${address}/${port}; done`,
  ];
  const [file, ...args] = netns === undefined ? command : ['ip', 'netns', 'exec', netns, ...command];
  execFileSync(file ?? 'bash', args, { stdio: 'ignore' });
}

t.afterEach(() => {
  run('nft flush ruleset');
});

t.test('IPv4 and IPv6 packets arrive with mark, prefix, hook and the network header', async (t) => {
  nft(`
table inet lab {
  chain out { type filter hook output priority 0;
    udp dport 4000 meta mark set 0x01000007 log prefix "policy" group 5
    udp dport 4001 log prefix "unheard of" group 5
    udp dport 4002 log group 5
  }
}
`);
  const { first, reader } = listen(t, { group: 5 });
  sendUdp('127.0.0.1', 4000);
  sendUdp('::1', 4000);
  sendUdp('127.0.0.1', 4001);
  sendUdp('127.0.0.1', 4002);
  const [v4, v6, unknown, none] = await first(4);
  t.match(v4, { prefixIndex: 0, mark: 0x01000007, hwProtocol: 0x0800, family: 2, hook: 3, outIfindex: 1 });
  t.equal(v4?.payload.readUInt8(0), 0x45);
  t.equal(v4?.payload.readUInt16BE(22), 4000, 'the destination port is behind a 20-byte header');
  t.match(v6, { prefixIndex: 0, mark: 0x01000007, hwProtocol: 0x86dd, family: 10, hook: 3 });
  t.equal(v6?.payload.readUInt16BE(42), 4000);
  t.equal(unknown?.prefixIndex, -1);
  t.equal(none?.prefixIndex, -1);
  t.match(v4, { physInIfindex: 0, hwAddrOffset: -1, vlanTci: -1 });
  t.same(
    [v4, v6, unknown, none].map((packet) => packet?.seq),
    [0, 1, 2, 3],
  );
  t.match(reader.counters(), { received: 4, decodeErrors: 0, truncated: 0, overruns: 0, seqGaps: 0 });
});

t.test('copyBytes bounds the payload; 0 copies none', async (t) => {
  nft(`
table inet lab {
  chain out { type filter hook output priority 0;
    udp dport 4000 log prefix "new" group 5
    udp dport 4000 log prefix "new" group 6
  }
}
`);
  const short = listen(t, { group: 5, copyBytes: 24 });
  const none = listen(t, { group: 6, copyBytes: 0 });
  sendUdp('127.0.0.1', 4000);
  t.equal((await short.first(1))[0]?.payloadLength, 24);
  t.match((await none.first(1))[0], { payloadLength: 0, prefixIndex: 1, family: 2 });
});

t.test(
  'a bridged packet tells its port and both MAC addresses, in the bridge and the inet family',
  async (t) => {
    for (const side of ['a', 'b']) {
      run(`ip netns add ${side}`);
      run(`ip link add port-${side} type veth peer name eth0 netns ${side}`);
      run(`ip -n ${side} link set eth0 address 02:00:00:00:00:0${side}`);
      run(`ip -n ${side} addr add 10.9.0.${side === 'a' ? 1 : 2}/24 dev eth0`);
      run(`ip -n ${side} addr add fd00:9::${side}/64 dev eth0 nodad`);
      run(`ip -n ${side} link set eth0 up`);
    }
    run('ip link add br0 type bridge forward_delay 0');
    for (const link of ['port-a master br0 up', 'port-b master br0 up', 'br0 up']) run(`ip link set ${link}`);
    run('sysctl -q -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1');
    // After br_netfilter, which hands IP packets over at 0: Linux 6.1 then goes on behind 0 and leaves a chain of that priority out.
    nft(`
table bridge lab {
  chain through { type filter hook forward priority 100;
    meta l4proto udp udp dport 4000 log prefix "policy" group 5
    ether type arp log prefix "shadow" group 7
  }
}
table inet lab {
  chain through { type filter hook forward priority 0;
    udp dport 4000 log prefix "new" group 6
  }
}
`);
    const bridge = listen(t, { group: 5 });
    const inet = listen(t, { group: 6 });
    const arp = listen(t, { group: 7 });
    sendUdp('10.9.0.2', 4000, 1, 'a');
    sendUdp('fd00:9::b', 4000, 1, 'a');
    const index = (name: string): number => Number(run(`cat /sys/class/net/${name}/ifindex`));
    const ports = { physInIfindex: index('port-a'), physOutIfindex: index('port-b') };
    for (const [family, { first }] of [
      ['bridge', bridge],
      ['inet', inet],
    ] as const) {
      // Neighbour discovery may be the quicker of the two: which packet comes first is not the log's doing.
      const [v4, v6] = (await first(2)).sort((one, other) => one.hwProtocol - other.hwProtocol);
      t.match(v4, { ...ports, inIfindex: index('br0'), hwProtocol: 0x0800, hook: 2 }, `${family}, IPv4`);
      t.match(v6, { ...ports, inIfindex: index('br0'), hwProtocol: 0x86dd, hook: 2 }, `${family}, IPv6`);
      t.same([v4?.family, v6?.family], family === 'bridge' ? [7, 7] : [2, 10]);
      t.same([v4?.prefixIndex, v6?.prefixIndex], family === 'bridge' ? [0, 0] : [1, 1]);
      t.equal(v4?.hwAddr, '02000000000a', 'the source');
      t.equal(v4?.hwHeader?.toString('hex'), '02000000000b02000000000a0800', 'the whole Ethernet header');
      t.equal(v4?.payload.readUInt8(0), 0x45, 'the payload begins at the network header');
      t.equal((v6?.payload.readUInt8(0) ?? 0) >> 4, 6);
    }
    const [request] = await arp.first(1);
    t.match(request, { prefixIndex: 2, hwProtocol: 0x0806, family: 7 });
    t.equal(request?.payload.readUInt16BE(6), 1, 'an ARP request');
  },
);

t.test('packets gathered into large datagrams all arrive', async (t) => {
  nft(`
table inet lab {
  chain out { type filter hook output priority 0;
    udp dport 4000 log prefix "new" group 5
  }
}
`);
  const { first, reader } = listen(t, { group: 5, queueThreshold: 64, copyBytes: 128 });
  sendUdp('127.0.0.1', 4000, 1000);
  await first(1000);
  const counters = reader.counters();
  t.match(counters, { received: 1000, truncated: 0, seqGaps: 0, decodeErrors: 0 });
  t.ok(counters.datagrams < 500, `${counters.datagrams} datagrams`);
});

t.test('an overrun is counted, and the reader hears what comes after it', async (t) => {
  nft(`
table inet lab {
  chain out { type filter hook output priority 0;
    udp dport 4000 log prefix "policy" group 5
    udp dport 4001 log prefix "new" group 5
  }
}
`);
  const { first, seen, reader } = listen(t, { group: 5, receiveBufferBytes: 8192 });
  sendUdp('127.0.0.1', 4000, 500); // synchronous: nobody reads meanwhile
  await first(1);
  for (let round = 0; round < 3; round++) {
    const before = seen.length;
    sendUdp('127.0.0.1', 4001);
    await first(before + 1);
  }
  const { received, seqGaps, overruns } = reader.counters();
  t.ok(overruns > 0, `${overruns} overruns`);
  t.ok(received < 500);
  t.equal(received + seqGaps, 503, 'what was lost is known exactly');
  t.equal(seen.at(-1)?.prefixIndex, 1);
});

t.test('a group has one reader', (t) => {
  const { reader } = listen(t, { group: 5 });
  t.throws(() => listen(t, { group: 5 }), {
    name: 'NetlinkError',
    message: /^bind NFLOG group 5: E(PERM|BUSY)/,
  });
  reader.stop();
  reader.stop();
  t.end();
});

t.test('a reader may stop itself from its own callback', async (t) => {
  nft(`
table inet lab {
  chain out { type filter hook output priority 0;
    udp dport 4000 log prefix "new" group 5
  }
}
`);
  let received = 0;
  const stopped = new Promise<void>((resolve) => {
    const reader = openNflog(
      { group: 5, copyBytes: 64, receiveBufferBytes: 65536, prefixes: [], ref: true },
      () => {
        received++;
        reader.stop();
        resolve();
      },
    );
  });
  sendUdp('127.0.0.1', 4000, 20);
  await stopped;
  t.equal(received, 1);
});

t.test('a reader does not hold the process open unless asked to', async (t) => {
  const script = `
    import { openNflog } from '${new URL('../../agent/netlink/nflog.js', import.meta.url).href}';
    openNflog({ group: 9, copyBytes: 64, receiveBufferBytes: 65536, prefixes: [] }, () => undefined);
  `;
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script]);
  const [status] = (await once(child, 'exit')) as [number | null];
  t.equal(status, 0);
});
