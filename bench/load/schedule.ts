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
export function createSchedule(plan: OpenPlan): Float64Array {
  return createStripe(plan, 0, 1).timesMs
}

/** One generator's part of a schedule. */
export interface Stripe {
  readonly timesMs: Float64Array
  /** Requests of the whole schedule. */
  readonly scheduled: number
}

/**
 * Every `of`-th request of a plan's schedule from the one at `index`: the stripes of 0 to `of` − 1 are the
 * whole schedule. Holds no more than its own: the whole of a large one would not fit into one generator.
 */
export function createStripe(
  { ratePerSecond, arrivals, durationMs, seed }: OpenPlan,
  index: number,
  of: number,
): Stripe {
  const gapMs = msPerSecond / ratePerSecond
  if (arrivals === 'constant') {
    const scheduled = Math.max(1, Math.round(durationMs / gapMs))
    const length = Math.max(0, Math.ceil((scheduled - index) / of))
    // Counted, not summed: after a million additions the last request would be off by rounding.
    const timesMs = Float64Array.from({ length }, (_, own) => (index + own * of) * gapMs)
    return { timesMs, scheduled }
  }
  const random = createRandom(seed)
  const times: number[] = []
  for (let [request, atMs] = [0, 0]; ; request++) {
    // 1 − u is in (0, 1], so that its logarithm is finite.
    atMs -= Math.log(1 - random()) * gapMs
    if (atMs >= durationMs) return { timesMs: Float64Array.from(times), scheduled: request }
    if (request % of === index) times.push(atMs)
  }
}

const msPerSecond = 1_000
