/** Tests of orders that are the same in bridge and in router mode: the whole box, several at once, and what must not be lost. */
import type t from 'tap';
import { orderOf } from '../../unit/containment/support.js';
import { arp, ascii, udp } from './frames.js';
import { openAll } from './live-tests.js';
import { give, order, release } from './orders.js';
import { Stream } from './streams.js';
import { probes, wardPolicy } from './verdict-probes.js';
import { fateOf, type KernelLog } from './verdicts.js';
import { eventually, type Ward } from './ward.js';

type Tap = typeof t;
const FAMILIES = [4, 6] as const;

export function boxOrders(t: Tap, ward: Ward, log: KernelLog): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: the whole box: contain leaves what is essential, cut leaves nothing`, async (t) => {
      const { essential, other } = await openAll(ward, family);
      const monitors = await Stream.open(ward, 'monitor', 'hospital', family, 8080);
      const witness = essential[0];
      if (!witness) throw new Error('no stream');
      await order(ward, 'box', 'contained');
      for (const stream of [...other, monitors])
        t.ok(await stream.standsStill(witness), `stands still: ${stream.name}`);
      await Promise.all(essential.map((stream) => stream.goesOn()));
      await release(ward);
      await Promise.all([...other, monitors].map((stream) => stream.goesOn()));
      await Promise.all([...essential, ...other, monitors].map((stream) => stream.stop()));
      await order(ward, 'box', 'cut');
      for (const what of ['permitted TCP', 'permitted TCP inwards', 'DHCP as a client']) {
        const probe = probes(ward, family).find((each) => each.what === what);
        if (!probe) throw new Error(what);
        const now = { ...probe, expect: 'cut' as const, logged: null };
        t.match(await fateOf(ward, log, now), { verdict: /^cut/, arrived: false }, `cut: ${what}`);
      }
      await release(ward);
    });

  t.test('the whole box: devices that the policy does not name are under the order too', async (t) => {
    await ward.load(wardPolicy(ward, { unknownDevices: 'observe' }), 'refill');
    const path = { source: ward.address('stray', 4), destination: ward.address('hospital', 4) };
    const packet = {
      what: 'UDP of a device nobody named',
      from: 'stray' as const,
      to: 'hospital' as const,
      frame: (tag: readonly number[]) => udp(ward.link('stray', 'hospital'), path, [33_001, 5003], tag),
      logged: null,
    };
    const passes = { ...packet, expect: 'passes' as const };
    t.match(await fateOf(ward, log, passes), { verdict: 'passes', arrived: true }, 'without an order');
    for (const level of ['contained', 'cut'] as const) {
      await order(ward, 'box', level);
      const refused = { ...packet, expect: level };
      t.match(await fateOf(ward, log, refused), { verdict: new RegExp(`^${level}`), arrived: false }, level);
      if (level === 'cut' && ward.mode === 'bridge') t.ok(await noArp(ward), 'ARP does not pass');
      await release(ward);
    }
    await ward.load(wardPolicy(ward), 'refill');
  });
}

/** Layer 2, both ways, and the way back open again. */
async function noArp(ward: Ward): Promise<boolean> {
  const claim = (tag: string) =>
    arp(
      ward.link('stray', 'hospital'),
      {
        operation: 1,
        address: ward.address('stray', 4),
        target: ward.address('hospital', 4),
      },
      ascii(tag),
    );
  const [refused, after] = [ward.tag(), ward.tag()];
  const before = (await ward.refused())['cut'] ?? 0;
  await ward.send('stray', claim(refused));
  await eventually(
    async () => ((await ward.refused())['cut'] ?? 0) > before,
    () => 'the ARP request is not counted as refused',
  );
  await release(ward);
  await ward.send('stray', claim(after));
  await ward.arrives('hospital', after);
  return !ward.hasArrived('hospital', refused);
}

export function ordersOfTwoLengths(t: Tap, ward: Ward): void {
  t.test('a cut that ends while a containment goes on ends in it, in the kernel alone', async (t) => {
    for (const family of FAMILIES) {
      const { essential, other } = await openAll(ward, family);
      await give(ward, [orderOf({ id: 1 }), orderOf({ id: 2, level: 'cut', endsMs: 1_500 })]);
      await Promise.all(essential.map((stream) => stream.goesOn()));
      const witness = essential[0];
      if (!witness) throw new Error('no stream');
      for (const stream of other) t.ok(await stream.standsStill(witness), `stands still: ${stream.name}`);
      await release(ward);
      await Promise.all([...essential, ...other].map((stream) => stream.stop()));
    }
  });
}

/** So many orders and so many packets, whichever takes longer: on a slow machine an order takes seconds. */
const LEAST_ORDERS = 4;
const LEAST_PACKETS = 400;
/** Until it is told to end; then it says how many it has sent. */
const SENDER = `
const [host, port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
let begun = 0, sent = 0;
const timer = setInterval(() => {
  socket.send('alarm ' + begun++, Number(port), host, () => {
    if (++sent === 20) console.log('under way');
    if (sent === ${LEAST_PACKETS}) console.log('enough');
  });
}, 2);
process.once('SIGTERM', () => {
  clearInterval(timer);
  setInterval(() => { if (sent === begun) { console.log('sent ' + sent + ' in all'); process.exit(0); } }, 2);
});
`;

export function losesNothing(t: Tap, ward: Ward): void {
  for (const family of FAMILIES)
    t.test(
      `IPv${family}: not one packet of an essential connection is lost while orders come and go`,
      async (t) => {
        const hospital = ward.host('hospital');
        await hospital.must([
          'nft',
          'table inet count { chain in { type filter hook input priority 0; udp dport 5002 counter; }; }',
        ]);
        const sender = await ward
          .host('pump')
          .start([process.execPath, '-e', SENDER, ward.address('hospital', family), '5002'], {
            readyWhen: /under way/,
          });
        for (let orders = 0; orders < LEAST_ORDERS || !sender.output().includes('enough'); orders += 2)
          for (const device of ['pump-1', 'box']) {
            await order(ward, device, 'contained');
            await release(ward);
          }
        sender.signal('SIGTERM');
        await sender.ended;
        const sent = /sent (\d+) in all/.exec(sender.output())?.[1] ?? 'it is not known how many';
        const counted = async (): Promise<string> =>
          /packets (\d+)/.exec(await hospital.must(['nft', 'list', 'table', 'inet', 'count']))?.[1] ?? '';
        let arrived = '';
        await eventually(
          async () => (arrived = await counted()) === sent,
          () => `${arrived} of ${sent} packets arrived`,
        );
        t.ok(Number(sent) >= LEAST_PACKETS, `${sent} packets`);
        await hospital.must(['nft', 'delete', 'table', 'inet', 'count']);
      },
    );
}
