/**
 * Risk of a device after NIST SP 800-30 revision 1: likelihood from how exposed and how mendable it is, impact with patient safety as its own kind,
 * combined by table I-2. Inherent: as if the box were not there. Residual: with what the policy in force and containment take away. Every factor is a
 * line with its points before and after, its greatest value and its reason; the points are this project's judgement and stand here to be judged. Same
 * input, same result. Pure.
 */
import type { Finding } from '../messages/vocabulary.js';
import type { GuardView } from './guard-view.js';
import { levelOf, riskLevel, type Level } from './scale.js';
import type { KevProduct } from './reference-data.js';
import type { Support } from './support-state.js';
import { daysUntil } from './support-state.js';
import type { Subject } from './subject.js';

export interface RiskInput {
  readonly subject: Subject;
  readonly support: Support;
  readonly kev: readonly KevProduct[];
  /** Open ones of this device. */
  readonly findings: readonly Pick<Finding, 'severity' | 'detector'>[];
  /** Null: the policy does not guard it. */
  readonly guard: GuardView | null;
  readonly nowMs: number;
}

export interface Factor {
  readonly kind: 'likelihood' | 'impact';
  readonly name: string;
  readonly inherent: number;
  readonly residual: number;
  readonly max: number;
  /** What was found and, where the box takes something away, what. */
  readonly why: string;
}

export interface Score {
  readonly likelihood: number;
  readonly impact: number;
  /** likelihood x impact / 100: only orders devices of one level. */
  readonly value: number;
  readonly level: Level;
}

export interface Assessment {
  readonly id: string;
  readonly name: string;
  readonly inherent: Score;
  readonly residual: Score;
  readonly factors: readonly Factor[];
}

/** The finding that reminds of a date (agent/end-of-support.ts): it is a factor already. */
export const END_OF_SUPPORT = 'endOfSupport';
/** The one that reminds of the end of an exception (agent/exception-ends.ts): no sign of an attack. */
export const EXCEPTION_ENDS = 'exceptionEnds';
/** Of dates that were set, not of what was seen. */
export const REMINDERS: ReadonlySet<string> = new Set([END_OF_SUPPORT, EXCEPTION_ENDS]);

/** The most that each factor adds to a likelihood of 0 to 100. */
export const WEIGHTS = {
  support: 30,
  exploited: 12,
  remoteServices: 18,
  services: 4,
  cleartext: 9,
  reachability: 15,
  internet: 20,
  findings: 25,
} as const;

const REMOTE: Readonly<Record<string, string>> = {
  'tcp/21': 'FTP',
  'tcp/23': 'Telnet',
  'tcp/135': 'RPC',
  'tcp/139': 'NetBIOS',
  'tcp/445': 'SMB',
  'tcp/3389': 'RDP',
  'tcp/5900': 'VNC',
  'udp/69': 'TFTP',
};
const CLEARTEXT = [
  'BACnet',
  'DICOM',
  'FTP',
  'HL7',
  'HTTP',
  'Modbus',
  'S7 or MMS',
  'SNMP',
  'TFTP',
  'Telnet',
  'VNC',
];
const SEVERITY_POINTS = { critical: 20, high: 15, medium: 8, low: 3, info: 0 } as const;
const SAFETY_POINTS = { 'life-sustaining': 100, high: 85, medium: 40, low: 15 } as const;
const PHI_POINTS = { yes: 80, unknown: 30, no: 5 } as const;
/** However few may reach it, a flaw stays one. */
const LEAST_SHARE = 0.25;

export function assess(input: RiskInput): Assessment {
  const reach = [reachability(input), internet(input), ...services(input)];
  const share = shareLeft(reach);
  const factors = [
    support(input, share),
    exploited(input, share),
    ...reach,
    cleartext(input),
    findings(input),
    ...impacts(input),
  ];
  return {
    id: input.subject.id,
    name: input.subject.name,
    inherent: scoreOf(factors, 'inherent'),
    residual: scoreOf(factors, 'residual'),
    factors,
  };
}

