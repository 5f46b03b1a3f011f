/**
 * The scales of NIST SP 800-30 revision 1: semi-quantitative values (tables G-2 and H-3: 0 to 100) as levels, and how likelihood and impact combine
 * (table I-2). Pure.
 */
export const LEVELS = ['very low', 'low', 'moderate', 'high', 'very high'] as const;
export type Level = (typeof LEVELS)[number];

export function levelOf(value: number): Level {
  if (value >= 96) return 'very high';
  if (value >= 80) return 'high';
  if (value >= 21) return 'moderate';
  return value >= 5 ? 'low' : 'very low';
}

/** Rows: likelihood; columns: impact; both from very low to very high. */
const TABLE_I_2: readonly (readonly number[])[] = [
  [0, 0, 0, 1, 1],
  [0, 1, 1, 1, 2],
  [0, 1, 2, 2, 3],
  [0, 1, 2, 3, 4],
  [0, 1, 2, 3, 4],
];

export function riskLevel(likelihood: number, impact: number): Level {
  const row = TABLE_I_2[LEVELS.indexOf(levelOf(likelihood))] ?? [];
  return LEVELS[row[LEVELS.indexOf(levelOf(impact))] ?? 0] ?? 'very low';
}
