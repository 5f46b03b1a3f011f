/**
 * Logins of one opener at one host that are too seldom to be guesses by the minute. Jobs log in as often (monitoring by SSH, Ansible, back-up): those
 * of a device's first day are its habit and told for low, once; who begins later and goes on all day is told for medium, once. Judged for services of
 * people alone, as programs log in as often for their living, and where a server says no to ever other passwords, which no program does that has one.
 * After the slow attacks of Javed and Paxson, "Detecting Stealthy, Distributed SSH Brute-Forcing", CCS 2013. Used by brute-force.ts, whose pairs and
 * findings these are.
 */
import { internText } from '../address-key.js';
import { NO_ADDRESS } from '../address-table.js';
import { TOLD_MS } from './brute-force-opening.js';
import { addressOr, describeSubject, type DetectContext } from '../detector.js';
import type { DetectEvent } from '../event.js';
import { COUNTED, dataBytes, REFUSALS, type Login } from './login-services.js';
import type { Memory } from '../memory.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import type { SlotTable } from '../slot-table.js';

const DAY_MS = 86_400_000;
/** Logarithm of the ratio within which sizes are alike, and the share that is: a guesser that waits makes as many tries in each connection. */
const ALIKE = 0.1;
const ALIKE_SHARE = 0.85;
/** Weight of the newest connection in the usual size. */
const SIZE_WEIGHT = 0.2;
/** 60 a day is one in 24 minutes; it is over when a quarter of a day has none. */
const QUIET_MS = 6 * 3_600_000;

export class PatientLogins {
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['bruteForce'];
  readonly #pairs: SlotTable;
  /** 1: logged in within the device's first day already. */
  readonly #isEarly: Uint8Array;
  readonly #beganMs: Float64Array;
  readonly #count: Int32Array;
  readonly #alike: Int32Array;
  readonly #size: Float64Array;
  readonly #findings: Int32Array;
  /** When it was last as often as what was told; 0: never. */
  readonly #toldMs: Float64Array;
  readonly #isChanged: Uint8Array;

  /** `pairs`: (opener, host, service), of which each `slot` here is one; 34 bytes more for each. */
  constructor(context: DetectContext, pairs: SlotTable, settings: DetectSettings['bruteForce']) {
    this.#context = context;
    this.#settings = settings;
    this.#pairs = pairs;
    this.#isEarly = new Uint8Array(pairs.capacity);
    this.#beganMs = new Float64Array(pairs.capacity);
    this.#count = new Int32Array(pairs.capacity);
    this.#alike = new Int32Array(pairs.capacity);
    this.#size = new Float64Array(pairs.capacity);
    this.#findings = new Int32Array(pairs.capacity);
    this.#toldMs = new Float64Array(pairs.capacity);
    this.#isChanged = new Uint8Array(pairs.capacity);
  }

  /** A pair that is new. */
  begin(slot: number, isEarly: boolean): void {
    this.#isEarly[slot] = this.#isChanged[slot] = isEarly ? 1 : 0;
    this.#count[slot] = this.#findings[slot] = 0;
    this.#toldMs[slot] = 0;
  }

