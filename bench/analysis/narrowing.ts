import type { ArmRecord, Block, Run, Window } from '../results.ts'
import { cellsOf, costs, usesOf, type Use } from './churn.ts'
import { PRIMARY_METRIC } from './metrics.ts'
import { blockValues, inBoth, measuredBlocks, ownConnections, readArm } from './reading.ts'
import { DEFAULT_LEVEL, signedRankInterval, type Estimate } from './stats.ts'

/** What a request costs one arm, and how the interval of that narrowed. */
export interface Narrowing {
  /** Id of the arm. */
  readonly arm: string
  /** What was done with new connections; null where none were made. */
  readonly use: Use | null
  /** Offered requests per second; null in closed loops. */
  readonly ratePerSecond: number | null
  /** Server CPU in µs per request after 1, 2, 3 … blocks that measured it. */
  readonly after: readonly Estimate[]
  /**
   * The same at 75 %, the highest level that three blocks reach, from the third on: an interval at one level
   * narrows, where the others first widen as their level rises.
   */
  readonly steady: readonly Estimate[]
  /** µs per request more than the arm that it is told against, now; null where there is none. */
  readonly overBaseline: Estimate | null
}

/**
 * Every arm of a run that may still be going on, in the order of the run, at every use and rate that
 * occurred; an arm of which nothing was measured yet has one without estimates.
 */
export function narrowings(run: Pick<Run, 'arms' | 'blocks'>, level = DEFAULT_LEVEL): Narrowing[] {
  const blocks = measuredBlocks(run.blocks)
  const series = run.arms.flatMap((arm) => {
    const own = seriesOf(arm, blocks)
    return own.length === 0 ? [nothingYet(arm.id)] : own
  })
  const against = new Map(run.arms.map((arm) => [arm.id, arm.against]))
  return series.map((one) => {
    const baseline = series.find(
      ({ arm, key }) => arm === against.get(one.arm) && key === one.key && arm !== one.arm,
    )
    const both = baseline === undefined ? [] : inBoth(one.costs, baseline.costs)
    const values = [...one.costs.values()]
    return {
      arm: one.arm,
      use: one.use,
      ratePerSecond: one.ratePerSecond,
      after: afterEach(values, level),
      steady: afterEach(values, steadyLevel).filter(({ blocks: count }) => count >= steadyBlocks),
      overBaseline: signedRankInterval(
        both.map(({ first, second }) => first - second),
        level,
      ),
    }
  })
}

function afterEach(values: readonly number[], level: number): Estimate[] {
  return values.flatMap((_, index) => signedRankInterval(values.slice(0, index + 1), level) ?? [])
}

/** Whether a block was measured in closed loops, which are what `report` draws. */
export function isOfClosedLoops({ outcome, windows, churn }: Block): boolean {
  return outcome === 'measured' && windows === undefined && churn === undefined
}

/** Cost by index of the block. */
interface Series extends Pick<Narrowing, 'arm' | 'use' | 'ratePerSecond'> {
  /** Equal where two arms did the same. */
  readonly key: string
  readonly costs: ReadonlyMap<number, number>
}

function seriesOf(arm: ArmRecord, blocks: readonly Block[]): Series[] {
  const slices = blockValues(readArm(blocks, arm.id, ownConnections(arm)), PRIMARY_METRIC)
  return [
    ...(slices.size === 0 ? [] : [{ ...nothingYet(arm.id), costs: slices }]),
    ...windowSeries(arm.id, blocks),
    ...churnSeries(arm.id, blocks),
  ]
}

function windowSeries(arm: string, blocks: readonly Block[]): Series[] {
  const windows = blocks.flatMap(({ index, windows: all = [] }) =>
    all.filter((window) => window.arm === arm).map((window) => ({ index, window })),
  )
  const byRate = Map.groupBy(windows, ({ window }) => window.plan.ratePerSecond)
  return [...byRate]
    .sort(([a], [b]) => a - b)
    .map(([ratePerSecond, own]) => {
      const byBlock = Map.groupBy(own, ({ index }) => index)
      const costsOf = [...byBlock].flatMap(([index, all]): [number, number][] => {
        const cost = perAnswer(all.map(({ window }) => window))
        return cost === null ? [] : [[index, cost]]
      })
      return { arm, use: null, ratePerSecond, key: `${ratePerSecond}/s`, costs: new Map(costsOf) }
    })
}

/** Null for servers whose CPU is not known, and where nothing was answered. */
function perAnswer(windows: readonly Window[]): number | null {
  const answered = windows.reduce((sum, window) => sum + window.answered, 0)
  if (answered === 0 || windows.some(({ cpuUs }) => cpuUs === null)) return null
  return windows.reduce((sum, { cpuUs }) => sum + (cpuUs ?? 0), 0) / answered
}

function churnSeries(arm: string, blocks: readonly Block[]): Series[] {
  const cells = cellsOf(blocks).filter((cell) => cell.arm === arm)
  return usesOf(cells).map((use) => ({
    arm,
    use,
    ratePerSecond: null,
    key: JSON.stringify([use.policy, use.requestsPerConnection, use.clients]),
    costs: costs(cells, use),
  }))
}

function nothingYet(arm: string): Series {
  return { arm, use: null, ratePerSecond: null, key: '', costs: new Map() }
}

/** 1 − 2/2³: `signedRankInterval`. */
const steadyLevel = 0.75
const steadyBlocks = 3
