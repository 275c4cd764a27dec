import type { Validation, ValidationPrediction } from '../validations.ts'
import { plainText } from './charts-text.ts'
import { errorWords } from './sizing-text.ts'
import { joinSections } from './sections.ts'
import { paint, plainTable, wrap, type TextOptions } from './table.ts'

/** A validation for a terminal: every prediction beside what was observed, then the errors, target by target. */
export function renderValidation(validation: Validation, options: TextOptions): string {
  const { mode, complete, predictions, errors, blocks, fittedRuns } = validation
  return joinSections([
    [
      ...(mode === 'smoke' ? [paint('SMOKE: validates nothing.', 'yellow', options)] : []),
      ...(complete ? [] : [paint('INCOMPLETE.', 'yellow', options)]),
    ],
    plainTable(columns, predictions.map(rowOf), options),
    targetsOf(validation).map(({ what, is, target, met }) =>
      paint(
        `${what}: ${is}, target ${target}: ${met === null ? 'not judged' : met ? 'met' : 'MISSED'}`,
        met === false ? 'red' : 'green',
        options,
      ),
    ),
    wrap(
      `${errorWords(errors)}. ${blocks} blocks; fitted on ${fittedRuns.map(plainText).join(', ')}, in closed loops of single mechanisms; open loops, mixes and rates beyond capacity were not seen by it.`,
      '  ',
    ),
  ])
}

/** Every target of a validation, and whether it was met; null where nothing could be judged. */
export function targetsOf({ errors }: Pick<Validation, 'errors'>): {
  readonly what: string
  readonly is: string
  readonly target: string
  readonly met: boolean | null
}[] {
  const row = (what: string, value: number | null, most: number) => ({
    what,
    is: value === null ? '–' : percent(value),
    target: `at most ${percent(most)}`,
    met: value === null ? null : value <= most,
  })
  const { coverage } = errors
  return [
    row('CPU, mean error', errors.cpuMean, 0.05),
    row('CPU, worst error', errors.cpuWorst, 0.1),
    row('saturation rate, worst error', errors.saturationWorst, 0.05),
    row('p50, worst error up to 70 % load', errors.p50Worst, 0.15),
    row('p99, worst error up to 70 % load', errors.p99Worst, 0.3),
    {
      what: 'coverage of 90 % intervals',
      is: coverage === null ? '–' : percent(coverage),
      target: '85 to 95 %',
      met: coverage === null ? null : coverage >= 0.85 && coverage <= 0.95,
    },
  ]
}

function rowOf(prediction: ValidationPrediction): string[] {
  const { cell, metric, predicted, low, high, observed, excluded } = prediction
  const { scale, unit } = units[metric]
  const told = (value: number) => Number((value * scale).toPrecision(3)).toLocaleString('en-US')
  return [
    plainText(cell),
    unit,
    told(predicted),
    `${told(low)} to ${told(high)}`,
    observed === null ? '–' : told(observed),
    observed === null ? '–' : `${((predicted / observed - 1) * 100).toFixed(1)} %`,
    excluded === null ? '' : `not judged: ${plainText(excluded)}`,
  ]
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`
}

const units = {
  cpuShare: { unit: 'CPU, %', scale: 100 },
  saturationPerSecond: { unit: 'capacity, requests/s', scale: 1 },
  latencyP50Us: { unit: 'p50, ms', scale: 0.001 },
  latencyP99Us: { unit: 'p99, ms', scale: 0.001 },
} as const
const columns = [
  { head: 'load', align: 'left' },
  { head: 'figure', align: 'left' },
  { head: 'predicted', align: 'right' },
  { head: '90 % interval', align: 'right' },
  { head: 'observed', align: 'right' },
  { head: 'error', align: 'right' },
  { head: '', align: 'left' },
] as const
