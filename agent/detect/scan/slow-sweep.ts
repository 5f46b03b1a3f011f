/**
 * A sweep too slow or too scattered for the windows of host-sweep.ts, whose finding it is: within a day a device tries many hosts of one site on
 * whatever service, and hardly any answers. What failedConnections sees too, but here it is hosts that are looked for. Servers that are down are
 * few, and answered within a week. Allocates nothing but for a finding.
 */
import type { AddressTable } from '../address-table.js';
import { MAX_EXAMPLES } from '../detector.js';
import { OUTCOME_ANSWERED, serviceOf, subjectOf, type DetectEvent } from '../event.js';
import { FanOut } from '../fan-out.js';
import type { SweepCount } from './host-sweep-opening.js';
import { networkText } from '../network-text.js';
import { hash3 } from '../slot-table.js';
import { ToldElsewhere, ToldMembers } from './told.js';

const DAY_SECONDS = 86_400;
/** (device, site, host) and (device, site, service) remembered; 1.7 MiB when full. */
const MEMBERS = 16_384;
const HOSTS_PER_SITE = 1_024;
/** As many as failedConnections wants (`leastFailures`): an outage of a few servers is no sweep. */
const FAILED_HOSTS = 16;
/** Before, the windows of host-sweep.ts have the word: a fast sweep over two services would be told twice. */
const SLOW_MS = 10_000;
/** For each host that answered, at least so many did not: Jung et al. (failed-connections.ts) take a fifth for the luck of a scanner. */
const FAILED_PER_ANSWERED = 4;

/** The second number of a group. */
const FAILED = 0;
const ANSWERED = 1;
const SERVICES = 2;

export class SlowSweep implements SweepCount {
  readonly fanOut = new FanOut(DAY_SECONDS * 1000, {
    members: MEMBERS,
    membersPerGroup: HOSTS_PER_SITE,
  });
  readonly threshold = FAILED_HOSTS;
  readonly seconds = DAY_SECONDS;
  readonly #addresses: AddressTable;
  /** Hosts that were told; and devices whose sweep is told by another count. */
  readonly #told = new ToldMembers(this.fanOut, MEMBERS);
  readonly #sweepers = new ToldElsewhere();

  constructor(addresses: AddressTable) {
    this.#addresses = addresses;
  }

  /** Beside those of the fan-out. */
  get evicted(): number {
    return this.#sweepers.evicted;
  }

  /** The device's sweep is told by another count: what fails now belongs to it. */
  noteTold(event: DetectEvent, nowMs: number): void {
    this.#sweepers.note(subjectOf(event), 0, nowMs);
  }

  /** What came of a contact by a device; the slot of its site where one more host failed that never answered, else -1. */
  add(event: DetectEvent, nowMs: number): number {
    const who = subjectOf(event);
    const site = this.siteOf(event.peer);
    if (event.outcome === OUTCOME_ANSWERED) {
      // Who has met nobody in vain is no sweeper.
      if (this.fanOut.find(who, FAILED, site) < 0) return -1;
      this.fanOut.add(who, ANSWERED, site, event.peer, nowMs);
      this.fanOut.discount(who, FAILED, site, event.peer);
      return -1;
    }
    if (this.#sweepers.isOf(who, 0, nowMs)) return -1;
    if (this.fanOut.has(who, ANSWERED, site, event.peer)) return -1;
    this.#told.forget(who, FAILED, site, nowMs);
    // A server that is gone and is asked for ever must keep no finding open.
    const isKnown = this.fanOut.has(who, FAILED, site, event.peer);
    this.fanOut.add(who, SERVICES, site, serviceOf(event), nowMs);
    const slot = this.#told.add(who, FAILED, site, event.peer, nowMs);
    return isKnown ? -1 : slot;
  }

  /** So many more than were told. */
  isSweep(slot: number, event: DetectEvent, nowMs: number): boolean {
    const failed = this.fanOut.distinct(slot);
    if (nowMs - this.fanOut.firstMs(slot) < SLOW_MS) return false;
    if (this.#told.fresh(slot) < FAILED_HOSTS) return false;
    const answered = this.fanOut.find(subjectOf(event), ANSWERED, this.siteOf(event.peer));
    return answered < 0 || failed >= FAILED_PER_ANSWERED * this.fanOut.distinct(answered);
  }

  /** All of its hosts up to now. */
  setTold(slot: number): void {
    this.#told.tell(slot);
  }

  /** The /16 or /48 of a host: subnets of a site are swept one after the other. */
  siteOf(ticket: number): number {
    const w0 = this.#addresses.word(ticket, 0);
    if (this.#addresses.family(ticket) === 4) return w0 >>> 16;
    return hash3(w0, this.#addresses.word(ticket, 1) >>> 16, 6);
  }

  /** The same in words; cold path. */
  siteText(ticket: number): string | null {
    return networkText(this.#addresses, ticket, this.#addresses.family(ticket) === 4 ? 16 : 48);
  }

  /** Some of those that were tried in vain; cold path. */
  services(who: number, site: number): number[] {
    const group = this.fanOut.find(who, SERVICES, site);
    return group < 0 ? [] : this.fanOut.examples(group, MAX_EXAMPLES);
  }
}
