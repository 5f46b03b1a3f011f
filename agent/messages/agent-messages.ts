/**
 * What the CLI may ask the agent, over /run/cordon/agent.sock: reads of the store, nothing else. Same framing as
 * enforcer-messages.ts. A limit bounds every answer.
 */
import { z } from 'zod';
import { addressText, epochMs, finding, macText, refusalReason, side } from './vocabulary.js';

const limit = z.int().min(1).max(10_000).default(200);

export const deviceRow = z.strictObject({
  name: z.string().nullable(),
  mac: macText,
  addresses: z.array(addressText),
  port: z.string().nullable(),
  firstMs: epochMs,
  lastMs: epochMs,
});
export type DeviceRow = z.infer<typeof deviceRow>;

export const refusalRow = z.strictObject({
  device: z.string().nullable(),
  deviceMac: macText.nullable(),
  from: side,
  deviceAddress: addressText.nullable(),
  peer: addressText.nullable(),
  protocol: z.number().nullable(),
  port: z.number().nullable(),
  reason: refusalReason,
  count: z.number(),
  firstMs: epochMs,
  lastMs: epochMs,
});
export type RefusalRow = z.infer<typeof refusalRow>;

export const agentStatus = z.strictObject({
  version: z.string(),
  pid: z.number().int(),
  startedAtMs: epochMs,
  enforcerConnected: z.boolean(),
  broker: z.strictObject({
    configured: z.boolean(),
    connected: z.boolean(),
    url: z.string().nullable(),
    lastError: z.string().nullable(),
  }),
  spool: z.strictObject({ waiting: z.number().int(), dropped: z.number().int(), limit: z.number().int() }),
  store: z.strictObject({
    path: z.string(),
    sizeBytes: z.number(),
    devices: z.number(),
    refusals: z.number(),
    findings: z.number(),
  }),
  /** Everything that was not kept, by counter name. */
  dropped: z.record(z.string(), z.number()),
  rssBytes: z.number().int(),
});
export type AgentStatus = z.infer<typeof agentStatus>;

export const agentRequests = {
  status: { params: z.strictObject({}), result: agentStatus },
  devices: {
    params: z.strictObject({ limit }),
    result: z.strictObject({ rows: z.array(deviceRow), total: z.number() }),
  },
  refusals: {
    params: z.strictObject({ limit, device: z.string().max(64).optional() }),
    result: z.strictObject({ rows: z.array(refusalRow), total: z.number() }),
  },
  findings: {
    params: z.strictObject({
      limit,
      device: z.string().max(64).optional(),
      state: z.enum(['open', 'closed']).optional(),
    }),
    result: z.strictObject({ rows: z.array(finding), total: z.number() }),
  },
} as const;
