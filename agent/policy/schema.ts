/**
 * The one schema of a policy. Validation, the JSON Schema for editors and the documentation all come from here.
 * Called by parse-policy.ts; this file only says what shape is allowed. Checks that need two places of the document
 * at once (an unknown group, one address claimed twice) live in check-policy.ts.
 */
import { z } from 'zod';
import { parseAddress, parseNetwork } from './address.js';
import { DETECTOR_CONTAINMENTS_PER_HOUR, WILDCARD_NAMES_DEFAULT } from './default-policy.js';
import { parseHostName } from './host-name.js';
import { parseUntil, untilProblem } from './until.js';
import { detectSettings } from '../detect/settings.js';

/** Names become nft comments, file names and topic levels: a closed alphabet, so that nothing has to be quoted. */
export const NAME_PATTERN = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
export const MAX_DEVICES = 20_000;
export const MAX_ALLOW_ENTRIES_PER_DEVICE = 1_000;
/** Over all devices, with those of their templates: what one box's sets are measured with. */
export const MAX_ALLOW_ENTRIES = 250_000;
export const MAX_GROUP_MEMBERS = 10_000;
export const MAX_ADDRESSES_PER_DEVICE = 64;
export const MAX_RESOLVERS = 16;
export const MAX_DOMAINS = 64;
export const MAX_TAGS_PER_DEVICE = 16;
export const MAX_VARIABLES = 1_000;
export const MAX_TEMPLATES = 1_000;
const MAX_CLASS_CHARS = 300;

const name = z.string().regex(NAME_PATTERN, {
  error:
    'use 1 to 63 lower-case letters, digits, dots, dashes or underscores, beginning and ending with a letter or digit',
});

const text = z.string().min(1).max(500);

const mac = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/, {
    error: 'write a MAC address as six pairs of hex digits, like "02:42:ac:11:00:02"',
  })
  .transform((value) => value.toLowerCase());

const address = z.string().transform((value, context) => {
  const parsed = parseAddress(value);
  if (parsed) return parsed;
  context.addIssue({
    code: 'custom',
    message: `"${value}" is not an IPv4 or IPv6 address (a network goes under "network")`,
  });
  return z.NEVER;
});

const network = z.string().transform((value, context) => {
  const parsed = parseNetwork(value);
  if (parsed.ok) return parsed.network;
  context.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
});

const hostNameOf = (wildcard: 'wildcard' | 'no-wildcard') =>
  z.string().transform((value, context) => {
    const parsed = parseHostName(value, wildcard);
    if (parsed.ok) return parsed.name;
    context.addIssue({ code: 'custom', message: parsed.problem });
    return z.NEVER;
  });
/** With a leading `*.` where the site allows it (check-policy.ts). */
const hostName = hostNameOf('wildcard');

/** A single port, or an inclusive range written "low-high". RFC 6335: 0 is reserved. */
const port = z
  .union([z.int(), z.string()], { error: 'write a port as a number, or a range like "5000-5010"' })
  .transform((value, context) => {
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(String(value));
    const low = match ? Number(match[1]) : typeof value === 'number' ? value : Number.NaN;
    const high = match?.[2] === undefined ? low : Number(match[2]);
    if (Number.isNaN(low)) {
      context.addIssue({
        code: 'custom',
        message: `"${value}" is not a port: write a number, or a range like "5000-5010"`,
      });
      return z.NEVER;
    }
    for (const bound of new Set([low, high])) {
      if (bound > 65535) context.addIssue({ code: 'custom', message: `${bound} is above 65535` });
      if (bound < 1) context.addIssue({ code: 'custom', message: `${bound} is below 1` });
    }
    if (high < low)
      context.addIssue({ code: 'custom', message: `the range ${low}-${high} ends before it begins` });
    return { low, high };
  });

