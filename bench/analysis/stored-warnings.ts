import type { Run, Warning } from '../results.ts'
import type { SessionSpread } from './sessions.ts'
import { gatewayGaps } from './warnings.ts'

/** What a reader of a comparison of stored runs must know. */
export function storedWarnings(
  before: Run,
  after: Run,
  {
    spreads,
    isOfTargets,
  }: { readonly spreads: readonly SessionSpread[]; readonly isOfTargets: boolean },
): Warning[] {
  const measured = spreads.every(({ degrees }) => degrees !== null)
  const percents = spreads.map(({ sd }) => `${(sd * 100).toFixed(1)} %`)
  return [
    {
      code: 'between-sessions',
      message: `runs of different sessions: each is taken to wander by ${[...new Set(percents)].join(' and ')} sd, ${measured ? 'as measured here' : isOfTargets ? 'as runs one after the other do, without a scale' : 'assumed until one commit has three runs here'}, so that only large changes show`,
      advice: isOfTargets ? oneRunAdvice : liveAdvice(before.environment.commit),
    },
    ...sameRun(before, after),
    ...[before, after].flatMap(sideWarnings),
    ...runtimeWarnings(before, after),
  ]
}

function sideWarnings({ runId, complete, environment, arms }: Run): Warning[] {
  const warnings: Warning[] = gatewayGaps({ arms })
  if (!complete) {
    warnings.push({
      code: 'incomplete',
      message: `${runId} ended early`,
      advice: 'measure it again before you quote this',
    })
  }
  if (environment.dirty === true) {
    warnings.push({
      code: 'dirty',
      message: `${runId} was measured with uncommitted changes: its commit does not say what ran`,
      advice: 'commit, then measure again',
    })
  }
  return warnings
}

/** What else changed and could be the reason; a runtime from another lock file is part of a commit. */
function runtimeWarnings({ environment: a }: Run, { environment: b }: Run): Warning[] {
  const changed = (['node', 'openssl', 'os', 'pinned'] as const).filter((key) => a[key] !== b[key])
  if (changed.length === 0) return []
  const told = changed.map((key) => `${key} ${a[key]} and ${b[key]}`).join(', ')
  return [
    {
      code: 'other-environment',
      message: `the runs also differ in ${told}: a change may come from there`,
      advice: liveAdvice(a.commit),
    },
  ]
}

function sameRun(before: Run, after: Run): Warning[] {
  if (before.runId !== after.runId) return []
  return [
    {
      code: 'same-run',
      message: `${before.runId} is compared with itself`,
      advice: 'name another run',
    },
  ]
}

/** The same for targets, which are not built out of a commit. */
export const oneRunAdvice =
  'npm run bench -- --target A --target B measures both now, as arms of the same blocks'

/** The way to an answer that stored runs cannot give. */
export function liveAdvice(commit: string | null): string {
  return `npm run compare -- --live ${commit?.slice(0, 8) ?? 'COMMIT'} measures both now, side by side`
}
