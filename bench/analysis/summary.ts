import type { ArmRecord, Block, Run, Warning } from '../results.ts'
import {
  compareArms,
  decompose,
  isKnown,
  ownRatio,
  pairsOf,
  type Comparison,
  type Decomposition,
} from './contrasts.ts'
import { figuresOf, type Figures } from './figures.ts'
import { PRIMARY_METRIC, type MetricName } from './metrics.ts'
import { measuredBlocks, ownConnections, readArm, type Reading } from './reading.ts'
import { margin } from './stats.ts'
import { defaultThresholds, type Thresholds } from './verdict.ts'
import { armWarnings, runWarnings } from './warnings.ts'
import { breakEvens, type BreakEven } from './break-even.ts'
import { curveFigures, type CurveFigures } from './curve.ts'
import { churnFigures, type ChurnFigures } from './churn.ts'
import { ledgersOf, primitiveFigures, type Ledger, type PrimitiveFigures } from './ledger.ts'
import { hopFigures, type HopFigures } from './hops.ts'
import { windowFigures, type WindowFigures } from './windows.ts'

/** One arm of a run with its figures. */
export interface ArmSummary {
  readonly record: ArmRecord
  /** At the connections of its own case; null where it was not measured. */
  readonly figures: Figures | null
  /** At one connection, where its case has more: for charts, never compared. */
  readonly singleConnection: Figures | null
  /** Under offered load; its metrics are those of `figures`. */
  readonly window: WindowFigures | null
  /** Latency against offered rate; null unless that was measured. */
  readonly curve: CurveFigures | null
  /** With new connections, one for each use of them; else empty. */
  readonly churn: readonly ChurnFigures[]
  /** Of each hop, from the client's side; empty where the case is one server. */
  readonly hops: readonly HopFigures[]
  readonly warnings: readonly Warning[]
}

/** What a run says. */
export interface Summary {
  readonly arms: readonly ArmSummary[]
  readonly comparisons: readonly Comparison[]
  readonly decompositions: readonly Decomposition[]
  /** Where the costs of two cases cross, over requests per connection. */
  readonly breakEvens: readonly BreakEven[]
  /** Primitives, and what cases are made of; empty unless they were measured. */
  readonly primitives: readonly PrimitiveFigures[]
  readonly ledgers: readonly Ledger[]
  readonly thresholds: Thresholds
  readonly blocksMeasured: number
  readonly blocksFailed: number
  readonly warnings: readonly Warning[]
}

/**
 * Analyses a run: figures of every arm, comparisons and decompositions. The same run gives the same summary.
 * Figures at one connection are half of the work, and a site over a thousand runs shows none of them.
 */
export function summarise(
  run: Run,
  thresholds: Thresholds = defaultThresholds,
  { withSingleConnection = true }: { readonly withSingleConnection?: boolean } = {},
): Summary {
  const blocks = measuredBlocks(run.blocks)
  const readings = readRun(run.arms, blocks)
  const options = { thresholds, seed: run.seed }
  const figureOptions = { level: thresholds.level, seed: run.seed }
  const comparisons = compareArms(run.arms, readings, options)
  const ids = run.arms.map(({ id }) => id)
  const windows = new Map(
    windowFigures(run.blocks, ids, figureOptions).map((one) => [one.arm, one]),
  )
  const curves = new Map(curveFigures(run.blocks, ids, figureOptions).map((one) => [one.arm, one]))
  const churn = Map.groupBy(churnFigures(run.blocks, ids, figureOptions), ({ arm }) => arm)
  const arms = run.arms.map((record): ArmSummary => {
    const reading = readings.get(record.id)
    const window = windows.get(record.id) ?? null
    const figures =
      window !== null
        ? figuresOfWindow(window)
        : reading === undefined
          ? null
          : figuresOf(reading, figureOptions)
    const single =
      reading?.connections === 1 || !withSingleConnection ? null : readSingle(record, blocks)
    const singleConnection = single === null ? null : figuresOf(single, figureOptions)
    return {
      record,
      figures,
      singleConnection,
      window,
      curve: curves.get(record.id) ?? null,
      churn: churn.get(record.id) ?? [],
      hops: hopFigures(
        blocks,
        { arm: record.id, connections: ownConnections(record), level: thresholds.level },
        record.preflight?.hops ?? [],
      ),
      warnings: armWarnings(record, figures),
    }
  })
  return {
    arms,
    comparisons,
    decompositions: decompose(run.arms, readings, thresholds),
    breakEvens: choices(
      run.arms,
      breakEvens(
        run.blocks,
        run.arms.filter(({ role }) => role === 'case').map(({ id }) => id),
        thresholds,
      ),
    ),
    primitives: primitiveFigures(run, thresholds.level),
    ledgers: ledgersOf(run, thresholds.level),
    thresholds,
    blocksMeasured: blocks.length,
    blocksFailed: run.blocks.length - blocks.length,
    warnings: runWarnings({ run, readings, comparisons, thresholds, blocks: blocks.length }),
  }
}

