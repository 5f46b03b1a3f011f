/**
 * The box's own configuration (`/etc/cordon/config.yaml`): where it stands, not what it permits. Kept apart from the
 * policy because one reviewed policy serves many boxes, while ports, bridge and broker differ from box to box.
 */
import { z } from 'zod';
import { containmentScope } from '../messages/vocabulary.js';
import {
  BUTTON_CONTAINS_AFTER_SECONDS,
  BUTTON_CUTS_AFTER_SECONDS,
  BUTTON_CUTS_LIFE_SUSTAINING,
  BUTTON_STUCK_AFTER_SECONDS,
  EXCEPTION_CLOCK_SETTLES_SECONDS,
  INSPECTION_DEFAULT,
} from './default-policy.js';
import { SIX_YEARS_DAYS } from '../activity/retention.js';
import { NAME_PATTERN, siteVariables } from './schema.js';

/** IFNAMSIZ is 16 with the terminating zero (linux/if.h); a closed alphabet, because the name is written into rulesets. */
const interfaceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/, { error: 'not an interface name' });
const path = z.string().startsWith('/', { error: 'write an absolute path' });

export const boxConfig = z.strictObject({
  box: z
    .string()
    .regex(NAME_PATTERN, { error: 'use lower-case letters, digits, dots, dashes' })
    .describe('unique in the fleet; an MQTT topic level'),
  mode: z.enum(['bridge', 'router']).default('bridge'),
  bridge: interfaceName.default('br0').describe('bridge mode only: the bridge that joins both sides'),
  devicePorts: z.array(interfaceName).min(1).max(64),
  networkPorts: z.array(interfaceName).min(1).max(8),
  vlans: z
    .array(z.int().min(1).max(4094, { error: 'a VLAN id is 1 to 4094 (IEEE 802.1Q clause 9.6)' }))
    .max(64)
    .default([])
    .describe(
      'bridge mode only: tagged frames of these VLANs are filtered like untagged ones; all others are refused',
    ),
  inspection: z
    .enum(['inline', 'tap'])
    .default(INSPECTION_DEFAULT)
    .describe(
      'inline: the first packet of a new connection waits for the detectors; tap: it passes, and they see a copy',
    ),
  activity: z
    .strictObject({
      keepDays: z
        .int()
        .min(1)
        .max(36_500)
        .default(SIX_YEARS_DAYS)
        .describe('the activity log is kept so long; 45 CFR 164.316(b)(2)(i) asks for six years'),
    })
    .prefault({}),
  button: z
    .strictObject({
      device: path.optional().describe('/dev/input/eventN, or better a link of /dev/input/by-path'),
      name: z.string().min(1).max(80).optional().describe('instead: as the kernel names the device'),
      key: z.int().min(1).max(767).optional().describe('code in linux/input-event-codes.h; any, if left out'),
      scope: containmentScope
        .default('box')
        .describe('whom a press is about: box, { device: … }, { tag: … }'),
      containsAfterSeconds: z.number().min(0.2).max(30).default(BUTTON_CONTAINS_AFTER_SECONDS),
      cutsAfterSeconds: z.number().min(0.4).max(60).default(BUTTON_CUTS_AFTER_SECONDS),
      stuckAfterSeconds: z.number().min(1).max(600).default(BUTTON_STUCK_AFTER_SECONDS),
      cutsLifeSustaining: z
        .boolean()
        .default(BUTTON_CUTS_LIFE_SUSTAINING)
        .describe('false: a cut leaves life-sustaining devices contained'),
    })
    .refine(({ device, name }) => (device === undefined) !== (name === undefined), {
      error: 'write "device" or "name", one of the two',
    })
    .refine(
      (times) =>
        times.containsAfterSeconds < times.cutsAfterSeconds &&
        times.cutsAfterSeconds < times.stuckAfterSeconds,
      { error: 'containsAfterSeconds, cutsAfterSeconds and stuckAfterSeconds must grow in this order' },
    )
    .optional()
    .describe('contains when held, cuts when held longer; never releases'),
  light: path.optional().describe('/sys/class/leds/NAME: off, blinking while contained, on while cut'),
  clockSettlesSeconds: z
    .int()
    .min(1)
    .max(604_800)
    .default(EXCEPTION_CLOCK_SETTLES_SECONDS)
    .describe(
      'how long the clock has to run without a jump before it ends an exception of the policy (until: …)',
    ),
  variables: siteVariables
    .default({})
    .describe('what $name in a policy stands for at this box; it comes before site.variables of the policy'),
  fleet: z
    .strictObject({
      keys: z
        .array(
          z.strictObject({
            kid: z.string().regex(NAME_PATTERN, { error: 'use lower-case letters, digits, dots, dashes' }),
            role: z
              .enum(['online', 'policy'])
              .describe('online: contains devices by name. policy: everything, releases too'),
            publicKey: z
              .string()
              .regex(/^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/, {
                error:
                  'write an Ed25519 public key (never a private one), as: openssl pkey -in KEY.pem -pubout -outform DER | base64',
              })
              .describe('SubjectPublicKeyInfo, DER in base64 (RFC 8410)'),
          }),
        )
        .min(1)
        .max(4)
        .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, {
          error: 'each kid names one key',
        }),
    })
    .optional()
    .describe('who may order containment through the broker'),
  mqtt: z
    .strictObject({
      url: z
        .string()
        .regex(/^mqtts:\/\/[^\s/]+$/, { error: 'write mqtts://host:port (TLS is not optional)' }),
      caFile: path,
      certFile: path,
      keyFile: path,
    })
    .optional(),
});

export type BoxConfig = z.infer<typeof boxConfig>;
