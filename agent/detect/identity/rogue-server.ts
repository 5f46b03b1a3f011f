/**
 * Somebody new gives out addresses, routes or names, in traffic that passed: a DHCP server (RFC 2131, RFC 8415), an IPv6 router (RFC 4861 section 4.2;
 * the problem is RFC 6104), a flood of such routers, which stops whoever believes them all, somebody who answers for the names of others
 * (name-answers.ts), or who takes all the leases (DHCP starvation: many client hardware addresses, RFC 2131 section 7, or one sender that asks for
 * others). Servers on the network side that are seen while it learns, and the first DHCP server, are known; behind a guarded device none is expected.
 * What the kernel refused is told by spoofing.ts.
 */
import { ROUTER_ADVERTISEMENT } from '../../packet/neighbour.js';
import { PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../../packet/view.js';
import { formatMac } from '../../packet/format.js';
import {
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  type DetectContext,
  type Detector,
  type Subject,
} from '../detector.js';
import {
  EVENT_IP,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  type DetectEvent,
  SEES_IP,
  SEES_ARP,
  SEES_OTHER,
} from '../event.js';
import { FanOut } from '../fan-out.js';
import { NameAnswers } from './name-answers.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { hash3, SlotTable } from '../slot-table.js';

const NOTHING = 0;
const DHCP_SERVER = 1;
const DHCPV6_SERVER = 2;
const ROUTER = 3;
const DHCP_CLIENT = 4;
const ROLES = ['', 'a DHCP server', 'a DHCPv6 server', 'an IPv6 router'] as const;

/** RFC 2131 section 2: op, and chaddr of 16 bytes of which Ethernet uses 6; the fixed part is 236 bytes long. */
const BOOTREQUEST = 1;
const BOOTREPLY = 2;
const CHADDR_OFFSET = 28;
const CHADDR_END = 34;

const SERVERS = 256;
const CLIENTS = 8_192;
const CLIENTS_PER_GROUP = 2_048;
const CLIENT_WINDOW_MS = 60_000;
const QUIET_MS = 900_000;
/** Groups of the counts: hardware addresses by side and by sender, addresses of one hardware address, routers of the network side. */
const BY_SIDE = 1;
const BY_CLIENT = 2;
const ROUTERS_ON_NETWORK = 3;
const BY_SENDER = 4;
/** Clients for which one other MAC asks within a minute: a wireless bridge does it for those behind it, and has fewer that come at once. */
const CLIENTS_PER_SENDER = 20;

export function createRogueServerDetector(
  context: DetectContext,
  settings: DetectSettings['rogueServer'],
): Detector {
  return new RogueServer(context, settings);
}

class RogueServer implements Detector {
  readonly name = 'rogueServer';
  readonly kinds = SEES_IP | SEES_ARP | SEES_OTHER;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['rogueServer'];
  readonly #servers = new SlotTable(SERVERS);
  readonly #findings = new Int32Array(SERVERS);
  readonly #isKnown = new Uint8Array(SERVERS);
  readonly #clients = new FanOut(CLIENT_WINDOW_MS, {
    members: CLIENTS,
    membersPerGroup: CLIENTS_PER_GROUP,
  });
  readonly #names: NameAnswers;
  #sinceMs = 0;

  constructor(context: DetectContext, settings: DetectSettings['rogueServer']) {
    this.#context = context;
    this.#names = new NameAnswers(context);
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (this.#sinceMs === 0) this.#sinceMs = nowMs;
    this.#names.observe(event, nowMs);
    if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.verdict === VERDICT_ALLOWED)
      return;
    const role = roleOf(event);
    if (role === NOTHING) return;
    if (role === DHCP_CLIENT) this.#client(event, nowMs);
    else this.#server(role, event, nowMs);
  }

  tick(nowMs: number): void {
    this.#clients.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'rogueServer.evicted': this.#servers.evicted + this.#clients.evicted + this.#names.evicted,
      'rogueServer.beyondLimit': this.#clients.beyondLimit,
    };
  }

  #server(role: number, event: DetectEvent, nowMs: number): void {
    const address = event.fromDevice ? event.local : event.peer;
    if (!this.#context.addresses.isHost(address)) return;
    if (role === ROUTER && !event.fromDevice && this.#isFlood(address, nowMs)) return;
    const slot = this.#servers.intern(role, address, event.fromDevice ? 1 : 0);
    if (this.#servers.isNew) {
      const isLearning = nowMs - this.#sinceMs < this.#settings.learnSeconds * 1000;
      // The first DHCP server may be seen late: leases last for days. A first router or DHCPv6 server in a network that had none is the attack.
      const isExpected = isLearning || (role === DHCP_SERVER && this.#knownOf(role).length === 0);
      this.#isKnown[slot] = !event.fromDevice && isExpected ? 1 : 0;
      this.#findings[slot] = 0;
    }
    if (this.#isKnown[slot] === 1) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    // A new server of the network is told once; it would be told again with each lease else.
    if (id !== 0 && !event.fromDevice) return;
    this.#findings[slot] = this.#openServer(role, address, event, nowMs);
  }

  /** More routers within a minute than any link has: one finding, whoever they are, and none of them is known by it. */
  #isFlood(address: number, nowMs: number): boolean {
    const routers = this.#clients;
    const group = routers.add(ROUTERS_ON_NETWORK, 0, 0, address, nowMs);
    const id = routers.finding(group);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return true;
    const threshold = this.#settings.routers;
    if (routers.distinct(group) < threshold) return false;
    const serial = routers.serial(group);
    const finding = this.#context.book.openFinding(
      {
        detector: 'rogueServer',
        subject: 'the network side',
        what: 'router-flood',
        device: null,
        deviceMac: null,
        peer: null,
        quietMs: QUIET_MS,
        firstMs: routers.firstMs(group),
        count: routers.events(group),
        describe: (count) => {
          if (routers.serial(group) !== serial) return null;
          const most = routers.peak(group);
          return {
            severity: SEVERITY['rogueServer.flood'].severity,
            title: `${most} IPv6 routers advertise themselves on the network side within a minute`,
            evidence: {
              kind: 'router advertisement flood',
              from: 'network',
              routers: most,
              threshold,
              windowSeconds: CLIENT_WINDOW_MS / 1000,
              messages: count,
              examples: routers.examples(group, MAX_EXAMPLES).map((one) => addressOr(this.#context, one)),
            },
            remedy:
              'It closes 15 min after the last of them. Find the switch port that they come from and close it, or switch on RA guard (RFC 6105) on the switches.',
          };
        },
      },
      nowMs,
    );
    routers.setFinding(group, finding);
    return true;
  }

  #openServer(role: number, address: number, event: DetectEvent, nowMs: number): number {
    const { fromDevice } = event;
    const mac = event.macHigh >= 0 ? formatMac(event.macHigh, event.macLow) : null;
    const server = addressOr(this.#context, address);
    const who = this.#who(event, server);
    const roleText = ROLES[role] ?? '';
    const known = this.#knownOf(role);
    return this.#context.book.openFinding(
      {
        detector: 'rogueServer',
        subject: who.text,
        what: `${role === ROUTER ? 'router' : 'dhcp'}:${server}`,
        device: who.device,
        deviceMac: fromDevice ? (who.mac ?? mac) : null,
        peer: server,
        quietMs: QUIET_MS,
        firstMs: nowMs,
        count: 1,
        describe: (count) => ({
          severity: SEVERITY[fromDevice ? 'rogueServer.fromDevice' : 'rogueServer.onNetwork'].severity,
          title: fromDevice
            ? `${who.text} acts as ${roleText} (${server})`
            : `${server} is new and acts as ${roleText}`,
          evidence: {
            kind: role === ROUTER ? 'router advertisement' : 'DHCP server',
            from: fromDevice ? 'device' : 'network',
            server,
            ...(mac === null ? {} : { mac }),
            knownServers: known,
            messages: count,
          },
          remedy: fromDevice
            ? `It closes 15 min after the last message. Switch that service off behind the box (often an access point or a shared connection).`
            : `It closes 15 min after the last message and is not told again. If ${server} was put up on purpose, nothing is to do; if not, find its switch port: it can become the way of all traffic.`,
        }),
      },
      nowMs,
    );
  }

  #knownOf(role: number): string[] {
    const known: string[] = [];
    for (let slot = 0; slot < this.#servers.size && known.length < 8; slot++)
      if (this.#servers.keyA(slot) === role && this.#isKnown[slot] === 1)
        known.push(addressOr(this.#context, this.#servers.keyB(slot)));
    return known;
  }

  #client(event: DetectEvent, nowMs: number): void {
    if (event.payloadLength < CHADDR_END) return;
    const { bytes } = event;
    const at = event.payloadOffset + CHADDR_OFFSET;
    if (bytes[event.payloadOffset] !== BOOTREQUEST) return;
    const high = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const low = ((bytes[at + 3] ?? 0) << 16) | ((bytes[at + 4] ?? 0) << 8) | (bytes[at + 5] ?? 0);
    const isForOthers = event.macHigh >= 0 && (high !== event.macHigh || low !== event.macLow);
    // Known devices that come back after a power cut are as many as they are; one that asks for others is not one of them.
    if (!isForOthers && this.#isKnownDevice(event)) return;
    if (isForOthers) {
      const sender = this.#clients.add(BY_SENDER, event.macHigh, event.macLow, hash3(high, low, 0), nowMs);
      const isOne =
        this.#clients.distinct(sender) >= CLIENTS_PER_SENDER || this.#clients.finding(sender) !== 0;
      const by: Asker = { mac: formatMac(event.macHigh, event.macLow), asksFor: 'clients' };
      if (isOne && this.#judge(sender, CLIENTS_PER_SENDER, event, nowMs, by)) return;
    }
    const side = event.fromDevice ? 1 : 0;
    const source = event.fromDevice ? event.local : event.peer;
    const group = this.#clients.add(BY_SIDE, side, 0, hash3(high, low, 0), nowMs);
    this.#judge(group, this.#settings.clients, event, nowMs, null);
    if (!this.#context.addresses.isHost(source)) return;
    const own = this.#clients.add(BY_CLIENT, high, low, source, nowMs);
    if (this.#clients.distinct(own) < this.#settings.addressesPerClient && this.#clients.finding(own) === 0)
      return;
    const by: Asker = { mac: formatMac(high, low), asksFor: 'addresses' };
    this.#judge(own, this.#settings.addressesPerClient, event, nowMs, by);
  }

  /** One that is called by nothing but its MAC is new, as a replay finds them. */
  #isKnownDevice(event: DetectEvent): boolean {
    if (!event.fromDevice || event.deviceId <= UNKNOWN_DEVICE) return false;
    const { name, mac } = this.#context.describe(event.deviceId);
    return name !== null && name !== mac;
  }

  /** True: it is told. `by`: the one who asks, where it is one. */
  #judge(group: number, threshold: number, event: DetectEvent, nowMs: number, by: Asker | null): boolean {
    const clients = this.#clients;
    const id = clients.finding(group);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return true;
    if (clients.distinct(group) < threshold) return false;
    const mac = by?.mac ?? null;
    const { fromDevice } = event;
    const serial = clients.serial(group);
    const where = fromDevice ? 'the device side' : 'the network side';
    const finding = this.#context.book.openFinding(
      {
        detector: 'rogueServer',
        subject: mac ?? where,
        what: 'starvation',
        device: null,
        deviceMac: fromDevice ? mac : null,
        peer: null,
        quietMs: QUIET_MS,
        firstMs: clients.firstMs(group),
        count: clients.events(group),
        describe: (count) => {
          if (clients.serial(group) !== serial) return null;
          const most = clients.peak(group);
          return {
            severity: SEVERITY['rogueServer.starvation'].severity,
            title:
              by === null
                ? `${most} unknown clients ask for DHCP leases from ${where} within a minute`
                : `${by.mac} asks for DHCP leases of ${most} ${by.asksFor} within a minute`,
            evidence: {
              kind: 'DHCP starvation',
              from: fromDevice ? 'device' : 'network',
              ...(by === null
                ? { clientHardwareAddresses: most }
                : by.asksFor === 'clients'
                  ? { senderMac: by.mac, clientHardwareAddresses: most }
                  : { clientHardwareAddress: by.mac, addresses: most }),
              threshold,
              windowSeconds: CLIENT_WINDOW_MS / 1000,
              requests: count,
            },
            remedy:
              'It closes 15 min after the last request. After a power cut many clients ask at once; else find the switch port with that many source MACs and close it.',
          };
        },
      },
      nowMs,
    );
    clients.setFinding(group, finding);
    return true;
  }

  #who(event: DetectEvent, server: string): Subject {
    return event.fromDevice
      ? describeSubject(this.#context, event)
      : { text: server, device: null, mac: null };
  }
}

/** One who asks for leases of many. */
interface Asker {
  readonly mac: string;
  readonly asksFor: 'clients' | 'addresses';
}

function roleOf(event: DetectEvent): number {
  if (event.protocol === PROTOCOL_ICMPV6) return event.port >> 8 === ROUTER_ADVERTISEMENT ? ROUTER : NOTHING;
  if (event.protocol !== PROTOCOL_UDP) return NOTHING;
  if (event.srcPort === 68 && event.port === 67) return DHCP_CLIENT;
  if (event.srcPort === 547 && event.port === 546) return DHCPV6_SERVER;
  if (event.srcPort !== 67 || event.port !== 68) return NOTHING;
  const op = event.payloadLength > 0 ? event.bytes[event.payloadOffset] : BOOTREPLY;
  return op === BOOTREPLY ? DHCP_SERVER : NOTHING;
}
