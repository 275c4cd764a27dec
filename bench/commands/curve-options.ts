import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import type { CurvePlan } from '../measure-curve.ts'
import type { Mode } from '../results.ts'
import { openPlanOf, type OpenCommandOptions } from './open-options.ts'
import type { PlanOptions } from './plan-options.ts'

/** Options of `bench --curve`. */
export interface CurveCommandOptions {
  readonly curve?: true
  readonly rates?: string
  readonly slo?: string
}

/** Adds the options of latency against rate. */
export function addCurveOptions(command: Command): Command {
  return command
    .option('--curve', 'latency against offered rate, up to and past the knee')
    .option(
      '--rates <number,…>',
      'curve: requests per second (default: from a tenth of what each case can do to 120 %)',
    )
    .option('--slo <time>', 'curve: find the highest rate at which p99 is at most this, as 10ms')
}

/** Which rates are offered; throws usage errors. */
export function curvePlanOf(
  options: CurveCommandOptions & OpenCommandOptions & PlanOptions,
  context: { readonly mode: Mode; readonly seed: number },
): CurvePlan {
  if (options.rate !== undefined)
    throw new BenchError('usage', `--rate ${options.rate}: a curve has --rates`)
  const { mode } = context
  const open = openPlanOf(
    {
      ...options,
      rate: '1',
      duration: options.duration ?? '4s',
      blocks: options.blocks ?? '4',
    },
    context,
  )
  const { ratePerSecond: _, ...request } = open.request
  return {
    request,
    rates: options.rates === undefined ? null : options.rates.split(',').map(parseRate),
    shares: mode === 'smoke' ? [0.1, 0.2] : shares,
    blocks: open.blocks,
    sloP99Us: options.slo === undefined ? null : parseObjective(options.slo),
    searchSteps: mode === 'smoke' ? 1 : searchSteps,
  }
}

/** The same options as arguments, for the `command` of a run. */
export function curveArguments({ curve, rates, slo }: CurveCommandOptions): string[] {
  return [
    ...(curve === true ? ['--curve'] : []),
    ...(rates === undefined ? [] : ['--rates', rates]),
    ...(slo === undefined ? [] : ['--slo', slo]),
  ]
}

function parseRate(text: string): number {
  const rate = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && rate >= 0.1 && rate <= 1e6) return rate
  throw new BenchError('usage', `--rates ${text}: expected 0.1 to 1000000 requests per second`)
}

function parseObjective(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text) ?? []
  const us = Number(number) * ({ us: 1, ms: 1e3, s: 1e6 }[unit] ?? Number.NaN)
  if (us >= 1 && us <= 60e6) return us
  throw new BenchError('usage', `--slo ${text}: expected a time from 1us to 60s, as 10ms`)
}

/** Denser where latency turns; the client may be what can do no more, and such points say so. */
const shares = [0.1, 0.25, 0.5, 0.65, 0.8, 0.9, 1, 1.2] as const
/** Four halvings of the step from 80 % to 90 % leave less than a hundredth. */
const searchSteps = 4
