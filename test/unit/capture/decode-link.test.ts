import t from 'tap';
import { decodeLink, UNSUPPORTED_LINK } from '../../../agent/capture/decode-link.js';
import { formatAddress, formatMac } from '../../../agent/packet/format.js';
import { problemName } from '../../../agent/packet/problems.js';
import { createPacketView } from '../../../agent/packet/view.js';

/** An echo request from 10.9.0.2 to 10.9.0.1, and a datagram from fe80::1 to ff02::1, port 53. */
const ECHO = '4500001c00010000400166cc0a0900020a0900010800f7fd00020000';
const DATAGRAM =
  '6000000000081140fe800000000000000000000000000001ff02000000000000000000000000000104d2003500080000';
const FOUR = 'icmp 10.9.0.2 > 10.9.0.1';
const SIX = 'udp fe80::1 > ff02::1';
/** 802.11: duration, three addresses that end in 1, 2 and 3, sequence. */
const THREE = '0000 020000000001 020000000002 020000000003 1000';
const SNAP = 'aaaa03000000';

/** What tcpdump wrote for a ping, listening on a group of nfnetlink_log; the rest of the payload left out. */
const NFLOG = `02000005 0800 0100 08000100 0500 0a00 00000000 0800 0400 00000002 1000 0800 00060000 0e8578c4b91f0000
  0600 0f00 00010000 0600 1100 000e0000 1200 1000 da7e4684100c0e8578c4b91f08000000
  1400 0300 000000006b0b497000000000000e8321 2000 0900 ${ECHO}`;
const NFLOG_BIG = `0a000005 0008 0001 86dd0100 0034 0009 ${DATAGRAM}`;
const NFLOG_BRIDGE = `07000005 0800 0100 08060100 2000 0900 0001080006040001020000000002 0a090002 000000000000 0a090001`;

/** Checked against what tshark reads in the same bytes. */
const FRAMES: readonly (readonly [name: string, link: number, frame: string, read: string])[] = [
  ['loopback, little-endian', 0, `02000000 ${ECHO}`, FOUR],
  ['loopback, big-endian', 108, `0000001e ${DATAGRAM}`, SIX],
  ['loopback with another family', 0, '07000000 0000', 'nothing'],
  ['raw', 101, ECHO, FOUR],
  ['raw of a BSD system', 12, ECHO, FOUR],
  ['raw IPv6', 229, DATAGRAM, SIX],
  ['cooked', 113, `0000 0001 0006 020000000009 0000 0800 ${ECHO}`, `${FOUR} from 02:00:00:00:00:09`],
  [
    'cooked, second version',
    276,
    `86dd 0000 00000001 0001 00 06 020000000009 0000 ${DATAGRAM}`,
    `${SIX} from 02:00:00:00:00:09`,
  ],
  ['PPP', 9, `0021 ${ECHO}`, FOUR],
  ['PPP with a protocol of one byte', 9, `21 ${ECHO}`, FOUR],
  ['PPP like HDLC', 50, `ff03 0057 ${DATAGRAM}`, SIX],
  ['PPP, link control', 9, 'c021 0101 0004', 'nothing'],
  ['PPPoE', 51, `11 00 0001 001e 0021 ${ECHO}`, FOUR],
  ['PPPoE, a terminating packet', 51, '11 a7 0001 0000', 'nothing'],
  [
    '802.11 from an access point',
    105,
    `0802 ${THREE} ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:03 to 02:00:00:00:00:01`,
  ],
  [
    '802.11 to an access point',
    105,
    `0801 ${THREE} ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:02 to 02:00:00:00:00:03`,
  ],
  [
    '802.11 between stations, with quality of service',
    105,
    `8800 ${THREE} 0000 ${SNAP} 86dd ${DATAGRAM}`,
    `${SIX} from 02:00:00:00:00:02 to 02:00:00:00:00:01`,
  ],
  [
    '802.11 between access points',
    105,
    `0803 ${THREE} 020000000004 ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:04 to 02:00:00:00:00:03`,
  ],
  [
    '802.11 with HT control',
    105,
    `8881 ${THREE} 0000 00000000 ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:02 to 02:00:00:00:00:03`,
  ],
  ['802.11, encrypted', 105, `0841 ${THREE} 0000000000000000 ${SNAP} 0800 ${ECHO}`, 'nothing'],
  ['802.11, several packets in one', 105, `8801 ${THREE} 8000 ${SNAP} 0800 ${ECHO}`, 'nothing'],
  ['802.11 without data', 105, `4801 ${THREE}`, 'nothing'],
  ['802.11, a beacon', 105, `8000 ${THREE} 000000000000000000000000`, 'nothing'],
  ['802.11, an acknowledgement', 105, 'd400 0000 020000000001', 'nothing'],
  ['802.11, not SNAP', 105, `0801 ${THREE} 4242030000000000`, 'nothing'],
  [
    'radiotap',
    127,
    `0000 0800 00000000 0801 ${THREE} ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:02 to 02:00:00:00:00:03`,
  ],
  [
    'radiotap, the header of its frame padded',
    127,
    `0000 1100 03000000 0000000000000000 20 8801 ${THREE} 0000 0000 ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:02 to 02:00:00:00:00:03`,
  ],
  [
    'radiotap, two words of fields',
    127,
    `0000 1900 03000080 00000000 00000000 0000000000000000 20 8801 ${THREE} 0000 0000 ${SNAP} 0800 ${ECHO}`,
    `${FOUR} from 02:00:00:00:00:02 to 02:00:00:00:00:03`,
  ],
  ['nfnetlink_log', 239, NFLOG, `${FOUR} from 0e:85:78:c4:b9:1f`],
  ['nfnetlink_log of a big-endian machine', 239, NFLOG_BIG, SIX],
  ['nfnetlink_log, ARP on a bridge', 239, NFLOG_BRIDGE, 'arp'],
  ['nfnetlink_log without a packet', 239, '02000005 0800 0100 08000100', 'nothing'],
];

