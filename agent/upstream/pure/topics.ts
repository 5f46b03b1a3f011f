/**
 * The topic tree, `cordon/v1/{box}/…`, with the box at a fixed level so that one broker ACL pattern serves the fleet.
 * Pure. Both ends use it: the box to publish, the console to read.
 */
import { NAME_PATTERN } from '../../policy/schema.js';

const ROOT = 'cordon/v1';

/** Retained, at QoS 1: what the box says it is now. */
export const REPORTED_NAMES = ['policy', 'containment', 'activity'] as const;
export type ReportedName = (typeof REPORTED_NAMES)[number];

/** Retained and signed: what the box is to be. The only thing that it subscribes to. */
export const DESIRED_NAMES = ['containment'] as const;
export type DesiredName = (typeof DESIRED_NAMES)[number];

export interface BoxTopics {
  readonly status: string;
  readonly meta: string;
  reported(name: ReportedName): string;
  desired(name: DesiredName): string;
  event(classUid: number): string;
  telemetry(name: string): string;
}

/** Throws for what is no box name: it would be another box's topic, or a wildcard. Configuration is checked long before. */
export function boxTopics(box: string): BoxTopics {
  if (!NAME_PATTERN.test(box)) throw new RangeError(`"${box}" is not a box name`);
  const base = `${ROOT}/${box}`;
  return {
    status: `${base}/status`,
    meta: `${base}/meta`,
    reported: (name) => `${base}/reported/${name}`,
    desired: (name) => `${base}/desired/${name}`,
    event: (classUid) => `${base}/evt/${classUid}`,
    telemetry: (name) => `${base}/tele/${name}`,
  };
}

export type ParsedTopic =
  | { readonly box: string; readonly kind: 'status' | 'meta' }
  | { readonly box: string; readonly kind: 'reported'; readonly name: ReportedName }
  | { readonly box: string; readonly kind: 'desired'; readonly name: DesiredName }
  | { readonly box: string; readonly kind: 'event'; readonly classUid: number }
  | { readonly box: string; readonly kind: 'telemetry'; readonly name: string };

/** Null for a topic that is not of this tree. */
export function parseTopic(topic: string): ParsedTopic | null {
  const [product, version, box, kind, name, ...rest] = topic.split('/');
  if (`${product ?? ''}/${version ?? ''}` !== ROOT || box === undefined || !NAME_PATTERN.test(box))
    return null;
  if (rest.length > 0) return null;
  if (kind === 'status' || kind === 'meta') return name === undefined ? { box, kind } : null;
  if (name === undefined) return null;
  if (kind === 'evt')
    return /^[1-9]\d{3,5}$/.test(name) ? { box, kind: 'event', classUid: Number(name) } : null;
  if (kind === 'tele') return NAME_PATTERN.test(name) ? { box, kind: 'telemetry', name } : null;
  const desired = kind === 'desired' ? DESIRED_NAMES.find((one) => one === name) : undefined;
  if (desired !== undefined) return { box, kind: 'desired', name: desired };
  const reported = kind === 'reported' ? REPORTED_NAMES.find((one) => one === name) : undefined;
  return reported === undefined ? null : { box, kind: 'reported', name: reported };
}
