import type { Run } from '../results.ts'
import { REFERENCE_SCENARIO } from './comparable.ts'
import { measuredBlocks } from './reading.ts'

/** Why something that is stored is in no series. */
export type ExclusionReason =
  | 'smoke'
  | 'nothing-measured'
  | 'no-reference'
  | 'other-version'
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
 * The runs that can be in a series, oldest first, and the others counted by reason. Only runs of the
 * newest measuring version found share a scale.
 */
export function sortRuns(stored: readonly Run[]): {
  readonly runs: Run[]
  readonly excluded: Exclusion[]
} {
  const ordered = stored.toSorted(byStart)
  const isRepeated = ({ runId }: Run, index: number) =>
    ordered.findIndex((run) => run.runId === runId) < index
  const single = ordered.filter((run, index) => !isRepeated(run, index))
  const judged = single.map((run) => ({ run, reason: flawOf(run) }))
  const sound = judged.filter(({ reason }) => reason === null).map(({ run }) => run)
  const version = Math.max(...sound.map(({ measuringVersion }) => measuringVersion))
  const names = Map.groupBy(
    [
      ...judged.flatMap(({ run, reason }) => (reason === null ? [] : [{ run, reason }])),
      ...sound
        .filter(({ measuringVersion }) => measuringVersion !== version)
        .map((run) => ({ run, reason: 'other-version' as const })),
      ...ordered.filter(isRepeated).map((run) => ({ run, reason: 'duplicate' as const })),
    ],
    ({ reason }) => reason,
  )
  return {
    runs: sound.filter(({ measuringVersion }) => measuringVersion === version),
    excluded: [...names].map(([reason, own]) => ({
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

function byStart(a: Run, b: Run): number {
  const order = (first: string, second: string) => (first < second ? -1 : first > second ? 1 : 0)
  return order(a.startedAt, b.startedAt) || order(a.runId, b.runId)
}
