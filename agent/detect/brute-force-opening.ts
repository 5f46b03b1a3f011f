/**
 * What a finding says of passwords that one opener tries at many hosts, or many openers at one. Made by brute-force.ts when a count passes its
 * threshold. Cold path.
 */
import { addressOr, describeSubject, MAX_EXAMPLES, type DetectContext } from './detector.js';
import type { DetectEvent } from './event.js';
import type { FanOut } from './fan-out.js';
import type { Login } from './login-services.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';

/** Quiet for so long, and it is over. */
export const QUIET_MS = 900_000;

export function openSpray(
  context: DetectContext,
  settings: DetectSettings['bruteForce'],
  sprays: FanOut,
  group: number,
  event: DetectEvent,
  login: Login,
  nowMs: number,
): number {
  const { addresses, book, describe } = context;
  const { fromDevice } = event;
  const who = fromDevice ? describeSubject(context, event) : null;
  const opener = who?.text ?? addressOr(context, event.peer);
  const service = `${login.name} (port ${event.port})`;
  const serial = sprays.serial(group);
  const { sprayHosts, windowSeconds } = settings;
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

export function openFromMany(
  context: DetectContext,
  settings: DetectSettings['bruteForce'],
  sprays: FanOut,
  group: number,
  event: DetectEvent,
  login: Login,
  nowMs: number,
): number {
  const { addresses, book } = context;
  const who = describeSubject(context, event);
  const service = `${login.name} (port ${event.port})`;
  const serial = sprays.serial(group);
  const { sprayHosts, windowSeconds } = settings;
  return book.openFinding(
    {
      detector: 'bruteForce',
      subject: who.text,
      what: `is-guessed-by-many:${event.port}`,
      device: who.device,
      deviceMac: who.mac,
      peer: null,
      quietMs: QUIET_MS,
      firstMs: sprays.firstMs(group),
      count: sprays.events(group),
      describe: (count) => {
        if (sprays.serial(group) !== serial) return null;
        return {
          severity: SEVERITY['bruteForce.atDevice'].severity,
          title: `${sprays.peak(group)} hosts that never met ${who.text} try logins at it by ${service} within ${windowSeconds} s`,
          evidence: {
            kind: 'guessing from many hosts',
            from: 'network',
            service,
            distinctHosts: sprays.peak(group),
            thresholdHosts: sprayHosts,
            windowSeconds,
            connections: count,
            hosts: sprays.examples(group, MAX_EXAMPLES).map((member) => addresses.text(member) ?? 'not kept'),
          },
          remedy:
            'It closes 15 min after the last such connection. Find out why so many hosts reach the device, close that way, and change its passwords; if they are people at work, allow them.',
        };
      },
    },
    nowMs,
  );
}

export function remedy(fromDevice: boolean, peer: string): string {
  return fromDevice
    ? 'It closes 15 min after the last such connection. If a wrong password is configured in the device, mend it; if a program of it connects this often by design, allow it or raise detect.bruteForce.attempts; if neither, contain it.'
    : `It closes 15 min after the last such connection. If ${peer} has a wrong password configured, mend it; if not, block it and change the passwords of what it reached.`;
}
