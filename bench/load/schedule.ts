import { createRandom } from '../random.ts'

/** How requests are spread over time: evenly, or as a Poisson process (independent users). */
export type Arrivals = 'constant' | 'poisson'

/** What an open loop offers, whatever the server does. */
export interface OpenPlan {
  readonly ratePerSecond: number
  readonly arrivals: Arrivals
  readonly durationMs: number
  readonly seed: number
}

/**
 * Intended send times in ms from the start, ascending: fixed before the first request, so that no
 * answer, late or missing, can move a later one. Constant: i ÷ rate. Poisson: exponential gaps of mean
 * 1 ÷ rate, as many as the duration holds. The same plan gives the same schedule.
 */
export function createSchedule({
  ratePerSecond,
  arrivals,
  durationMs,
  seed,
}: OpenPlan): Float64Array {
  const gapMs = msPerSecond / ratePerSecond
  if (arrivals === 'constant') {
    // Counted, not summed: after a million additions the last request would be off by rounding.
    return Float64Array.from(
      { length: Math.max(1, Math.round(durationMs / gapMs)) },
      (_, index) => index * gapMs,
    )
  }
  const random = createRandom(seed)
  const times: number[] = []
  for (let atMs = 0; ;) {
    // 1 − u is in (0, 1], so that its logarithm is finite.
    atMs -= Math.log(1 - random()) * gapMs
    if (atMs >= durationMs) return Float64Array.from(times)
    times.push(atMs)
  }
}

/** Every `of`-th request from the one at `index`: the stripes of 0 to `of` − 1 are the whole schedule. */
export function stripeOf(schedule: Float64Array, index: number, of: number): Float64Array {
  return schedule.filter((_, request) => request % of === index)
}

const msPerSecond = 1_000
