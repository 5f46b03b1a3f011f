/** A device as the risk assessment sees it: from the inventory, what people entered and the policy, in this order of weight. Pure. */
import type { DeviceRecord } from '../inventory/device.js';
import { CRITICALITIES } from '../inventory/operator-fields.js';
import type { PolicyDevice } from '../policy/schema.js';

export type Criticality = (typeof CRITICALITIES)[number];

/** What is known of it, and where from; null: nobody said. */
export interface Said<T> {
  readonly value: T;
  readonly source: string;
}

export interface Subject {
  readonly id: string;
  readonly name: string;
  readonly kind: string | null;
  readonly os: string | null;
  readonly software: string | null;
  readonly criticality: Said<Criticality>;
  readonly holdsPhi: Said<'yes' | 'no' | 'unknown'>;
  readonly endOfSupport: { readonly ends: string; readonly source: string } | null;
  readonly services: readonly string[];
  readonly speaks: readonly string[];
  readonly reaches: readonly string[];
  readonly replaceBy: string | null;
  readonly cost: number | null;
  readonly compensating: string | null;
  readonly owner: string | null;
  readonly vendorSecurity: string | null;
  readonly vendorSupport: string | null;
}

/** Kinds that act on a patient or watch one: until somebody says otherwise they matter as much. */
const ACTS_ON_PATIENTS =
  /pump|ventilat|dialys|defibrill|anaesth|anesth|incubator|monitor|telemetry|infusion/i;
const CARRIES_PATIENT_DATA = ['DICOM', 'HL7'];

export function subjectOf(device: DeviceRecord, policy: PolicyDevice | null): Subject {
  const { fields, operator } = device;
  const kind = fields.kind?.value ?? null;
  const version = fields.version?.value;
  const software = fields.software?.value ?? policy?.software?.name ?? null;
  const ends = policy?.software?.endOfSupport;
  const contact = (role: 'security' | 'support'): string | null => {
    const found = policy?.contacts.find((one) => one.role === role);
    return found === undefined ? null : [found.name, found.email, found.phone].filter(Boolean).join(', ');
  };
  return {
    id: device.id,
    name: device.policyName ?? fields.name?.value ?? device.id,
    kind,
    os: fields.os?.value ?? null,
    software: software === null || version === undefined ? software : `${software} ${version}`,
    criticality: criticalityOf(operator.criticality?.value, policy, kind),
    holdsPhi: phiOf(operator.holdsPhi?.value, policy, device.speaks),
    endOfSupport:
      operator.endOfSupport !== undefined
        ? { ends: operator.endOfSupport.value, source: `entered by ${operator.endOfSupport.by}` }
        : ends === undefined
          ? null
          : { ends, source: 'policy' },
    services: device.services,
    speaks: device.speaks,
    reaches: device.reaches,
    replaceBy: operator.replaceBy?.value ?? null,
    cost: operator.cost === undefined ? null : Number(operator.cost.value),
    compensating: operator.compensating?.value ?? null,
    owner: operator.owner?.value ?? policy?.owner ?? null,
    vendorSecurity: operator['vendor.security']?.value ?? contact('security'),
    vendorSupport: operator['vendor.support']?.value ?? contact('support'),
  };
}

function criticalityOf(
  entered: string | undefined,
  policy: PolicyDevice | null,
  kind: string | null,
): Said<Criticality> {
  const value = CRITICALITIES.find((one) => one === entered);
  if (value !== undefined) return { value, source: 'entered' };
  if (policy !== null) return { value: policy.criticality, source: 'policy' };
  return kind !== null && ACTS_ON_PATIENTS.test(kind)
    ? { value: 'high', source: `assumed of a ${kind}` }
    : { value: 'medium', source: 'assumed: nobody said' };
}

function phiOf(
  entered: string | undefined,
  policy: PolicyDevice | null,
  speaks: readonly string[],
): Said<'yes' | 'no' | 'unknown'> {
  if (entered === 'yes' || entered === 'no') return { value: entered, source: 'entered' };
  if (policy !== null && policy.holdsPhi !== 'unknown') return { value: policy.holdsPhi, source: 'policy' };
  const carried = speaks.filter((one) => CARRIES_PATIENT_DATA.includes(one));
  return carried.length > 0
    ? { value: 'yes', source: `assumed: it speaks ${carried.join(' and ')}` }
    : { value: 'unknown', source: 'nobody said' };
}
