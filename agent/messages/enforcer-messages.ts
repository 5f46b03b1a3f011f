/**
 * Every message between the enforcer and those who speak to it (the agent, and the CLI for what must work without the
 * agent), over /run/cordon/enforcer.sock: newline-delimited JSON, one message a line (see ipc/lines.ts). The list is closed; an unknown message is
 * answered with an error and counted. Who may connect is decided by the socket's file mode.
 */
import { z } from 'zod';
import { MAX_DESIRED_CHARACTERS } from '../containment/desired.js';
import { writtenVariables } from '../policy/site-variables.js';
import { MAX_MESSAGE_BYTES } from './limits.js';
import {
  connectionSummary,
  containmentOrder,
  containmentScope,
  desiredResult,
  deviceEvidence,
  enforcerStatus,
  epochMs,
  finding,
  flowEnd,
  memory,
  nameLookup,
  nameTable,
  policyState,
  seenDevice,
  stateChange,
} from './vocabulary.js';

const who = z.string().min(1).max(100);
const deviceName = z.string().min(1).max(64);
const id = z.number().int().nonnegative();

/** Memories are 10 KiB each at most. */
export const MAX_MEMORIES_PER_MESSAGE = 500;

/** Connections of each kind listed in a preview; all of them are counted. */
export const MAX_PREVIEWED = 200;

const liveConnection = z.strictObject({
  /** Null: a device that the policy does not name. */
  device: deviceName.nullable(),
  /** Who opened it, as seen from the device. */
  direction: z.enum(['out', 'in']),
  peer: z.string().max(45),
  protocol: z.int().min(0).max(255),
  /** Of the one contacted; ICMP: type * 256 + code. */
  port: z.int().min(0).max(65_535),
  /** Both ways; null where the kernel does not count. */
  bytes: z.number().int().nullable(),
});
export type LiveConnection = z.infer<typeof liveConnection>;

/** Devices listed in a preview, life-sustaining ones first; all of them are counted. */
export const MAX_PREVIEWED_DEVICES = 1_000;

const previewedDevice = z.strictObject({
  device: deviceName,
  lifeSustaining: z.boolean(),
  /** What would hold for it: a cut may spare it. */
  level: z.enum(['contained', 'cut']),
  stops: z.int(),
  goesOn: z.int(),
});
export type PreviewedDevice = z.infer<typeof previewedDevice>;

const containmentPreview = z.strictObject({
  scope: containmentScope,
  level: z.enum(['contained', 'cut']),
  /** What a person types to confirm a cut of it: the device, the tag, or the box's name. */
  confirmWith: who,
  devices: z.array(previewedDevice).max(MAX_PREVIEWED_DEVICES),
  devicesTotal: z.int(),
  lifeSustainingTotal: z.int(),
  /** Connections of life-sustaining devices first. */
  stops: z.array(liveConnection).max(MAX_PREVIEWED),
  stopsTotal: z.int(),
  goesOn: z.array(liveConnection).max(MAX_PREVIEWED),
  goesOnTotal: z.int(),
});
export type ContainmentPreview = z.infer<typeof containmentPreview>;

/** Rows of one answer to `flows`. */
export const MAX_FLOWS = 2_000;

const liveFlow = liveConnection.extend({
  deviceAddress: z.string().max(45),
  /** As seen from the device; null where the kernel does not count. */
  bytesOut: z.number().int().nullable(),
  bytesIn: z.number().int().nullable(),
  /** The other end has answered. */
  isAnswered: z.boolean(),
  permittedBy: z.strictObject({
    /** `policy devices.pump-1.allow[2]`, `default dhcpv4-client`, or `nothing`: the policy has changed since it was opened. */
    rule: z.string().max(200),
    why: z.string().max(500).nullable(),
    /** It goes on while the device is contained. */
    essential: z.boolean(),
  }),
  containment: z.enum(['contained', 'cut']).nullable(),
});
export type LiveFlow = z.infer<typeof liveFlow>;

const liveFlows = z.strictObject({ rows: z.array(liveFlow).max(MAX_FLOWS), total: z.number().int() });
export type LiveFlows = z.infer<typeof liveFlows>;

