import { BenchError } from './errors.ts'
import type { Run } from './results.ts'

/**
 * The run that goes on: what was finished of the earlier session, with the arms of this one, which were
 * tried anew. Throws `not-comparable` where the two would not belong into one run.
 */
export function takeUp(earlier: Run, now: Run): Run {
  const differing = differences(earlier, now)
  if (differing !== null) {
    throw new BenchError(
      'not-comparable',
      `--resume ${earlier.runId}: ${differing}; start a new run instead`,
    )
  }
  return {
    ...now,
    runId: earlier.runId,
    startedAt: earlier.startedAt,
    seed: earlier.seed,
    blocks: earlier.blocks.filter(({ outcome }) => outcome === 'measured'),
    warnings: [
      ...now.warnings,
      {
        code: 'resumed',
        message: `the run was interrupted (${earlier.incompleteReason ?? 'no reason'}) and taken up again at ${now.startedAt}`,
        advice: 'blocks of both sessions count alike: each has fresh processes and its own pairs',
      },
    ],
  }
}

/** What keeps a run from going on; null if nothing does. */
function differences(earlier: Run, now: Run): string | null {
  const [then, current] = [earlier.environment, now.environment]
  if (earlier.complete) return 'it is complete'
  if (earlier.measuringVersion !== now.measuringVersion)
    return `it was measured by version ${earlier.measuringVersion}, this is ${now.measuringVersion}`
  if (then.machineId !== current.machineId) return 'it was measured on another machine'
  if (then.commit !== current.commit)
    return `it is of commit ${then.commit ?? 'none'}, this tree of ${current.commit ?? 'none'}`
  if (then.node !== current.node) return `it ran on Node ${then.node}, this is ${current.node}`
  if (then.dirty !== false || current.dirty !== false) {
    // Uncommitted work has no name by which it could be told to be the same.
    if (then.commit !== null) return 'the tree has uncommitted changes, which may not be the same'
  }
  const ids = (run: Run) =>
    run.arms
      .map(({ id }) => id)
      .sort()
      .join(' ')
  return ids(earlier) === ids(now) ? null : 'its cases are others'
}
