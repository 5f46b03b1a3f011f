/**
 * Who opened what to whom in a capture, for the map of a report that is made without a box. Bounded; broadcast and multicast are left out: they are nobody's
 * conduit. Pure; fed packet by packet by cli/report.ts.
 */
import { formatAddress } from '../packet/format.js';
import {
  LAYER_IPV4,
  LAYER_IPV6,
  LAYER_TCP,
  LAYER_UDP,
  TCP_ACK,
  TCP_SYN,
  type PacketView,
} from '../packet/view.js';

export interface ObservedFlow {
  readonly client: string;
  readonly server: string;
  readonly protocol: number;
  readonly port: number | null;
  /** Connections of TCP, first packets of UDP's pairs. */
  readonly count: number;
}

/** Different ones kept; more are counted. */
const MAX_FLOWS = 20_000;
/** UDP has no beginning: the lower port is taken for the service, when one of them is below this (RFC 6335, ephemeral ports). */
const FIRST_EPHEMERAL = 32_768;

export class ObservedFlows {
  leftOut = 0;
  readonly #flows = new Map<string, { -readonly [Name in keyof ObservedFlow]: ObservedFlow[Name] }>();

  observe(view: PacketView): void {
    if ((view.layers & (LAYER_IPV4 | LAYER_IPV6)) === 0 || isToMany(view)) return;
    if ((view.layers & LAYER_TCP) !== 0) this.#tcp(view);
    else if ((view.layers & LAYER_UDP) !== 0) this.#udp(view);
  }

  list(): readonly ObservedFlow[] {
    return [...this.#flows.values()];
  }

  /** A SYN says who calls; without it (the capture began later) the lower port is called. */
  #tcp(view: PacketView): void {
    const isSyn = (view.tcpFlags & (TCP_SYN | TCP_ACK)) === TCP_SYN;
    if (isSyn) this.#add(view, false, 1);
    else if (view.payloadLength > 0) this.#add(view, view.srcPort < view.dstPort, 0);
  }

  #udp(view: PacketView): void {
    const isAnswer = view.srcPort < view.dstPort && view.srcPort < FIRST_EPHEMERAL;
    this.#add(view, isAnswer, isAnswer ? 0 : 1);
  }

  #add(view: PacketView, isAnswer: boolean, count: number): void {
    const source = formatAddress(view.family, view.src0, view.src1, view.src2, view.src3);
    const target = formatAddress(view.family, view.dst0, view.dst1, view.dst2, view.dst3);
    const [client, server] = isAnswer ? [target, source] : [source, target];
    const port = isAnswer ? view.srcPort : view.dstPort;
    const key = `${client} ${server} ${view.protocol} ${port}`;
    const known = this.#flows.get(key);
    if (known !== undefined) known.count += count;
    else if (this.#flows.size >= MAX_FLOWS) this.leftOut += 1;
    else this.#flows.set(key, { client, server, protocol: view.protocol, port, count: Math.max(1, count) });
  }
}

function isToMany(view: PacketView): boolean {
  if (view.family === 6) return view.dst0 >>> 24 === 0xff;
  const first = view.dst0 >>> 24;
  return first >= 224 || (view.dst0 & 0xff) === 0xff || view.dst0 === 0 || view.src0 === 0;
}