/** `8` for every code of an ICMP type, `8/0` for one (RFC 792, RFC 4443): as the first two bytes of the header, `type * 256 + code`. */
const icmpType = z
  .union([z.int(), z.string()], { error: 'write an ICMP type as a number, or with its code like "8/0"' })
  .transform((value, context) => {
    const match = /^(\d{1,3})(?:\/(\d{1,3}))?$/.exec(String(value));
    const type = Number(match?.[1] ?? Number.NaN);
    const code = match?.[2] === undefined ? null : Number(match[2]);
    if (!(type <= 255 && (code ?? 0) <= 255)) {
      context.addIssue({
        code: 'custom',
        message: `"${value}" is not an ICMP type: write 0 to 255, or with its code like "8/0"`,
      });
      return z.NEVER;
    }
    return { low: type * 256 + (code ?? 0), high: type * 256 + (code ?? 255) };
  });

/**
 * `$pacs`: what the site says under `site.variables`. Held as the group of that name, which no document can write: what reads
 * groups then knows variables too (expand-templates.ts puts their members there).
 */
const variable = z
  .string()
  .regex(/^\$[a-z0-9]([a-z0-9._-]{0,60}[a-z0-9])?$/)
  .transform((value) => ({ group: value }));

/** Who the other end is: exactly one key. */
const peer = z.union(
  [
    z.literal('any'),
    variable,
    z.strictObject({ address }),
    z.strictObject({ network }),
    z.strictObject({ device: name }),
    z.strictObject({ group: name }),
    z.strictObject({ name: hostName }),
  ],
  {
    error:
      'write "any", a variable of the site like $pacs, or exactly one of { address: … }, { network: … }, { name: … }, { device: … }, { group: … }',
  },
);

/** Beside the patterns, for editors; what they cannot say (the 30th of February) is said by parseUntil. */
const until = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: ({ input }) => untilProblem(input) })
  .transform((value, context) => {
    const parsed = parseUntil(value);
    if (parsed) return parsed;
    context.addIssue({ code: 'custom', message: untilProblem(value) });
    return z.NEVER;
  });

export const PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'gre', 'esp', 'any'] as const;

export const allowEntry = z.strictObject({
  direction: z.enum(['out', 'in']).describe('out: the device opens the connection. in: the peer does.'),
  peer,
  protocol: z.enum(PROTOCOLS),
  ports: z
    .array(port)
    .min(1)
    .max(64)
    .optional()
    .describe('destination ports; only and always with tcp, udp and sctp'),
  family: z.enum(['ipv4', 'ipv6']).optional().describe('only over this one; both where it is not given'),
  sourcePorts: z
    .array(port)
    .min(1)
    .max(64)
    .optional()
    .describe('ports of the end that opens the connection; any where they are not given'),
  icmpTypes: z
    .array(icmpType)
    .min(1)
    .max(64)
    .optional()
    .describe('types, or types with codes, of the first packet; only with icmp and icmpv6'),
  essential: z.boolean().default(false).describe('stays open while the device is contained'),
  until: until
    .optional()
    .describe(
      'an exception: permits nothing after it (a date: to the end of that day, UTC). Essential entries go on and are told of',
    ),
  why: text.describe('the clinical or technical reason, for the audit'),
});

const contact = z.strictObject({
  role: z.enum(['security', 'support', 'owner', 'other']),
  name: text,
  email: z.email().optional(),
  phone: z.string().max(40).optional(),
});

export const device = z.strictObject({
  identity: z.strictObject({
    macs: z.array(mac).min(1).max(16),
    addresses: z
      .array(address)
      .max(MAX_ADDRESSES_PER_DEVICE)
      .default([])
      .describe('fixed addresses; empty: learnt from the wire'),
  }),
  mode: z.enum(['observe', 'shadow', 'enforce']),
  make: text.optional(),
  model: text.optional(),
  serial: text.optional(),
  location: text.optional(),
  owner: text.optional(),
  software: z
    .strictObject({ name: text, version: text.optional(), endOfSupport: z.iso.date().optional() })
    .optional(),
  holdsPhi: z.enum(['yes', 'no', 'unknown']).default('unknown'),
  criticality: z.enum(['life-sustaining', 'high', 'medium', 'low']).default('medium'),
  contacts: z.array(contact).max(16).default([]),
  tags: z
    .array(name)
    .max(MAX_TAGS_PER_DEVICE)
    .default([])
    .describe('what it is contained together with: a ward, a kind of device'),
  automation: z
    .enum(['none', 'contain'])
    .default('contain')
    .describe('the furthest a detector, or the online key of the fleet, may go without a person'),
  template: name.optional().describe('the template whose entries come before those under allow'),
  allow: z.array(allowEntry).max(MAX_ALLOW_ENTRIES_PER_DEVICE).default([]),
});

