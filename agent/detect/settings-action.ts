/** What the box may do by itself for a detector's findings: part of every detector's settings. Pure. */
import { z } from 'zod';
import { SEVERITIES } from '../messages/vocabulary.js';
import { CONTAIN_FROM_SEVERITY, DETECTOR_CONTAINMENTS_PER_HOUR } from '../policy/default-policy.js';

/** Default: tell, and leave it to people. */
export const acting = {
  action: z
    .enum(['report', 'refuse', 'contain'])
    .default('report')
    .describe(
      'refuse: inline, the connections that make up the finding are refused; contain: the device is contained',
    ),
  containFrom: z
    .enum(SEVERITIES)
    .default(CONTAIN_FROM_SEVERITY)
    .describe('with action contain: only for findings of at least this severity'),
  containmentsPerHour: z
    .int()
    .min(0)
    .max(1000)
    .default(DETECTOR_CONTAINMENTS_PER_HOUR)
    .describe('with action contain: devices that this detector may contain within an hour'),
} as const;
