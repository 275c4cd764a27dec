import type { Run } from '../results.ts'
import { REFERENCE_SCENARIO } from './comparable.ts'
import { measuredBlocks } from './reading.ts'

/** Why something that is stored is in no series. */
export type ExclusionReason =
  | 'smoke'
  | 'nothing-measured'
  | 'no-reference'
  | 'other-version'
  | 'other-reference'
  | 'duplicate'
  | 'case-not-measured'
  | 'other-request'

/** What was left out for one reason. */
export interface Exclusion {
  readonly reason: ExclusionReason
  /** Whole runs, or single cases of runs. */
  readonly unit: 'run' | 'case'
  readonly count: number
  readonly names: readonly string[]
}

/**
 * The runs that can be in a series, oldest first, and the others counted by reason. Runs share a scale
 * only if one procedure measured one reference server: those of the newest sound run.
 */
export function sortRuns(stored: readonly Run[]): {
  readonly runs: Run[]
  readonly excluded: Exclusion[]
} {
  const ordered = stored.toSorted(byStart)
  const newest = ordered.findLast((run) => flawOf(run) === null)
  const judged = ordered.map((run, index) => {
    const isRepeated = ordered.findIndex(({ runId }) => runId === run.runId) < index
    return { run, reason: isRepeated ? 'duplicate' : (flawOf(run) ?? otherScale(run, newest)) }
  })
  const left = judged.flatMap(({ run, reason }) => (reason === null ? [] : [{ run, reason }]))
  return {
    runs: judged.filter(({ reason }) => reason === null).map(({ run }) => run),
    excluded: [...Map.groupBy(left, ({ reason }) => reason)].map(([reason, own]) => ({
      reason,
      unit: 'run',
      count: own.length,
      names: own.map(({ run }) => run.runId),
    })),
  }
}

function flawOf({ mode, blocks, arms }: Run): ExclusionReason | null {
  if (mode === 'smoke') return 'smoke'
  if (measuredBlocks(blocks).length === 0) return 'nothing-measured'
  const hasReference = arms.some(
    ({ scenario, outcome }) => scenario === REFERENCE_SCENARIO && outcome === 'measured',
  )
  return hasReference ? null : 'no-reference'
}

function otherScale(run: Run, newest: Run | undefined): ExclusionReason | null {
  if (run.measuringVersion !== newest?.measuringVersion) return 'other-version'
  return run.referenceDigest === newest.referenceDigest ? null : 'other-reference'
}

function byStart(a: Run, b: Run): number {
  const order = (first: string, second: string) => (first < second ? -1 : first > second ? 1 : 0)
  return order(a.startedAt, b.startedAt) || order(a.runId, b.runId)
}