export const template = z.strictObject({
  extends: z.array(name).max(8).default([]).describe('templates whose entries come first'),
  allow: z.array(allowEntry).max(MAX_ALLOW_ENTRIES_PER_DEVICE).default([]),
});

const groupMember = z.union(
  [z.strictObject({ address }), z.strictObject({ network }), z.strictObject({ name: hostName })],
  { error: 'write { address: … }, { network: … } or { name: … }' },
);

/** By name, without the `$`. Also a key of a box's configuration, so that one policy serves boxes at many sites. */
export const siteVariables = z
  .record(name, z.array(groupMember).max(MAX_GROUP_MEMBERS))
  .refine((variables) => Object.keys(variables).length <= MAX_VARIABLES, {
    error: `more than ${MAX_VARIABLES} variables`,
  });

export const policy = z.strictObject({
  version: z.literal(1, { error: 'this build reads policy version 1' }),
  site: z.strictObject({
    name: text,
    networks: z
      .array(network)
      .max(1000)
      .default([])
      .describe('what counts as inside; anything else is outside'),
    resolvers: z
      .array(address)
      .max(MAX_RESOLVERS)
      .default([])
      .describe('DNS servers whose answers say which addresses a name in an allow-list has'),
    domains: z
      .array(hostNameOf('no-wildcard'))
      .max(MAX_DOMAINS)
      .default([])
      .describe('names at or under these may have addresses inside the site; other names may not'),
    wildcardNames: z
      .boolean()
      .default(WILDCARD_NAMES_DEFAULT)
      .describe('names in allow-lists may begin with *.'),
    variables: siteVariables
      .default({})
      .describe('what $name stands for here; the configuration of a box may give its own'),
    mudClasses: z
      .record(z.string().min(1).max(MAX_CLASS_CHARS), name)
      .default({})
      .describe(
        'which group of this policy a class of MUD files (RFC 8520) is, by its URI or my-controller and the like',
      ),
  }),
  unknownDevices: z
    .enum(['observe', 'refuse'])
    .optional()
    .describe('what a device behind the box that no entry names may do'),
  groups: z.record(name, z.array(groupMember).max(MAX_GROUP_MEMBERS)).default({}),
  templates: z
    .record(name, template)
    .refine((templates) => Object.keys(templates).length <= MAX_TEMPLATES, {
      error: `more than ${MAX_TEMPLATES} templates`,
    })
    .default({})
    .describe('allow-lists for all devices of a kind; a device names its own under template'),
  devices: z.record(name, device).default({}),
  detectorContainmentsPerHour: z
    .int()
    .min(0)
    .max(1000)
    .default(DETECTOR_CONTAINMENTS_PER_HOUR)
    .describe('devices that all detectors of the box together may contain within an hour'),
  detect: detectSettings.prefault({}),
});

/** Where an entry of a device with a template was written. */
export interface EntryOrigin {
  readonly section: 'templates' | 'devices';
  readonly name: string;
  readonly index: number;
}

/** `origin`: put there when templates are expanded, for devices that have one; else an entry is where it stands. */
export type AllowEntry = z.infer<typeof allowEntry> & { readonly origin?: EntryOrigin };
export type PolicyDevice = Omit<z.infer<typeof device>, 'allow'> & { readonly allow: readonly AllowEntry[] };
export type SiteVariables = z.infer<typeof siteVariables>;
/** Templates are expanded: `allow` of each device is all it may do, and `groups` has the variables. */
export type Policy = Omit<z.infer<typeof policy>, 'devices'> & {
  readonly devices: Record<string, PolicyDevice>;
};
export type Peer = z.infer<typeof peer>;
export type GroupMember = z.infer<typeof groupMember>;
export type PortRange = z.infer<typeof port>;
export type DeviceMode = PolicyDevice['mode'];
