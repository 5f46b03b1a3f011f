/**
 * Guessing passwords: many short, alike, answered connections to one login service, from one opener to one host (MITRE
 * ATT&CK T1110.001) or to many hosts (password spraying, T1110.003). Judged from counters alone, so that encrypted logins
 * show too: after Hellemons et al., "SSHCure: A Flow-Based SSH Intrusion Detection System", AIMS 2012, and Hofstede et al.,
 * "Flow-based web application brute-force attack detection", 2017 (alike sizes of consecutive flows are guesses).
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/view.js';
import { CommunityGuess, SNMP_PORT } from './community-guess.js';
import { addressOr, describeSubject, MAX_EXAMPLES, type DetectContext, type Detector } from './detector.js';
import {
  EVENT_END,
  OUTCOME_ANSWERED,
  subjectOf,
  VERDICT_ALLOWED,
  type DetectEvent,
  SEES_END,
} from './event.js';
import { FanOut } from './fan-out.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';

interface Login {
  readonly name: string;
  /** How many times `attempts` it takes: a program that opens one connection per transaction is no guesser. */
  readonly factor: number;
  /** Bytes that a guess sends at least; below it, somebody looked at the banner. */
  readonly leastBytes: number;
  /** Bytes of either direction at most: a person moves more. */
  readonly mostBytes: number;
  /** One opener to many hosts is told too. */
  readonly canSpray: boolean;
}

const MOST_BYTES = 24_000;
const person = (name: string, leastBytes = 0, mostBytes = MOST_BYTES): Login => ({
  name,
  factor: 1,
  leastBytes,
  mostBytes,
  canSpray: true,
});
const program = (name: string, factor: number): Login => ({
  name,
  factor,
  leastBytes: 0,
  mostBytes: MOST_BYTES,
  canSpray: factor < 10,
});

/** By destination port. SSH's key exchange alone sends more than 1000 bytes (RFC 4253 section 7.1). */
const LOGINS = new Map<number, Login>([
  [22, person('SSH', 1000)],
  [2222, person('SSH', 1000)],
  [23, person('Telnet', 200)],
  [2323, person('Telnet', 200)],
  [512, person('rexec')],
  [513, person('rlogin')],
  [3389, person('RDP', 400)],
  [5900, person('VNC', 200)],
  [5985, program('WinRM', 2)],
  [5986, program('WinRM', 2)],
  [21, program('FTP', 2)],
  // A failed AS exchange is small; one for a ticket carries another ticket (RFC 4120 sections 3.1 and 3.3).
  [88, person('Kerberos', 0, 1_000)],
  [139, program('SMB', 4)],
  [445, program('SMB', 4)],
  [25, program('SMTP', 6)],
  [465, program('SMTP', 6)],
  [587, program('SMTP', 6)],
  [110, program('POP3', 6)],
  [995, program('POP3', 6)],
  [143, program('IMAP', 6)],
  [993, program('IMAP', 6)],
  [5060, program('SIP', 10)],
  [389, program('LDAP', 20)],
  [636, program('LDAP', 20)],
  [1433, program('SQL Server', 20)],
  [1521, program('Oracle', 20)],
  [3306, program('MySQL', 20)],
  [5432, program('PostgreSQL', 20)],
  [80, program('HTTP', 60)],
  [443, program('HTTPS', 60)],
  [8080, program('HTTP', 60)],
  [8443, program('HTTPS', 60)],
]);

/** (opener, host, service); 60 bytes each. */
const PAIRS = 8_192;
const SPRAY_MEMBERS = 8_192;
const SPRAY_HOSTS = 1_024;
/** A person stays longer. A minute, and one more by which the kernel may be late to say that a connection is over. */
const LONGEST_MS = 120_000;
/** Logarithm of the ratio within which sizes are alike: 35 %. */
const ALIKE = 0.3;
/** Weight of the newest connection in the usual size. */
const SIZE_WEIGHT = 0.2;
/** Share of connections that are alike. */
const ALIKE_SHARE = 0.7;
/** Times the count of its usual window that a regular client must pass. */
const TIMES_USUAL = 4;
/** What an approved entry allows is expected to be used: twice as many. */
const ALLOWED_FACTOR = 2;
const QUIET_MS = 900_000;

export function createBruteForceDetector(
  context: DetectContext,
  settings: DetectSettings['bruteForce'],
): Detector {
  return new BruteForce(context, settings);
}

