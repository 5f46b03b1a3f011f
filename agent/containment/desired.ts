/**
 * The fleet's desired state of containment for one box: what a signed document says and what it changes. Pure; the signature is
 * checked by enforcer/desired-keeper.ts before anything here is asked.
 *
 * A document states all that its key wants. The policy key may do everything: fleet orders that its newest document does not
 * list end, and it may end orders of people and detectors by naming them. The online key lies on a server that faces the network; whoever
 * steals it must not be able to hurt a patient or to open a box: it contains devices by name, which allow it, and nothing else.
 */
import { z } from 'zod';
import { containmentScope, type ContainmentScope } from '../messages/vocabulary.js';
import { ownValue } from '../policy/resolve-peers.js';
import { NAME_PATTERN, type Policy } from '../policy/schema.js';
import {
  confirmationWord,
  isConfirmed,
  isSameScope,
  scopeText,
  type NewOrder,
  type Orders,
} from './orders.js';

/** One retained message: the newest document of each key, one a line. */
export const MAX_DESIRED_CHARACTERS = 64 * 1024;
export const MAX_DESIRED_DOCUMENTS = 4;
const MAX_DESIRED_ORDERS = 500;
const MAX_DESIRED_RELEASES = 100;

export const KEY_ROLES = ['online', 'policy'] as const;
export type KeyRole = (typeof KEY_ROLES)[number];

/** JWS type of a document (RFC 7515 section 4.1.9), so that one signed for something else is never taken for this. */
export const DESIRED_TYPE = 'cordon-containment+jws';
/** Fully specified, unlike EdDSA (RFC 9864 section 2.2). */
export const DESIRED_ALGORITHM = 'Ed25519';

/** Nothing else may stand there: no `jwk`, `x5c`, `crit` or `b64`. */
export const desiredHeader = z.strictObject({
  alg: z.literal(DESIRED_ALGORITHM),
  kid: z.string().min(1).max(64),
  typ: z.literal(DESIRED_TYPE),
});

const text = z.string().min(1).max(500);
const person = z.string().min(1).max(100);

export const desiredDocument = z.strictObject({
  /** The box that is meant. */
  aud: z.string().regex(NAME_PATTERN, { error: 'not a box name' }),
  /** Higher than that of every document before by the same key. */
  ver: z.int().positive(),
  orders: z
    .array(
      z.strictObject({
        scope: containmentScope,
        level: z.enum(['contained', 'cut']),
        sparesLifeSustaining: z.boolean().default(false),
        by: person,
        reason: text,
        /** From when the box takes the document; null: until it is no longer listed. */
        forSeconds: z.int().min(1).max(31_536_000).nullable().default(null),
        /** Of a cut: a second person, or the name of what is cut. */
        confirmedBy: person.nullable().default(null),
      }),
    )
    .max(MAX_DESIRED_ORDERS),
  /** Orders that other sources gave on the box itself. */
  releases: z
    .array(
      z.strictObject({
        scope: containmentScope,
        by: person,
        reason: text,
        orders: z.union([z.array(z.int().positive()).min(1).max(1000), z.literal('all')]),
      }),
    )
    .max(MAX_DESIRED_RELEASES)
    .default([]),
});
export type DesiredDocument = z.infer<typeof desiredDocument>;

export interface Release {
  readonly scope: ContainmentScope;
  readonly by: string;
  readonly reason: string;
  readonly orders: readonly number[] | 'all';
}

export type DesiredPlan =
  | { readonly ok: false; readonly problem: string }
  | {
      readonly ok: true;
      readonly give: readonly NewOrder[];
      readonly release: readonly Release[];
      /** Devices that the document names and that their policy leaves to people. */
      readonly withheld: readonly string[];
      /** Names that the policy does not have (yet): their orders wait. */
      readonly waiting: readonly string[];
    };

