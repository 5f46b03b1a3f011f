import './support/in-own-namespace.js';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { deleteConntrack, dumpConntrack } from '../../agent/netlink/conntrack.js';
import { openNflog } from '../../agent/netlink/nflog.js';
import { decodeIp } from '../../agent/packet/decode-ip.js';
import { createPacketView } from '../../agent/packet/view.js';
import { nft, run } from './support/shell.js';

nft(`
table inet lab {
  chain out {
    type filter hook output priority 0; policy accept;
    udp dport 5353 ct mark set 0x01000007 meta mark set 0x01000007 log group 5 prefix "policy" snaplen 64
  }
}
`);

async function send(host: string, family: 'udp4' | 'udp6'): Promise<void> {
  const socket = createSocket(family);
  socket.send('hello', 5353, host);
  await once(socket, 'listening');
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.close();
}

t.test('a logged packet arrives decoded, with its mark and the reason, for both families', async (t) => {
  const seen: { prefix: number; mark: number; family: number; port: number }[] = [];
  const view = createPacketView();
  const reader = openNflog(
    { group: 5, copyBytes: 64, receiveBufferBytes: 1 << 20, prefixes: ['new', 'policy'], ref: true },
    (packet) => {
      decodeIp(view, packet.buffer, packet.payloadOffset, packet.payloadLength);
      seen.push({ prefix: packet.prefixIndex, mark: packet.mark, family: view.family, port: view.dstPort });
    },
  );
  t.throws(
    () => openNflog({ group: 5, copyBytes: 64, receiveBufferBytes: 1 << 20, prefixes: [] }, () => undefined),
    { code: /./ },
    'a group has one listener',
  );
  await send('127.0.0.1', 'udp4');
  await send('::1', 'udp6');
  while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  reader.stop();
  reader.stop();
  t.same(seen, [
    { prefix: 1, mark: 0x01000007, family: 4, port: 5353 },
    { prefix: 1, mark: 0x01000007, family: 6, port: 5353 },
  ]);
  t.equal(reader.counters().decodeErrors, 0);
});

t.test(
  'the connection table is read as the conntrack command reads it, and chosen entries are deleted',
  async (t) => {
    await send('127.0.0.1', 'udp4');
    await send('::1', 'udp6');
    const ours = (await dumpConntrack()).filter((entry) => entry.original.destinationPort === 5353);
    t.ok(ours.some(({ family }) => family === 4));
    t.ok(ours.some(({ family }) => family === 6));
    t.ok(ours.every(({ mark, protocol }) => mark === 0x01000007 && protocol === 17));
    const listed = run('conntrack -L -f ipv4 -p udp --dport 5353').trim().split('\n').filter(Boolean);
    t.equal(
      listed.length,
      ours.filter(({ family }) => family === 4).length,
      'as many IPv4 entries as conntrack -L lists',
    );
    const { deleted, failed } = await deleteConntrack(
      (entry) => entry.family === 4 && entry.original.destinationPort === 5353,
    );
    t.equal(failed, 0);
    t.equal(deleted, listed.length);
    const left = (await dumpConntrack()).filter((entry) => entry.original.destinationPort === 5353);
    t.ok(left.length > 0 && left.every(({ family }) => family === 6), 'IPv6 ones were left alone');
  },
);
