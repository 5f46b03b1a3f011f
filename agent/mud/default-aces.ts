/**
 * What a MUD file need not say: name resolution and time (RFC 8520 section 2.1 and appendix B). They come after a file's own entries, so
 * that a file can refuse them. Who the two classes stand for is the site's to say.
 */
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { DNS_CLASS, NTP_CLASS } from './class-keys.js';
import type { Ace, AceDirection } from './mud-file.js';
import { EVERY_PORT } from './ports.js';

export const DEFAULT_ACL = 'RFC 8520 appendix B';

const DEFAULTS = [
  { name: 'dns', key: DNS_CLASS, port: 53 },
  { name: 'ntp', key: NTP_CLASS, port: 123 },
] as const;

export function defaultAces(direction: AceDirection): readonly Ace[] {
  return DEFAULTS.map(({ name, key, port }) => ({
    direction,
    acl: DEFAULT_ACL,
    name,
    path: DEFAULT_ACL,
    isDefault: true,
    accepts: true,
    matches: ([4, 6] as const).map((family) => ({
      family,
      protocol: PROTOCOL_NUMBERS.udp,
      devicePorts: EVERY_PORT,
      peerPorts: [{ low: port, high: port }],
      icmp: null,
      initiator: null,
      peer: { classes: [key], name: null, network: null },
    })),
  }));
}