/** By residual risk, then inherent, then name: the same input gives the same order. */
export function rank(assessments: readonly Assessment[]): readonly Assessment[] {
  return [...assessments].sort(
    (a, b) =>
      b.residual.value - a.residual.value ||
      b.inherent.value - a.inherent.value ||
      (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) ||
      (a.id < b.id ? -1 : 1),
  );
}

function scoreOf(factors: readonly Factor[], which: 'inherent' | 'residual'): Score {
  const of = (kind: Factor['kind']): number[] =>
    factors.filter((factor) => factor.kind === kind).map((factor) => factor[which]);
  const likelihood = Math.min(
    100,
    of('likelihood').reduce((sum, points) => sum + points, 0),
  );
  const impact = Math.max(0, ...of('impact'));
  const value = Math.round(likelihood * impact) / 100;
  return { likelihood, impact, value, level: riskLevel(likelihood, impact) };
}

/** How much of the ways in is left: what a flaw in the software is worth to somebody who cannot reach it. */
function shareLeft(reach: readonly Factor[]): number {
  const before = reach.reduce((sum, { inherent }) => sum + inherent, 0);
  const after = reach.reduce((sum, { residual }) => sum + residual, 0);
  return before === 0 ? 1 : Math.max(LEAST_SHARE, after / before);
}

function support(
  { support: { state, product, ends, source }, subject, nowMs }: RiskInput,
  share: number,
): Factor {
  const name = product ?? subject.os ?? subject.software ?? 'its software';
  const years = ends === null ? 0 : Math.floor(-daysUntil(ends, nowMs) / 365);
  const points = {
    ended: years >= 5 ? WEIGHTS.support : 25,
    ending: 10,
    'by contract': 10,
    unknown: 12,
    supported: 0,
  }[state];
  const why = {
    ended: `support of ${name} ended ${ends ?? ''} (${source})`,
    ending: `support of ${name} ends ${ends ?? ''} (${source})`,
    'by contract': `${name}: no public date, support is a matter of contract (${source})`,
    unknown: `support of ${name} is not known (${source})`,
    supported: `${name} is supported until ${ends ?? ''} (${source})`,
  }[state];
  return likelihood(
    'software support',
    points,
    points * share,
    WEIGHTS.support,
    withShare(why, points, share),
  );
}

function exploited({ kev }: RiskInput, share: number): Factor {
  const points = kev.length === 0 ? 0 : kev.some(({ ransomware }) => ransomware) ? WEIGHTS.exploited : 8;
  const named = kev.map(
    ({ vendor, product, count, cves }) => `${vendor} ${product}: ${count}, such as ${cves[0] ?? ''}`,
  );
  const why =
    kev.length === 0
      ? 'no product of it in the catalogue of exploited vulnerabilities (or none was loaded)'
      : `exploited vulnerabilities of its product line (${named.slice(0, 3).join('; ')}): check whether this version has them`;
  return likelihood(
    'known exploited',
    points,
    points * share,
    WEIGHTS.exploited,
    withShare(why, points, share),
  );
}

function reachability({ guard }: RiskInput): Factor {
  const all = WEIGHTS.reachability;
  const before = 'every host of its network';
  if (guard?.isEnforced !== true)
    return likelihood('who can reach it', all, all, all, `${before}; ${notGuarded(guard)}`);
  if (guard.inPeers < 0)
    return likelihood('who can reach it', all, all, all, `${before}; the policy lets anyone in`);
  const left = Math.min(10, guard.inPeers * 2);
  return likelihood('who can reach it', all, left, all, `${before}; the box leaves ${guard.inPeers} peers`);
}

