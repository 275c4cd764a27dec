import { createRandom } from '../random.ts'
import type { ArmRecord, Slice } from '../results.ts'
import { isClientLimited } from './figures.ts'
import { gatedMetrics, metrics, PRIMARY_METRIC, type MetricName } from './metrics.ts'
import { pairedLogRatio } from './pairing.ts'
import { blockValues, inBoth, type Reading } from './reading.ts'
import { simultaneousIntervals } from './simultaneous.ts'
import { excludes, mapEstimate, signedRankInterval, type Estimate } from './stats.ts'
import { isClaimable, judge, type Thresholds, type Verdict } from './verdict.ts'

/** One case against another arm of the same blocks, in one gated metric. */
export interface Comparison {
  /** Ids of arms. */
  readonly case: string
  readonly against: string
  readonly metric: MetricName
  /** Cost of the case over that of the other; simultaneous over all gated cells of the run. */
  readonly ratio: Estimate | null
  /** Case less the other, in the metric's unit, for this cell alone. */
  readonly difference: Estimate | null
  readonly verdict: Verdict
  /** Share; where nothing was found, a difference beyond it is ruled out. */
  readonly rulesOutMoreThan: number | null
  /** Latencies in which the client was the limit on either side: what is compared is largely the client. */
  readonly clientLimited: boolean
}

/** What the parts of a case make of its cost over the baseline. */
export interface Decomposition {
  readonly case: string
  readonly against: string
  /** µs of server CPU per request: case less baseline. */
  readonly total: Estimate
  readonly parts: readonly Part[]
  /** The total less the costs of all parts: what they cost only together, or save. */
  readonly interaction: Estimate | null
}

/** One part of a case, alone against the case's baseline. */
export interface Part {
  readonly arm: string
  readonly difference: Estimate | null
  /** Of the total; null where the total may be 0. */
  readonly share: Estimate | null
}

/** Arms with what was measured of them. */
export type Readings = ReadonlyMap<string, Reading>

/**
 * Compares every arm with the one it names in `against`, if both were measured: per block the median
 * of the paired log-ratios, over blocks the Hodges-Lehmann estimate, over all gated cells
 * simultaneous intervals.
 */
export function compareArms(
  arms: readonly ArmRecord[],
  readings: Readings,
  options: { readonly thresholds: Thresholds; readonly seed: number },
): Comparison[] {
  const cells = pairsOf(arms, readings).flatMap(({ one, other }) =>
    gatedMetrics
      .filter((metric) => isKnown(metric, [one, other]))
      .map((metric) => ({ one, other, metric, ...blockLogRatios(other, one, metric) })),
  )
  const { thresholds, seed } = options
  const intervals = simultaneousIntervals(cells, createRandom(seed), thresholds.level)
  return cells.map(({ one, other, metric }, index) => {
    const interval = intervals[index] ?? null
    const ratio = interval === null ? null : mapEstimate(interval, Math.exp)
    return {
      case: one.arm,
      against: other.arm,
      metric,
      ratio,
      difference: differenceOf(one, other, metric, thresholds.level),
      ...judge(ratio, metrics[metric], thresholds),
      clientLimited: hidesBehindClient(metric, [one, other]),
    }
  })
}

/** Whether all have the metric: of a target the CPU may be unknown, and is then no cell. */
export function isKnown(metric: MetricName, readings: readonly Reading[]): boolean {
  return (
    metric !== PRIMARY_METRIC || readings.every((reading) => blockValues(reading, metric).size > 0)
  )
}

/** Whether the metric is a latency and the client was the limit of any of the arms. */
export function hidesBehindClient(metric: MetricName, readings: readonly Reading[]): boolean {
  return (
    metric === 'latencyP50Us' &&
    readings.some(({ duet }) => isClientLimited([...duet.values()].flat()) === true)
  )
}

/** Ratio of one arm's cost to the other's with the interval of this cell alone. */
export function ownRatio(
  one: Reading,
  other: Reading,
  metric: MetricName,
  level: number,
): Estimate | null {
  const interval = signedRankInterval(blockLogRatios(other, one, metric).values, level)
  return interval === null ? null : mapEstimate(interval, Math.exp)
}

/** Per block the median of ln(second/first) over adjacent slices, with the block's index. */
export function blockLogRatios(
  first: Reading,
  second: Reading,
  metric: MetricName,
): { readonly blocks: number[]; readonly values: number[] } {
  const { perSlice } = metrics[metric]
  if (perSlice === null) return { blocks: [], values: [] }
  const place = (slice: Slice) => {
    const value = perSlice(slice)
    return value === null ? [] : [{ position: slice.position, value }]
  }
  const paired = inBoth(first.duet, second.duet).flatMap(({ block, first: a, second: b }) => {
    const value = pairedLogRatio(a.flatMap(place), b.flatMap(place))
    return value === null ? [] : [{ block, value }]
  })
  const ratios = paired.length > 0 ? paired : wholeBlockRatios(first, second, metric)
  return { blocks: ratios.map(({ block }) => block), values: ratios.map(({ value }) => value) }
}

