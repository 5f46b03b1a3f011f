/** What a MUD file permits and what became of its entries, in words. For the CLI and for diff-mud.ts. Pure. */
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import type { PeerMatch } from './mud-file.js';
import type { Conversation } from './pair-aces.js';
import type { PortSet } from './ports.js';

/** `out tcp 443 to lighting.example.com (IPv4)`. */
export function conversationText(conversation: Conversation): string {
  const { direction, family, protocol, ports, sourcePorts, icmpTypes, peer } = conversation;
  const name =
    Object.entries(PROTOCOL_NUMBERS).find(([, number]) => number === protocol)?.[0] ?? 'any protocol';
  const parts = [direction, name];
  if (ports !== null) parts.push(rangesText(ports));
  if (icmpTypes !== null)
    parts.push(
      icmpTypes
        .map(({ low, high }) => (low === high ? `${low >> 8}/${low & 0xff}` : `${low >> 8}`))
        .join(','),
    );
  if (sourcePorts !== null) parts.push(`from port ${rangesText(sourcePorts)}`);
  parts.push(direction === 'out' ? 'to' : 'from', peerMatchText(peer), `(IPv${family})`);
  return parts.join(' ');
}

export function peerMatchText({ classes, name, network }: PeerMatch): string {
  const all = [...(name === null ? [] : [name]), ...classes, ...(network ? [hostText(network.text)] : [])];
  return all.length === 0 ? 'any' : all.join(' within ');
}

function hostText(network: string): string {
  return network.replace(network.includes(':') ? /\/128$/ : /\/32$/, '');
}

function rangesText(ranges: PortSet): string {
  return ranges.map(({ low, high }) => (low === high ? String(low) : `${low}-${high}`)).join(',');
}