function internet({ subject, guard }: RiskInput): Factor {
  const isFrom = subject.reaches.includes('from internet');
  const points = isFrom ? WEIGHTS.internet : subject.reaches.includes('internet') ? 10 : 0;
  const said = isFrom
    ? 'answers addresses outside'
    : points > 0
      ? 'talks to addresses outside'
      : 'nothing outside was seen';
  const left =
    guard?.isEnforced === true && !guard.mayReachOutside && !(isFrom && guard.inPeers < 0) ? 0 : points;
  const why = left < points ? `${said}; the policy leaves no way out` : said;
  return likelihood('internet', points, left, WEIGHTS.internet, why);
}

function services({ subject, guard }: RiskInput): readonly Factor[] {
  const remote = subject.services.filter((service) => REMOTE[service] !== undefined);
  const other = subject.services.length - remote.length;
  const isOpen = (service: string): boolean =>
    guard?.isEnforced !== true || (guard.inPeers !== 0 && (guard.inServices?.includes(service) ?? true));
  const leftRemote = remote.filter(isOpen).length;
  const leftOther = subject.services.filter(isOpen).length - leftRemote;
  const points = (count: number): number => Math.min(WEIGHTS.remoteServices, count * 6);
  const names = remote.map((service) => `${service} ${REMOTE[service] ?? ''}`);
  const kept = leftRemote < remote.length ? `; the box leaves ${leftRemote}` : '';
  return [
    likelihood(
      'remote access services',
      points(remote.length),
      points(leftRemote),
      WEIGHTS.remoteServices,
      names.length === 0 ? 'none was seen' : `${names.join(', ')}${kept}`,
    ),
    likelihood(
      'other services',
      Math.min(WEIGHTS.services, other),
      Math.min(WEIGHTS.services, leftOther),
      WEIGHTS.services,
      other === 0 ? 'none was seen' : `${other} seen; ${leftOther} may be reached`,
    ),
  ];
}

function cleartext({ subject }: RiskInput): Factor {
  const spoken = subject.speaks.filter((one) => CLEARTEXT.includes(one));
  const points = Math.min(WEIGHTS.cleartext, spoken.length * 3);
  const why =
    spoken.length === 0 ? 'none was seen' : `${spoken.join(', ')}: readable and changeable on the way`;
  return likelihood('cleartext protocols', points, points, WEIGHTS.cleartext, why);
}

function findings({ findings: all }: RiskInput): Factor {
  const open = all.filter(({ detector }) => !REMINDERS.has(detector));
  const points = Math.min(
    WEIGHTS.findings,
    open.reduce((sum, { severity }) => sum + SEVERITY_POINTS[severity], 0),
  );
  const named = [
    ...new Set(open.map(({ detector, severity }) => `${inWords(detector)} (${severity})`)),
  ].sort();
  return likelihood(
    'open findings',
    points,
    points,
    WEIGHTS.findings,
    named.length === 0 ? 'none' : named.join(', '),
  );
}

/** `portScan` as a person says it. */
function inWords(detector: string): string {
  return detector.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function impacts({ subject }: RiskInput): readonly Factor[] {
  const { criticality, holdsPhi } = subject;
  const impact = (name: string, points: number, why: string): Factor => ({
    kind: 'impact',
    name,
    inherent: points,
    residual: points,
    max: 100,
    why: `${why}; ${levelOf(points)}`,
  });
  return [
    impact(
      'patient safety',
      SAFETY_POINTS[criticality.value],
      `${criticality.value} (${criticality.source})`,
    ),
    impact('patient data', PHI_POINTS[holdsPhi.value], `holds PHI: ${holdsPhi.value} (${holdsPhi.source})`),
    impact('operations', 25, 'a device out of service, or a foothold for others'),
  ];
}

function likelihood(name: string, inherent: number, residual: number, max: number, why: string): Factor {
  return { kind: 'likelihood', name, inherent, residual: Math.round(residual * 10) / 10, max, why };
}

function withShare(why: string, points: number, share: number): string {
  return points === 0 || share === 1 ? why : `${why}; ${Math.round(share * 100)}% of the ways to it are left`;
}

function notGuarded(guard: GuardView | null): string {
  return guard === null ? 'no policy guards it' : `mode ${guard.mode} takes nothing away`;
}
