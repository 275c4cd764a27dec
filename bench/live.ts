import { liveComparison, worseAgain } from './analysis/live.ts'
import { measuredBlocks } from './analysis/reading.ts'
import type { Change, RunComparison } from './analysis/sides.ts'
import { relativePrecision, summarise } from './analysis/summary.ts'
import { planLiveArms, type PlannedArm } from './arms.ts'
import { BenchError } from './errors.ts'
import type { Plan } from './measure.ts'
import type { Mode, Run, Warning } from './results.ts'
import { closedLoops, runBench, type RunEvent, type RunOptions } from './run.ts'
import { parseSettings } from './cases.ts'
import type { Scenario } from './scenario.ts'
import { loadScenarios } from './scenarios.ts'
import type { TreePair } from './trees.ts'

/** What a live comparison needs. */
export interface LiveOptions {
  readonly trees: TreePair
  readonly root: string
  readonly names: readonly string[]
  /** `name=value,…` as given to `--set`. */
  readonly settings: readonly string[]
  readonly mode: Mode
  readonly plan: Plan
  readonly precision: number | null
  readonly command: readonly string[]
  readonly warnings: readonly Warning[]
  readonly signal: AbortSignal
  readonly runId: RunOptions['runId']
  readonly onEvent: (event: RunEvent) => void
  readonly save: (run: Run) => void
}

/** A live comparison with the runs it rests on: a second one where a first `worse` had to be confirmed. */
export interface LiveResult {
  readonly comparison: RunComparison
  readonly runs: readonly Run[]
}

/**
 * Measures the same cases out of two trees in the same blocks. A first `worse` is measured once more
 * with new processes, and stands only if it comes again.
 */
export async function compareLive(options: LiveOptions): Promise<LiveResult> {
  const { arms, missing } = await planOf(options)
  const first = await measureArms(arms, options)
  const told = liveComparison(first, summarise(first))
  const comparison = { ...told, missing: [...missing, ...told.missing] }
  const suspects = new Set(comparison.changes.filter(isWorse).map((change) => change.case))
  if (suspects.size === 0 || !first.complete) return { comparison, runs: [first] }
  const again = arms.filter(({ role, case: { id } }) => role === 'reference' || suspects.has(id))
  const second = await measureArms(again, {
    ...options,
    plan: confirmationPlan(options.plan, first),
    precision: null,
    checkedIn: first,
  })
  return {
    comparison: confirmed(comparison, worseAgain(second), second.complete),
    runs: [first, second],
  }
}

/**
 * A mode's plan as a live comparison needs it: slices of pairs, twice as many. It is the slices that
 * scatter: over 61 blocks of two mechanisms a block's median had an sd of 2.3 to 3.2 %, where the halves of
 * its own slices let expect 2.5 %; and of the 12 s of such a block they were 3.5 s, starting and warming
 * the rest.
 */
export function livePlan(plan: Plan): Plan {
  return {
    ...plan,
    slices: plan.slices * slicesPerPair,
    saturationRequests: 0,
    singleConnectionSlices: 0,
  }
}

/** What stands of a comparison after its `worse` verdicts were measured once more. */
export function confirmed(
  first: RunComparison,
  again: readonly Pick<Change, 'case' | 'metric'>[],
  complete: boolean,
): RunComparison {
  const unconfirmed = first.changes.filter(
    (change) =>
      isWorse(change) &&
      !again.some((other) => other.case === change.case && other.metric === change.metric),
  )
  if (unconfirmed.length === 0) return first
  return {
    ...first,
    changes: first.changes.map((change) =>
      unconfirmed.includes(change) ? { ...change, verdict: 'undecided' } : change,
    ),
    warnings: [
      ...first.warnings,
      {
        code: 'worse-not-confirmed',
        message: `worse in the first measurement and not in a second one with new processes${complete ? '' : ', which was cut short'}: ${unconfirmed.map((change) => `${change.case} ${change.metric}`).join(', ')}`,
        advice: 'measure again with --full before you act on it, or before you forget it',
      },
    ],
  }
}

/** Half as many blocks as it took to find it, and 6 at least: a direction known is sooner seen again. */
function confirmationPlan(plan: Plan, first: Run): Plan {
  if (plan.minBlocks < fewestToConfirm) return plan
  const blocks = Math.max(fewestToConfirm, Math.ceil(measuredBlocks(first.blocks).length / 2))
  return { ...plan, minBlocks: blocks, maxBlocks: blocks }
}

async function planOf({ trees, names, settings }: LiveOptions) {
  const [before, after] = await Promise.all([
    loadScenarios(trees.before.root),
    loadScenarios(trees.after.root),
  ])
  const known = [...after, ...before].filter(({ name }) => names.includes(name))
  for (const name of names) requireKnown(name, [...after, ...before])
  const planned = planLiveArms({
    before: { tree: trees.before, scenarios: before },
    after: { tree: trees.after, scenarios: after },
    names,
    settings: parseSettings(settings, known),
  })
  if (planned.arms.some(({ role }) => role === 'case')) return planned
  throw new BenchError(
    'not-comparable',
    `nothing to compare: ${planned.missing.map((each) => `${each.case} is ${each.reason}`).join(', ')}`,
  )
}

function requireKnown(name: string, scenarios: readonly Scenario[]): void {
  if (scenarios.some((scenario) => scenario.name === name)) return
  const names = [...new Set(scenarios.map((scenario) => scenario.name))].sort()
  throw new BenchError(
    'usage',
    `unknown scenario ${JSON.stringify(name)}: there are ${names.join(', ')}`,
  )
}

function measureArms(
  arms: readonly PlannedArm[],
  options: LiveOptions & Pick<RunOptions, 'checkedIn'>,
): Promise<Run> {
  const { plan, precision } = options
  return runBench({
    ...options,
    ...closedLoops(
      plan,
      (run) => precision !== null && (relativePrecision(run) ?? Infinity) <= precision,
    ),
    arms,
  })
}

function isWorse({ verdict }: Change): boolean {
  return verdict === 'worse'
}

const slicesPerPair = 2
/** One-sided 95 % is in reach of 5 blocks (1/32); 6 may hold one that a slow process spoiled. */
const fewestToConfirm = 6
