/**
 * Fingerprint rules: from what a parser read to kind, make, model, software and system. Readable YAML (knowledge-rules.ts), checked when it is read; a
 * rule is one source, one pattern, what it gives and how sure that is.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { DEVICE_FIELDS, SOURCES, type DeviceField, type Observation, type Source } from './observation.js';

const MAX_RULES = 2_000;

const rule = z.strictObject({
  /** One source, or several of which the same is true. */
  from: z.union([z.enum(SOURCES), z.array(z.enum(SOURCES)).min(1)]),
  /** Case does not matter. */
  matches: z.string().min(1).max(300),
  /** `$1` is the first group of the pattern. */
  gives: z.partialRecord(z.enum(DEVICE_FIELDS), z.string().min(1).max(100)),
  /** Below 100, which is the operator's. */
  confidence: z.int().min(1).max(95),
});
const rules = z.array(rule).max(MAX_RULES);

interface Rule {
  readonly pattern: RegExp;
  readonly gives: readonly (readonly [DeviceField, string])[];
  readonly confidence: number;
}

export type Knowledge = ReadonlyMap<Source, readonly Rule[]>;

/** Throws with the place of every fault. */
export function readKnowledge(yaml: string): Knowledge {
  const bySource = new Map<Source, Rule[]>();
  for (const { from, matches, gives, confidence } of rules.parse(parse(yaml))) {
    const fields = Object.entries(gives).map(([field, value]) => [field as DeviceField, value] as const);
    const one = { pattern: new RegExp(matches, 'i'), gives: fields, confidence };
    for (const source of [from].flat()) {
      const list = bySource.get(source) ?? [];
      bySource.set(source, list);
      list.push(one);
    }
  }
  return bySource;
}

/** The site's rules before ours: of the rules of one source the first that matches counts. Throws as readKnowledge does. */
export function extendKnowledge(ours: Knowledge, yaml: string): Knowledge {
  const merged = new Map(ours);
  for (const [source, list] of readKnowledge(yaml))
    merged.set(source, [...list, ...(ours.get(source) ?? [])]);
  return merged;
}

/**
 * The fields among the observations, and what the first rule that matches each of them gives. Hints are not passed on: a questioned name or a browser's
 * line is used here and forgotten.
 */
export function conclude(knowledge: Knowledge, observations: readonly Observation[]): readonly Observation[] {
  const fields: Observation[] = [];
  for (const observation of observations) {
    if (observation.field !== 'hint') fields.push(observation);
    const { source, value } = observation;
    for (const { pattern, gives, confidence } of knowledge.get(source) ?? []) {
      const match = pattern.exec(value);
      if (match === null) continue;
      for (const [field, template] of gives) {
        const text = template.replace(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? '').trim();
        if (text !== '') fields.push({ field, value: text, source, confidence });
      }
      break;
    }
  }
  return fields;
}
