/**
 * Guessing passwords: many short, alike, answered connections to one login service, from one opener to one host (MITRE
 * ATT&CK T1110.001) or to many hosts (password spraying, T1110.003). Judged from counters alone, so that encrypted logins
 * show too: after Hellemons et al., "SSHCure: A Flow-Based SSH Intrusion Detection System", AIMS 2012, and Hofstede et al.,
 * "Flow-based web application brute-force attack detection", 2017 (alike sizes of consecutive flows are guesses).
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import { openFromMany, openGuesses, openSpray, TOLD_MS } from './brute-force-opening.js';
import { CommunityGuess, SNMP_PORT } from './community-guess.js';
import type { DetectContext, Detector } from '../detector.js';
import {
  EVENT_END,
  EVENT_IP,
  EVENT_PAYLOAD,
  OUTCOME_ANSWERED,
  subjectOf,
  VERDICT_ALLOWED,
  type DetectEvent,
  SEES_END,
  SEES_GOING,
  SEES_IP,
  SEES_PAYLOAD,
} from '../event.js';
import { FanOut } from '../fan-out.js';
import { FtpSessions } from './ftp-session.js';
import { isInside } from '../inside.js';
import { InstrumentTalk } from './instrument-talk.js';
import {
  ALLOWED_FACTOR,
  CONNECTIONS,
  dataBytes,
  FTP_PORT,
  isGuess,
  isTicket,
  loginAt,
  POLLING_FACTOR,
  REFUSALS,
  type Login,
} from './login-services.js';
import { PatientLogins } from './patient-login.js';
import { RedisSessions } from './redis-session.js';
import { RefusedLogins } from './refused-login.js';
import type { Memory } from '../memory.js';
import type { DetectSettings } from '../settings.js';
import { SipRegisters } from './sip-registers.js';
import { SlotTable } from '../slot-table.js';
import { WatchedDevices } from '../watched-devices.js';

/** (opener, host, service); 110 bytes each. */
const PAIRS = 8_192;
const SPRAY_MEMBERS = 8_192;
const SPRAY_HOSTS = 1_024;
/** Logarithm of the ratio within which the sizes of two runs are alike: 35 %. */
const ALIKE = 0.3;
/** Weight of the newest connection in the usual size. */
const SIZE_WEIGHT = 0.2;
/** Times the count of its usual window that a regular client must pass. */
const TIMES_USUAL = 4;
/** Who was there half a day ago already is no stranger: what a program does every night comes from one that is known. */
const KNOWN_MS = 43_200_000;
/** What a program does from a device's first minute on was there before the box; what a job does, within its first day. */
const FIRST_MINUTE_MS = 60_000;
const FIRST_DAY_MS = 86_400_000;
/** Times `attempts` for a database where a connection has room for a refused login alone: a list of passwords has a hundred at least. */
const REFUSED_FACTOR = 6;
/** Keys: the sprays of one opener inwards and outwards are 0 and 1. */
const FROM_MANY = 2;
const COUNTS_BIT = 1 << 20;
const FTP_DATA_PORT = 20;
const FIRST_USER_PORT = 1_024;

export function createBruteForceDetector(
  context: DetectContext,
  settings: DetectSettings['bruteForce'],
): Detector {
  return new BruteForce(context, settings);
}

class BruteForce implements Detector {
  readonly name = 'bruteForce';
  readonly kinds = SEES_IP | SEES_END | SEES_GOING | SEES_PAYLOAD;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['bruteForce'];
  readonly #windowMs: number;
  readonly #pairs = new SlotTable(PAIRS);
  readonly #beganMs = new Float64Array(PAIRS);
  readonly #attempts = new Int32Array(PAIRS);
  readonly #alike = new Int32Array(PAIRS);
  /** Logarithm of the usual bytes of data of one connection, both directions. */
  readonly #size = new Float64Array(PAIRS);
  /** Attempts of a usual window; 0 while none has passed. */
  readonly #usual = new Float64Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);
  /** Connections of this window that show that a login was let in. */
  readonly #granted = new Int32Array(PAIRS);
  readonly #firstMs = new Float64Array(PAIRS);
  readonly #lastMs = new Float64Array(PAIRS);
  /** Attempts without a pause in between; and of those that were told, how many, of what size and when. */
  readonly #run = new Int32Array(PAIRS);
  readonly #toldRun = new Int32Array(PAIRS);
  readonly #toldSize = new Float64Array(PAIRS);
  readonly #toldMs = new Float64Array(PAIRS);
  /** 1: in its first window, which began with what is known of the device. */
  readonly #isHabit = new Uint8Array(PAIRS);
  readonly #devices: WatchedDevices;
  readonly #patient: PatientLogins;
  /** One opener at many hosts, and many openers at one host. */
  readonly #sprays: FanOut;
  readonly #communities: CommunityGuess;
  readonly #refused = new RefusedLogins();
  readonly #sessions: RedisSessions;
  readonly #registers: SipRegisters;
  readonly #ftp: FtpSessions;
  readonly #instruments = new InstrumentTalk();

