/** Protocol and port as people say them: `tcp 104`, `icmp echo-request`, `udp`. Pure. */
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';

const ICMP = 1;
const ICMPV6 = 58;
/** The types that are met; RFC 792, and RFC 4443 and 4861 for ICMPv6. */
const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'echo-reply',
  3: 'unreachable',
  5: 'redirect',
  8: 'echo-request',
  11: 'time-exceeded',
};
const ICMPV6_TYPES: Readonly<Record<number, string>> = {
  1: 'unreachable',
  2: 'too-big',
  3: 'time-exceeded',
  128: 'echo-request',
  129: 'echo-reply',
  133: 'router-solicit',
  134: 'router-advert',
  135: 'neighbour-solicit',
  136: 'neighbour-advert',
};

/** `protocol`: IANA number, null for what is not IP. `port`: as in messages/vocabulary.ts, ICMP: type * 256 + code. */
export function serviceText(protocol: number | null, port: number | null): string {
  if (protocol === null) return 'not IP';
  const name = protocolName(protocol);
  if (port === null) return name;
  if (protocol !== ICMP && protocol !== ICMPV6) return `${name} ${port}`;
  const type = port >> 8;
  const code = port & 0xff;
  const typeName = (protocol === ICMP ? ICMP_TYPES : ICMPV6_TYPES)[type] ?? `type ${type}`;
  return `${name} ${typeName}${code === 0 ? '' : ` code ${code}`}`;
}

export function protocolName(protocol: number): string {
  for (const [name, number] of Object.entries(PROTOCOL_NUMBERS)) if (number === protocol) return name;
  return `protocol ${protocol}`;
}
