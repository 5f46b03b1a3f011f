/**
 * The values both processes speak of. Pure zod schemas: outside bytes become these or an error. A closed list, on
 * purpose: what is not here cannot be asked of the privileged process.
 */
import { z } from 'zod';
import { MAX_MEMORY_KEY, MAX_MEMORY_VALUES } from '../detect/memory.js';
import { MAX_CHANGED_VARIABLES } from './limits.js';
import { MAX_EXCEPTIONS } from '../policy/until.js';
import { DEVICE_FIELDS, MAX_VALUE_CHARACTERS, SOURCES } from '../inventory/observation.js';

/** Why the kernel refused a packet. The same words are nft counter names and log prefixes (see ruleset/reasons.ts). */
export const REFUSAL_REASONS = [
  'policy',
  'unknown-device',
  'spoofed-source',
  'arp-spoof',
  'rogue-dhcp',
  'rogue-ra',
  'contained',
  'cut',
  'invalid',
  'to-box',
  'broadcast',
  'ethertype',
  'too-many-macs',
  'not-filtered',
  'detector',
] as const;
export const refusalReason = z.enum(REFUSAL_REASONS);
export type RefusalReason = z.infer<typeof refusalReason>;

export const epochMs = z.number().int().nonnegative();
const shortText = z.string().max(500);
const deviceName = z.string().min(1).max(64);
export const addressText = z.string().min(2).max(45);
export const macText = z.string().length(17);

/** Which side of the box a packet came in from. */
export const side = z.enum(['device', 'network']);

/** First packets of one kind, merged over a short window: same device, direction, peer, protocol, port and verdict. */
export const connectionSummary = z.strictObject({
  /** Policy name; null for a device that the policy does not know. */
  device: deviceName.nullable(),
  /** The MAC of the guarded device where the frame told it. */
  deviceMac: macText.nullable(),
  from: side,
  deviceAddress: addressText.nullable(),
  peer: addressText.nullable(),
  /** IANA protocol number; null for what is not IP (ARP). */
  protocol: z.number().int().min(0).max(255).nullable(),
  /** Destination port of the first packet; ICMP: type * 256 + code. Null where there is none. */
  port: z.number().int().min(0).max(65535).nullable(),
  /** Null: permitted. */
  refused: refusalReason.nullable(),
  /** Shadow mode: it went through, enforce would have refused it. */
  wouldRefuse: z.boolean(),
  /** TCP that did not begin with a SYN: it was open before anybody watched, and who opened it is not known. Absent: it began here. */
  isMidstream: z.literal(true).optional(),
  count: z.number().int().positive(),
  firstMs: epochMs,
  lastMs: epochMs,
});
export type ConnectionSummary = z.infer<typeof connectionSummary>;

export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;

export const finding = z.strictObject({
  /** Stable over the life of one finding: `detector:device:subject`, so that an update is known as one. */
  key: z.string().min(1).max(200),
  detector: z.string().min(1).max(40),
  device: deviceName.nullable(),
  deviceMac: macText.nullable(),
  /** Who is at the other end, where it is one. */
  peer: addressText.nullable(),
  severity: z.enum(SEVERITIES),
  state: z.enum(['open', 'closed']),
  title: shortText,
  /** What was seen, against what, how unusual: names and values a person can check. */
  evidence: z.record(
    z.string().max(60),
    z.union([
      z.string().max(500),
      z.number(),
      z.boolean(),
      z.array(z.union([z.string().max(100), z.number()])).max(64),
    ]),
  ),
  /** What would make it go away. */
  remedy: shortText,
  firstMs: epochMs,
  lastMs: epochMs,
  count: z.number().int().positive(),
});
export type Finding = z.infer<typeof finding>;

export const seenDevice = z.strictObject({
  mac: macText,
  name: deviceName.nullable(),
  port: z.string().max(16).nullable(),
  addresses: z.array(addressText).max(64),
  firstMs: epochMs,
  lastMs: epochMs,
});
export type SeenDevice = z.infer<typeof seenDevice>;

