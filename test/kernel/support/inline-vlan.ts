/** Tagged frames through the real enforcer: their first packet is held and judged like any other. Adds a test to `t`. */
import type t from 'tap';
import { HOSPITAL, PUMP } from '../../../agent/lab/network-lab.js';
import { SYN, ascii, tagged, tcp } from './frames.js';
import { ESSENTIAL, FAMILIES, FORBIDDEN, type InlineLab } from './inline-lab.js';
import { eventually } from './ward.js';

type Tap = typeof t;
export const VLAN = 10;

export function holdsTagged(t: Tap, inline: InlineLab): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: a tagged first packet is held, judged, and goes on with its tag`, async (t) => {
      const { pump, hospital, pumpMac } = inline.lab;
      const link = { from: pumpMac, to: await hospital.macOf('eth0') };
      const which = family === 4 ? 0 : 1;
      const path = { source: PUMP.bridge[which], destination: HOSPITAL[which] };
      await hospital.must(['nft', '-f', '-'], { input: seen() });
      const arrived = async (port: number): Promise<boolean> =>
        /packets [1-9]/.test(
          await hospital.must(['nft', 'list', 'counter', 'netdev', 'seen', `port${port}`]),
        );
      const send = (port: number, vlan: number): Promise<unknown> => {
        const frame = tagged(tcp(link, path, [40_000 + vlan, port], SYN, ascii('')), vlan);
        const octal = frame.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
        return pump.must(['sh', '-c', `printf '${octal}' | socat -u - INTERFACE:eth0`]);
      };
      const before = await inline.status();
      await send(FORBIDDEN, VLAN);
      await send(ESSENTIAL, VLAN + 1);
      await send(ESSENTIAL, VLAN);
      await eventually(
        () => arrived(ESSENTIAL),
        () => 'nothing arrived',
      );
      const after = await inline.status();
      t.equal(after.inspection.held - before.inspection.held, 1, 'held, and let go by a verdict');
      t.equal(after.inspection.unseen, before.inspection.unseen);
      t.notOk(await arrived(FORBIDDEN), 'refused stays refused');
      t.ok(after.refused.policy.packets > before.refused.policy.packets);
      t.ok(after.refused.ethertype.packets > before.refused.ethertype.packets, 'another VLAN');
      await hospital.must(['nft', 'delete', 'table', 'netdev', 'seen']);
    });
}

/** Counts what arrives with the tag, as the kernel of the one who gets it sees it. */
function seen(): string {
  const ports = [ESSENTIAL, FORBIDDEN];
  const counters = ports.map((port) => `counter port${port} { }`).join('\n');
  const rules = ports.map((port) => `vlan id ${VLAN} tcp dport ${port} counter name port${port}`).join('\n');
  return `table netdev seen {\n${counters}\nchain in {\ntype filter hook ingress device "eth0" priority 0;\n${rules}\n}\n}\n`;
}
