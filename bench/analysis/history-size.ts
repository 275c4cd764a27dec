import { studentQuantile } from './distributions.ts'
import { variance } from './stats.ts'

/** Mean ratio after over mean ratio before; runs are what it infers from. */
export interface ChangeSize {
  readonly estimate: number
  readonly low: number
  readonly high: number
  readonly level: number
  readonly runsBefore: number
  readonly runsAfter: number
}

/**
 * Difference of the mean logs of two segments with Welch’s interval, as a ratio; degrees of freedom are
 * rounded down, to the wide side. At least two values each.
 */
export function sizeOf(
  before: readonly number[],
  after: readonly number[],
  level: number,
): ChangeSize {
  const [a, b] = [before, after].map((values) => (variance(values) ?? 0) / values.length)
  const total = (a ?? 0) + (b ?? 0)
  const [freeA, freeB] = [before.length - 1, after.length - 1]
  const degrees =
    total === 0
      ? freeA + freeB
      : Math.floor(total ** 2 / ((a ?? 0) ** 2 / freeA + (b ?? 0) ** 2 / freeB))
  const difference = mean(after) - mean(before)
  const half = studentQuantile((1 + level) / 2, Math.max(1, degrees)) * Math.sqrt(total)
  return {
    estimate: Math.exp(difference),
    low: Math.exp(difference - half),
    high: Math.exp(difference + half),
    level,
    runsBefore: before.length,
    runsAfter: after.length,
  }
}

/** Arithmetic mean; NaN without values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
