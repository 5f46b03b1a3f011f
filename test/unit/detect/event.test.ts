import t from 'tap';
import { createAddressTable } from '../../../agent/detect/address-table.js';
import { createEvent, fillEvent, VERDICT_OBSERVED, type DetectEvent } from '../../../agent/detect/event.js';
import { decodeIp } from '../../../agent/packet/decode-ip.js';
import { createPacketView, NONE, TCP_ACK, TCP_SYN } from '../../../agent/packet/view.js';
import * as b from '../packet/build.js';

const TCP = 6;
const UDP = 17;

function event(payload: b.Bytes, protocol: number, capturedBytes = 1_500): DetectEvent {
  const bytes = Uint8Array.from(b.ipv4(payload, { protocol })).subarray(0, capturedBytes);
  const view = createPacketView();
  decodeIp(view, bytes, 0, bytes.length);
  const filled = createEvent();
  fillEvent(filled, view, createAddressTable(), 1, true, VERDICT_OBSERVED, 0, NONE, NONE, bytes);
  return filled;
}

t.test('the numbers of a TCP packet are those of its header, and of nothing else', (t) => {
  t.match(event(b.tcp(TCP_SYN), TCP), { sequence: 0xfffffff0, acknowledged: NONE });
  t.match(event(b.tcp(TCP_ACK, [], [1, 2, 3]), TCP), { sequence: 0xfffffff0, acknowledged: 0 });
  t.match(event(b.udp([1, 2, 3, 4, 5, 6, 7, 8]), UDP), { sequence: NONE, acknowledged: NONE });
  t.match(event(b.tcp(TCP_ACK), TCP, 28), { sequence: NONE, acknowledged: NONE }, 'cut short');
  t.end();
});