/** What one packet says of a device behind the box, element by element (inventory/observation.ts); never a payload. */
export const deviceEvidence = z.strictObject({
  mac: macText.nullable(),
  address: addressText.nullable(),
  /** The device itself said that the address is its own. */
  isClaimed: z.boolean(),
  /** Its name in the policy. */
  name: deviceName.nullable(),
  port: z.string().max(16).nullable(),
  atMs: epochMs,
  observations: z
    .array(
      z.strictObject({
        field: z.enum([...DEVICE_FIELDS, 'hint']),
        value: z.string().min(1).max(MAX_VALUE_CHARACTERS),
        source: z.enum(SOURCES),
        confidence: z.int().min(0).max(99),
      }),
    )
    .max(40),
});
export type DeviceEvidence = z.infer<typeof deviceEvidence>;

/** Addresses kept of one answer, and names it led through. */
export const MAX_LOOKUP_ADDRESSES = 16;
export const MAX_LOOKUP_ALIASES = 8;
const hostName = z.string().min(1).max(253);

/** What a device asked a DNS server for (A or AAAA) and was told, merged over a short window. */
export const nameLookup = z.strictObject({
  /** Policy name; null for a device that the policy does not know. */
  device: deviceName.nullable(),
  /** Lower case, no dot at the end; a byte that no host name has is `?`. */
  name: hostName,
  resolver: addressText,
  /** The resolver is one of the policy's: its answers give names their addresses. */
  isTrusted: z.boolean(),
  /** `no-such-name`: NXDOMAIN. `failed`: any other error. `no-addresses`: the name is there, and has none of this family. */
  outcome: z.enum(['addresses', 'no-addresses', 'no-such-name', 'failed']),
  /** As answered, before anything is refused of them. */
  addresses: z.array(addressText).max(MAX_LOOKUP_ADDRESSES),
  /** CNAMEs from `name` on, in their order. */
  aliases: z.array(hostName).max(MAX_LOOKUP_ALIASES),
  /** The lowest on the way to the addresses; null without any. */
  ttlSeconds: z.number().int().nonnegative().nullable(),
  count: z.number().int().positive(),
  firstMs: epochMs,
  lastMs: epochMs,
});
export type NameLookup = z.infer<typeof nameLookup>;

/** What a detector learnt of a device, as numbers: kept by the agent, given back after a restart of the enforcer. */
export const memory = z.strictObject({
  detector: z.string().min(1).max(40),
  device: deviceName,
  key: z.string().max(MAX_MEMORY_KEY),
  version: z.int().nonnegative(),
  values: z.array(z.number()).max(MAX_MEMORY_VALUES),
});
export type Memory = z.infer<typeof memory>;

/** An address that a name looked up by a device has, and what that permits. */
const nameRow = z.strictObject({
  device: deviceName,
  name: hostName,
  address: addressText,
  /** Indices of the entries that name it, with what they write: `*.hospital.example` for `pacs.hospital.example`. */
  entries: z.array(z.strictObject({ index: z.number().int(), name: hostName })).max(1_000),
  isEssential: z.boolean(),
  source: z.enum(['answer', 'look-up', 'disk']),
  confirmedMs: epochMs,
  expiresMs: epochMs,
  /** Other names that were looked up and have the same address: what is permitted reaches them, too. */
  sharedWith: z.array(hostName).max(16),
});
export type NameRow = z.infer<typeof nameRow>;

export const nameTable = z.strictObject({
  resolvers: z.array(addressText),
  /** Names without a wildcard that allow-lists have: what the agent looks up ahead. */
  names: z.array(hostName).max(10_000),
  rows: z.array(nameRow).max(10_000),
  total: z.number().int(),
  refused: z
    .array(
      z.strictObject({
        device: z.string().max(64),
        name: hostName,
        address: addressText,
        why: shortText,
        count: z.number().int(),
        lastMs: epochMs,
      }),
    )
    .max(1_000),
  answers: z.strictObject({
    /** Answers that a device had asked for. */
    matched: z.number().int(),
    /** Ignored: nobody had asked, or had asked for another name. */
    unasked: z.number().int(),
    otherName: z.number().int(),
    unreadable: z.number().int(),
  }),
});
export type NameTable = z.infer<typeof nameTable>;