/** Of what is known by whole blocks only, as CPU that is counted from outside. */
function wholeBlockRatios(first: Reading, second: Reading, metric: MetricName) {
  return inBoth(blockValues(first, metric), blockValues(second, metric)).flatMap(
    ({ block, first: a, second: b }) => (a > 0 && b > 0 ? [{ block, value: Math.log(b / a) }] : []),
  )
}

/** Cost of every case with parts, split up; only of cases whose parts and baseline were all measured. */
export function decompose(
  arms: readonly ArmRecord[],
  readings: Readings,
  thresholds: Thresholds,
): Decomposition[] {
  return pairsOf(arms, readings).flatMap(({ record, one, other }) => {
    const parts = record.parts.flatMap((id) => readings.get(id) ?? [])
    if (parts.length === 0 || parts.length < record.parts.length) return []
    return decomposeOne({ one, other, parts }, thresholds) ?? []
  })
}

/**
 * How much more the mean cost differs than that of the typical slice, as ln: per block the log of
 * the ratio of totals less the paired median. Bursts in few slices move the first only.
 */
export function burstiness(one: Reading, other: Reading, level: number): Estimate | null {
  const paired = blockLogRatios(other, one, PRIMARY_METRIC)
  const medians = new Map(paired.blocks.map((block, index) => [block, paired.values[index] ?? 0]))
  const totals = inBoth(blockValues(one, PRIMARY_METRIC), blockValues(other, PRIMARY_METRIC))
  const excess = totals.flatMap(({ block, first, second }) => {
    const typical = medians.get(block)
    return typical === undefined ? [] : [Math.log(first / second) - typical]
  })
  return signedRankInterval(excess, level)
}

/** Every arm that is told against another, where both were measured. */
export function pairsOf(
  arms: readonly ArmRecord[],
  readings: Readings,
): { readonly record: ArmRecord; readonly one: Reading; readonly other: Reading }[] {
  return arms.flatMap((record) => {
    const one = readings.get(record.id)
    const other = record.against === null ? undefined : readings.get(record.against)
    return one === undefined || other === undefined ? [] : [{ record, one, other }]
  })
}

function differenceOf(
  one: Reading,
  other: Reading,
  metric: MetricName,
  level: number,
): Estimate | null {
  const both = inBoth(blockValues(one, metric), blockValues(other, metric))
  return signedRankInterval(
    both.map(({ first, second }) => first - second),
    level,
  )
}

function decomposeOne(
  readings: {
    readonly one: Reading
    readonly other: Reading
    readonly parts: readonly Reading[]
  },
  thresholds: Thresholds,
): Decomposition | null {
  const rows = costRows(readings)
  const { level } = thresholds
  const total = signedRankInterval(
    rows.map(({ total }) => total),
    level,
  )
  if (total === null) return null
  // A total that may be 0, in any block or over all of them, makes a share of it mean nothing.
  const divisible =
    isClaimable(total, thresholds) && excludes(total, 0) && rows.every(({ total }) => total > 0)
  return {
    case: readings.one.arm,
    against: readings.other.arm,
    total,
    parts: readings.parts.map(({ arm }, part) => ({
      arm,
      difference: signedRankInterval(
        rows.map(({ parts }) => parts[part] ?? 0),
        level,
      ),
      share: divisible
        ? signedRankInterval(
            rows.map(({ total, parts }) => (parts[part] ?? 0) / total),
            level,
          )
        : null,
    })),
    interaction: signedRankInterval(
      rows.map(({ total, parts }) => parts.reduce((left, cost) => left - cost, total)),
      level,
    ),
  }
}

/** Per block, over the blocks that have all arms: cost of the case and of each part over the baseline. */
function costRows({
  one,
  other,
  parts,
}: {
  readonly one: Reading
  readonly other: Reading
  readonly parts: readonly Reading[]
}): { readonly total: number; readonly parts: readonly number[] }[] {
  const costs = parts.map((part) => blockValues(part, PRIMARY_METRIC))
  const whole = inBoth(blockValues(one, PRIMARY_METRIC), blockValues(other, PRIMARY_METRIC))
  return whole.flatMap(({ block, first, second }) => {
    const own = costs.flatMap((cost) => cost.get(block) ?? [])
    if (own.length < parts.length) return []
    return [{ total: first - second, parts: own.map((cost) => cost - second) }]
  })
}
