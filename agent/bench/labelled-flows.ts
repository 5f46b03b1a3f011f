/** Precision and recall of findings against the labels of a flow log, per label. Used by detection-report.ts. Pure. */
import type { FlowRecord } from '../capture/flow-record.js';
import type { Finding } from '../messages/vocabulary.js';

const SLACK_MS = 1;
const ATTACK = /malicious|malware|botnet|attack/i;

export interface Labelled {
  readonly flows: number;
  /** Of the connections that findings cover, the share with an attack label; null: none is covered. */
  readonly precision: number | null;
  /** Labels of attacks. */
  readonly classes: readonly { readonly label: string; readonly flows: number; readonly recall: number }[];
}

export function labelled(records: readonly FlowRecord[], findings: readonly Finding[]): Labelled {
  const counts = new Map<string, { flows: number; covered: number }>();
  for (const record of records) {
    const count = counts.get(record.label) ?? { flows: 0, covered: 0 };
    count.flows++;
    if (findings.some((finding) => covers(finding, record))) count.covered++;
    counts.set(record.label, count);
  }
  const all = [...counts].map(([label, count]) => ({ label, ...count, isAttack: ATTACK.test(label) }));
  const covered = all.reduce((sum, one) => sum + one.covered, 0);
  const right = all.reduce((sum, one) => sum + (one.isAttack ? one.covered : 0), 0);
  return {
    flows: records.length,
    precision: covered === 0 ? null : right / covered,
    classes: all
      .filter(({ isAttack }) => isAttack)
      .map((one) => ({ label: one.label, flows: one.flows, recall: one.covered / one.flows })),
  };
}

/** The finding names an end of the connection, who opened it, its service where it names one, and was open at its time. */
function covers(finding: Finding, record: FlowRecord): boolean {
  if (record.startMs < finding.firstMs - SLACK_MS || record.startMs > finding.lastMs + SLACK_MS) return false;
  const { evidence, device, peer } = finding;
  const ends = [record.source.text, record.destination.text];
  if (device !== null && !ends.includes(device)) return false;
  if (peer !== null && !ends.includes(peer)) return false;
  if (device !== null && evidence['from'] === 'device' && record.source.text !== device) return false;
  if (device !== null && evidence['from'] === 'network' && record.destination.text !== device) return false;
  const service = /^(?:tcp|udp)\/(\d+)$/.exec(String(evidence['service'] ?? ''));
  return service === null || Number(service[1]) === record.destinationPort;
}
