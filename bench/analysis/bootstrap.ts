import type { Random } from '../random.ts'
import { studentQuantile } from './distributions.ts'
import { DEFAULT_LEVEL, variance, type Estimate } from './stats.ts'

/** What a bootstrap over blocks is asked. */
export interface BootstrapOptions {
  readonly blocks: number
  /** The statistic of a resample, given how often each block is in it. */
  readonly statistic: (weights: readonly number[]) => number
  readonly random: Random
  readonly level?: number
}

/**
 * Interval of a statistic over blocks: Student's t times its standard error by the bootstrap over
 * blocks (Efron and Tibshirani 1993, section 12.2, with n/(n−1) for the few blocks). Its level is
 * nominal, unlike that of the signed rank: simulated, 99 % intervals of p99 cover 97 to 99 % (bootstrap
 * percentiles 93 to 97 %), less where blocks differ by more than samples do. No level is claimed that
 * the range of n blocks could not have, 1 − 2/2ⁿ. Null without blocks.
 */
export function bootstrapInterval(options: BootstrapOptions): Estimate | null {
  const { blocks, statistic, random } = options
  if (blocks === 0) return null
  const estimate = statistic(new Array<number>(blocks).fill(1))
  if (blocks === 1) return { estimate, low: null, high: null, level: null, blocks }
  const level = Math.min(options.level ?? DEFAULT_LEVEL, 1 - 2 / 2 ** blocks)
  const statistics = Array.from({ length: RESAMPLES }, () => statistic(resample(blocks, random)))
  const error = Math.sqrt(((variance(statistics) ?? 0) * blocks) / (blocks - 1))
  const half = studentQuantile((1 + level) / 2, blocks - 1) * error
  return { estimate, low: estimate - half, high: estimate + half, level, blocks }
}

function resample(blocks: number, random: Random): number[] {
  const weights = new Array<number>(blocks).fill(0)
  for (let draw = 0; draw < blocks; draw++) {
    const block = Math.floor(random() * blocks)
    weights[block] = (weights[block] ?? 0) + 1
  }
  return weights
}

/** Gives the standard error to within 2.2 % of itself. */
const RESAMPLES = 1_000
