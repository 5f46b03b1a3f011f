/**
 * A sample of published MUD files in the real kernel: the same connections that test/unit/mud/semantics.test.ts asks the entries about
 * are sent as packets, and what arrives is what the file permits by the evaluator of RFC 8519.
 */
import './support/in-own-namespace.js';
import t from 'tap';
import { must } from '../../agent/lab/namespace.js';
import { readCounters } from '../../agent/nftables/read-tables.js';
import { importedDevice, mudFile } from '../unit/mud/support/import.js';
import { publishedFiles, NO_DATA } from '../unit/mud/support/files.js';
import { createJudge, createPermits } from '../unit/mud/support/judge.js';
import { addressText, conversations, isToMany, SITE, type Conversation } from '../unit/mud/support/probes.js';
import { createEvaluator } from '../unit/mud/support/rfc8519.js';
import { ascii, ip, SYN, tcp, udp, type Bytes } from './support/frames.js';
import { eventually, MACS, Ward, type HostName } from './support/ward.js';

/** Classes of both families, names, ranges, who opens, ICMP; from four authors. */
const SAMPLE = [
  'cisco/Luminaire_150.json',
  'daq/bacnet.json',
  'nist/mud-same-manufacturer-test__mudfile-same-manufacturer-test.json',
  'unsw/augustdoorbellcamMud.json',
  'unsw/wemoswitchMud.json',
];
const PROBES_PER_FILE = 120;
const AT_ONCE = 40;
const files = publishedFiles().filter(({ name }) => SAMPLE.includes(name));

if (files.length === 0) t.comment(NO_DATA);
else {
  t.equal(files.length, SAMPLE.length, 'the sample is there');
  const ward = await Ward.create('bridge');
  t.teardown(() => ward.close());
  for (const { name, text } of files)
    t.test(name, async (t) => {
      const document = JSON.parse(text) as Record<string, unknown>;
      const { policy, imported } = importedDevice(mudFile(text));
      const permits = createPermits(policy);
      const judge = createJudge({ evaluate: createEvaluator(document, SITE), imported, permits });
      await ward.load(wardPolicy(ward, imported));
      // What another file permitted would pass as known.
      await must(['conntrack', '-F']);
      const asked = distinct(conversations(document, 20 * PROBES_PER_FILE, 1)).slice(0, PROBES_PER_FILE);
      const refusedBefore = await refused();
      const arrived = await send(ward, asked);
      const wrong = asked.flatMap((each, index) => judge(each, arrived[index] === true) ?? []);
      t.same(wrong.slice(0, 5), [], `${wrong.length} of ${asked.length}`);
      const passed = arrived.filter((each) => each).length;
      t.equal(
        (await refused()) - refusedBefore,
        asked.length - passed,
        'what does not arrive is counted as refused',
      );
      t.same(
        asked.map((each) => permits(each)),
        arrived,
        'the kernel and the entries say the same',
      );
      // Of BACnet nearly all is to everybody.
      t.ok(passed > 0 && passed < asked.length - 10, `${passed} of ${asked.length} pass`);
    });
}

/** The pump has the file. Names are groups here: which addresses they have is asked elsewhere. */
function wardPolicy(ward: Ward, { entries, groups }: ReturnType<typeof importedDevice>['imported']): string {
  const named = new Map<string, string>();
  const allow = entries.map((entry) => {
    if (typeof entry.peer === 'string' || !('name' in entry.peer)) return entry;
    const { name } = entry.peer;
    const group = named.get(name) ?? `name-${named.size}`;
    named.set(name, group);
    return { ...entry, peer: { group } };
  });
  const members = [...named].map(([name, group]) => [
    group,
    SITE.names(name).map((address) => ({ address })),
  ]);
  return JSON.stringify({
    version: 1,
    site: { name: 'x' },
    groups: { ...Object.fromEntries(groups), ...(Object.fromEntries(members) as object) },
    devices: {
      thing: {
        identity: { macs: [MACS.pump], addresses: [ward.address('pump', 4), ward.address('pump', 6)] },
        mode: 'enforce',
        allow,
      },
    },
  });
}