/** What can be asked: one schema of parameters each, and one of the answer. */
export const requests = {
  status: { params: z.strictObject({}), result: enforcerStatus },
  'policy.apply': {
    params: z.strictObject({
      text: z.string().max(MAX_MESSAGE_BYTES / 2),
      by: who,
      confirmWithinSeconds: z.int().min(1).max(86_400).nullable(),
    }),
    result: policyState,
  },
  'policy.confirm': { params: z.strictObject({ by: who }), result: policyState },
  'policy.rollback': { params: z.strictObject({ by: who }), result: policyState },
  'policy.current': {
    params: z.strictObject({}),
    /** `variables`: those of the box that it was applied with. */
    result: z.strictObject({ text: z.string(), state: policyState, variables: writtenVariables.default({}) }),
  },
  /** Live connections, those with most bytes first; all of them are counted. */
  flows: {
    params: z.strictObject({ device: deviceName.optional(), limit: z.int().min(1).max(MAX_FLOWS) }),
    result: liveFlows,
  },
  /** What an order would stop; changes nothing. */
  'containment.preview': {
    params: z.strictObject({
      scope: containmentScope,
      level: z.enum(['contained', 'cut']),
      sparesLifeSustaining: z.boolean().default(false),
    }),
    result: containmentPreview,
  },
  'containment.order': {
    params: z.strictObject({
      scope: containmentScope,
      level: z.enum(['contained', 'cut']),
      sparesLifeSustaining: z.boolean().default(false),
      by: who,
      reason: z.string().min(1).max(500),
      /** A person's. Button, detectors and the fleet do not come this way. */
      source: z.enum(['cli', 'page']),
      forSeconds: z.int().min(1).max(31_536_000).nullable(),
      /** A second person's name, or the name of what is cut typed again: a person's `cut` is refused without. */
      confirmedBy: who.nullable(),
    }),
    result: z.strictObject({ order: containmentOrder, connectionsCut: z.number().int() }),
  },
  /** Ends orders with exactly this scope. */
  'containment.release': {
    params: z.strictObject({
      scope: containmentScope,
      by: who,
      reason: z.string().min(1).max(500),
      /** Numbers of orders. Null: the only one there is; refused with `several-orders` where there are more. */
      orders: z.union([z.array(z.int().positive()).min(1).max(1000), z.literal('all')]).nullable(),
    }),
    result: z.strictObject({
      released: z.array(containmentOrder),
      /** Orders that go on holding what this scope is about, by whatever scope they have. */
      stillHeldBy: z.array(containmentOrder),
    }),
  },
  /** A message of the fleet as it came from the broker: signed documents, one a line. Nobody who hands it on is believed. */
  'containment.desired': {
    params: z.strictObject({ text: z.string().max(MAX_DESIRED_CHARACTERS) }),
    result: z.strictObject({ documents: z.array(desiredResult) }),
  },
  /** What the agent remembers of a device's peers, given back after a restart of the enforcer. */
  'familiar.restore': {
    params: z.strictObject({
      devices: z
        .array(
          z.strictObject({
            device: deviceName,
            sinceMs: epochMs,
            peers: z.array(z.string().max(45)).max(65_535),
          }),
        )
        .max(20_000),
    }),
    result: z.strictObject({ restored: z.number().int() }),
  },
  /** What the agent remembers of what detectors learnt, likewise. Other versions and unknown devices are left out. */
  'memories.restore': {
    params: z.strictObject({ items: z.array(memory).max(MAX_MEMORIES_PER_MESSAGE) }),
    result: z.strictObject({ restored: z.number().int() }),
  },
  /** What names of the policy stand for now, device by device. */
  names: {
    params: z.strictObject({ limit: z.int().min(1).max(10_000) }),
    result: nameTable,
  },
  /**
   * Addresses that the agent looked up for names that the policy has: ahead of a device's own question, so that one which kept
   * an address is not cut off. Counts for names without a wildcard only; whoever may say this may apply a policy, too.
   */
  'names.resolved': {
    params: z.strictObject({
      items: z
        .array(
          z.strictObject({
            name: z.string().min(1).max(253),
            addresses: z
              .array(z.strictObject({ address: z.string().max(45), ttlSeconds: z.int().nonnegative() }))
              .max(64),
          }),
        )
        .max(1_000),
    }),
    result: z.strictObject({ taken: z.number().int(), unknown: z.number().int() }),
  },
  /** From now on this connection gets events. */
  subscribe: { params: z.strictObject({}), result: z.strictObject({}) },
} as const;

export type RequestName = keyof typeof requests;
export type RequestResult<N extends RequestName> = z.output<(typeof requests)[N]['result']>;

export const ERROR_CODES = [
  'bad-message',
  'bad-policy',
  'kernel-refused',
  'unknown-device',
  'not-confirmed',
  'not-contained',
  'several-orders',
  'nothing-pending',
  'no-previous',
  'busy',
  'disk',
  'internal',
] as const;

export const errorBody = z.strictObject({
  code: z.enum(ERROR_CODES),
  message: z.string().max(2000),
  /** For bad-policy: every problem with its path. */
  problems: z
    .array(z.strictObject({ path: z.string(), message: z.string(), hint: z.string().optional() }))
    .max(1000)
    .optional(),
});
export type ErrorBody = z.infer<typeof errorBody>;

export const requestMessage = z.strictObject({ id, request: z.string().max(40), params: z.unknown() });

export const responseMessage = z.union([
  z.strictObject({ id, result: z.unknown() }),
  z.strictObject({ id, error: errorBody }),
]);

export const eventMessage = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('connections'), items: z.array(connectionSummary).max(5000) }),
  z.strictObject({ event: z.literal('findings'), items: z.array(finding).max(1000) }),
  z.strictObject({ event: z.literal('devices'), items: z.array(seenDevice).max(1000) }),
  z.strictObject({ event: z.literal('evidence'), items: z.array(deviceEvidence).max(1000) }),
  z.strictObject({ event: z.literal('flowEnds'), items: z.array(flowEnd).max(5000) }),
  z.strictObject({ event: z.literal('lookups'), items: z.array(nameLookup).max(1000) }),
  z.strictObject({ event: z.literal('memories'), items: z.array(memory).max(MAX_MEMORIES_PER_MESSAGE) }),
  z.strictObject({ event: z.literal('state'), items: z.array(stateChange).max(1000) }),
  z.strictObject({ event: z.literal('status'), status: enforcerStatus }),
]);
export type EventMessage = z.infer<typeof eventMessage>;
