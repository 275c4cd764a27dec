import type { Metric } from './metrics.ts'
import { DEFAULT_LEVEL, type Estimate } from './stats.ts'

/** What a comparison came to. */
export type Verdict = 'better' | 'worse' | 'same' | 'undecided'

/** Thresholds of an analysis, as shares: 0.01 is 1 %. */
export interface Thresholds {
  /** Level of intervals; simultaneous ones hold it over all gated cells at once. */
  readonly level: number
  /** `worse` and `better`: the whole interval lies beyond this. */
  readonly effect: number
  /** `same`: the whole interval lies within this. */
  readonly equivalence: number
  /**
   * Below this level reached, nothing is claimed, however far off the interval is. Between it and
   * `level` a verdict stands with the level that its interval reached, and a warning says so.
   */
  readonly minimumLevel: number
}

/** DESIGN section 5. 95 % is the least that a reader would take for evidence: 6 blocks for one cell. */
export const defaultThresholds: Thresholds = {
  level: DEFAULT_LEVEL,
  effect: 0.01,
  equivalence: 0.03,
  minimumLevel: 0.95,
}

/** A verdict; where it is `same` or `undecided`, the relative difference beyond which all is ruled out. */
export interface Judgement {
  readonly verdict: Verdict
  readonly rulesOutMoreThan: number | null
}

/**
 * Judges a ratio of costs by the two thresholds. They are ratios both ways, 1.01 and 1/1.01, so that
 * swapping what is compared swaps `worse` and `better` and nothing else.
 */
export function judge(
  ratio: Estimate | null,
  { better, noiseFloor }: Pick<Metric, 'better' | 'noiseFloor'>,
  thresholds: Thresholds,
): Judgement {
  if (ratio?.low == null || ratio.high === null || !isClaimable(ratio, thresholds)) {
    return { verdict: 'undecided', rulesOutMoreThan: null }
  }
  const [low, high] =
    better === 'higher' ? [1 / ratio.high, 1 / ratio.low] : [ratio.low, ratio.high]
  const effect = Math.max(thresholds.effect, noiseFloor ?? 0)
  if (low > 1 + effect) return { verdict: 'worse', rulesOutMoreThan: null }
  if (high < 1 / (1 + effect)) return { verdict: 'better', rulesOutMoreThan: null }
  const widest = Math.max(high, 1 / low) - 1
  return {
    verdict: widest <= thresholds.equivalence ? 'same' : 'undecided',
    rulesOutMoreThan: widest,
  }
}

/** Whether an interval reaches a level at which anything may be claimed from it. */
export function isClaimable(
  { level }: Estimate,
  { minimumLevel }: Pick<Thresholds, 'minimumLevel'>,
): boolean {
  return level !== null && level >= minimumLevel
}
