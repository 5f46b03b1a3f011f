/**
 * What a finding says of passwords that one opener tries at one host or at many, or many openers at one. Made by brute-force.ts when a count passes its
 * threshold. Cold path.
 */
import { addressOr, describeSubject, MAX_EXAMPLES, type DetectContext } from '../detector.js';
import type { DetectEvent } from '../event.js';
import type { FanOut } from '../fan-out.js';
import type { Opening } from '../finding-book.js';
import { CONNECTIONS, COUNTED, REFUSALS, type Login } from './login-services.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';

/** Quiet for so long, and it is over. */
export const QUIET_MS = 900_000;
/** What was told of one pair is not told again this long, unless it is far more: a job of every week is one. */
export const TOLD_MS = 8 * 86_400_000;

/** Who tried logins at whom, beyond a threshold. Read while it is opened; the event is another one's later. */
export interface Spray {
  readonly counts: FanOut;
  readonly group: number;
  readonly settings: DetectSettings['bruteForce'];
  readonly event: DetectEvent;
  readonly login: Login;
  readonly nowMs: number;
}

/** One opener at many hosts. */
export function openSpray(context: DetectContext, spray: Spray): number {
  const { addresses, describe } = context;
  const { fromDevice, peer, port } = spray.event;
  const who = fromDevice ? describeSubject(context, spray.event) : null;
  const opener = who?.text ?? addressOr(context, peer);
  return openCount(context, spray, {
    subject: opener,
    what: `sprays:${port}`,
    device: who?.device ?? null,
    deviceMac: who?.mac ?? null,
    peer: fromDevice ? null : opener,
    fromDevice,
    kind: 'spraying many hosts',
    title: (hosts) => `${opener} tries logins at ${hosts} hosts`,
    nameHost: (member) =>
      fromDevice || member < 0 ? addresses.text(Math.abs(member)) : describe(member).name,
    remedy: remedy(fromDevice, opener),
  });
}

/** Many openers at one host. */
export function openFromMany(context: DetectContext, spray: Spray): number {
  const who = describeSubject(context, spray.event);
  return openCount(context, spray, {
    subject: who.text,
    what: `is-guessed-by-many:${spray.event.port}`,
    device: who.device,
    deviceMac: who.mac,
    peer: null,
    fromDevice: false,
    kind: 'guessing from many hosts',
    title: (hosts) => `${hosts} hosts that never met ${who.text} try logins at it`,
    nameHost: (member) => context.addresses.text(member),
    remedy:
      'It closes 15 min after the last such connection. Find out why so many hosts reach the device, close that way, and change its passwords; if they are people at work, allow them.',
  });
}

interface Told extends Pick<Opening, 'subject' | 'what' | 'device' | 'deviceMac' | 'peer'> {
  readonly fromDevice: boolean;
  readonly kind: string;
  readonly title: (hosts: number) => string;
  readonly nameHost: (member: number) => string | null;
  readonly remedy: string;
}

function openCount({ book }: DetectContext, spray: Spray, told: Told): number {
  const { counts, group, settings, event, login, nowMs } = spray;
  const { fromDevice, kind, title, nameHost, remedy, ...key } = told;
  const service = `${login.name} (port ${event.port})`;
  const serial = counts.serial(group);
  const { sprayHosts, windowSeconds } = settings;
  return book.openFinding(
    {
      detector: 'bruteForce',
      ...key,
      quietMs: QUIET_MS,
      firstMs: counts.firstMs(group),
      count: counts.events(group),
      describe: (count) => {
        if (counts.serial(group) !== serial) return null;
        const hosts = counts.peak(group);
        return {
          severity: SEVERITY[fromDevice ? 'bruteForce.fromDevice' : 'bruteForce.atDevice'].severity,
          title: `${title(hosts)} by ${service} within ${windowSeconds} s`,
          evidence: {
            kind,
            from: fromDevice ? 'device' : 'network',
            service,
            distinctHosts: hosts,
            thresholdHosts: sprayHosts,
            windowSeconds,
            connections: count,
            hosts: counts.examples(group, MAX_EXAMPLES).map((member) => nameHost(member) ?? 'not kept'),
          },
          remedy,
        };
      },
    },
    nowMs,
  );
}

/** Guesses of one opener at one host, beyond a threshold. Read while it is opened, but for `window`; the event is another one's later. */
export interface Guesses {
  readonly threshold: number;
  readonly windowSeconds: number;
  readonly usual: number;
  readonly firstMs: number;
  readonly count: number;
  /** What the window holds by now (`size`: logarithm of the usual bytes of data); null where it is another pair's. */
  readonly window: () => { readonly alike: number; readonly attempts: number; readonly size: number } | null;
  readonly event: DetectEvent;
  readonly login: Login;
  readonly nowMs: number;
}

export function openGuesses(context: DetectContext, guesses: Guesses): number {
  const { threshold, windowSeconds, usual, firstMs, window, login, nowMs } = guesses;
  const { fromDevice, port } = guesses.event;
  const who = describeSubject(context, guesses.event);
  const peer = addressOr(context, guesses.event.peer);
  const [guesser, target] = fromDevice ? [who.text, peer] : [peer, who.text];
  const service = `${login.name} (port ${port})`;
  return context.book.openFinding(
    {
      detector: 'bruteForce',
      subject: who.text,
      what: `${fromDevice ? 'guesses' : 'is-guessed'}:${peer}:${port}`,
      device: who.device,
      deviceMac: who.mac,
      peer,
      quietMs: QUIET_MS,
      firstMs,
      count: guesses.count,
      describe: (count) => {
        const now = window();
        if (now === null) return null;
        return {
          severity: SEVERITY[fromDevice ? 'bruteForce.fromDevice' : 'bruteForce.atDevice'].severity,
          title: `${guesser} seems to guess passwords of ${target}: ${count} ${COUNTED[login.counts]} ${service}`,
          evidence: {
            kind: 'guessing at one host',
            from: fromDevice ? 'device' : 'network',
            areRefused: login.counts === REFUSALS,
            service,
            connections: count,
            alikeInWindow: now.alike,
            inWindow: now.attempts,
            thresholdConnections: threshold,
            windowSeconds,
            usualPerWindow: usual,
            typicalBytes: login.counts === CONNECTIONS ? Math.round(Math.exp(now.size)) : 0,
          },
          remedy: remedy(fromDevice, peer),
        };
      },
    },
    nowMs,
  );
}

function remedy(fromDevice: boolean, peer: string): string {
  return fromDevice
    ? 'It closes 15 min after the last such connection. If a wrong password is configured in the device, mend it; if a program of it connects this often by design, allow it or raise detect.bruteForce.attempts; if neither, contain it.'
    : `It closes 15 min after the last such connection. If ${peer} has a wrong password configured, mend it; if not, block it and change the passwords of what it reached.`;
}
