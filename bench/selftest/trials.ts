import { performance } from 'node:perf_hooks'
import { calibrate, type Calibration, type Trial } from '../analysis/calibration.ts'
import { PRIMARY_METRIC } from '../analysis/metrics.ts'
import { compareLive, type LiveOptions } from '../live.ts'
import type { Run } from '../results.ts'
import { openCopies } from '../trees.ts'
import { injectBurn, iterationNs, type Injection } from './inject.ts'

/** What is tried, and how often. */
export interface TrialsOptions extends Omit<
  LiveOptions,
  'trees' | 'settings' | 'plan' | 'command'
> {
  readonly plan: LiveOptions['plan']
  /** Comparisons for each injected share, the A/A included. */
  readonly rounds: number
  /** Shares of server CPU to inject, beside 0. */
  readonly shares: readonly number[]
  readonly onTrial: (trial: Trial, done: number, of: number) => void
}

/** All trials of a self-test with what they come to. */
export interface SelftestResult {
  readonly trials: readonly Trial[]
  readonly calibration: Calibration
}

/**
 * Compares copies of this tree that are equal, then copies of which one burns a known share of CPU
 * more: what a comparison on this machine is worth. Injected shares follow the A/A rounds, which
 * tell what a request costs here and now.
 */
export async function runTrials(options: TrialsOptions): Promise<SelftestResult> {
  const { rounds, shares, plan } = options
  const trials: Trial[] = []
  const queue = [0, ...shares].flatMap((share) => Array.from({ length: rounds }, () => share))
  for (const [index, share] of queue.entries()) {
    options.signal.throwIfAborted()
    const trial = await runTrial(share, trials, {
      ...options,
      plan: { ...plan, seed: plan.seed + index },
    })
    trials.push(trial)
    options.onTrial(trial, trials.length, queue.length)
  }
  return { trials, calibration: calibrate(trials, { seed: plan.seed }) }
}

async function runTrial(
  share: number,
  before: readonly Trial[],
  options: TrialsOptions,
): Promise<Trial> {
  const injection = share === 0 ? {} : injectionFor(share, before)
  await using trees = await openCopies(options.root, (tree) => injectBurn(tree, injection))
  const startMs = performance.now()
  const { comparison, runs } = await compareLive({
    ...options,
    trees,
    settings: [],
    command: ['selftest', `--inject=${share}`, ...options.names],
  })
  const [run] = runs
  if (run === undefined) throw new Error('a live comparison has no run')
  return {
    injectedShare: share,
    secondsPerMechanism: (performance.now() - startMs) / msPerSecond / options.names.length,
    changes: comparison.changes,
    run,
  }
}

/** Iterations that take the share of a request's CPU time, by server program; from the newest A/A run. */
function injectionFor(share: number, trials: readonly Trial[]): Injection {
  const latest = trials.findLast(({ injectedShare }) => injectedShare === 0)
  if (latest === undefined) return {}
  const ns = iterationNs(latest.run.environment.serverCpus)
  return Object.fromEntries(
    latest.changes
      .filter(({ metric }) => metric === PRIMARY_METRIC)
      .map(({ case: id, before }) => [
        programOf(id, latest.run),
        Math.round(((before?.estimate ?? 0) * share * nsPerUs) / ns),
      ]),
  )
}

/** In this project a scenario's server program has its name. */
function programOf(caseId: string, { arms }: Run): string {
  return arms.find((arm) => arm.caseId === caseId)?.scenario ?? caseId
}

const msPerSecond = 1_000
const nsPerUs = 1_000
