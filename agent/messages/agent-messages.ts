/**
 * What the CLI may ask the agent, over /run/cordon/agent.sock: reads of the store, and entries of people in the inventory. Same framing as
 * enforcer-messages.ts. A limit bounds every answer.
 */
import { z } from 'zod';
import { coverage } from '../learn/coverage.js';
import { habit, learntDevice } from '../learn/habit.js';
import { DEVICE_FIELDS, SOURCES } from '../inventory/observation.js';
import { OPERATOR_FIELDS } from '../inventory/operator-fields.js';
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

const deviceKey = z.string().min(1).max(64);
const best = z.strictObject({
  value: z.string(),
  source: z.enum(SOURCES),
  confidence: z.number(),
  conflicts: z.array(z.string()),
});
const candidate = z.strictObject({
  value: z.string(),
  source: z.enum(SOURCES),
  confidence: z.number(),
  firstMs: epochMs,
  lastMs: epochMs,
  count: z.number(),
});
const texts = z.array(z.string());

/** A device with the best value of each field; see inventory/device.ts. */
export const inventoryRow = z.strictObject({
  id: z.string(),
  macs: texts,
  addresses: texts,
  isRandomizedMac: z.boolean(),
  firstMs: epochMs,
  lastMs: epochMs,
  fields: z.partialRecord(z.enum(DEVICE_FIELDS), best),
  roles: texts,
  services: texts,
  speaks: texts,
  reaches: texts,
  policyName: z.string().nullable(),
  operator: z.partialRecord(
    z.enum(OPERATOR_FIELDS),
    z.strictObject({ value: z.string(), by: z.string(), atMs: epochMs }),
  ),
});
export type InventoryRow = z.infer<typeof inventoryRow>;

const inventoryDetail = z.strictObject({
  device: inventoryRow,
  evidence: z.partialRecord(z.enum(DEVICE_FIELDS), z.array(candidate)),
});
export type InventoryDetail = z.infer<typeof inventoryDetail>;

const learnRow = z.strictObject({ device: learntDevice, coverage });
export type LearnRow = z.infer<typeof learnRow>;
const learnDetail = z.strictObject({
  device: learntDevice,
  coverage,
  habits: z.array(habit),
  /** What was found about it and its peers. */
  findings: z.array(finding),
  /** Other devices behind the box that it met. */
  others: z.array(z.strictObject({ device: z.string(), addresses: z.array(addressText) })),
});
export type LearnDetail = z.infer<typeof learnDetail>;

const referenceKind = z.enum(['kev', 'eol']);
export const MAX_REFERENCE_CHARACTERS = 800_000;
export const MAX_ENTERED_AT_ONCE = 50;

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
  activity: z.strictObject({
    /** The last entry: with its hash an anchor, to be compared later (activity/verify-chain.ts). */
    seq: z.number().int(),
    hash: z.string(),
    lastMs: epochMs,
    segments: z.number().int(),
    sizeBytes: z.number(),
    keepDays: z.number().int(),
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
  inventory: {
    params: z.strictObject({ limit, offset: z.int().min(0).max(100_000).default(0) }),
    result: z.strictObject({ rows: z.array(inventoryRow), total: z.number() }),
  },
  'inventory.show': { params: z.strictObject({ device: deviceKey }), result: inventoryDetail },
  /** All or nothing for each device; what was wrong comes back with its place. */
  'inventory.enter': {
    params: z.strictObject({
      by: z.string().min(1).max(100),
      devices: z
        .array(
          z.strictObject({
            device: deviceKey,
            entries: z.record(z.string().max(40), z.string().max(400)),
          }),
        )
        .min(1)
        .max(MAX_ENTERED_AT_ONCE),
    }),
    result: z.strictObject({
      changed: z.number(),
      problems: z.array(z.strictObject({ device: z.string(), message: z.string() })),
    }),
  },
  /** Public lists that a person brought, checked and cut by risk/reference-data.ts; null: none was. */
  'reference.get': {
    params: z.strictObject({ kind: referenceKind }),
    result: z.strictObject({
      document: z.strictObject({ loadedMs: epochMs, by: z.string(), body: z.string() }).nullable(),
    }),
  },
  'reference.put': {
    params: z.strictObject({
      kind: referenceKind,
      by: z.string().min(1).max(100),
      body: z.string().max(MAX_REFERENCE_CHARACTERS),
    }),
    result: z.strictObject({}),
  },
  refusals: {
    params: z.strictObject({ limit, device: z.string().max(64).optional() }),
    result: z.strictObject({ rows: z.array(refusalRow), total: z.number() }),
  },
  /** What was learnt of devices, and how much of their life was watched. */
  learn: {
    params: z.strictObject({ limit, offset: z.int().min(0).max(100_000).default(0) }),
    result: z.strictObject({ rows: z.array(learnRow), total: z.number() }),
  },
  'learn.show': {
    params: z.strictObject({ device: deviceKey }),
    result: learnDetail,
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
