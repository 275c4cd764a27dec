import { BenchError } from '../errors.ts'
import { defaultCap, type Cap } from '../targets/caps.ts'
import type { UserTarget } from '../targets/target.ts'
import { durationMs } from './plan-options.ts'
import type { TargetCommandOptions } from './target-options.ts'

/** What a target is sent at most: another host always has a cap, this machine only where one is given. */
export function capsOf(
  { maxRate, maxDuration }: TargetCommandOptions,
  connections: number,
): (target: UserTarget) => Cap | null {
  const rate = maxRate === undefined ? null : parseRate(maxRate)
  const duration = maxDuration === undefined ? null : durationMs('--max-duration', maxDuration)
  return ({ isLoopback }) => {
    if (isLoopback && rate === null && duration === null) return null
    const usual = isLoopback ? unlimited : defaultCap
    return {
      ratePerSecond: rate ?? usual.ratePerSecond,
      durationMs: duration ?? usual.durationMs,
      connections,
    }
  }
}

function parseRate(text: string): number {
  const rate = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && rate >= 0.1 && rate <= 1e6) return rate
  throw new BenchError('usage', `--max-rate ${text}: expected 0.1 to 1000000 requests per second`)
}

/** Where only one of the two is held back on this machine, the other is not. */
const unlimited = { ratePerSecond: 1e6, durationMs: 86_400_000 } as const
