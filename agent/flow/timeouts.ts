/**
 * States of a tracked flow and how long each lives without a packet: the defaults of Linux nf_conntrack
 * (Documentation/networking/nf_conntrack-sysctl.rst), so that a replay forgets connections when the box would. Pure data.
 */
import {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from '../packet/view.js';

/** TCP, RFC 9293 section 3.3.2, as a watcher in the middle can know it. */
export const STATE_SYN_SENT = 1;
export const STATE_SYN_RECEIVED = 2;
export const STATE_ESTABLISHED = 3;
export const STATE_FIN_WAIT = 4;
export const STATE_TIME_WAIT = 5;
export const STATE_CLOSED = 6;
/** TCP without SYN: picked up in the middle, or a probe (FIN, NULL, Xmas, ACK); nothing came back yet. */
export const STATE_PICKED_UP = 7;
export const STATE_UDP = 8;
export const STATE_UDP_ANSWERED = 9;
export const STATE_ICMP = 10;
export const STATE_OTHER = 11;

/** Index = state, in milliseconds. */
export const TIMEOUTS_MS: readonly number[] = [
  0,
  // nf_conntrack_tcp_timeout_syn_sent, syn_recv, established, fin_wait, time_wait, close, unacknowledged
  120_000, 60_000, 432_000_000, 120_000, 120_000, 10_000, 300_000,
  // nf_conntrack_udp_timeout, udp_timeout_stream, icmp_timeout, generic_timeout
  30_000, 120_000, 30_000, 600_000,
];

export function firstState(protocol: number, tcpFlags: number): number {
  switch (protocol) {
    case PROTOCOL_TCP:
      if ((tcpFlags & TCP_RST) !== 0) return STATE_CLOSED;
      if ((tcpFlags & TCP_SYN) === 0) return STATE_PICKED_UP;
      return (tcpFlags & TCP_ACK) === 0 ? STATE_SYN_SENT : STATE_SYN_RECEIVED;
    case PROTOCOL_UDP:
      return STATE_UDP;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return STATE_ICMP;
    default:
      return STATE_OTHER;
  }
}

/** What a later packet makes of a flow. `isReply`: sent by the end that was contacted. */
export function nextState(state: number, tcpFlags: number, isReply: boolean): number {
  if (state === STATE_UDP) return isReply ? STATE_UDP_ANSWERED : state;
  if (state >= STATE_UDP || state === STATE_CLOSED) return state;
  if ((tcpFlags & TCP_RST) !== 0) return STATE_CLOSED;
  if ((tcpFlags & TCP_SYN) !== 0) {
    const isAnswer = (tcpFlags & TCP_ACK) !== 0 && isReply && state === STATE_SYN_SENT;
    return isAnswer ? STATE_SYN_RECEIVED : state;
  }
  if ((tcpFlags & TCP_FIN) !== 0) {
    if (state === STATE_FIN_WAIT || state === STATE_ESTABLISHED) return STATE_FIN_WAIT;
    return state === STATE_SYN_RECEIVED && !isReply ? STATE_FIN_WAIT : state;
  }
  if (state === STATE_SYN_RECEIVED) return isReply ? state : STATE_ESTABLISHED;
  if (state === STATE_PICKED_UP) return isReply ? STATE_ESTABLISHED : state;
  return state;
}
