/**
 * A scan of one device that several hosts share, each with fewer ports than port-scan.ts looks for: a distributed scan. Counted are services of the
 * device that hosts met in vain within a day and that nobody used within a week: a device has few services, and who works with it knows them. Used
 * by port-scan.ts, whose finding it is; allocates nothing but for a finding.
 */
import { PROTOCOL_UDP } from '../../packet/view.js';
import { addressOr, describeSubject, MAX_EXAMPLES, spanText, type DetectContext } from '../detector.js';
import { OUTCOME_ANSWERED, serviceOf, subjectOf, VERDICT_ALLOWED, type DetectEvent } from '../event.js';
import { isOneWay, isOutcome } from './failed-contact.js';
import { FanOut } from '../fan-out.js';
import { FIRST_CLIENT_PORT, FIRST_EPHEMERAL_PORT, serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';
import { ToldElsewhere, ToldMembers } from './told.js';

const DAY_SECONDS = 86_400;
const WEEK_MS = 604_800_000;
/** (device, service) and (device, opener) that failed within a day; 0.8 MiB when full. */
const MEMBERS = 8_192;
const MEMBERS_PER_DEVICE = 1_024;
/** (device, service) that somebody used within a week; 0.8 MiB. */
const USED = 8_192;
/** One alone is judged by itself; a second may be a monitor that has old settings. */
const LEAST_OPENERS = 3;
const QUIET_MS = 3_600_000;

/** The second number of a group. */
const SERVICES = 0;
const OPENERS = 1;

export class PooledScan {
  readonly #context: DetectContext;
  readonly #threshold: number;
  readonly #failed = new FanOut(DAY_SECONDS * 1000, {
    members: MEMBERS,
    membersPerGroup: MEMBERS_PER_DEVICE,
  });
  readonly #used = new FanOut(WEEK_MS, { members: USED, membersPerGroup: MEMBERS_PER_DEVICE });
  /** Services that were told; and pairs whose scan is told by itself. */
  readonly #told = new ToldMembers(this.#failed, MEMBERS);
  readonly #pairs = new ToldElsewhere();

  constructor(context: DetectContext, threshold: number) {
    this.#context = context;
    this.#threshold = Math.min(threshold, MEMBERS_PER_DEVICE);
  }

  get evicted(): number {
    return this.#failed.evicted + this.#used.evicted + this.#pairs.evicted;
  }

  expire(nowMs: number): void {
    this.#failed.expire(nowMs);
    this.#used.expire(nowMs);
  }

  /** The pair's scan is told by itself: what fails now belongs to it. */
  noteTold(event: DetectEvent, nowMs: number): void {
    if (!event.fromDevice) this.#pairs.note(subjectOf(event), event.peer, nowMs);
  }

  /** The end of a connection, or a refused first packet. */
  observe(event: DetectEvent, nowMs: number): void {
    if (event.fromDevice || !isService(event) || !isOutcome(event)) return;
    const device = subjectOf(event);
    const service = serviceOf(event);
    if (event.outcome === OUTCOME_ANSWERED) {
      this.#used.add(device, 0, 0, service, nowMs);
      this.#failed.discount(device, SERVICES, 0, service);
      return;
    }
    // A server that is down.
    if (event.verdict === VERDICT_ALLOWED) return;
    if (this.#used.has(device, 0, 0, service) || isOneWay(this.#context.addresses, event)) return;
    if (this.#pairs.isOf(device, event.peer, nowMs)) return;
    this.#told.forget(device, SERVICES, 0, nowMs);
    const failed = this.#failed;
    // A monitor with old settings, which asks for ever, must keep no finding open.
    const isKnown = failed.has(device, OPENERS, 0, event.peer) && failed.has(device, SERVICES, 0, service);
    failed.add(device, OPENERS, 0, event.peer, nowMs);
    const slot = this.#told.add(device, SERVICES, 0, service, nowMs);
    if (!isKnown) this.#judge(slot, device, event, nowMs);
  }

  #judge(slot: number, device: number, event: DetectEvent, nowMs: number): void {
    const failed = this.#failed;
    const id = failed.finding(slot);
    const isOpen = id !== 0 && this.#context.book.touch(id, nowMs);
    if (!isOpen) {
      if (this.#told.fresh(slot) < this.#threshold) return;
      const openers = failed.find(device, OPENERS, 0);
      if (openers < 0 || failed.distinct(openers) < LEAST_OPENERS) return;
      failed.setFinding(slot, this.#open(slot, openers, event, nowMs));
    }
    // Not again for the same.
    this.#told.tell(slot);
  }

  #open(slot: number, openers: number, event: DetectEvent, nowMs: number): number {
    const failed = this.#failed;
    const who = describeSubject(this.#context, event);
    const serial = failed.serial(slot);
    const openersSerial = failed.serial(openers);
    return this.#context.book.openFinding(
      {
        detector: 'portScan',
        subject: who.text,
        what: 'scanned-by-several',
        device: who.device,
        deviceMac: who.mac,
        peer: null,
        quietMs: QUIET_MS,
        firstMs: failed.firstMs(slot),
        count: failed.events(slot),
        describe: () => {
          if (failed.serial(slot) !== serial || failed.serial(openers) !== openersSerial) return null;
          const ports = failed.peak(slot);
          const hosts = failed.peak(openers);
          return {
            severity: SEVERITY['portScan.atDevice'].severity,
            title: `${hosts} hosts together scan ${who.text}: ${ports} ports that nobody uses, within ${spanText(DAY_SECONDS)}`,
            evidence: {
              from: 'network',
              kind: 'by several hosts',
              distinctPorts: ports,
              thresholdPorts: this.#threshold,
              windowSeconds: DAY_SECONDS,
              countsOnlyFailed: true,
              ports: failed.examples(slot, MAX_EXAMPLES).map(serviceText),
              distinctHosts: hosts,
              hosts: failed.examples(openers, MAX_EXAMPLES).map((ticket) => addressOr(this.#context, ticket)),
            },
            remedy: `It closes ${QUIET_MS / 60_000} min after the last new host or port. If the hosts are scanners of the site, take this device out of their range; if not, find out who uses them.`,
          };
        },
      },
      nowMs,
    );
  }
}

/** A port that may be a service's; of UDP only those of systems, because answers to a search of the link come from any port to any. */
function isService({ protocol, port }: DetectEvent): boolean {
  return port >= 0 && port < (protocol === PROTOCOL_UDP ? FIRST_CLIENT_PORT : FIRST_EPHEMERAL_PORT);
}
