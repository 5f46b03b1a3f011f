/** `cordon risk` and `cordon risk explain`: devices by what the box leaves of their risk, and every factor of one of them. */
import { assess, rank, type Assessment, type Factor, type Score } from '../risk/assess.js';
import { gather, type AssessmentOptions } from './assessments.js';
import type { CliContext } from './context.js';
import { CliError, EXIT_DONE, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { renderTable } from './table.js';
import { wrap } from './text-width.js';

const METHOD =
  'Method: NIST SP 800-30 revision 1, likelihood x impact by table I-2; the greatest impact counts. Inherent: without the box. Residual: with the policy in force and containment.';

export interface RiskOptions extends AssessmentOptions {
  readonly wide?: true;
  readonly limit: number;
}

export async function showRisk(context: CliContext, options: RiskOptions): Promise<ExitStatus> {
  const { inputs, notes } = await gather(context, options);
  const ranked = rank(inputs.map((input) => assess(input)));
  if (options.json) {
    context.json({ method: METHOD, notes, total: ranked.length, rows: ranked.slice(0, options.limit) });
    return EXIT_DONE;
  }
  const rows = ranked.slice(0, options.limit).map((assessment, index) => ({ rank: index + 1, assessment }));
  if (rows.length === 0) context.line('no device is known');
  else
    context.lines(
      renderTable(
        [
          { title: '#', value: (row) => String(row.rank), align: 'right' },
          { title: 'device', value: ({ assessment }) => assessment.name, shrinkTo: 12 },
          { title: 'residual', value: ({ assessment }) => scoreText(assessment.residual) },
          { title: 'inherent', value: ({ assessment }) => scoreText(assessment.inherent) },
          { title: 'most of it', value: ({ assessment }) => heaviest(assessment), shrinkTo: 20 },
        ],
        rows,
        options.wide ? Infinity : context.columns,
      ),
    );
  if (ranked.length > rows.length) context.line(`${rows.length} of ${ranked.length}; more with --limit`);
  for (const note of notes) context.line(note);
  context.line('Why: cordon risk explain DEVICE');
  return EXIT_DONE;
}

export async function explainRisk(
  context: CliContext,
  device: string,
  options: AssessmentOptions,
): Promise<ExitStatus> {
  const { inputs, notes } = await gather(context, options);
  const key = device.toLowerCase();
  const input = inputs.find(({ subject }) => subject.name.toLowerCase() === key || subject.id === key);
  if (input === undefined) throw new CliError('unknown-device', `there is no device "${device}"`);
  const assessment = assess(input);
  if (options.json) {
    context.json({ method: METHOD, notes, ...assessment });
    return EXIT_DONE;
  }
  const lines = (kind: Factor['kind']): readonly string[] =>
    assessment.factors
      .filter((factor) => factor.kind === kind)
      .flatMap((factor) => factorLines(factor, context.columns));
  context.lines([
    escapeControls(assessment.name),
    `  residual ${scoreLine(assessment.residual)}`,
    `  inherent ${scoreLine(assessment.inherent)}`,
    '',
    'Likelihood, 0 to 100: points without the box, with it, and at most',
    ...lines('likelihood'),
    '',
    'Impact: the greatest counts',
    ...lines('impact'),
    '',
    ...wrap(METHOD, context.columns),
    ...notes,
  ]);
  return EXIT_DONE;
}

function factorLines({ name, inherent, residual, max, why }: Factor, columns: number): readonly string[] {
  const points = `${inherent} -> ${residual} of ${max}`;
  return [
    `  ${name.padEnd(24)} ${points}`,
    ...wrap(escapeControls(why), columns - 6).map((line) => `      ${line}`),
  ];
}

function scoreText({ level, value }: Score): string {
  return `${level} ${Math.round(value)}`;
}

function scoreLine({ level, likelihood, impact, value }: Score): string {
  return `${level}: likelihood ${Math.round(likelihood * 10) / 10} x impact ${impact} = ${value}`;
}

/** The three factors of likelihood that weigh most in what is left. */
function heaviest({ factors }: Assessment): string {
  return factors
    .filter(({ kind, residual }) => kind === 'likelihood' && residual > 0)
    .sort((a, b) => b.residual - a.residual || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name, residual }) => `${name} ${residual}`)
    .join(', ');
}