/** What can be sent as the first packet of a connection of its own, and is decided by the lists. */
function distinct(all: readonly Conversation[]): readonly Conversation[] {
  const taken = new Set<string>();
  return all.filter((each) => {
    const { family, protocol, peer, devicePort, peerPort } = each;
    if (![1, 6, 17, 58].includes(protocol) || isToMany(each)) return false;
    const isIcmp = protocol === 1 || protocol === 58;
    // ICMP of the other family belongs to no connection.
    if (isIcmp && (protocol === 1) !== (family === 4)) return false;
    if (isIcmp && (each.icmpCode !== 0 || ![8, 13, 128].includes(each.icmpType))) return false;
    // No host has these, or somebody of the ward does.
    const first = family === 4 ? Number(peer >> 24n) : Number(peer >> 120n);
    if (family === 4 ? first === 0 || first === 127 || first >= 224 : first !== 0xfd && first !== 0x20)
      return false;
    if (/^(10\.77\.|fd77:)/.test(addressText(family, peer))) return false;
    // DHCP passes whatever the lists say.
    if (protocol === 17 && [67, 68, 546, 547].some((port) => port === devicePort || port === peerPort))
      return false;
    const key = [family, protocol, peer, ...(isIcmp ? [taken.size] : [devicePort, peerPort])].join();
    if (taken.has(key)) return false;
    taken.add(key);
    return true;
  });
}

/** Whether each arrives at the other end. Those of one host are sent in their order, so that after the last one all have their fate. */
async function send(ward: Ward, asked: readonly Conversation[]): Promise<boolean[]> {
  const arrived: boolean[] = [];
  for (let at = 0; at < asked.length; at += AT_ONCE) {
    const tagged = asked.slice(at, at + AT_ONCE).map((each) => ({ each, tag: ward.tag() }));
    const permittedBefore = await permitted();
    const before = (await refused()) + permittedBefore;
    for (const from of ['pump', 'hospital'] as const)
      await ward.sendAll(
        from,
        tagged
          .filter(({ each }) => hostOf(each) === from)
          .map(({ each, tag }) => frame(ward, each, ascii(tag))),
      );
    let [decided, reasons] = [0, ''];
    await eventually(
      async () => {
        decided = (await refused()) + (await permitted()) - before;
        reasons = JSON.stringify(await ward.refused());
        return decided === tagged.length;
      },
      () => `${decided} of ${tagged.length} packets were permitted, or refused by the lists: ${reasons}`,
    );
    // Counted as permitted is a moment before it arrives.
    const passes = (await permitted()) - permittedBefore;
    const seen = (): boolean[] =>
      tagged.map(({ each, tag }) => ward.hasArrived(each.opener === 'device' ? 'hospital' : 'pump', tag));
    await eventually(
      () => seen().filter((each) => each).length === passes,
      () => `${passes} were permitted, and ${seen().filter((each) => each).length} arrived`,
    );
    arrived.push(...seen());
  }
  return arrived;
}

let echoId = 0;

function hostOf({ opener }: Conversation): HostName {
  return opener === 'device' ? 'pump' : 'hospital';
}

function frame(ward: Ward, each: Conversation, tag: Bytes): Bytes {
  const { family, protocol, opener, peer, devicePort, peerPort, icmpType } = each;
  const isOut = opener === 'device';
  const [device, other] = [ward.address('pump', family), addressText(family, peer)];
  const path = isOut ? { source: device, destination: other } : { source: other, destination: device };
  const link = isOut ? ward.link('pump', 'hospital') : ward.link('hospital', 'pump');
  const ports = isOut ? ([devicePort, peerPort] as const) : ([peerPort, devicePort] as const);
  if (protocol === 6) return tcp(link, path, ports, SYN, tag);
  if (protocol === 17) return udp(link, path, ports, tag);
  // One each: with the same to the same peer it would be part of the conversation before it.
  echoId += 1;
  const id = echoId;
  return ip(link, path, protocol, [icmpType, 0, 0, 0, id >> 8, id & 255, 0, 1, ...tag], 2);
}

async function refused(): Promise<number> {
  return (await readCounters()).get('refused_policy')?.packets ?? 0;
}

async function permitted(): Promise<number> {
  return (await readCounters()).get('permitted_new')?.packets ?? 0;
}
