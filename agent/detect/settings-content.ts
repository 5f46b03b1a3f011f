/**
 * Thresholds of the detectors that look at what is carried, how much and how regularly, in the form of settings.ts, which takes them in. Pure.
 */
import { z } from 'zod';
import { acting } from './settings-action.js';

export const contentSettings = {
  beacon: z
    .strictObject({
      ...acting,
      intervals: z.int().min(6).max(1000).default(20).describe('intervals between calls before it is judged'),
      jitter: z
        .number()
        .min(0.01)
        .max(0.5)
        .default(0.2)
        .describe('median absolute deviation of the intervals, as a share of their median'),
    })
    .prefault({}),
  volume: z
    .strictObject({
      ...acting,
      historyHours: z
        .int()
        .min(2)
        .max(10_000)
        .default(72)
        .describe(
          'hours of working days (Monday to Friday, UTC) before anything is unusual: three of them, as a cart is not at work each day',
        ),
      megabytesPerHour: z
        .number()
        .min(0.1)
        .max(1e6)
        .default(50)
        .describe('never told below, nor four times of it in a day'),
      timesUsual: z.number().min(1.5).max(1e6).default(8),
      deviations: z.number().min(1).max(100).default(4).describe('mean deviations of the logarithm'),
    })
    .prefault({}),
  dnsTunnel: z
    .strictObject({
      ...acting,
      names: z
        .int()
        .min(5)
        .max(1000)
        .default(40)
        .describe(
          'different names under one registered domain within the window that look drawn by lot, or ask for text',
        ),
      meanNameBytes: z
        .int()
        .min(8)
        .max(250)
        .default(24)
        .describe('of what stands before the domain, in names drawn by lot'),
      windowSeconds: z.int().min(10).max(86_400).default(600),
      textNamesPerDay: z
        .int()
        .min(10)
        .max(250)
        .default(60)
        .describe(
          'different names under one registered domain that look drawn by lot and ask for text or a name',
        ),
      drawnNamesPerDay: z
        .int()
        .min(10)
        .max(250)
        .default(100)
        .describe('the same that ask for anything else, with 45 bytes drawn by lot and more'),
      packetsPerSocket: z.int().min(10).max(1e6).default(60).describe('sent from one port to one resolver'),
      meanPacketBytes: z
        .int()
        .min(60)
        .max(1500)
        .default(90)
        .describe(
          'with these, IP header included; five sixths with 200 packets that began with a name drawn by lot; 26 more over TCP',
        ),
    })
    .prefault({}),
  dga: z
    .strictObject({
      ...acting,
      generatedNames: z
        .int()
        .min(3)
        .max(1000)
        .default(10)
        .describe(
          'different domains that look drawn by lot, and a quarter of all, within the window: a clinical device asks for few domains at all',
        ),
      alikeNames: z
        .int()
        .min(10)
        .max(1000)
        .default(40)
        .describe('different domains within the window, most of them about as long'),
      alikeShare: z
        .number()
        .min(0.5)
        .max(1)
        .default(0.7)
        .describe(
          'share of them within three neighbouring lengths; of domains that people visit it is about 0.4',
        ),
      windowSeconds: z.int().min(10).max(86_400).default(600),
    })
    .prefault({}),
  outlier: z
    .strictObject({
      ...acting,
      enabled: z
        .boolean()
        .default(false)
        .describe(
          'off: no capture that we have is long enough for it to be judged, so it has not earned its place',
        ),
      shareOfUsual: z
        .number()
        .min(0.001)
        .max(0.9)
        .default(0.2)
        .describe('a span whose score is below this share of the usual one is odd'),
      spansInARow: z
        .int()
        .min(1)
        .max(144)
        .default(2)
        .describe('odd spans of ten minutes, one after the other'),
    })
    .prefault({}),
  icmpTunnel: z
    .strictObject({
      ...acting,
      oddPayloads: z
        .int()
        .min(1)
        .max(1000)
        .default(1)
        .describe(
          'different payloads in echo with one host, within ten minutes, that no ping sends; twenty of up to 64 bytes are one',
        ),
      packets: z.int().min(5).max(1e6).default(40).describe('of one echo connection before it is judged'),
      meanPayloadBytes: z.int().min(64).max(65_000).default(400),
    })
    .prefault({}),
  encryptedDns: z
    .strictObject({
      ...acting,
      quietSeconds: z
        .int()
        .min(86_400)
        .max(604_800)
        .default(86_400)
        .describe('the finding closes after this long without another'),
    })
    .prefault({}),
  protocolMismatch: z
    .strictObject({
      ...acting,
      quietSeconds: z
        .int()
        .min(60)
        .max(604_800)
        .default(86_400)
        .describe('the finding closes after this long without another'),
    })
    .prefault({}),
};