/** Between mechanisms of one product, or products of one mechanism: who differs in both is no alternative. */
function choices(arms: readonly ArmRecord[], found: readonly BreakEven[]): BreakEven[] {
  const armOf = (id: string) => arms.find((arm) => arm.id === id)
  return found.filter(({ cheaperAbove, cheaperBelow }) => {
    const [one, other] = [armOf(cheaperAbove), armOf(cheaperBelow)]
    return (
      one?.parameters['gateway'] === other?.parameters['gateway'] ||
      one?.scenario === other?.scenario
    )
  })
}

/** Whether a run is of primitives. */
export function hasPrimitives({ primitives }: Summary): boolean {
  return primitives.length > 0
}

/** Whether a run was measured under offered load. */
export function hasWindows({ arms }: Summary): boolean {
  return arms.some(({ window }) => window !== null)
}

/** Whether a run is of targets, servers that are the user's own. */
export function hasTargets({ arms }: Pick<Summary, 'arms'>): boolean {
  return arms.some(({ record }) => record.target !== undefined)
}

/** Whether a run is of latency against rate. */
export function hasCurves({ arms }: Summary): boolean {
  return arms.some(({ curve }) => curve !== null)
}

/** Whether a run was measured with new connections. */
export function hasChurn({ arms }: Summary): boolean {
  return arms.some(({ churn }) => churn.length > 0)
}

/** In an open loop nobody waits, so neither side is the limit of the rate: that is what `invalid` is about. */
function figuresOfWindow({ metrics, plan, windows, requests }: WindowFigures): Figures {
  return {
    connections: plan.connections,
    metrics,
    clientLimited: null,
    latencyClientLimited: null,
    blocks: windows,
    samples: requests,
  }
}

/**
 * Largest half-width among the 99 % intervals on CPU per request, relative: what `--precision` is about.
 * Of the comparisons, each by itself, so that one more case does not make the others less precise; or
 * without any of the cases' own figures. Null while some interval is short of its level.
 */
export function relativePrecision(
  run: Pick<Run, 'arms' | 'blocks' | 'seed'>,
  thresholds: Thresholds = defaultThresholds,
): number | null {
  // This is asked while a run goes on, when its arms are not yet told to be measured.
  const arms = run.arms.map((arm) =>
    arm.outcome === 'skipped' && arm.reason === null
      ? { ...arm, outcome: 'measured' as const }
      : arm,
  )
  const readings = readRun(arms, measuredBlocks(run.blocks))
  const pairs = pairsOf(arms, readings)
  // Of a target whose CPU is unknown, the latency is what is compared.
  const metric = isKnown(PRIMARY_METRIC, [...readings.values()]) ? PRIMARY_METRIC : 'latencyP50Us'
  const estimates =
    pairs.length > 0
      ? pairs.map(({ one, other }) => ownRatio(one, other, metric, thresholds.level))
      : ownCosts({ ...run, arms }, readings, { metric, level: thresholds.level })
  const widths = estimates.map((estimate) => {
    if (estimate?.level == null || estimate.level < thresholds.level) return null
    const half = margin(estimate)
    return half === null ? null : half / estimate.estimate
  })
  if (widths.length === 0 || widths.includes(null)) return null
  return Math.max(...widths.map((width) => width ?? Infinity))
}

function ownCosts(
  run: Pick<Run, 'arms' | 'seed'>,
  readings: ReadonlyMap<string, Reading>,
  { metric, level }: { readonly metric: MetricName; readonly level: number },
) {
  return run.arms
    .filter(({ role }) => role === 'case')
    .map(({ id }) => readings.get(id))
    .map((reading) =>
      reading === undefined ? null : figuresOf(reading, { level, seed: run.seed }).metrics[metric],
    )
}

/** Arms that were measured and have slices at the connections of their own case. */
export function readRun(
  arms: readonly ArmRecord[],
  blocks: readonly Block[],
): Map<string, Reading> {
  return new Map(
    arms
      .filter(({ outcome }) => outcome === 'measured')
      .map((arm) => [arm.id, readArm(blocks, arm.id, ownConnections(arm))] as const)
      .filter(([, { duet }]) => duet.size > 0),
  )
}

function readSingle({ id, outcome }: ArmRecord, blocks: readonly Block[]): Reading | null {
  const reading = readArm(blocks, id, 1)
  return outcome === 'measured' && reading.duet.size > 0 ? reading : null
}
