/** What an entry says of ports, ICMP types and who opened the connection: RFC 8519 section 4.2, RFC 8520 section 8. For read-ace.ts. */
import { quoteValue } from '../policy/problem.js';
import type { IcmpMatch } from './mud-file.js';
import { isByte, nodesOf } from './nodes.js';
import { EVERY_PORT, HIGHEST_PORT, portSet, type PortSet } from './ports.js';

export interface Transport {
  readonly sourcePorts: PortSet;
  readonly destinationPorts: PortSet;
  readonly icmp: IcmpMatch | null;
  readonly initiator: 'device' | 'peer' | null;
}

const TCP_UNUSABLE = Object.fromEntries(
  [
    'sequence-number',
    'acknowledgement-number',
    'data-offset',
    'reserved',
    'flags',
    'window-size',
    'urgent-pointer',
    'options',
  ].map((node) => [node, 'entries are about connections, not about header fields']),
);

export function readTransport(nodes: ReadonlyMap<string, unknown>, reasons: string[]): Transport {
  const name = nodes.has('tcp') ? 'tcp' : 'udp';
  const inner = nodes.get(name);
  const icmp = readIcmp(nodes.get('icmp'), reasons);
  const none: Transport = { sourcePorts: EVERY_PORT, destinationPorts: EVERY_PORT, icmp, initiator: null };
  if (inner === undefined) return none;
  const ports = ['source-port', 'destination-port'];
  const transport =
    name === 'tcp'
      ? nodesOf(inner, 'matches.tcp', [...ports, 'direction-initiated'], TCP_UNUSABLE, reasons)
      : nodesOf(
          inner,
          'matches.udp',
          ports,
          { length: 'entries are about connections, not about lengths' },
          reasons,
        );
  if (!transport) return none;
  return {
    sourcePorts: readPorts(transport.get('source-port'), `matches.${name}.source-port`, reasons),
    destinationPorts: readPorts(
      transport.get('destination-port'),
      `matches.${name}.destination-port`,
      reasons,
    ),
    icmp,
    initiator: readInitiator(transport.get('direction-initiated'), reasons),
  };
}

function readInitiator(value: unknown, reasons: string[]): 'device' | 'peer' | null {
  if (value === undefined) return null;
  if (value === 'from-device') return 'device';
  if (value === 'to-device') return 'peer';
  reasons.push(`matches.tcp.direction-initiated: ${quoteValue(value)} is not from-device or to-device`);
  return null;
}

/** RFC 8519 section 4.2, `port-range-or-operator`. `operator: range` is not in it, but files in use have it, and it is plain. */
function readPorts(value: unknown, path: string, reasons: string[]): PortSet {
  if (value === undefined) return EVERY_PORT;
  const nodes = nodesOf(value, path, ['operator', 'port', 'lower-port', 'upper-port'], {}, reasons);
  if (!nodes) return EVERY_PORT;
  const number = (node: string): number | null => {
    const given = nodes.get(node);
    if (typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= HIGHEST_PORT)
      return given;
    reasons.push(
      given === undefined
        ? `${path}.${node} is missing`
        : `${path}.${node}: ${quoteValue(given)} is not a whole number from 0 to ${HIGHEST_PORT}`,
    );
    return null;
  };
  const operator = nodes.get('operator');
  const isRange = nodes.has('lower-port') || nodes.has('upper-port');
  if (isRange) {
    if (nodes.has('port') || (operator !== undefined && operator !== 'range'))
      reasons.push(`${path}: a range and an operator at once`);
    const [low, high] = [number('lower-port'), number('upper-port')];
    if (low === null || high === null) return EVERY_PORT;
    if (high < low) reasons.push(`${path}: the range ${low}-${high} ends before it begins`);
    return portSet([{ low, high }]);
  }
  const port = number('port');
  if (port === null) return EVERY_PORT;
  switch (operator ?? 'eq') {
    case 'eq':
      return portSet([{ low: port, high: port }]);
    case 'neq':
      return portSet([
        { low: 0, high: port - 1 },
        { low: port + 1, high: HIGHEST_PORT },
      ]);
    case 'lte':
      return portSet([{ low: 0, high: port }]);
    case 'gte':
      return portSet([{ low: port, high: HIGHEST_PORT }]);
    default:
      reasons.push(`${path}.operator: ${quoteValue(operator)} is not eq, neq, lte or gte`);
      return EVERY_PORT;
  }
}

function readIcmp(value: unknown, reasons: string[]): IcmpMatch | null {
  if (value === undefined) return null;
  const unusable = { 'rest-of-header': 'entries are about types and codes' };
  const nodes = nodesOf(value, 'matches.icmp', ['type', 'code'], unusable, reasons);
  const byte = (node: string): number | null => {
    const given = nodes?.get(node);
    if (given === undefined || isByte(given)) return given ?? null;
    reasons.push(`matches.icmp.${node}: ${quoteValue(given)} is not a number from 0 to 255`);
    return null;
  };
  return { type: byte('type'), code: byte('code') };
}