export interface DesiredContext {
  readonly box: string;
  readonly kid: string;
  readonly role: KeyRole;
  readonly orders: Orders;
  readonly policy: Pick<Policy, 'devices'>;
}

export function planDesired(document: DesiredDocument, context: DesiredContext): DesiredPlan {
  const problem = refusalOf(document, context);
  if (problem !== null) return { ok: false, problem };
  const { kid, role, orders, policy } = context;
  const withheld =
    role === 'policy' ? [] : document.orders.filter((each) => isLeftToPeople(each.scope, policy));
  const give = document.orders
    .filter((each) => !withheld.includes(each))
    .map(({ confirmedBy, by, ...order }): NewOrder => {
      const word = confirmationWord(order.scope, context.box);
      const second = confirmedBy === null || confirmedBy === word ? '' : `, confirmed by ${confirmedBy}`;
      return { ...order, by: `${by} (key ${kid})${second}`, source: 'fleet' };
    });
  const isListed = (order: Orders[number]): boolean =>
    give.some(
      (each) =>
        isSameScope(each.scope, order.scope) &&
        each.level === order.level &&
        each.by === order.by &&
        each.sparesLifeSustaining === order.sparesLifeSustaining,
    );
  const over = orders.filter((order) => order.source === 'fleet' && !isListed(order));
  return {
    ok: true,
    give,
    release:
      role === 'policy'
        ? [
            ...over.map(({ scope, id }): Release => ({
              scope,
              by: `key ${kid}`,
              reason: `no longer in the fleet's document ${document.ver}`,
              orders: [id],
            })),
            ...document.releases.map((each) => ({ ...each, by: `${each.by} (key ${kid})` })),
          ]
        : [],
    withheld: withheld.map(({ scope }) => scopeText(scope)),
    waiting: give.filter(({ scope }) => !isKnown(scope, policy)).map(({ scope }) => scopeText(scope)),
  };
}

/** Why a document is refused whole, or null. */
function refusalOf(document: DesiredDocument, { box, role }: DesiredContext): string | null {
  if (document.aud !== box) return `it is for the box ${document.aud}`;
  for (const { scope, level, by, confirmedBy } of document.orders) {
    if (role === 'online' && (level !== 'contained' || scope === 'box' || !('device' in scope)))
      return `an online key contains devices by name only, and this is ${level} of ${scopeText(scope)}`;
    if (level === 'cut' && !isConfirmed(confirmationWord(scope, box), by, confirmedBy))
      return `the cut of ${scopeText(scope)} names no second person (confirmedBy)`;
  }
  return role === 'online' && document.releases.length > 0 ? 'an online key releases nothing' : null;
}

function isLeftToPeople(scope: ContainmentScope, policy: Pick<Policy, 'devices'>): boolean {
  return (
    scope !== 'box' && 'device' in scope && ownValue(policy.devices, scope.device)?.automation === 'none'
  );
}

function isKnown(scope: ContainmentScope, policy: Pick<Policy, 'devices'>): boolean {
  if (scope === 'box') return true;
  return 'device' in scope
    ? ownValue(policy.devices, scope.device) !== undefined
    : Object.values(policy.devices).some(({ tags }) => tags.includes(scope.tag));
}

/** What the box remembers of the newest document of a key. */
export interface Taken {
  readonly ver: number;
  readonly sha256: string;
  /** False from before it is acted on until all of it holds: then it is acted on again. */
  readonly isApplied: boolean;
}

export type Admission = 'new' | 'known' | { readonly refused: string };

/** Without a clock: the number alone says what is old. */
export function admitDocument(taken: Taken | undefined, ver: number, sha256: string): Admission {
  if (taken === undefined || ver > taken.ver) return 'new';
  if (ver < taken.ver) return { refused: `it is older (ver ${ver}) than what was taken (ver ${taken.ver})` };
  if (sha256 !== taken.sha256) return { refused: `another document had the number ${ver} already` };
  return taken.isApplied ? 'known' : 'new';
}