export const CONTAINMENT_LEVELS = ['normal', 'contained', 'cut'] as const;
export const containmentLevel = z.enum(CONTAINMENT_LEVELS);
export type ContainmentLevel = z.infer<typeof containmentLevel>;

/** For whom an order is: one device, every device with a tag (policy `tags`), or whatever is behind the box. */
export const containmentScope = z.union([
  z.strictObject({ device: deviceName }),
  z.strictObject({ tag: deviceName }),
  z.literal('box'),
]);
export type ContainmentScope = z.infer<typeof containmentScope>;

/** `adopted`: found in the kernel after its record was lost. */
export const CONTAINMENT_SOURCES = ['cli', 'page', 'fleet', 'button', 'detector', 'adopted'] as const;

export const containmentOrder = z.strictObject({
  /** Counts up on this box, as long as its record is not lost. */
  id: z.int().positive(),
  scope: containmentScope,
  level: z.enum(['contained', 'cut']),
  /** A cut that leaves life-sustaining devices contained. */
  sparesLifeSustaining: z.boolean(),
  by: shortText.min(1),
  source: z.enum(CONTAINMENT_SOURCES),
  reason: shortText.min(1),
  sinceMs: epochMs,
  /** Null: until released by a person. By the clock as it is now; what counts is the time that passes. */
  untilMs: epochMs.nullable(),
});
export type ContainmentOrder = z.infer<typeof containmentOrder>;

/** What became of a document of the fleet. `kid` null: it could not be known whose it is. */
export const desiredResult = z.strictObject({
  kid: z.string().max(64).nullable(),
  ver: z.number().int().nullable(),
  /** failed: it is genuine, and what it wants does not hold (yet). */
  state: z.enum(['applied', 'refused', 'failed']),
  detail: shortText,
});
export type DesiredResult = z.infer<typeof desiredResult>;

/** What the enforcer did or noticed, for the log and upstream. */
export const stateChange = z.strictObject({
  kind: z.enum([
    'policy-applied',
    'policy-confirmed',
    'policy-rolled-back',
    'policy-refused',
    /** What the policy does with a device: observe, shadow or enforce. */
    'mode-changed',
    /** An entry with an end (`until`) permits nothing any more. */
    'exception-ended',
    /** Told where exceptions depend on it. */
    'clock-jumped',
    'tables-restored',
    'containment-ordered',
    'containment-released',
    'containment-expired',
    'containment-ending',
    'containment-withheld',
    'panel-changed',
    'desired-applied',
    'desired-refused',
    'inspection-changed',
    'connections-full',
    'enforcer-started',
    'enforcer-stopping',
    'evidence-dropped',
    'name-refused',
  ]),
  atMs: epochMs,
  by: shortText,
  device: deviceName.nullable(),
  generation: z.number().int().nonnegative().nullable(),
  detail: shortText,
  /** For changes of containment: the order, whole. `by` is who changed it, which on a release may be another person. */
  order: containmentOrder.optional(),
});
export type StateChange = z.infer<typeof stateChange>;

export const flowEnd = z.strictObject({
  device: deviceName.nullable(),
  deviceAddress: addressText,
  from: side,
  peer: addressText,
  protocol: z.number().int().min(0).max(255),
  /** Of the one contacted; ICMP: type * 256 + code. */
  port: z.number().int().min(0).max(65535).nullable(),
  flows: z.number().int().positive(),
  /** Out is away from the device. */
  bytesOut: z.number().nonnegative(),
  bytesIn: z.number().nonnegative(),
  packetsOut: z.number().nonnegative(),
  packetsIn: z.number().nonnegative(),
  lastMs: epochMs,
});
export type FlowEnd = z.infer<typeof flowEnd>;

