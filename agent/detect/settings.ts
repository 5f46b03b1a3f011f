/**
 * Thresholds of the detectors, with units in their names: part of the policy schema (`detect:`), so that one document
 * says what is allowed and what is out of character. Pure.
 */
import { z } from 'zod';
import { acting } from './settings-action.js';
import { contentSettings } from './settings-content.js';

/** Every detector's name is the key of its settings and the name in a finding; its file is the same name with dashes. */
export const detectSettings = z.strictObject({
  portScan: z
    .strictObject({
      ...acting,
      ports: z.int().min(3).max(65535).default(15).describe('distinct ports of one host within the window'),
      windowSeconds: z.int().min(1).max(86400).default(60),
      slowPorts: z
        .int()
        .min(3)
        .max(65535)
        .default(40)
        .describe('distinct refused ports of one host within the slow window'),
      slowWindowSeconds: z.int().min(1).max(86400).default(3600),
      stealthyPorts: z
        .int()
        .min(3)
        .max(65535)
        .default(40)
        .describe('distinct refused or failed ports below 32768 of one host within the stealthy window'),
      stealthyWindowSeconds: z.int().min(1).max(604_800).default(86_400),
      oddProbes: z
        .int()
        .min(1)
        .max(1000)
        .default(3)
        .describe(
          'probes as no system sends them (odd TCP flags, ICMP out of use), within the window; two are enough if they differ',
        ),
      knocks: z
        .int()
        .min(2)
        .max(1000)
        .default(3)
        .describe(
          'connections to one host, on two ports or more, that it answered and the opener reset without a byte, within the window',
        ),
    })
    .prefault({}),
  hostSweep: z
    .strictObject({
      ...acting,
      hosts: z
        .int()
        .min(3)
        .max(65535)
        .default(10)
        .describe(
          'distinct hosts of one network (/24 or /64), not allowed by an entry, on one service within the window',
        ),
      scatteredHosts: z
        .int()
        .min(3)
        .max(65535)
        .default(30)
        .describe('distinct refused hosts anywhere on one service within the window'),
      windowSeconds: z.int().min(1).max(86400).default(60),
    })
    .prefault({}),
  unfamiliarPeer: z
    .strictObject({
      ...acting,
      learnSeconds: z
        .int()
        .min(0)
        .max(31_536_000)
        .default(604_800)
        .describe('a device is new to us this long; nothing is unfamiliar yet'),
      peersPerDevice: z
        .int()
        .min(16)
        .max(65535)
        .default(1024)
        .describe('how many peers are remembered for a device'),
    })
    .prefault({}),
  unfamiliarService: z
    .strictObject({
      ...acting,
      learnSeconds: z
        .int()
        .min(0)
        .max(31_536_000)
        .default(604_800)
        .describe('a device is new to us this long; a week has every weekday in it'),
    })
    .prefault({}),
  unfamiliarNetwork: z
    .strictObject({
      ...acting,
      learnSeconds: z
        .int()
        .min(0)
        .max(31_536_000)
        .default(604_800)
        .describe('a device is new to us this long; a week has every weekday in it'),
    })
    .prefault({}),
  spoofing: z
    .strictObject({
      ...acting,
      quietSeconds: z
        .int()
        .min(1)
        .max(86400)
        .default(300)
        .describe('the finding closes after this long without another'),
    })
    .prefault({}),
  failedConnections: z
    .strictObject({
      ...acting,
      theta0: z
        .number()
        .min(0.01)
        .max(0.99)
        .default(0.8)
        .describe('share of first contacts that succeed, benign'),
      theta1: z
        .number()
        .min(0.01)
        .max(0.99)
        .default(0.2)
        .describe('share of first contacts that succeed, scanner'),
      alpha: z.number().min(0.0001).max(0.5).default(0.01).describe('wanted probability of a false alarm'),
      beta: z.number().min(0.5).max(0.9999).default(0.99).describe('wanted probability of detection'),
      leastFailures: z
        .int()
        .min(3)
        .max(1000)
        .default(16)
        .describe('distinct failed contacts that it takes at least: an outage of a few servers is no scan'),
      outsideHosts: z
        .int()
        .min(3)
        .max(2048)
        .default(20)
        .describe(
          'hosts outside the site that tried one device in vain within a day: it can be reached from the internet, where everybody is tried',
        ),
    })
    .refine(({ theta0, theta1 }) => theta1 < theta0, { error: 'theta1 must be below theta0' })
    .prefault({}),
  wormSpread: z
    .strictObject({
      ...acting,
      hosts: z
        .int()
        .min(3)
        .max(2048)
        .default(25)
        .describe('hosts never met before, on one service within the window'),
      hostsAfterContact: z
        .int()
        .min(2)
        .max(2048)
        .default(6)
        .describe('the same, for a device that was itself contacted on that service before'),
      windowSeconds: z.int().min(1).max(86400).default(600),
      afterContactSeconds: z
        .int()
        .min(1)
        .max(604_800)
        .default(3600)
        .describe('how long ago that contact may be'),
    })
    .prefault({}),
  connectionBurst: z
    .strictObject({
      ...acting,
      connectionsPerMinute: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(600)
        .describe(
          'new connections a minute below which nothing is a burst; twice that while the usual is not known',
        ),
      connectionsPerSecond: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(100)
        .describe('new connections a second on one service that are a flood'),
      packetsPerSecond: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(100)
        .describe('pings, or UDP questions that are hardly ever answered, a second in one connection'),
      forgedPerSecond: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(50)
        .describe(
          'new connections a second, each from another address outside the site, that are a flood with forged sources',
        ),
      timesUsual: z.number().min(2).max(1000).default(10).describe("times the device's own usual"),
      deviations: z
        .number()
        .min(3)
        .max(100)
        .default(8)
        .describe('mean deviations of the logarithm above the usual'),
    })
    .prefault({}),
  bruteForce: z
    .strictObject({
      ...acting,
      attempts: z
        .int()
        .min(3)
        .max(10_000)
        .default(10)
        .describe(
          'short, alike connections to a login service of people (SSH, RDP) within the window; more for programs, and ten times as many within one session or by SIP',
        ),
      slowAttempts: z
        .int()
        .min(10)
        .max(10_000)
        .default(60)
        .describe(
          'short, alike connections to a login service of people within a day, by who did not log in on the first day of the device; and logins that are refused, each with another password',
        ),
      sprayHosts: z
        .int()
        .min(3)
        .max(1024)
        .default(10)
        .describe(
          'hosts that one opener tries, or that try one device, within the window, and did not the day before',
        ),
      snmpRequests: z
        .int()
        .min(10)
        .max(10_000)
        .default(30)
        .describe('SNMP requests to one host within a minute, a quarter of them answered at most'),
      windowSeconds: z.int().min(10).max(86400).default(600),
    })
    .prefault({}),
  lateralContact: z
    .strictObject({
      ...acting,
      learnSeconds: z
        .int()
        .min(0)
        .max(31_536_000)
        .default(604_800)
        .describe(
          'what passes on administrative services is usual for a device that is new to us this long; a weekend shows nobody at work',
        ),
    })
    .prefault({}),
  arpSpoof: z
    .strictObject({
      ...acting,
      changes: z
        .int()
        .min(2)
        .max(1000)
        .default(2)
        .describe('changes of an address between two MACs within the window'),
      unsolicitedReplies: z
        .int()
        .min(2)
        .max(1000)
        .default(10)
        .describe('replies to one host about one address within the window, without a question'),
      addressesTaken: z
        .int()
        .min(2)
        .max(256)
        .default(3)
        .describe('addresses of others that one MAC takes over within the window'),
      windowSeconds: z.int().min(1).max(86400).default(300),
    })
    .prefault({}),
  rogueServer: z
    .strictObject({
      ...acting,
      learnSeconds: z
        .int()
        .min(0)
        .max(31_536_000)
        .default(86_400)
        .describe('servers on the network side that are seen this soon after the start are known'),
      clients: z
        .int()
        .min(10)
        .max(2048)
        .default(100)
        .describe('unknown client hardware addresses that ask for leases within a minute'),
      addressesPerClient: z
        .int()
        .min(3)
        .max(2048)
        .default(10)
        .describe('addresses that one client hardware address asks leases for within a minute'),
      routers: z
        .int()
        .min(3)
        .max(2048)
        .default(8)
        .describe('IPv6 routers that advertise themselves on the network side within a minute'),
    })
    .prefault({}),
  deviceSilent: z
    .strictObject({
      ...acting,
      learnSeconds: z.int().min(3600).max(31_536_000).default(604_800).describe('how long habits are learnt'),
      leastSeconds: z.int().min(60).max(31_536_000).default(3600).describe('never told before'),
      timesUsual: z
        .number()
        .min(1.2)
        .max(1000)
        .default(3)
        .describe('times the usual longest gap of the device'),
    })
    .prefault({}),
  ...contentSettings,
});

export type DetectSettings = z.infer<typeof detectSettings>;

export type DetectorName = keyof DetectSettings;
