import { shuffle, type Random } from '../random.ts'

/** A place at which a series changes. */
export interface ChangePoint {
  /** Index of the first value after the change. */
  readonly index: number
  /** Energy statistic of the split, in units of the values. */
  readonly statistic: number
  /** Of the permutation test; never below 1 / (permutations + 1). */
  readonly pValue: number
}

/** The split of a series that sets two neighbouring stretches furthest apart. */
export type Split = Pick<ChangePoint, 'index' | 'statistic'>

/** How change points are looked for. */
export interface DivisiveOptions {
  readonly random: Random
  /** Largest p at which a split is taken for a change. */
  readonly significance?: number
  readonly permutations?: number
  /** Fewest values between two change points, at least 2. */
  readonly minimumSegment?: number
}

/** Parameters unless told otherwise, in units of their own names. */
export const divisiveDefaults = {
  /** As low as intervals elsewhere: one false change in a hundred series without any. */
  significance: 0.01,
  /** p in steps of 0.001: at 499, two permutations more or less decide at 0.01. */
  permutations: 999,
  /** Fewer than three runs have a level but hardly a spread, and one bad session is no change. */
  minimumSegment: 3,
} as const

/**
 * Change points of a series, rising: E-divisive with exponent 1 (Matteson, James 2014, "A Nonparametric
 * Approach for Multiple Change Point Analysis of Multivariate Data"; for benchmarks Daly et al. 2020,
 * ICPE). The segment whose best split has the highest energy statistic is split there, as long as
 * that statistic is rarely reached when values are shuffled within the segments found so far. Takes
 * O(n²) steps a permutation. The first p above the significance ends the search.
 */
export function findChangePoints(
  values: readonly number[],
  options: DivisiveOptions,
): ChangePoint[] {
  const { significance, permutations, minimumSegment } = { ...divisiveDefaults, ...options }
  const found: ChangePoint[] = []
  for (;;) {
    const segments = segmentsOf(values, found)
    const split = bestOf(segments, minimumSegment)
    if (split === null) return found
    const reaches = (): boolean => {
      const shuffled = segments.map((segment) => shuffle(segment, options.random))
      const rival = bestOf(shuffled, minimumSegment)
      return rival !== null && rival.statistic >= split.statistic * (1 - ROUNDING)
    }
    const pValue = permutationPValue(reaches, permutations, significance)
    if (pValue === null) return found
    found.push({ ...split, pValue })
    found.sort((a, b) => a.index - b.index)
  }
}

/**
 * The split at τ and the end κ of its right side that together have the highest statistic
 * Q = ab/(a+b) · (2·mean|x−y| − mean|x−x′| − mean|y−y′|), with a and b values on either side and the
 * means over pairs of different values (equations 5 and 7 of the paper). κ lets a rise show that a
 * fall follows. Null for fewer values than two segments have.
 */
export function bestSplit(values: readonly number[], minimumSegment: number): Split | null {
  const data = Float64Array.from(values)
  const count = data.length
  const leading = leadingSums(data)
  // Sums of distances from data[j] to those of the right side that stand before it.
  const toRight = new Float64Array(count)
  let best: Split | null = null
  for (let left = count - 1; left >= minimumSegment; left--) {
    const first = data[left] ?? 0
    const withinLeft = leading[left] ?? 0
    let withinRight = 0
    for (let last = left + 1; last < count; last++) {
      const sum = (toRight[last] ?? 0) + Math.abs(first - (data[last] ?? 0))
      toRight[last] = sum
      withinRight += sum
      const right = last + 1 - left
      if (right < minimumSegment) continue
      const between = (leading[last + 1] ?? 0) - withinLeft - withinRight
      const statistic = energy({ between, withinLeft, withinRight, left, right })
      if (best === null || statistic >= best.statistic) best = { index: left, statistic }
    }
  }
  return best
}

/**
 * Fewest values in which a change can be found at all: below, even a step without noise is reached by
 * too many of its permutations, 2 in n over n/2.
 */
export function fewestValues({ significance, minimumSegment }: Required<Thresholds>): number {
  let count = 2 * minimumSegment
  while (2 / middleBinomial(count) > significance) count++
  return count
}

type Thresholds = Pick<DivisiveOptions, 'significance' | 'minimumSegment'>

interface Sums {
  /** Sums of distances over pairs. */
  readonly between: number
  readonly withinLeft: number
  readonly withinRight: number
  /** Numbers of values. */
  readonly left: number
  readonly right: number
}

function energy({ between, withinLeft, withinRight, left, right }: Sums): number {
  const distance =
    (2 * between) / (left * right) -
    (2 * withinLeft) / (left * (left - 1)) -
    (2 * withinRight) / (right * (right - 1))
  return ((left * right) / (left + right)) * distance
}

/** At n the sum of distances within the first n values. */
function leadingSums(data: Float64Array): Float64Array {
  const sums = new Float64Array(data.length + 1)
  for (let last = 0; last < data.length; last++) {
    let sum = sums[last] ?? 0
    for (let other = 0; other < last; other++) {
      sum += Math.abs((data[other] ?? 0) - (data[last] ?? 0))
    }
    sums[last + 1] = sum
  }
  return sums
}

/** Best split of any segment, by its index in the whole. */
function bestOf(segments: readonly (readonly number[])[], minimumSegment: number): Split | null {
  let best: Split | null = null
  let offset = 0
  for (const segment of segments) {
    const split = bestSplit(segment, minimumSegment)
    if (split !== null && (best === null || split.statistic > best.statistic)) {
      best = { ...split, index: split.index + offset }
    }
    offset += segment.length
  }
  return best
}

function segmentsOf(values: readonly number[], changes: readonly Split[]): number[][] {
  const bounds = [0, ...changes.map(({ index }) => index), values.length]
  return bounds.slice(1).map((end, segment) => values.slice(bounds[segment], end))
}

/**
 * (1 + permutations that reach it) / (1 + permutations); null once it is sure to exceed the
 * significance, which ends most searches after a few permutations and decides the same.
 */
function permutationPValue(
  reaches: () => boolean,
  permutations: number,
  significance: number,
): number | null {
  let reached = 1
  for (let done = 0; done < permutations; done++) {
    if (reached / (permutations + 1) > significance) return null
    if (reaches()) reached++
  }
  const pValue = reached / (permutations + 1)
  return pValue > significance ? null : pValue
}

/** n over ⌊n/2⌋. */
function middleBinomial(n: number): number {
  let value = 1
  for (let k = 1; k <= Math.floor(n / 2); k++) value = (value * (n - k + 1)) / k
  return value
}

/** Sums in another order differ in their last bits: without it a series that is its own mirror image would beat itself. */
const ROUNDING = 1e-9