void t.test('link layers', (t) => {
  for (const [name, link, frame, expected] of FRAMES) t.equal(read(link, frame), expected, name);
  t.equal(read(105, '0801 00'), 'ethernet-short');
  t.equal(read(127, `0000 4000 00000000 0801 ${THREE}`), 'ethernet-short', 'a header longer than the frame');
  t.equal(read(239, '02000005 ff00 0900 45'), 'ethernet-short', 'an attribute longer than the frame');
  t.equal(read(51, '1100'), 'ethernet-short');
  t.equal(decodeLink(createPacketView(), 6, new Uint8Array(60), 0, 60), UNSUPPORTED_LINK, 'token ring');
  t.end();
});

void t.test('a frame that is cut anywhere is an answer', (t) => {
  for (const [name, link, frame] of FRAMES) {
    const bytes = bytesOf(frame);
    const view = createPacketView();
    for (let length = 0; length < bytes.length; length++) {
      decodeLink(view, link, bytes.subarray(0, length), 0, length);
      if (view.payloadOffset > length || view.payloadOffset + view.payloadLength > length)
        t.fail(`${name}, ${length} bytes: the payload is outside`);
    }
  }
  t.end();
});

function read(link: number, frame: string): string {
  const view = createPacketView();
  const bytes = bytesOf(frame);
  const problem = decodeLink(view, link, bytes, 0, bytes.length);
  if (problem !== 0) return problemName(problem);
  if (view.arpOperation > 0) return 'arp';
  if (view.family === 0) return 'nothing';
  const protocol = view.protocol === 17 ? 'udp' : 'icmp';
  const source = formatAddress(view.family, view.src0, view.src1, view.src2, view.src3);
  const destination = formatAddress(view.family, view.dst0, view.dst1, view.dst2, view.dst3);
  const from = formatMac(view.srcMacHigh, view.srcMacLow);
  const to = formatMac(view.dstMacHigh, view.dstMacLow);
  const macs = [`from ${from}`, `to ${to}`].filter((mac) => !mac.endsWith('00:00:00:00:00:00'));
  return [`${protocol} ${source} > ${destination}`, ...macs].join(' ');
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
}
