/**
 * Thresholds of the detectors, with units in their names: part of the policy schema (`detect:`), so that one document
 * says what is allowed and what is out of character. Pure.
 */
import { z } from 'zod';

/** What the box may do by itself when a detector is sure. Default: tell, and leave it to people. */
const action = z
  .enum(['report', 'refuse', 'contain'])
  .default('report')
  .describe(
    'refuse: inline, the connections that make up the finding are refused; contain: the device is contained',
  );

/** Every detector's name is the key of its settings and the name in a finding; its file is the same name with dashes. */
export const detectSettings = z.strictObject({
  portScan: z
    .strictObject({
      action,
      ports: z.int().min(3).max(65535).default(15).describe('distinct ports of one host within the window'),
      windowSeconds: z.int().min(1).max(86400).default(60),
      slowPorts: z
        .int()
        .min(3)
        .max(65535)
        .default(40)
        .describe('distinct refused ports of one host within the slow window'),
      slowWindowSeconds: z.int().min(1).max(86400).default(3600),
    })
    .prefault({}),
  hostSweep: z
    .strictObject({
      action,
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
      action,
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
  spoofing: z
    .strictObject({
      action,
      quietSeconds: z
        .int()
        .min(1)
        .max(86400)
        .default(300)
        .describe('the finding closes after this long without another'),
    })
    .prefault({}),
});

export type DetectSettings = z.infer<typeof detectSettings>;

export type DetectorName = keyof DetectSettings;
