/**
 * What the box saw, as OCSF 1.8 events (Open Cybersecurity Schema Framework, schema.ocsf.io): the form that a hospital's
 * SIEM already reads. Pure: ids and times are handed in. What OCSF has no word for goes under `unmapped`.
 */
import type { Head } from '../../activity/entry.js';
import type {
  ConnectionSummary,
  Finding,
  RefusalReason,
  SeenDevice,
  StateChange,
} from '../../messages/vocabulary.js';

export const OCSF_VERSION = '1.8.0';

/** Class ids, OCSF 1.8; the category is the thousands digit. */
export const OCSF_CLASS = {
  detectionFinding: 2004,
  networkActivity: 4001,
  deviceInventory: 5001,
  deviceConfigStateChange: 5019,
  remediationActivity: 7001,
} as const;
export type OcsfClass = (typeof OCSF_CLASS)[keyof typeof OCSF_CLASS];

/** severity_id of the base event. */
const SEVERITY_ID = { info: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;

export interface EventContext {
  /** Unique to this event, and the same whenever it is sent again: consumers remove doubles by it. */
  readonly uid: string;
  /** When this event is made; what happened has its own times. */
  readonly nowMs: number;
  readonly box: string;
  readonly productVersion: string;
}

/** The attributes that every event of ours has, and whatever its class adds. */
export interface OcsfEvent {
  readonly class_uid: OcsfClass;
  readonly category_uid: number;
  readonly activity_id: number;
  readonly type_uid: number;
  readonly severity_id: number;
  readonly time: number;
  readonly metadata: { readonly uid: string; readonly version: string } & Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}

/** finding.activity_id: 1 Create, 2 Update, 3 Close. status_id: 1 New, 2 In Progress, 4 Resolved. */
const FINDING_ACTIVITY = { create: 1, update: 2, close: 3 } as const;
const FINDING_STATUS = { create: 1, update: 2, close: 4 } as const;
export type FindingActivity = keyof typeof FINDING_ACTIVITY;

export function findingEvent(item: Finding, activity: FindingActivity, context: EventContext): OcsfEvent {
  return {
    ...base(OCSF_CLASS.detectionFinding, FINDING_ACTIVITY[activity], SEVERITY_ID[item.severity], context),
    start_time: item.firstMs,
    end_time: item.lastMs,
    count: item.count,
    message: item.title,
    status_id: FINDING_STATUS[activity],
    is_alert: activity === 'create',
    finding_info: {
      uid: item.key,
      title: item.title,
      first_seen_time: item.firstMs,
      last_seen_time: item.lastMs,
      // analytic.type_id 1: Rule.
      analytic: { name: item.detector, type_id: 1, uid: item.detector },
    },
    ...(item.device === null && item.deviceMac === null
      ? {}
      : { device: device({ name: item.device, mac: item.deviceMac, ip: null }) }),
    evidences: [{ data: item.evidence, ...(item.peer === null ? {} : { dst_endpoint: { ip: item.peer } }) }],
    remediation: { desc: item.remedy },
    unmapped: { box: context.box, state: item.state, peer: item.peer },
  };
}

/** Refusals of an identity that is not what it claims, or of a device that a person shut in, say more than a stray packet. */
const REFUSAL_SEVERITY: Readonly<Record<RefusalReason, keyof typeof SEVERITY_ID>> = {
  policy: 'low',
  'unknown-device': 'low',
  'spoofed-source': 'medium',
  'arp-spoof': 'medium',
  'rogue-dhcp': 'medium',
  'rogue-ra': 'medium',
  contained: 'low',
  cut: 'low',
  invalid: 'info',
  'to-box': 'low',
  broadcast: 'info',
  ethertype: 'info',
  'too-many-macs': 'medium',
  'not-filtered': 'medium',
  detector: 'medium',
};

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

/** Activity 5, Refuse; security_control profile with action 2, Denied, and disposition 2, Blocked. */
export function refusalEvent(
  item: ConnectionSummary & { readonly refused: RefusalReason },
  context: EventContext,
): OcsfEvent {
  const isFromDevice = item.from === 'device';
  const isIcmp = item.protocol === IPPROTO_ICMP || item.protocol === IPPROTO_ICMPV6;
  const guarded = endpoint({ name: item.device, mac: item.deviceMac, ip: item.deviceAddress, typeId: 7 });
  const peer = endpoint({ name: null, mac: null, ip: item.peer, typeId: 0 });
  const destinationPort = item.port === null || isIcmp ? {} : { port: item.port };
  const address = item.peer ?? item.deviceAddress;
  return {
    ...base(OCSF_CLASS.networkActivity, 5, SEVERITY_ID[REFUSAL_SEVERITY[item.refused]], context, [
      'security_control',
    ]),
    start_time: item.firstMs,
    end_time: item.lastMs,
    count: item.count,
    action_id: 2,
    disposition_id: 2,
    disposition: 'Blocked',
    src_endpoint: isFromDevice ? guarded : peer,
    dst_endpoint: { ...(isFromDevice ? peer : guarded), ...destinationPort },
    connection_info: {
      // direction_id: 1 Inbound, 2 Outbound, as the guarded device sees it.
      direction_id: isFromDevice ? 2 : 1,
      ...(item.protocol === null ? {} : { protocol_num: item.protocol }),
      ...(address === null ? {} : { protocol_ver_id: address.includes(':') ? 6 : 4 }),
    },
    status_detail: item.refused,
    unmapped: {
      box: context.box,
      reason: item.refused,
      device: item.device,
      ...(isIcmp && item.port !== null ? { icmp_type: item.port >> 8, icmp_code: item.port & 0xff } : {}),
    },
  };
}

/** Activity 2, Collect. */
export function inventoryEvent(seen: SeenDevice, context: EventContext): OcsfEvent {
  return {
    ...base(OCSF_CLASS.deviceInventory, 2, SEVERITY_ID.info, context),
    device: {
      ...device({ name: seen.name, mac: seen.mac, ip: seen.addresses.at(-1) ?? null }),
      first_seen_time: seen.firstMs,
      last_seen_time: seen.lastMs,
      network_interfaces: seen.addresses.map((ip) => ({ ip, mac: seen.mac, type_id: 0 })),
    },
    unmapped: { box: context.box, port: seen.port, is_in_policy: seen.name !== null },
  };
}

const CHANGE_SEVERITY: Readonly<Record<StateChange['kind'], keyof typeof SEVERITY_ID>> = {
  'policy-applied': 'info',
  'policy-confirmed': 'info',
  'policy-rolled-back': 'medium',
  'policy-refused': 'low',
  // To observe, it opens the firewall.
  'mode-changed': 'medium',
  'exception-ended': 'medium',
  'clock-jumped': 'medium',
  'tables-restored': 'high',
  'connections-full': 'high',
  'containment-ordered': 'high',
  'containment-released': 'medium',
  'containment-expired': 'medium',
  'containment-ending': 'medium',
  'containment-withheld': 'high',
  'panel-changed': 'medium',
  'desired-applied': 'medium',
  'desired-refused': 'high',
  'inspection-changed': 'medium',
  'enforcer-started': 'info',
  'enforcer-stopping': 'medium',
  'evidence-dropped': 'medium',
  'name-refused': 'medium',
};

/** Containment is a remediation (7001); everything else is a change of the box's own state (5019). */
export function stateChangeEvent(
  change: StateChange,
  context: EventContext,
  activity: Head | null = null,
): OcsfEvent {
  const severityId = SEVERITY_ID[CHANGE_SEVERITY[change.kind]];
  const unmapped = {
    box: context.box,
    kind: change.kind,
    by: change.by,
    generation: change.generation,
    // The head of the activity log: it must hold this entry ever after.
    ...(activity !== null && activity.seq > 0 && { activity: { ...activity } }),
    ...(change.order === undefined ? {} : { order: change.order }),
  };
  if (isContainment(change)) {
    return {
      // 1 Isolate, 3 Restore.
      ...base(
        OCSF_CLASS.remediationActivity,
        change.kind === 'containment-ordered' ? 1 : 3,
        severityId,
        context,
        ['host'],
      ),
      time: change.atMs,
      message: change.detail,
      command_uid: context.uid,
      status_id: 1,
      device: device({ name: change.device, mac: null, ip: null }),
      unmapped,
    };
  }
  return {
    // 1 Log. state_id 99 Other: `state` says it in our words.
    ...base(OCSF_CLASS.deviceConfigStateChange, 1, severityId, context),
    time: change.atMs,
    message: change.detail,
    state_id: 99,
    state: change.kind,
    // type_id 99 Other: the box is neither server nor IoT.
    device: { uid: context.box, name: context.box, hostname: context.box, type_id: 99, type: 'firewall' },
    unmapped: { ...unmapped, device: change.device },
  };
}

function isContainment(change: StateChange): boolean {
  const kinds: readonly StateChange['kind'][] = [
    'containment-ordered',
    'containment-released',
    'containment-expired',
  ];
  return kinds.includes(change.kind);
}

function base(
  classUid: OcsfClass,
  activityId: number,
  severityId: number,
  context: EventContext,
  profiles: readonly string[] = [],
): OcsfEvent {
  return {
    class_uid: classUid,
    category_uid: Math.floor(classUid / 1000),
    activity_id: activityId,
    type_uid: classUid * 100 + activityId,
    severity_id: severityId,
    time: context.nowMs,
    metadata: {
      uid: context.uid,
      version: OCSF_VERSION,
      product: { name: 'Cordon', vendor_name: 'Cordon', version: context.productVersion },
      log_provider: context.box,
      ...(profiles.length > 0 && { profiles }),
    },
  };
}

interface Party {
  readonly name: string | null;
  readonly mac: string | null;
  readonly ip: string | null;
}

/** OCSF device object; type_id 7 is IOT, the nearest to a medical device. */
function device(party: Party): Record<string, unknown> {
  return { ...endpoint({ ...party, typeId: 7 }), hostname: party.name ?? party.mac ?? 'unknown' };
}

function endpoint(party: Party & { readonly typeId: number }): Record<string, unknown> {
  const uid = party.name ?? party.mac;
  return {
    type_id: party.typeId,
    ...(uid === null ? {} : { uid }),
    ...(party.name === null ? {} : { name: party.name }),
    ...(party.mac === null ? {} : { mac: party.mac }),
    ...(party.ip === null ? {} : { ip: party.ip }),
  };
}
