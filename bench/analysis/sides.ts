import type { Run, Warning } from '../results.ts'
import type { MetricName } from './metrics.ts'
import type { Estimate } from './stats.ts'
import type { Thresholds, Verdict } from './verdict.ts'

/** One side of a comparison, as it is told. */
export interface Side {
  readonly runId: string
  readonly label: string
  readonly commit: string | null
  readonly dirty: boolean | null
  readonly startedAt: string
  readonly complete: boolean
}

/** One case in one gated metric, before and after. */
export interface Change {
  readonly case: string
  readonly metric: MetricName
  /** Stored runs: cost over that of the reference, in its own run. Live and targets: in the metric's unit. */
  readonly before: Estimate | null
  readonly after: Estimate | null
  /** Cost after over cost before; simultaneous over all changes. */
  readonly ratio: Estimate | null
  readonly verdict: Verdict
  readonly rulesOutMoreThan: number | null
  /** Latencies in which the client was the limit, of the case or of the reference that it is divided by. */
  readonly clientLimited: boolean
}

/** A case that is not compared, and why. */
export interface Missing {
  readonly case: string
  readonly reason: string
}

/** Two versions of the same cases, compared. */
export interface RunComparison {
  /** `stored`: two runs, through the reference. `targets`: two runs without one. `live`: two trees in one run. */
  readonly kind: 'stored' | 'targets' | 'live'
  readonly before: Side
  readonly after: Side
  readonly changes: readonly Change[]
  readonly missing: readonly Missing[]
  /** What would have refused the comparison, had it not been forced. */
  readonly forced: readonly string[]
  readonly thresholds: Thresholds
  readonly warnings: readonly Warning[]
}

/** How a run is told as one side of a comparison. */
export function sideOf({ runId, environment, startedAt, complete }: Run): Side {
  const { commit, branch, dirty } = environment
  const name =
    commit === null ? runId : `${commit.slice(0, 8)}${branch === null ? '' : ` (${branch})`}`
  const label = `${name}${dirty === true ? ', uncommitted changes' : ''}`
  return { runId, label, commit, dirty, startedAt, complete }
}
