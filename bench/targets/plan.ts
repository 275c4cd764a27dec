import type { Plan } from '../measure.ts'
import type { Cap } from './caps.ts'

/** What the plan of closed loops has to fit to. */
export interface Pacing {
  readonly targets: number
  readonly connections: number
  /** How long an answer takes. */
  readonly latencyMs: number
  /** Null: nothing but the target holds it back. */
  readonly cap: Cap | null
}

/**
 * A plan for targets: nothing of theirs is started, so that little has to be warmed; where a cap holds the load
 * back, and where answers are slow, slices are short and fewer, so that the time is enough for blocks.
 */
export function targetPlan(plan: Plan, { targets, connections, latencyMs, cap }: Pacing): Plan {
  const paceMs = cap === null ? 0 : msPerSecond / cap.ratePerSecond
  const requestMs = Math.max(latencyMs / connections, paceMs)
  const isSlow = requestMs * plan.minSliceRequests > slowSliceMs
  if (cap === null && !isSlow) return plan
  const shortest = Math.min(plan.minSliceRequests, Math.max(connections, leastRequests))
  const budgetMs = Math.min(plan.budgetMs ?? Infinity, (cap?.durationMs ?? Infinity) * shareOfCap)
  const slices = slicesFor(plan, budgetMs / leastBlocks / targets / (requestMs * shortest))
  return {
    ...plan,
    slices,
    minSliceRequests: shortest,
    warmupRequests: Math.min(plan.warmupRequests, 2 * shortest),
    maxSliceRequests: Math.min(plan.maxSliceRequests, 2 * shortest),
    maxRepeats: 1,
    settleSlices: Math.min(plan.settleSlices, 1),
    // One connection alone shows what an answer takes; of a slow target every slice shows that.
    singleConnectionSlices: latencyMs > slowLatencyMs ? 0 : plan.singleConnectionSlices,
    // How fast it can go is what the cap is there not to find out.
    saturationRequests: cap === null ? plan.saturationRequests : 0,
    budgetMs: budgetMs === Infinity ? null : budgetMs,
  }
}

/** As many slices as there is time for, a multiple of 4 as `sliceOrder` wants them. */
function slicesFor({ slices }: Plan, most: number): number {
  return Math.max(4, Math.min(slices, Math.floor(most / 4) * 4))
}

const msPerSecond = 1_000
/** A slice longer than this sees the machine change its pace. */
const slowSliceMs = 500
/** Beyond this, one connection alone takes more of the time than it tells. */
const slowLatencyMs = 10
const leastRequests = 32
/** As many blocks as a level of 99 % needs, and that of several cells. */
const leastBlocks = 12
/** The last block may take longer than those before it. */
const shareOfCap = 0.9
