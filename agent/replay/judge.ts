/**
 * What a policy would have said of a first packet: `cordon replay --policy`. Mode `observe` lets pass, `shadow` tells, `enforce`
 * refuses, as policy/explain.ts has it. Called once for each connection.
 */
import {
  reasonIndex,
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
  type DetectEvent,
} from '../detect/event.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../packet/view.js';
import { parseAddress } from '../policy/address.js';
import { explain, type Endpoint } from '../policy/explain.js';
import type { Policy } from '../policy/schema.js';
import type { Judge } from './replay-options.js';
import type { ReplayDevices } from './replay-devices.js';

export function createPolicyJudge(policy: Policy, devices: ReplayDevices): Judge {
  return (event, addresses) => {
    const local = parseAddress(addresses.text(event.local) ?? '');
    const peer = parseAddress(addresses.text(event.peer) ?? '');
    if (local === null || peer === null) return VERDICT_OBSERVED;
    const name = devices.describe(event.deviceId).name;
    const isNamed = name !== null && Object.hasOwn(policy.devices, name);
    const device: Endpoint = isNamed
      ? { address: local, device: name }
      : { address: local, device: null, isUnknownDevice: true };
    const other: Endpoint = { address: peer, device: devices.nameOfAddress(peer.text) };
    const isIcmp = event.protocol === PROTOCOL_ICMP || event.protocol === PROTOCOL_ICMPV6;
    const answer = explain(policy, {
      from: event.fromDevice ? device : other,
      to: event.fromDevice ? other : device,
      protocol: event.protocol,
      port: isIcmp || event.port < 0 ? null : event.port,
      ...(event.srcPort < 0 ? {} : { sourcePort: event.srcPort }),
      ...(isIcmp ? { icmpType: event.port >> 8 } : {}),
    });
    return verdictOf(event, answer);
  };
}

function verdictOf(event: DetectEvent, answer: ReturnType<typeof explain>): number {
  if (answer.verdict === 'refuse') {
    event.reason = reasonIndex('policy');
    return VERDICT_REFUSED;
  }
  if (answer.judgements.some(({ why }) => why === 'shadow')) return VERDICT_WOULD_REFUSE;
  return answer.judgements.some(({ why }) => why === 'observe') ? VERDICT_OBSERVED : VERDICT_ALLOWED;
}
