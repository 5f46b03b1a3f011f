/**
 * The JSON Schema (draft 2020-12) of a policy, for editors: made from the schema that validates, so that it cannot
 * say anything else. Checks across the document (check-policy.ts) are beyond what it can express. Pure.
 */
import { z } from 'zod';
import { policy } from './schema.js';

export const POLICY_SCHEMA_TITLE = 'Cordon policy, version 1';

/** Of what a person writes: before addresses, networks and ports are parsed. */
export function policyJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(policy, { io: 'input', target: 'draft-2020-12' });
  return {
    $schema,
    title: POLICY_SCHEMA_TITLE,
    description: 'What each guarded device may talk to. Anything that no entry permits is refused.',
    ...rest,
  };
}
