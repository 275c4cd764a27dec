import type { Estimate } from '../bench/analysis/stats.ts'
import { defaultThresholds, isClaimable, judge } from '../bench/analysis/verdict.ts'
import { levelPercent, signedPercent } from '../bench/render/numbers.ts'

/** A ratio as a change with its interval. */
export function ratioText({ estimate, low, high, level }: Estimate): string {
  const point = signedPercent(estimate - 1, 2)
  return low === null || high === null || level === null
    ? `${point}, no interval`
    : `${point} (${signedPercent(low - 1, 2)} to ${signedPercent(high - 1, 2)}, ${levelPercent(level)})`
}

/** What a ratio of costs comes to, by the usual thresholds. */
export function verdictText(ratio: Estimate): string {
  if (!isClaimable(ratio, defaultThresholds)) return 'too few pairs'
  const told = judge(ratio, { better: 'lower', noiseFloor: null }, defaultThresholds)
  return told.rulesOutMoreThan === null
    ? told.verdict
    : `${told.verdict}, rules out more than ${(told.rulesOutMoreThan * 100).toFixed(1)} %`
}