  constructor(context: DetectContext, settings: DetectSettings['bruteForce']) {
    this.#context = context;
    this.#settings = settings;
    this.#windowMs = settings.windowSeconds * 1000;
    this.#sprays = new FanOut(this.#windowMs, { members: SPRAY_MEMBERS, membersPerGroup: SPRAY_HOSTS });
    this.#devices = new WatchedDevices(context, 'bruteForce');
    this.#patient = new PatientLogins(context, this.#pairs, settings);
    this.#ftp = new FtpSessions(context, settings);
    this.#sessions = new RedisSessions(context, settings);
    this.#registers = new SipRegisters(context, settings);
    this.#communities = new CommunityGuess(context, settings.snmpRequests);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind === EVENT_IP || event.kind === EVENT_PAYLOAD) {
      this.#registers.begin(event);
      if (event.kind === EVENT_PAYLOAD) this.#hear(event, nowMs);
      return;
    }
    this.#ftp.judge(event, nowMs);
    if (!this.#context.addresses.isHost(event.peer)) return;
    this.#sessions.judge(event, nowMs);
    const isRegister = this.#registers.judge(event, nowMs);
    if (event.kind !== EVENT_END) return;
    this.#devices.note(event, nowMs);
    if (event.port === SNMP_PORT) this.#communities.observe(event, nowMs);
    if (event.outcome !== OUTCOME_ANSWERED) return;
    if (event.protocol !== PROTOCOL_TCP && event.protocol !== PROTOCOL_UDP) return;
    if (isRegister) return;
    const login = loginAt(event.port);
    if (login === undefined) this.#noteData(event, nowMs);
    else if (this.#instruments.has(event)) return;
    else if (isGuess(event, login)) this.#attempt(event, login, nowMs);
    else if (login.canSpray) this.#admit(event, login, nowMs);
  }

  tick(nowMs: number): void {
    this.#sprays.expire(nowMs);
  }

  *memories(isAll: boolean): Generator<Memory> {
    yield* this.#devices.memories(isAll);
    yield* this.#patient.memories(isAll);
  }

  restore(memory: Memory, nowMs: number): void {
    const device = this.#context.idOf?.(memory.device) ?? 0;
    if (device === 0) return;
    if (memory.key === '') {
      const firstMs = memory.values[0] ?? nowMs;
      this.#devices.restore(device, firstMs);
      this.#patient.noLongerEarly(device, this.#firstMs, firstMs + FIRST_DAY_MS);
      return;
    }
    const slot = this.#patient.restore(device, memory);
    if (slot < 0) return;
    if (this.#pairs.isNew) this.#begin(slot, nowMs);
    // Known for long.
    if (this.#pairs.isNew || this.#patient.isEarly(slot)) this.#firstMs[slot] = 0;
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'bruteForce.evicted':
        this.#pairs.evicted +
        this.#devices.evicted +
        this.#sprays.evicted +
        this.#communities.evicted +
        this.#refused.evicted +
        this.#ftp.evicted +
        this.#sessions.evicted +
        this.#registers.evicted,
      'bruteForce.beyondLimit': this.#sprays.beyondLimit,
    };
  }

  /** EVENT_PAYLOAD. */
  #hear(event: DetectEvent, nowMs: number): void {
    this.#instruments.note(event);
    this.#ftp.begin(event);
    const refused = this.#refused.observe(event);
    if (refused === null || !this.#context.addresses.isHost(event.peer)) return;
    this.#attempt(event, refused, nowMs);
    const { askedBytes } = this.#refused;
    if (askedBytes > 0) this.#sessions.begin(event, askedBytes);
  }

  #attempt(event: DetectEvent, login: Login, nowMs: number): void {
    const slot = this.#pair(event, login, nowMs);
    const size = login.counts === CONNECTIONS ? Math.log(dataBytes(event)) : 1;
    this.#add(slot, size, login, nowMs);
    const isAllowed = event.verdict === VERDICT_ALLOWED;
    const threshold = this.#settings.attempts * this.#factor(slot, login) * (isAllowed ? ALLOWED_FACTOR : 1);
    const isGuessing = this.#isGuessing(slot, threshold, login, nowMs);
    if (isGuessing) {
      if (this.#isJob(slot, threshold, nowMs)) this.#patient.tellJob(slot, event, login, nowMs);
      else this.#tell(slot, threshold, event, login, nowMs);
    } else if (this.#findings[slot] === 0 && this.#isJudgedByDay(login, isAllowed)) {
      this.#patient.add(slot, size, event, login, nowMs);
    }
    if (!login.canSpray || isAllowed || nowMs - (this.#firstMs[slot] ?? nowMs) >= KNOWN_MS) return;
    const opener = this.#pairs.keyA(slot);
    const other = this.#pairs.keyB(slot);
    this.#spray(opener, event.fromDevice ? 1 : 0, other, isGuessing, event, login, nowMs);
    if (login.isAdministrative && !event.fromDevice)
      this.#spray(other, FROM_MANY, opener, false, event, login, nowMs);
  }

  /** An approved entry expects logins, and none with ever other passwords that are refused. */
  #isJudgedByDay(login: Login, isAllowed: boolean): boolean {
    if (login.counts === REFUSALS) return this.#refused.isAnother;
    return login.isAdministrative && !isAllowed;
  }

  #spray(
    one: number,
    kind: number,
    other: number,
    isTold: boolean,
    event: DetectEvent,
    login: Login,
    nowMs: number,
  ): void {
    const group = this.#sprays.add(one, event.port, kind, other, nowMs);
    if (isTold || this.#sprays.distinct(group) < this.#settings.sprayHosts) return;
    const id = this.#sprays.finding(group);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    const spray = { counts: this.#sprays, group, settings: this.#settings, event, login, nowMs };
    const open = kind === FROM_MANY ? openFromMany : openSpray;
    this.#sprays.setFinding(group, open(this.#context, spray));
  }

  /** A session that is none of a guesser: its opener becomes known; and a ticket takes back the request that was sent without a password. */
  #admit(event: DetectEvent, login: Login, nowMs: number): void {
    const slot = this.#pair(event, login, nowMs);
    if (isTicket(event)) this.#granted[slot] = (this.#granted[slot] ?? 0) + 1;
  }

  /** Who opens a data connection was let in (RFC 959 section 3.2): a login for each file is no guess. */
  #noteData(event: DetectEvent, nowMs: number): void {
    if (event.protocol !== PROTOCOL_TCP) return;
    const isActive = event.srcPort === FTP_DATA_PORT;
    if (!isActive && event.port < FIRST_USER_PORT) return;
    const fromDevice = event.fromDevice !== isActive;
    const subject = subjectOf(event);
    const [opener, host] = fromDevice ? [subject, event.peer] : [event.peer, subject];
    this.#ftp.noteData(opener, host, nowMs);
    const slot = this.#pairs.find(opener, host, FTP_PORT * 2 + (fromDevice ? 1 : 0));
    if (slot >= 0) this.#granted[slot] = (this.#granted[slot] ?? 0) + 1;
  }

  #pair(event: DetectEvent, login: Login, nowMs: number): number {
    const subject = subjectOf(event);
    const opener = event.fromDevice ? subject : event.peer;
    const other = event.fromDevice ? event.peer : subject;
    const service = event.port * 2 + (event.fromDevice ? 1 : 0) + login.counts * COUNTS_BIT;
    const slot = this.#pairs.intern(opener, other, service);
    if (this.#pairs.isNew) {
      this.#begin(slot, nowMs);
      const isBefore = this.#devices.isSoonAfterStart(event, nowMs, FIRST_MINUTE_MS);
      this.#isHabit[slot] = isBefore && login.factor >= POLLING_FACTOR ? 1 : 0;
      const isEarly =
        login.isAdministrative &&
        isInside(this.#context.addresses, event.peer) &&
        this.#devices.isSoonAfterFirst(subject, nowMs - event.durationMs, FIRST_DAY_MS);
      this.#patient.begin(slot, isEarly);
    }
    const sinceMs = nowMs - (this.#beganMs[slot] ?? nowMs);
    if (sinceMs >= this.#windowMs || sinceMs < 0) this.#nextWindow(slot, sinceMs, nowMs);
    return slot;
  }

  #begin(slot: number, nowMs: number): void {
    this.#firstMs[slot] = this.#beganMs[slot] = nowMs;
    this.#lastMs[slot] = this.#toldMs[slot] = nowMs;
    this.#attempts[slot] = this.#alike[slot] = this.#granted[slot] = 0;
    this.#run[slot] = this.#toldRun[slot] = 0;
    this.#size[slot] = this.#usual[slot] = 0;
    this.#findings[slot] = this.#isHabit[slot] = 0;
  }

  /** What was there before the box may be a poll as small as a refused login. */
  #factor(slot: number, { factor, refusedBytes }: Login): number {
    const isSmall = (this.#size[slot] ?? 0) <= Math.log(refusedBytes);
    return isSmall && this.#isHabit[slot] === 0 ? REFUSED_FACTOR : factor;
  }

  /** Who logged in on the device's first day already, and not as fast as who guesses. */
  #isJob(slot: number, threshold: number, nowMs: number): boolean {
    return (
      this.#patient.isEarly(slot) &&
      (this.#attempts[slot] ?? 0) < threshold * TIMES_USUAL &&
      nowMs - (this.#beganMs[slot] ?? nowMs) > this.#windowMs / TIMES_USUAL
    );
  }

  #add(slot: number, size: number, login: Login, nowMs: number): void {
    const isPause = Math.abs(nowMs - (this.#lastMs[slot] ?? nowMs)) > this.#windowMs;
    // Another run may be of another kind.
    const usual = isPause ? 0 : (this.#size[slot] ?? 0);
    const error = usual === 0 ? 0 : size - usual;
    this.#size[slot] = usual === 0 ? size : usual + SIZE_WEIGHT * error;
    this.#attempts[slot] = (this.#attempts[slot] ?? 0) + 1;
    if (Math.abs(error) <= login.alike) this.#alike[slot] = (this.#alike[slot] ?? 0) + 1;
    this.#run[slot] = (isPause ? 0 : (this.#run[slot] ?? 0)) + 1;
    this.#lastMs[slot] = nowMs;
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
    this.#granted[slot] = 0;
    this.#isHabit[slot] = 0;
  }

  #isGuessing(slot: number, threshold: number, login: Login, nowMs: number): boolean {
    const attempts = this.#attempts[slot] ?? 0;
    // Nobody knows yet what is usual: a program that polls every second or two is not told, who guesses as fast as it is answered is.
    const isSlow = nowMs - (this.#beganMs[slot] ?? nowMs) > this.#windowMs / TIMES_USUAL;
    if (this.#isHabit[slot] === 1 && isSlow) return false;
    const least = Math.max(threshold, TIMES_USUAL * (this.#usual[slot] ?? 0));
    const isAlike = (this.#alike[slot] ?? 0) >= attempts * login.alikeShare;
    return isAlike && attempts - (this.#granted[slot] ?? 0) >= least;
  }

  #tell(slot: number, threshold: number, event: DetectEvent, login: Login, nowMs: number): void {
    const id = this.#findings[slot] ?? 0;
    const isOpen = id !== 0 && this.#context.book.touch(id, nowMs);
    if (!isOpen && this.#isToldBefore(slot, nowMs)) {
      this.#toldMs[slot] = nowMs;
      return;
    }
    this.#toldRun[slot] = this.#run[slot] ?? 0;
    this.#toldSize[slot] = this.#size[slot] ?? 0;
    this.#toldMs[slot] = nowMs;
    if (!isOpen) this.#findings[slot] = this.#openPair(slot, threshold, event, login, nowMs);
  }

  /** About as many of the same size were told within the last days: a job that runs every night, with the same wrong password perhaps. */
  #isToldBefore(slot: number, nowMs: number): boolean {
    const sinceMs = nowMs - (this.#toldMs[slot] ?? nowMs);
    return (
      sinceMs >= 0 &&
      sinceMs <= TOLD_MS &&
      (this.#run[slot] ?? 0) < TIMES_USUAL * (this.#toldRun[slot] ?? 0) &&
      Math.abs((this.#size[slot] ?? 0) - (this.#toldSize[slot] ?? 0)) <= ALIKE
    );
  }

  #openPair(slot: number, threshold: number, event: DetectEvent, login: Login, nowMs: number): number {
    const serial = this.#pairs.serial(slot);
    return openGuesses(this.#context, {
      threshold,
      windowSeconds: this.#settings.windowSeconds,
      usual: Math.round(this.#usual[slot] ?? 0),
      firstMs: this.#beganMs[slot] ?? nowMs,
      count: this.#attempts[slot] ?? 1,
      window: () =>
        this.#pairs.serial(slot) === serial
          ? {
              alike: this.#alike[slot] ?? 0,
              attempts: this.#attempts[slot] ?? 0,
              size: this.#size[slot] ?? 0,
            }
          : null,
      event,
      login,
      nowMs,
    });
  }
}
