import type { Trial } from '../analysis/calibration.ts'
import { liveComparison, worseAgain } from '../analysis/live.ts'
import { summarise } from '../analysis/summary.ts'
import { confirmed } from '../live.ts'
import type { Run } from '../results.ts'

/**
 * The trials of self-tests out of their stored runs, in the order of time: what was measured before an
 * interruption is not lost, and tries of several sessions can be told together. Only complete runs of the
 * shares wanted and of the newest run's commit, machine and procedure; a first run that found something
 * worse is followed by the one that confirms it, or was cut off before that and is left out.
 */
export function storedTrials(runs: readonly Run[], shares: readonly number[]): Trial[] {
  const told = runs
    .flatMap((run) => {
      const share = injectedShare(run)
      return share !== null && [0, ...shares].includes(share) ? [{ run, share }] : []
    })
    .sort((a, b) => (a.run.startedAt < b.run.startedAt ? -1 : 1))
  const newest = told.at(-1)?.run
  const queue = told.filter(({ run }) => newest !== undefined && isLike(run, newest))
  const trials: Trial[] = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { run, share } = next
    if (!run.complete) continue
    const comparison = liveComparison(run, summarise(run))
    if (!comparison.changes.some(({ verdict }) => verdict === 'worse')) {
      trials.push(trialOf(share, comparison.changes, run, run))
      continue
    }
    const [second] = queue
    if (second?.share !== share || !second.run.complete) continue
    queue.shift()
    const { changes } = confirmed(comparison, worseAgain(second.run), true)
    trials.push(trialOf(share, changes, run, second.run))
  }
  return trials
}

/** Share that a run's self-test injected; null for other runs. */
function injectedShare({ command }: Run): number | null {
  const [name, option = ''] = command
  const share = /^--inject=([\d.e-]+)$/.exec(option)?.[1]
  return name === 'selftest' && share !== undefined ? Number(share) : null
}

function isLike(run: Run, newest: Run): boolean {
  return (
    run.environment.machineId === newest.environment.machineId &&
    run.environment.commit === newest.environment.commit &&
    run.environment.dirty === newest.environment.dirty &&
    run.measuringVersion === newest.measuringVersion
  )
}

function trialOf(injectedShare: number, changes: Trial['changes'], first: Run, last: Run): Trial {
  const mechanisms = new Set(
    first.arms.filter(({ role }) => role === 'case').map(({ caseId }) => caseId),
  ).size
  const secondsTo = ({ finishedAt, startedAt }: Run) =>
    (Date.parse(finishedAt ?? startedAt) - Date.parse(first.startedAt)) / msPerSecond / mechanisms
  return {
    injectedShare,
    secondsPerMechanism: secondsTo(last),
    firstSecondsPerMechanism: secondsTo(first),
    changes,
    run: first,
  }
}

const msPerSecond = 1_000
