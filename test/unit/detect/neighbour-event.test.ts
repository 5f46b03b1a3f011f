import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import {
  createEvent,
  EVENT_ARP,
  EVENT_IP,
  fillEvent,
  VERDICT_OBSERVED,
  VERDICT_REFUSED,
  type DetectEvent,
} from '../../../agent/detect/event.js';
import { decodeEthernet } from '../../../agent/packet/decode-ethernet.js';
import { createPacketView, NONE } from '../../../agent/packet/view.js';
import * as b from '../packet/build.js';

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const OVERRIDE = 0x20;
const ALL_NODES = b.v6([0xff02, 0, 0, 0, 0, 0, 0, 1]);
const NOBODY = b.v6([0, 0, 0, 0, 0, 0, 0, 0]);
const TARGET = b.v6([0xfe80, 0, 0, 0, 0, 0, 0, 9]);
const CLAIMED = '02:00:00:00:06:66';
const addresses = createAddressTable();

interface Message {
  readonly type: number;
  readonly flags?: number;
  readonly from?: b.Bytes;
  readonly to?: b.Bytes;
  readonly options?: b.Bytes;
  readonly hopLimit?: number;
  readonly code?: number;
  readonly body?: b.Bytes;
}

function event(message: Message, verdict = VERDICT_OBSERVED, isCaptured = true): DetectEvent {
  const { type, flags = 0, from = b.PUMP6, to = b.SERVER6, options = [], hopLimit = 255, code = 0 } = message;
  const body = message.body ?? [flags, 0, 0, 0, ...TARGET, ...options];
  const icmp = [type, code, 0, 0, ...body];
  const ip = [0x60, 0, 0, 0, ...b.u16(icmp.length), 58, hopLimit, ...from, ...to, ...icmp];
  const bytes = Uint8Array.from(b.ethernet(0x86dd, ip));
  const view = createPacketView();
  decodeEthernet(view, bytes, 0, bytes.length);
  const filled = createEvent();
  fillEvent(filled, view, addresses, 1, true, verdict, 0, NONE, NONE, ...(isCaptured ? [bytes] : []));
  return filled;
}

const claims = ({ kind, port, local, peer, macHigh, macLow }: DetectEvent): unknown => ({
  kind,
  port,
  of: addresses.text(local),
  to: addresses.text(peer),
  mac: macHigh === NONE ? null : (macHigh * 0x1000000 + macLow).toString(16),
});
const PUMP6 = '2001:db8::2';
const SERVER6 = '2001:db8:0:1::ffff:fffe';
const option = (type: number): b.Bytes => [type, 1, ...b.mac(CLAIMED)];

t.test('a solicitation is a question, an advertisement an answer about its target', (t) => {
  t.same(claims(event({ type: SOLICITATION, options: option(1) })), {
    kind: EVENT_ARP,
    port: 1,
    of: PUMP6,
    to: 'fe80::9',
    mac: '20000000666',
  });
  t.same(claims(event({ type: SOLICITATION, from: NOBODY })), {
    kind: EVENT_ARP,
    port: 1,
    of: '::',
    to: 'fe80::9',
    mac: '242ac110002',
  });
  t.same(claims(event({ type: ADVERTISEMENT, flags: OVERRIDE, options: option(2) })), {
    kind: EVENT_ARP,
    port: 2,
    of: 'fe80::9',
    to: SERVER6,
    mac: '20000000666',
  });
  t.same(
    claims(
      event({ type: ADVERTISEMENT, flags: OVERRIDE, to: ALL_NODES, options: [...option(1), ...option(2)] }),
    ),
    { kind: EVENT_ARP, port: 2, of: 'fe80::9', to: 'fe80::9', mac: '20000000666' },
    'one to all is an announcement',
  );
  t.end();
});

t.test('a solicitation to one host looks for nobody', (t) => {
  t.equal(event({ type: SOLICITATION }).isToOne, true);
  t.equal(event({ type: SOLICITATION, to: ALL_NODES }).isToOne, false);
  t.end();
});

t.test('an advertisement that replaces nothing claims no MAC', (t) => {
  t.match(claims(event({ type: ADVERTISEMENT, options: option(2) })), { kind: EVENT_ARP, mac: null });
  t.end();
});

t.test('what no host would listen to, and what was refused, stays what it is', (t) => {
  for (const message of [
    { type: SOLICITATION, hopLimit: 254 },
    { type: SOLICITATION, code: 1 },
    { type: SOLICITATION, body: [0, 0, 0, 0, ...TARGET.slice(0, 15)] },
    { type: 134 },
  ])
    t.equal(event(message).kind, EVENT_IP);
  t.equal(event({ type: ADVERTISEMENT }, VERDICT_REFUSED).kind, EVENT_IP);
  t.equal(event({ type: ADVERTISEMENT }, VERDICT_OBSERVED, false).kind, EVENT_IP, 'its bytes are not here');
  t.end();
});

t.test('options that lie about their length are not followed', (t) => {
  for (const options of [
    [2, 0, ...b.mac(CLAIMED)],
    [2, 9, ...b.mac(CLAIMED)],
    [2, 1, 1, 2],
    [2, 1, ...b.mac('01:00:5e:00:00:01')],
    [],
  ])
    t.match(
      claims(event({ type: ADVERTISEMENT, flags: OVERRIDE, options })),
      { mac: '242ac110002' },
      'the sender of the frame counts',
    );
  t.end();
});

t.test('an ARP question to one host looks for nobody; one without its frame may', (t) => {
  const ask = (frame: string): boolean => {
    const arp = [0, 1, 8, 0, 6, 4, 0, 1, ...b.mac(CLAIMED), 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];
    const bytes = Uint8Array.from([...b.mac(frame), ...b.mac(CLAIMED), 8, 6, ...arp]);
    const view = createPacketView();
    decodeEthernet(view, bytes, 0, bytes.length);
    const filled = createEvent();
    fillEvent(filled, view, addresses, 1, true, VERDICT_OBSERVED, 0, NONE, NONE, bytes);
    t.equal(filled.kind, EVENT_ARP);
    return filled.isToOne;
  };
  t.equal(ask('02:00:00:00:00:02'), true);
  t.equal(ask('ff:ff:ff:ff:ff:ff'), false);
  t.equal(ask('00:00:00:00:00:00'), false, 'what was logged has none');
  t.end();
});

t.test(
  'only a frame to all says that an address of a subnet is its broadcast, and not one to a group',
  (t) => {
    const ping = (frame: string): boolean => {
      const ip = [
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 255, 8, 0, 0, 0, 0, 1, 0, 1,
      ];
      const bytes = Uint8Array.from([...b.mac(frame), ...b.mac(CLAIMED), 8, 0, ...ip]);
      const view = createPacketView();
      decodeEthernet(view, bytes, 0, bytes.length);
      const filled = createEvent();
      fillEvent(filled, view, addresses, 1, true, VERDICT_OBSERVED, 0, NONE, NONE, bytes);
      t.equal(filled.kind, EVENT_IP);
      return filled.isToAll;
    };
    t.equal(ping('ff:ff:ff:ff:ff:ff'), true);
    t.equal(ping('03:bf:0a:00:00:ff'), false, 'a cluster of servers answers a group');
    t.equal(ping('02:00:00:00:00:02'), false);
    t.end();
  },
);
