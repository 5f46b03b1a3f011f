import './support/in-own-namespace.js';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { GOES_ON_PACKETS } from '../../agent/detect/event.js';
import { LastingConnections } from '../../agent/enforcer/lasting-connections.js';
import { nft, run } from './support/shell.js';

const PORT = 4_007;
/** Of a device with this number; the other port is nobody's. */
const MARK = 0x0107;
const RULESET = `
table inet lab {
  chain out { type filter hook output priority 0;
    ct state new udp dport ${PORT} ct mark set ${MARK}
  }
}
`;

t.test('connections of many packets are told while they go on, and only when they did', async (t) => {
  run(
    'sysctl -q -w net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1 net.netfilter.nf_conntrack_events=1',
  );
  nft(RULESET);
  const told: { readonly port: number; readonly packets: number; readonly agoMs: number }[] = [];
  const lasting = new LastingConnections(({ original, packetsOut, startedMs }) => {
    told.push({ port: original.destinationPort, packets: packetsOut, agoMs: Date.now() - startedMs });
  });
  const beganMs = Date.now();
  const long = await ask('127.0.0.1', PORT, GOES_ON_PACKETS + 10);
  const six = await ask('::1', PORT, GOES_ON_PACKETS);
  await ask('127.0.0.1', PORT, GOES_ON_PACKETS - 1);
  await ask('127.0.0.1', PORT + 1, GOES_ON_PACKETS);
  await lasting.look();
  t.match(
    told.map(({ packets }) => packets).sort((a, b) => a - b),
    [GOES_ON_PACKETS, GOES_ON_PACKETS + 10],
    'both families; not the short one, not what belongs to nobody',
  );
  for (const { agoMs } of told)
    t.ok(agoMs >= 0 && agoMs <= Date.now() - beganMs + 1, `began ${agoMs} ms ago`);
  told.length = 0;
  await lasting.look();
  t.same(told, [], 'nothing went on');
  await six(1);
  await lasting.look();
  t.match(told, [{ packets: GOES_ON_PACKETS + 1 }]);
  t.equal(lasting.dropped, 0);
  await long(0);

  /** Sends so many from a socket of its own; what it gives back sends more from the same. */
  async function ask(host: '127.0.0.1' | '::1', port: number, count: number) {
    const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
    t.teardown(() => socket.close());
    socket.on('error', () => undefined);
    socket.bind(0, host);
    await once(socket, 'listening');
    const send = async (more: number): Promise<void> => {
      for (let sent = 0; sent < more; sent++)
        await new Promise<void>((resolve) => {
          socket.send('x', port, host, () => {
            resolve();
          });
        });
    };
    await send(count);
    return send;
  }
});
