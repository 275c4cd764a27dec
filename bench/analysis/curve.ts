import { decodeHistogram, percentileUs } from '../load/histogram.ts'
import type { Block, Window } from '../results.ts'
import { measuredBlocks } from './reading.ts'
import { mapEstimate, signedRankInterval, type Estimate } from './stats.ts'
import { figuresOfWindows, invalidity, type WindowFigures } from './windows.ts'

/** How the latency of one arm grows with the rate that is offered to it. */
export interface CurveFigures {
  readonly arm: string
  /** Every rate of the grid, ascending. */
  readonly points: readonly WindowFigures[]
  /**
   * Rate of the highest power, rate ÷ mean response time (Kleinrock 1979, "Power and deterministic rules of
   * thumb"): below it more load costs little, above it latency grows faster than throughput. Null where it
   * lies at an end of the grid, or the generator spoilt too much of it.
   */
  readonly kneePerSecond: Estimate | null
  /** Null without an objective. */
  readonly objective: Objective | null
}

/** The highest rate that meets p99 ≤ so much. */
export interface Objective {
  readonly sloP99Us: number
  /** Null where no rate of the grid is known to meet it. */
  readonly highest: {
    readonly ratePerSecond: number
    /** Of the windows that confirm, and no others. */
    readonly confirmation: WindowFigures
    /** Whether the figure of those windows, and the end of its interval where it has one, meets it. */
    readonly meets: boolean
  } | null
  /** Even the highest rate of the grid met it. */
  readonly isBeyondGrid: boolean
  /** Above the highest the generator could not tell: the server may do more. */
  readonly isGeneratorLimited: boolean
}

interface Options {
  readonly level: number
  readonly seed: number
}

/** Curves of every arm that has windows of one, in the order of the run's arms. */
export function curveFigures(
  blocks: readonly Block[],
  arms: readonly string[],
  options: Options,
): CurveFigures[] {
  const windows = measuredBlocks(blocks).flatMap(({ index, windows: all = [] }) =>
    all.map((window) => ({ ...window, block: index })),
  )
  return arms.flatMap((arm) => {
    const own = windows.filter((window) => window.arm === arm && window.stage !== undefined)
    const grid = own.filter(({ stage }) => stage === 'grid')
    if (grid.length === 0) return []
    const byRate = [...Map.groupBy(grid, rateOf)].sort(([a], [b]) => a - b)
    return [
      {
        arm,
        points: byRate.map(([, each]) => figuresOfWindows(arm, each, options)),
        kneePerSecond: kneeOf(grid, options.level),
        objective: objectiveOf(arm, own, options),
      },
    ]
  })
}

/** p99 of one window in µs; null below the samples that it needs, infinite where the generator made it. */
export function windowP99Us(window: Window): number | null {
  if (window.requests < FEWEST_FOR_P99) return null
  if (invalidity(window).length > 0) return Infinity
  return percentileUs(decodeHistogram(window.histograms.response), 99)
}

type Placed = Window & { readonly block: number }

function kneeOf(grid: readonly Placed[], level: number): Estimate | null {
  const knees = [...Map.groupBy(grid, ({ block }) => block).values()].map(kneeOfBlock)
  if (knees.some((knee) => knee === null)) return null
  const estimate = signedRankInterval(
    knees.map((knee) => Math.log(knee ?? Number.NaN)),
    level,
  )
  return estimate === null ? null : mapEstimate(estimate, Math.exp)
}

/** Between the rates of a grid power is a parabola through the highest and its neighbours, in logarithms. */
function kneeOfBlock(windows: readonly Placed[]): number | null {
  const points = windows
    .filter((window) => invalidity(window).length === 0)
    .map((window) => {
      const rate = Math.log(rateOf(window))
      return { rate, power: rate - Math.log(decodeHistogram(window.histograms.response).mean) }
    })
    .sort((a, b) => a.rate - b.rate)
  const highest = points.reduce(
    (best, { power }, index) => (power > (points[best]?.power ?? -Infinity) ? index : best),
    0,
  )
  const [left, top, right] = [points[highest - 1], points[highest], points[highest + 1]]
  if (left === undefined || top === undefined || right === undefined) return null
  // From the top: αx² + βx = −drop at −a and at b; its vertex is at −β / 2α.
  const [a, b] = [top.rate - left.rate, right.rate - top.rate]
  const [dropLeft, dropRight] = [top.power - left.power, top.power - right.power]
  const alpha = -(dropLeft * b + dropRight * a) / (a * b * (a + b))
  const beta = (-dropRight - alpha * b * b) / b
  return Math.exp(top.rate - (alpha === 0 ? 0 : beta / (2 * alpha)))
}

function objectiveOf(arm: string, windows: readonly Placed[], options: Options): Objective | null {
  const sloP99Us = windows[0]?.sloP99Us
  if (sloP99Us === undefined) return null
  const confirming = windows.filter(({ stage }) => stage === 'confirm')
  const grid = windows.filter(({ stage }) => stage === 'grid')
  const [first] = confirming
  const highestRate = Math.max(...grid.map(rateOf))
  if (first === undefined)
    return { sloP99Us, highest: null, isBeyondGrid: false, isGeneratorLimited: false }
  const tried = Map.groupBy(
    windows.filter(({ stage }) => stage !== 'confirm'),
    rateOf,
  )
  const above = [...tried.keys()].filter((rate) => rate > rateOf(first))
  const next = tried.get(Math.min(...above)) ?? []
  const confirmation = figuresOfWindows(arm, confirming, options)
  const p99 = confirmation.metrics.latencyP99Us
  return {
    sloP99Us,
    highest: {
      ratePerSecond: rateOf(first),
      confirmation,
      meets:
        confirmation.invalid.length === 0 && p99 !== null && (p99.high ?? p99.estimate) <= sloP99Us,
    },
    isBeyondGrid: rateOf(first) >= highestRate,
    isGeneratorLimited: next.length > 0 && next.every((window) => invalidity(window).length > 0),
  }
}

function rateOf({ plan }: Window): number {
  return plan.ratePerSecond
}

/** Ten beyond it: fewer, and one request moves it. */
const FEWEST_FOR_P99 = 1_000
