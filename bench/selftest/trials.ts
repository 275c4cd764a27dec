import { performance } from 'node:perf_hooks'
import { calibrate, type Calibration, type Trial } from '../analysis/calibration.ts'
import { PRIMARY_METRIC } from '../analysis/metrics.ts'
import { defaultThresholds } from '../analysis/verdict.ts'
import { BenchError } from '../errors.ts'
import { compareLive, type LiveOptions } from '../live.ts'
import type { Run } from '../results.ts'
import { openCopies } from '../trees.ts'
import { injectBurn, iterationNs, type Injection } from './inject.ts'

/** What is tried, and how often. */
export interface TrialsOptions extends Omit<
  LiveOptions,
  'trees' | 'settings' | 'plan' | 'precision' | 'command'
> {
  readonly plan: LiveOptions['plan']
  /** At which half-width a comparison stops; undefined = as each share needs it. */
  readonly precision: number | null | undefined
  /** A/A comparisons. */
  readonly rounds: number
  /** Comparisons for each injected share. */
  readonly tries: number
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
  const { rounds, tries, shares, plan, signal, onTrial } = options
  const trials: Trial[] = []
  const queue = [
    ...new Array<number>(rounds).fill(0),
    ...shares.flatMap((share) => new Array<number>(tries).fill(share)),
  ]
  let burn: Burn | null = null
  for (const [index, share] of queue.entries()) {
    signal.throwIfAborted()
    const seeded = { ...options, plan: { ...plan, seed: plan.seed + index } }
    if (share !== 0) burn ??= await calibrateBurn(trials, seeded)
    const trial = await runTrial(share, burn?.(share) ?? {}, seeded)
    trials.push(trial)
    onTrial(trial, trials.length, queue.length)
  }
  return { trials, calibration: calibrate(trials, { seed: plan.seed }) }
}

/**
 * Half-width at which a comparison of trees so far apart can be decided, fixed before its first block:
 * that leaves room between the share and the effect below which nothing is called worse, or in an A/A
 * to the ends of what is called the same, also after the intervals are widened to hold all at once.
 */
function precisionFor(share: number): number {
  const { effect, equivalence } = defaultThresholds
  const room = share === 0 ? equivalence : share - effect
  return Math.max(finestPrecision, room / roomFactor)
}

/** Loop iterations that a share of a request's CPU time takes, by server program. */
type Burn = (share: number) => Injection

async function runTrial(
  share: number,
  injection: Injection,
  options: Omit<TrialsOptions, 'rounds' | 'tries' | 'onTrial'>,
): Promise<Trial> {
  await using trees = await openCopies(options.root, (tree) => injectBurn(tree, injection))
  const startMs = performance.now()
  const { comparison, runs } = await compareLive({
    ...options,
    precision: options.precision === undefined ? precisionFor(share) : options.precision,
    trees,
    settings: [],
    command: ['selftest', `--inject=${share}`, ...options.names],
  })
  const [run] = runs
  if (run === undefined) throw new Error('a live comparison has no run')
  return {
    injectedShare: share,
    secondsPerMechanism: (performance.now() - startMs) / msPerSecond / options.names.length,
    firstSecondsPerMechanism: secondsOf(run) / options.names.length,
    changes: comparison.changes,
    run,
  }
}

/**
 * Sizes the busy loop in two steps: from the time of one iteration in a process of its own, then, since
 * the same loop takes three times as long inside a server, from what a first injection came to there.
 */
async function calibrateBurn(unchanged: readonly Trial[], options: TrialsOptions): Promise<Burn> {
  const latest = unchanged.findLast(({ injectedShare }) => injectedShare === 0)
  if (latest === undefined) return () => ({})
  const ns = iterationNs(latest.run.environment.serverCpus)
  const guesses = costs(latest).map(({ program, cpuUs }) => ({
    program,
    iterations: (cpuUs * calibrationShare * nsPerUs) / ns,
  }))
  const tried = Object.fromEntries(
    guesses.map(({ program, iterations }) => [program, Math.round(iterations)]),
  )
  const came =
    options.mode === 'smoke' ? null : await runTrial(calibrationShare, tried, shortened(options))
  const sized = guesses.map(({ program, iterations }) => {
    const share = came === null ? calibrationShare : measuredShare(program, came)
    return { program, perShare: iterations / share }
  })
  return (share) =>
    Object.fromEntries(
      sized.map(({ program, perShare }) => [program, Math.round(perShare * share)]),
    )
}

/** So few blocks have no interval at a level that would lead to a verdict, and none is wanted. */
function shortened(options: TrialsOptions): TrialsOptions {
  const { plan } = options
  return {
    ...options,
    precision: null,
    plan: { ...plan, minBlocks: sizingBlocks, maxBlocks: sizingBlocks },
  }
}

/** What an injection came to, as a share of CPU per request; throws `unfit` when it cannot be seen. */
function measuredShare(program: string, { changes, run }: Trial): number {
  const change = changes.find(
    ({ case: id, metric }) => metric === PRIMARY_METRIC && programOf(id, run) === program,
  )
  const share = (change?.ratio?.estimate ?? 1) - 1
  if (share > calibrationShare / 4) return share
  throw new BenchError(
    'unfit',
    `selftest: a busy loop of about ${calibrationShare * 100} % in ${program} showed as ${(share * 100).toFixed(1)} %; see npm run doctor, then try again`,
  )
}

function costs({ changes, run }: Trial): { readonly program: string; readonly cpuUs: number }[] {
  return changes
    .filter(({ metric }) => metric === PRIMARY_METRIC)
    .map(({ case: id, before }) => ({ program: programOf(id, run), cpuUs: before?.estimate ?? 0 }))
}

function secondsOf({ startedAt, finishedAt }: Run): number {
  return (Date.parse(finishedAt ?? startedAt) - Date.parse(startedAt)) / msPerSecond
}

/** In this project a scenario's server program has its name. */
function programOf(caseId: string, { arms }: Run): string {
  return arms.find((arm) => arm.caseId === caseId)?.scenario ?? caseId
}

const sizingBlocks = 6
const finestPrecision = 0.005
const roomFactor = 1.6
const msPerSecond = 1_000
const nsPerUs = 1_000
/**
 * Large beside the noise of a few blocks: sized by 10 % and four of them, what was to be +5 % of tls came to
 * 3.4 and 3.8 %. The loop takes as long as it has iterations, whatever their number.
 */
const calibrationShare = 0.4
