/**
 * The last line at the ports: what no table of ours has admitted does not leave, also while there is no table (`nft flush ruleset`, or
 * nftables.service reloaded). It stands outside nf_tables, where a flush does not reach. Pure; enforcer/port-guard.ts puts it in.
 *
 * Bridge mode: a classic BPF program on the way out of each port (tc, clsact). It reads the mark that our tables leave on what they
 * admit. What the box itself sends is no forwarded frame (its packet type is HOST) and passes.
 * Router mode: routing rules. What came in on a port of ours without the mark of its side is not routed on.
 */
import type { BoxConfig } from '../policy/config.js';
import { ADMITTED, HELD, HELD_MASK, SIDE_DEVICE, SIDE_NETWORK, markText } from './marks.js';

/** Of the filter, and of the routing rules: how ours are known. */
export const GUARD_PREFERENCE = 3085;

/** linux/filter.h: SKF_AD_OFF and the ancillary data beyond it. */
const AD_OFFSET = 2 ** 32 - 0x1000;
const PROTOCOL = AD_OFFSET;
const PACKET_TYPE = AD_OFFSET + 4;
const MARK = AD_OFFSET + 20;
const PACKET_HOST = 0;
const ETHERTYPE_ARP = 0x0806;
/** linux/pkt_cls.h: TC_ACT_UNSPEC leaves the packet to other filters, TC_ACT_SHOT drops it. */
const PASS = 2 ** 32 - 1;
const DROP = 2;
/** BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JSET|K, BPF_ALU|AND|K, BPF_RET|K. */
const [LOAD, IF_EQUAL, IF_ANY, AND, RETURN] = [0x20, 0x15, 0x45, 0x54, 0x06];

/** Operation, how many to skip if so, how many if not, operand. */
const PROGRAM: readonly (readonly [number, number, number, number])[] = [
  [LOAD, 0, 0, PACKET_TYPE],
  [IF_EQUAL, 8, 0, PACKET_HOST],
  [LOAD, 0, 0, MARK],
  [IF_EQUAL, 6, 0, ADMITTED],
  [AND, 0, 0, HELD_MASK],
  [IF_EQUAL, 4, 0, HELD],
  [LOAD, 0, 0, PROTOCOL],
  [IF_EQUAL, 0, 3, ETHERTYPE_ARP], // stamped with its side, it went through the bridge table
  [LOAD, 0, 0, MARK],
  [IF_ANY, 0, 1, SIDE_DEVICE | SIDE_NETWORK],
  [RETURN, 0, 0, PASS],
  [RETURN, 0, 0, DROP],
];

/** As tc takes and prints it. */
export const GUARD_BYTECODE = `${PROGRAM.length},${PROGRAM.map((one) => one.join(' ')).join(',')}`;

export interface PortGuardPart {
  /** Shows what is there. */
  readonly show: readonly string[];
  /** What `show` prints when the guard is there. */
  readonly isThere: RegExp;
  /** Puts it in. The first ones may fail because they are there already. */
  readonly put: readonly (readonly string[])[];
}

export function portGuard(config: BoxConfig): readonly PortGuardPart[] {
  const ports = [...config.devicePorts, ...config.networkPorts];
  const preference = String(GUARD_PREFERENCE);
  if (config.mode === 'bridge')
    return ports.map((port) => {
      const at = ['dev', port, 'egress', 'pref', preference];
      const program = ['protocol', 'all', 'bpf', 'direct-action', 'bytecode', GUARD_BYTECODE];
      return {
        show: ['tc', 'filter', 'show', ...at],
        isThere: new RegExp(`direct-action .*bytecode '${GUARD_BYTECODE}'`),
        put: [
          ['tc', 'qdisc', 'add', 'dev', port, 'clsact'],
          ['tc', 'filter', 'replace', ...at.slice(0, 3), 'pref', preference, 'handle', '1', ...program],
        ],
      };
    });
  const unstamped = `0/${markText(SIDE_DEVICE | SIDE_NETWORK)}`;
  return (['-4', '-6'] as const).flatMap((family) =>
    ports.map((port) => ({
      show: ['ip', family, 'rule', 'show', 'pref', preference],
      isThere: new RegExp(`^${preference}:.* iif ${port} .*blackhole`, 'm'),
      put: [['ip', family, 'rule', 'add', 'pref', preference, 'iif', port, 'fwmark', unstamped, 'blackhole']],
    })),
  );
}
