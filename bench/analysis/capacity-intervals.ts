import { studentQuantile } from './distributions.ts'
import { quantile, type Estimate } from './stats.ts'

/** Values of a figure over bootstrap samples, and the same figure of the whole sample found in the same way. */
export interface Bootstrapped {
  readonly samples: readonly number[]
  readonly centre: number
  readonly level: number
  /** The fewest blocks of the runs that were drawn from. */
  readonly blocks: number
}

/**
 * Interval of a figure by expanded bootstrap percentiles (Hesterberg 2015, "What Teachers Should Know About the
 * Bootstrap", section 5.2): those of few blocks are too narrow, by √((n−1)/n) and by Student's t over the
 * normal, and the level of the percentiles is raised by both. `estimate` may be found with more care than the
 * samples (a longer simulation): the interval keeps their ratio to `centre`. The level is nominal.
 */
export function ratioInterval(estimate: number, bootstrapped: Bootstrapped): Estimate {
  const { samples, centre, level, blocks } = bootstrapped
  const [low, high] = percentiles(bootstrapped)
  if (centre <= 0 || samples.length === 0)
    return { estimate, low: estimate, high: estimate, level, blocks }
  return {
    estimate,
    low: Math.min(estimate, (estimate * low) / centre),
    high: Math.max(estimate, (estimate * high) / centre),
    level,
    blocks,
  }
}

/** The same of a whole number, which keeps its distance to `centre`. */
export function countInterval(estimate: number, bootstrapped: Bootstrapped): Estimate {
  const { centre, level, blocks } = bootstrapped
  const [low, high] = percentiles(bootstrapped)
  return {
    estimate,
    low: Math.max(1, Math.min(estimate, Math.floor(low + estimate - centre))),
    high: Math.max(estimate, Math.ceil(high + estimate - centre)),
    level,
    blocks,
  }
}

/** Standard normal distribution function (Abramowitz and Stegun 7.1.26, to 1.5 × 10⁻⁷). */
export function normalCdf(z: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(z)) / Math.SQRT2)
  const polynomial = coefficients.reduceRight((sum, coefficient) => (sum + coefficient) * t, 0)
  const tail = (polynomial * Math.exp((-z * z) / 2)) / 2
  return z < 0 ? tail : 1 - tail
}

function percentiles({ samples, level, blocks }: Bootstrapped): [number, number] {
  if (samples.length === 0) return [Number.NaN, Number.NaN]
  const degrees = Math.max(1, blocks - 1)
  const t = studentQuantile((1 + level) / 2, degrees) * Math.sqrt(blocks / degrees)
  const tail = normalCdf(-t)
  return [quantile(samples, tail), quantile(samples, 1 - tail)]
}

const coefficients = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429] as const
