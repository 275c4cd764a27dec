import type { CurveFigures } from '../analysis/curve.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { Summary } from '../analysis/summary.ts'
import type { WindowFigures } from '../analysis/windows.ts'
import type { Run } from '../results.ts'
import { clientNotes } from './client-notes.ts'
import { labelArms, wrapLabel } from './labels.ts'
import { coverage, machineNote } from './notes.ts'
import { withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'
import { poolWords } from './windows-text.ts'

/** Latency against offered rate for a terminal. Ends with a line feed. */
export function renderCurves(run: Run, summary: Summary, options: TextOptions): string {
  const { rows, common } = labelArms(summary.arms.map(({ record }) => record))
  const told = summary.arms.flatMap(({ curve }, index) =>
    curve === null ? [] : [{ label: rows[index] ?? curve.arm, curve }],
  )
  return joinSections([
    warningLines(summary.warnings.filter(isGrave), options),
    plainTable(
      columns,
      told.flatMap(({ label, curve }) =>
        curve.points.map((point, index) => [index === 0 ? wrapLabel(label) : '', ...cells(point)]),
      ),
      options,
    ),
    told
      .flatMap(({ label, curve }) => curveSentences(label, curve))
      .flatMap((line) => wrap(line, '  ')),
    [...notes(run, told, common), ...clientNotes(summary.arms)].flatMap((note) => wrap(note, '  ')),
    warningLines(
      summary.warnings.filter((one) => !isGrave(one)),
      options,
    ),
  ])
}

/** What a curve says: its knee, and the highest rate that meets the objective. */
export function curveSentences(
  label: string,
  { kneePerSecond, objective }: CurveFigures,
): string[] {
  const knee =
    kneePerSecond === null
      ? `${label}: no knee within the rates measured.`
      : `${label}: the knee is at ${withMargin(kneePerSecond)} requests/s; beyond it latency grows faster than throughput.`
  if (objective === null) return [knee]
  const slo = `p99 within ${ms(objective.sloP99Us)} ms`
  const { highest } = objective
  if (highest === null) return [knee, `${label}: no rate measured is known to meet ${slo}.`]
  const p99 = highest.confirmation.metrics.latencyP99Us
  const seen = p99 === null ? 'too few samples for a p99' : `p99 ${withMargin(p99, msPerUs)} ms`
  const rate = highest.ratePerSecond.toLocaleString('en')
  const verdict = highest.meets
    ? `${label}: ${rate} requests/s ${objective.isBeyondGrid ? 'is the highest rate tried, and meets' : 'is the highest rate found that meets'} ${slo}, confirmed by ${highest.confirmation.windows} new windows (${seen}).`
    : `${label}: the search for ${slo} ended at ${rate} requests/s, which ${highest.confirmation.windows} new windows did not confirm (${seen}).`
  const limit = objective.isGeneratorLimited
    ? [`${label}: above that the generator was the limit, so the server may do more.`]
    : []
  return [knee, verdict, ...limit]
}

function cells({ plan, metrics, answeredShare, invalid }: WindowFigures): string[] {
  const cell = (estimate: Estimate | null, scale = msPerUs) =>
    estimate === null ? UNKNOWN : withMargin(estimate, scale)
  return [
    `${plan.ratePerSecond.toLocaleString('en')}${invalid.length > 0 ? ' INVALID' : ''}`,
    `${(answeredShare * 100).toFixed(1)} %`,
    cell(metrics.requestsPerSecond, 1),
    cell(metrics.latencyP50Us),
    cell(metrics.latencyP99Us),
    cell(metrics.latencyP999Us),
  ]
}

function notes(
  run: Run,
  told: readonly { readonly label: string; readonly curve: CurveFigures }[],
  common: readonly string[],
): string[] {
  const points = told.flatMap(({ curve }) => curve.points)
  const [first] = points
  if (first === undefined) return [machineNote(run)]
  const level = coverage(points.flatMap(({ metrics }) => metrics.requestsPerSecond ?? []))
  const reasons = told.flatMap(({ label, curve }) =>
    curve.points.flatMap(({ plan, invalid }) =>
      invalid.map(
        (why) => `${label} at ${plan.ratePerSecond.toLocaleString('en')}/s: INVALID, ${why}.`,
      ),
    ),
  )
  return [
    ...reasons,
    `Offered load, ${first.windows} windows of ${first.plan.durationMs / 1_000} s at each rate, in random order, ${poolWords(first.plan)}. Latency counts from the intended send. A percentile needs samples: p99 1,000, p99.9 10,000; --duration makes windows longer.`,
    level === null
      ? 'One block has no interval.'
      : `± reaches to the farther end of the ${level}; that of percentiles is by bootstrap, its level nominal.`,
    ...(common.length === 0 ? [] : [`all rows that have it: ${common.join(', ')}`]),
    machineNote(run),
  ]
}

function ms(us: number): string {
  return (us * msPerUs).toLocaleString('en', { maximumFractionDigits: 3 })
}

const columns = [
  { head: '', align: 'left' },
  { head: 'offered/s', align: 'right' },
  { head: 'answered', align: 'right' },
  { head: 'answered/s', align: 'right' },
  { head: 'p50 ms', align: 'right' },
  { head: 'p99 ms', align: 'right' },
  { head: 'p99.9 ms', align: 'right' },
] as const
const msPerUs = 0.001
const UNKNOWN = '–'