export const policyState = z.strictObject({
  generation: z.number().int().nonnegative(),
  sha256: z.string().max(64),
  appliedAtMs: epochMs.nullable(),
  devices: z.number().int().nonnegative(),
  entries: z.number().int().nonnegative(),
  /** Set while an applied policy waits for its confirmation. */
  pending: z.strictObject({ generation: z.number().int(), rollbackAtMs: epochMs }).nullable(),
});

const policyException = z.strictObject({
  /** Where it is written: `devices.pump-1.allow[2]`, `templates.infusion-pump.allow[0]`. */
  path: z.string().max(200),
  text: shortText,
  /** Whose list it is in; at most ten of them are named. */
  devices: z.array(deviceName).max(10),
  devicesTotal: z.int().nonnegative(),
  /** As written, and when that is. */
  until: z.string().max(40),
  endsMs: epochMs,
  essential: z.boolean(),
  /** due: past its end, and waits for a clock that may end it. overdue: essential, goes on past its end. */
  state: z.enum(['running', 'due', 'ended', 'overdue']),
});
export type PolicyException = z.infer<typeof policyException>;

export const enforcerStatus = z.strictObject({
  version: z.string().max(40),
  pid: z.number().int(),
  startedAtMs: epochMs,
  mode: z.enum(['bridge', 'router']),
  policy: policyState,
  /** Entries with an end, the next one first. */
  exceptions: z.strictObject({
    /** Up to which time they were ended. */
    endedByMs: epochMs,
    /** False: the clock was set, or the enforcer started, less than `clockSettlesSeconds` ago: it ends nothing yet. */
    isClockSettled: z.boolean(),
    rows: z.array(policyException).max(MAX_EXCEPTIONS),
  }),
  containment: z.array(containmentOrder),
  /** The newest document of each key of the fleet, and the last one that was refused. */
  desired: z.array(desiredResult),
  /** Exact counts from the kernel by reason, since the tables were loaded. */
  refused: z.record(refusalReason, z.strictObject({ packets: z.number(), bytes: z.number() })),
  permittedNew: z.number(),
  /** First packets of devices in shadow that enforce would refuse, since the tables were loaded. */
  wouldRefuse: z.number(),
  inspection: z.strictObject({
    /** What the box is configured for. */
    wanted: z.enum(['inline', 'tap']),
    /** What it does: tap where the kernel cannot hold packets, or while holding them would lose some. */
    active: z.enum(['inline', 'tap']),
    /** How packets are held: nft's own statement, or xt NFQUEUE through nft_compat. */
    how: z.enum(['statement', 'compat']).nullable(),
    /** Why it is not what is wanted. */
    why: shortText.nullable(),
    /** First packets that were held and got a verdict. */
    held: z.number().int().nonnegative(),
    refused: z.number().int().nonnegative(),
    /** Sent to the queue and let go by the kernel: it was full, or nobody listened. */
    unseen: z.number().int().nonnegative(),
  }),
  /** Why the last line at the ports is not there (ruleset/port-guard.ts); null: it is. */
  portsUnguarded: shortText.nullable(),
  /** Why LLDP and CDP of devices are not read; null: they are. */
  announcementsUnheard: shortText.nullable(),
  /** Of the configuration as it is on disk now: which of its variables an apply would change; why it does not read. */
  variables: z.strictObject({
    changed: z.array(z.string().max(64)).max(MAX_CHANGED_VARIABLES),
    problem: shortText.nullable(),
  }),
  /** Button and light at the box; null where none is configured. `problem` null: it works. */
  panel: z.strictObject({
    button: z.strictObject({ problem: shortText.nullable() }).nullable(),
    light: z
      .strictObject({ shows: z.enum(['normal', 'held', 'contained', 'cut']), problem: shortText.nullable() })
      .nullable(),
  }),
  /** Everything that was not kept, by counter name. Nothing is dropped silently. */
  dropped: z.record(z.string().max(60), z.number()),
  tablesRestored: z.number().int(),
  rssBytes: z.number().int(),
});
export type EnforcerStatus = z.infer<typeof enforcerStatus>;
