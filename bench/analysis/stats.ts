import { signedRankTail } from './distributions.ts'

/** A figure with its interval; the unit is in the name of whatever holds it. */
export interface Estimate {
  readonly estimate: number
  /** Null where the blocks are too few for any interval. */
  readonly low: number | null
  readonly high: number | null
  /**
   * Coverage that the interval reaches, never the one that was asked for: the smallest attainable
   * that is at least the level asked for, or the highest attainable where that falls short.
   */
  readonly level: number | null
  readonly blocks: number
}

/** Level of every interval, if not told otherwise (DESIGN section 5). */
export const DEFAULT_LEVEL = 0.99

/** Median; the mean of the middle two of an even number. Throws a RangeError without values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Quantile with linear interpolation (Hyndman and Fan's type 7, the default of R and NumPy). */
export function quantile(values: readonly number[], probability: number): number {
  return sortedQuantile(values.toSorted(ascending), probability)
}

/** Sorted means of all pairs, each value paired with itself too: n(n+1)/2 of them (Walsh 1949). */
export function walshAverages(values: readonly number[]): number[] {
  const averages: number[] = []
  for (const [index, value] of values.entries()) {
    for (const other of values.slice(index)) averages.push((value + other) / 2)
  }
  return averages.sort(ascending)
}

/** Hodges-Lehmann estimate of the centre: the median of the Walsh averages (Hodges, Lehmann 1963). */
export function hodgesLehmann(values: readonly number[]): number {
  return sortedQuantile(walshAverages(values), 0.5)
}

/**
 * Hodges-Lehmann estimate with the interval that inverts the Wilcoxon signed-rank test (Hollander,
 * Wolfe, Chicken 2014, section 3.3; R's `wilcox.test(conf.int = TRUE)`). It assumes that blocks are
 * independent and spread symmetrically, not that they are normal. Zeros and ties stay in: the
 * interval includes its ends, which keeps its coverage at the level or above with both. Below 8
 * values 99 % cannot be reached: the interval is then the whole range, its level 1 − 2/2ⁿ; one value
 * has no interval. Null without values.
 */
export function signedRankInterval(
  values: readonly number[],
  level: number = DEFAULT_LEVEL,
): Estimate | null {
  const rank = criticalRank(values.length, 1 - level)
  const reached = 1 - exclusionError(values.length, rank)
  return intervalAtRank(values, rank, reached)
}

/**
 * The interval between the Walsh averages that stand `rank` from either end, as an estimate of the
 * level given. Null without values; without interval for one value, or rank 0.
 */
export function intervalAtRank(
  values: readonly number[],
  rank: number,
  level: number,
): Estimate | null {
  const blocks = values.length
  if (blocks === 0) return null
  const averages = walshAverages(values)
  const estimate = sortedQuantile(averages, 0.5)
  const low = averages[rank - 1]
  const high = averages[averages.length - rank]
  if (blocks === 1 || low === undefined || high === undefined) {
    return { estimate, low: null, high: null, level: null, blocks }
  }
  return { estimate, low, high, level, blocks }
}

/** Largest rank whose interval misses the centre with at most this probability; at least 1, the whole range. */
export function criticalRank(n: number, error: number): number {
  const tail = signedRankTail(n)
  let rank = 1
  while (2 * tail(rank) <= error) rank++
  return rank
}

/** Probability that the interval at this rank misses the centre. */
export function exclusionError(n: number, rank: number): number {
  return rank < 1 ? 0 : Math.min(1, 2 * signedRankTail(n)(rank - 1))
}

/** The estimate after a monotone function, such as exp or 10⁶/x: the coverage stays what it was. */
export function mapEstimate(estimate: Estimate, monotone: (value: number) => number): Estimate {
  const mapped = { ...estimate, estimate: monotone(estimate.estimate) }
  if (estimate.low === null || estimate.high === null) return mapped
  const [low, high] = [monotone(estimate.low), monotone(estimate.high)]
  return { ...mapped, low: Math.min(low, high), high: Math.max(low, high) }
}

/** What ± means: the distance to the farther end of the interval; null without one. */
export function margin({ estimate, low, high }: Estimate): number | null {
  return low === null || high === null ? null : Math.max(high - estimate, estimate - low)
}

/** Whether the whole interval lies on one side of the value; false without an interval. */
export function excludes({ low, high }: Estimate, value: number): boolean {
  return low !== null && high !== null && (low > value || high < value)
}

/** Sample variance; null for fewer than two values. */
export function variance(values: readonly number[]): number | null {
  if (values.length < 2) return null
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

function sortedQuantile(sorted: ArrayLike<number>, probability: number): number {
  const place = (sorted.length - 1) * probability
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) throw new RangeError('quantile of no values')
  return below === above ? below : below + (above - below) * (place - Math.floor(place))
}

function ascending(a: number, b: number): number {
  return a - b
}