  /** Pairs of a device that came (`firstMs`, by slot) after a restart, before it was known again that its first day is over. */
  noLongerEarly(device: number, firstMs: Float64Array, untilMs: number): void {
    for (let slot = 0; slot < this.#pairs.size; slot++)
      if (this.#endsOf(slot).own === device && (firstMs[slot] ?? 0) > untilMs) this.#isEarly[slot] = 0;
  }

  isEarly(slot: number): boolean {
    return this.#isEarly[slot] === 1;
  }

  /** One more of a pair that is as often as guesses within the window, but no faster than a job. */
  tellJob(slot: number, event: DetectEvent, login: Login, nowMs: number): void {
    this.#tell(slot, 'job', event, login, nowMs);
  }

  /** One more of a pair that is not (`size`: logarithm of its bytes of data); told when there were enough within a day. */
  add(slot: number, size: number, event: DetectEvent, login: Login, nowMs: number): void {
    if (this.isEarly(slot)) return;
    const sinceMs = nowMs - (this.#beganMs[slot] ?? 0);
    if (this.#count[slot] === 0 || sinceMs >= DAY_MS || sinceMs < 0) {
      this.#beganMs[slot] = nowMs;
      this.#size[slot] = size;
      this.#count[slot] = this.#alike[slot] = 0;
    }
    const error = size - (this.#size[slot] ?? 0);
    this.#size[slot] = (this.#size[slot] ?? 0) + SIZE_WEIGHT * error;
    const count = (this.#count[slot] ?? 0) + 1;
    this.#count[slot] = count;
    if (Math.abs(error) <= ALIKE) this.#alike[slot] = (this.#alike[slot] ?? 0) + 1;
    if (count < this.#settings.slowAttempts || (this.#alike[slot] ?? 0) < count * ALIKE_SHARE) return;
    this.#tell(slot, 'slow', event, login, nowMs);
  }

  /** Pairs that are a habit, or were told. */
  *memories(isAll: boolean): Generator<Memory> {
    for (let slot = 0; slot < this.#pairs.size; slot++) {
      const isEarly = this.#isEarly[slot] ?? 0;
      const toldMs = this.#toldMs[slot] ?? 0;
      if ((isEarly === 0 && toldMs === 0) || (this.#isChanged[slot] === 0 && !isAll)) continue;
      const service = this.#pairs.keyC(slot);
      const { own, other } = this.#endsOf(slot);
      const { name } = this.#context.describe(own);
      const peer = this.#context.addresses.text(other);
      if (name === null || peer === null) continue;
      if (!isAll) this.#isChanged[slot] = 0;
      yield {
        detector: 'bruteForce',
        device: name,
        key: `${peer} ${service}`,
        values: [service, isEarly, toldMs],
      };
    }
  }

  /** The slot that it is given back into (of #pairs, whose isNew says whether it is new); -1 for none. */
  restore(device: number, { key, values }: Memory): number {
    const peer = internText(this.#context.addresses, key.split(' ')[0] ?? '');
    const [service = 0, isEarly = 0, toldMs = 0] = values;
    if (peer === NO_ADDRESS) return -1;
    const isFromDevice = (service & 1) === 1;
    const slot = this.#pairs.intern(isFromDevice ? device : peer, isFromDevice ? peer : device, service);
    if (this.#pairs.isNew) this.begin(slot, false);
    // What was there on the first day was known better before.
    this.#isEarly[slot] = isEarly === 1 ? 1 : 0;
    this.#toldMs[slot] = Math.max(this.#toldMs[slot] ?? 0, toldMs);
    return slot;
  }

  /** The device of a pair, and whom it has to do with. */
  #endsOf(slot: number): { readonly own: number; readonly other: number } {
    const [opener, host] = [this.#pairs.keyA(slot), this.#pairs.keyB(slot)];
    const isFromDevice = (this.#pairs.keyC(slot) & 1) === 1;
    return isFromDevice ? { own: opener, other: host } : { own: host, other: opener };
  }

  #tell(slot: number, kind: 'job' | 'slow', event: DetectEvent, login: Login, nowMs: number): void {
    const toldMs = this.#toldMs[slot] ?? 0;
    const isKnown = toldMs !== 0 && Math.abs(nowMs - toldMs) <= TOLD_MS;
    this.#toldMs[slot] = nowMs;
    this.#isChanged[slot] = 1;
    if (this.#context.book.touch(this.#findings[slot] ?? 0, nowMs) || isKnown) return;
    this.#findings[slot] = this.#open(slot, kind, event, login, nowMs);
  }

  #open(slot: number, kind: 'job' | 'slow', event: DetectEvent, login: Login, nowMs: number): number {
    const { fromDevice, port } = event;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const [guesser, target] = fromDevice ? [who.text, peer] : [peer, who.text];
    const service = `${login.name} (port ${port})`;
    const isJob = kind === 'job';
    const threshold = isJob ? this.#settings.attempts : this.#settings.slowAttempts;
    const areRefused = login.counts === REFUSALS;
    const typicalBytes = areRefused ? 0 : dataBytes(event);
    const counted = COUNTED[login.counts];
    const windowSeconds = isJob ? this.#settings.windowSeconds : DAY_MS / 1000;
    return this.#context.book.openFinding(
      {
        detector: 'bruteForce',
        subject: who.text,
        what: `${isJob ? 'logs-in' : 'guesses-slowly'}:${fromDevice ? 'to' : 'from'}:${peer}:${port}`,
        device: who.device,
        deviceMac: who.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs: isJob ? nowMs : (this.#beganMs[slot] ?? nowMs),
        count: threshold,
        isOnlyTold: isJob,
        describe: (count) => ({
          severity: SEVERITY[isJob ? 'bruteForce.job' : 'bruteForce.slow'].severity,
          title: isJob
            ? `${guesser} logs in to ${target} often since the first day: ${count} short, alike connections to ${service}`
            : `${guesser} seems to guess passwords of ${target} slowly: ${count} ${counted} ${service}`,
          evidence: {
            kind: isJob ? 'logging in from the first day on' : 'guessing slowly at one host',
            from: fromDevice ? 'device' : 'network',
            areRefused,
            service,
            connections: count,
            thresholdConnections: threshold,
            windowSeconds,
            typicalBytes,
          },
          remedy: isJob
            ? `Find out which job of ${guesser} logs in; if there is none, block it and change the passwords of ${target}. It is told again when it goes four times as fast.`
            : `If a job of ${guesser} logs in this often by design, allow it or raise detect.bruteForce.slowAttempts; if a wrong password is configured, mend it; if neither, block it and change the passwords of ${target}.`,
        }),
      },
      nowMs,
    );
  }
}