class BruteForce implements Detector {
  readonly name = 'bruteForce';
  readonly kinds = SEES_END;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['bruteForce'];
  readonly #windowMs: number;
  readonly #pairs = new SlotTable(PAIRS);
  readonly #beganMs = new Float64Array(PAIRS);
  readonly #attempts = new Int32Array(PAIRS);
  readonly #alike = new Int32Array(PAIRS);
  /** Logarithm of the usual bytes of one connection, both directions. */
  readonly #size = new Float64Array(PAIRS);
  /** Attempts of a usual window; 0 while none has passed. */
  readonly #usual = new Float64Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);
  readonly #sprays: FanOut;
  readonly #communities: CommunityGuess;

  constructor(context: DetectContext, settings: DetectSettings['bruteForce']) {
    this.#context = context;
    this.#settings = settings;
    this.#windowMs = settings.windowSeconds * 1000;
    this.#sprays = new FanOut(this.#windowMs, { members: SPRAY_MEMBERS, membersPerGroup: SPRAY_HOSTS });
    this.#communities = new CommunityGuess(context, settings.snmpRequests);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_END) return;
    if (event.port === SNMP_PORT) this.#communities.observe(event, nowMs);
    if (event.outcome !== OUTCOME_ANSWERED) return;
    if (event.protocol !== PROTOCOL_TCP && event.protocol !== PROTOCOL_UDP) return;
    const login = LOGINS.get(event.port);
    if (login === undefined || !isGuess(event, login) || !this.#context.addresses.isHost(event.peer)) return;
    const opener = event.fromDevice ? subjectOf(event) : event.peer;
    const other = event.fromDevice ? event.peer : subjectOf(event);
    const direction = event.fromDevice ? 1 : 0;
    const slot = this.#pairs.intern(opener, other, event.port * 2 + direction);
    this.#add(slot, event, nowMs);
    const isAllowed = event.verdict === VERDICT_ALLOWED;
    const threshold = this.#settings.attempts * login.factor * (isAllowed ? ALLOWED_FACTOR : 1);
    const isGuessing = this.#isGuessing(slot, threshold);
    if (isGuessing) this.#tell(slot, threshold, event, login, nowMs);
    if (!login.canSpray || isAllowed) return;
    const group = this.#sprays.add(opener, event.port, direction, other, nowMs);
    if (isGuessing || this.#sprays.distinct(group) < this.#settings.sprayHosts) return;
    const id = this.#sprays.finding(group);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#sprays.setFinding(group, this.#openSpray(group, event, login, nowMs));
  }

  tick(nowMs: number): void {
    this.#sprays.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'bruteForce.evicted': this.#pairs.evicted + this.#sprays.evicted + this.#communities.evicted,
      'bruteForce.beyondLimit': this.#sprays.beyondLimit,
    };
  }

  #add(slot: number, event: DetectEvent, nowMs: number): void {
    const size = Math.log(event.bytesOut + event.bytesIn + 1);
    if (this.#pairs.isNew) {
      this.#beganMs[slot] = nowMs;
      this.#attempts[slot] = 0;
      this.#alike[slot] = 0;
      this.#size[slot] = size;
      this.#usual[slot] = 0;
      this.#findings[slot] = 0;
    }
    const sinceMs = nowMs - (this.#beganMs[slot] ?? nowMs);
    if (sinceMs >= this.#windowMs || sinceMs < 0) this.#nextWindow(slot, sinceMs, nowMs);
    const error = size - (this.#size[slot] ?? size);
    this.#size[slot] = (this.#size[slot] ?? size) + SIZE_WEIGHT * error;
    this.#attempts[slot] = (this.#attempts[slot] ?? 0) + 1;
    if (Math.abs(error) <= ALIKE) this.#alike[slot] = (this.#alike[slot] ?? 0) + 1;
  }

  /** The window that ends becomes the usual, at most by a factor: a guesser must not make itself usual. */
  #nextWindow(slot: number, sinceMs: number, nowMs: number): void {
    const attempts = this.#attempts[slot] ?? 0;
    const usual = this.#usual[slot] ?? 0;
    const isPause = sinceMs >= 2 * this.#windowMs || sinceMs < 0;
    const seen = usual === 0 ? attempts : Math.min(attempts, usual * 2);
    const isTold = (this.#findings[slot] ?? 0) !== 0;
    if (!isTold && !isPause) this.#usual[slot] = usual === 0 ? seen : usual + 0.2 * (seen - usual);
    this.#beganMs[slot] = nowMs;
    this.#attempts[slot] = 0;
    this.#alike[slot] = 0;
  }

  #isGuessing(slot: number, threshold: number): boolean {
    const attempts = this.#attempts[slot] ?? 0;
    const least = Math.max(threshold, TIMES_USUAL * (this.#usual[slot] ?? 0));
    return attempts >= least && (this.#alike[slot] ?? 0) >= attempts * ALIKE_SHARE;
  }

  #tell(slot: number, threshold: number, event: DetectEvent, login: Login, nowMs: number): void {
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#openPair(slot, threshold, event, login, nowMs);
  }

  #openPair(slot: number, threshold: number, event: DetectEvent, login: Login, nowMs: number): number {
    const { fromDevice } = event;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const service = `${login.name} (port ${event.port})`;
    const serial = this.#pairs.serial(slot);
    const usual = Math.round(this.#usual[slot] ?? 0);
    const { windowSeconds } = this.#settings;
    return this.#context.book.openFinding(
      {
        detector: 'bruteForce',
        subject: who.text,
        what: `${fromDevice ? 'guesses' : 'is-guessed'}:${peer}:${event.port}`,
        device: who.device,
        deviceMac: who.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs: this.#beganMs[slot] ?? nowMs,
        count: this.#attempts[slot] ?? 1,
        describe: (count) => {
          if (this.#pairs.serial(slot) !== serial) return null;
          const [guesser, target] = fromDevice ? [who.text, peer] : [peer, who.text];
          return {
            severity: SEVERITY[fromDevice ? 'bruteForce.fromDevice' : 'bruteForce.atDevice'].severity,
            title: `${guesser} seems to guess passwords of ${target}: ${count} short, alike connections to ${service}`,
            evidence: {
              kind: 'guessing at one host',
              from: fromDevice ? 'device' : 'network',
              service,
              connections: count,
              alikeInWindow: this.#alike[slot] ?? 0,
              inWindow: this.#attempts[slot] ?? 0,
              thresholdConnections: threshold,
              windowSeconds,
              usualPerWindow: usual,
              typicalBytes: Math.round(Math.exp(this.#size[slot] ?? 0)),
            },
            remedy: remedy(fromDevice, peer),
          };
        },
      },
      nowMs,
    );
  }

  #openSpray(group: number, event: DetectEvent, login: Login, nowMs: number): number {
    const { addresses, book, describe } = this.#context;
    const { fromDevice } = event;
    const who = fromDevice ? describeSubject(this.#context, event) : null;
    const opener = who?.text ?? addressOr(this.#context, event.peer);
    const service = `${login.name} (port ${event.port})`;
    const sprays = this.#sprays;
    const serial = sprays.serial(group);
    const { sprayHosts, windowSeconds } = this.#settings;
    return book.openFinding(
      {
        detector: 'bruteForce',
        subject: opener,
        what: `sprays:${event.port}`,
        device: who?.device ?? null,
        deviceMac: who?.mac ?? null,
        peer: fromDevice ? null : opener,
        quietMs: QUIET_MS,
        firstMs: sprays.firstMs(group),
        count: sprays.events(group),
        describe: (count) => {
          if (sprays.serial(group) !== serial) return null;
          const hosts = sprays
            .examples(group, MAX_EXAMPLES)
            .map((member) =>
              fromDevice || member < 0 ? addresses.text(Math.abs(member)) : describe(member).name,
            );
          return {
            severity: SEVERITY[fromDevice ? 'bruteForce.fromDevice' : 'bruteForce.atDevice'].severity,
            title: `${opener} tries logins at ${sprays.peak(group)} hosts by ${service} within ${windowSeconds} s`,
            evidence: {
              kind: 'spraying many hosts',
              from: fromDevice ? 'device' : 'network',
              service,
              distinctHosts: sprays.peak(group),
              thresholdHosts: sprayHosts,
              windowSeconds,
              connections: count,
              hosts: hosts.map((host) => host ?? 'not kept'),
            },
            remedy: remedy(fromDevice, opener),
          };
        },
      },
      nowMs,
    );
  }
}

/** Short and small in both directions, yet more than a look at the banner. */
function isGuess(event: DetectEvent, login: Login): boolean {
  const sent = event.fromDevice ? event.bytesOut : event.bytesIn;
  return (
    event.durationMs <= LONGEST_MS &&
    sent >= login.leastBytes &&
    event.bytesOut <= login.mostBytes &&
    event.bytesIn <= login.mostBytes
  );
}

function remedy(fromDevice: boolean, peer: string): string {
  return fromDevice
    ? 'It closes 15 min after the last such connection. If a wrong password is configured in the device, mend it; if a program of it connects this often by design, allow it or raise detect.bruteForce.attempts; if neither, contain it.'
    : `It closes 15 min after the last such connection. If ${peer} has a wrong password configured, mend it; if not, block it and change the passwords of what it reached.`;
}
