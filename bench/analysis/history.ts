import { createRandom } from '../random.ts'
import type { ArmRecord, Environment, Run } from '../results.ts'
import { isReference, matchCases, type DefaultsOf } from './comparable.ts'
import { divisiveDefaults, fewestValues, findChangePoints } from './edivisive.ts'
import { sortRuns, type Exclusion } from './history-runs.ts'
import { mean, sizeOf, type ChangeSize } from './history-size.ts'
import { metrics, PRIMARY_METRIC } from './metrics.ts'
import { onReferenceScale } from './sessions.ts'
import { mapEstimate, signedRankInterval, type Estimate } from './stats.ts'
import { defaultThresholds, judge, type Verdict } from './verdict.ts'

/** Stored runs as series on the scale of the reference. */
export interface History {
  /** In the order they were measured; only those that are in a series. */
  readonly runs: readonly HistoryRun[]
  readonly series: readonly HistorySeries[]
  /** All that was stored and is in no series, counted by reason. */
  readonly excluded: readonly Exclusion[]
  readonly detection: Detection
}

/** How change points were looked for. */
export interface Detection {
  readonly significance: number
  readonly permutations: number
  readonly minimumSegment: number
  /** Runs of one machine below which none can be found. */
  readonly fewestRuns: number
  /** Level of the intervals of points, and of the sizes of changes. */
  readonly level: number
}

/** One run of a history. */
export interface HistoryRun {
  readonly runId: string
  readonly startedAt: string
  readonly complete: boolean
  readonly environment: Environment
}

/** One case over all runs that measured it. */
export interface HistorySeries {
  /** Case id with every parameter filled in. */
  readonly case: string
  readonly scenario: string
  /** By the first run of each. */
  readonly machines: readonly MachineSeries[]
}

/** One case on one machine: changes are looked for within it, so that none is that of a machine. */
export interface MachineSeries {
  readonly machineId: string
  readonly cpuModel: string
  readonly points: readonly HistoryPoint[]
  /** One more than there are changes. */
  readonly segments: readonly Segment[]
  readonly changes: readonly HistoryChange[]
}

/** One run's place on the scale. */
export interface HistoryPoint {
  /** Index in the runs of the history. */
  readonly run: number
  readonly commit: string | null
  readonly dirty: boolean | null
  /** Server CPU per request over that of the reference in the same blocks. */
  readonly ratio: Estimate
}

/** Neighbouring points without a change between them. */
export interface Segment {
  /** Indices in the points of the machine, both within. */
  readonly first: number
  readonly last: number
  /** Geometric mean of the points' ratios. */
  readonly ratio: number
}

/** A change point of one machine's series. */
export interface HistoryChange {
  /** Indices in the points of the machine: the last before the change, the first after it. */
  readonly before: number
  readonly after: number
  readonly pValue: number
  readonly size: ChangeSize
  readonly verdict: Verdict
  /** Both are of one clean commit: not of the code, unless the place is a run off. */
  readonly sameCommit: boolean
  /** What else differs between those two runs: `node 26.9.0 to 26.10.0`. */
  readonly alsoChanged: readonly string[]
}

/** What a history is made of. */
export interface HistoryOptions {
  readonly defaults: DefaultsOf
  /** Names of scenarios; empty for all. */
  readonly scenarios?: readonly string[]
}

/**
 * One series for each case of the stored runs, and on each machine its change points by E-divisive.
 * Order is that of measuring (start of the run, then run id), not of ancestry: commits of several
 * branches have none, and a commit measured again today says something about today. Runs of one
 * commit are points of their own. The same runs give the same history, in whatever order they come.
 */
export function historyOf(stored: readonly Run[], options: HistoryOptions): History {
  const { runs, excluded } = sortRuns(stored)
  const { found, failed } = collect(runs, options)
  const groups = groupByCase(found)
  const used = runs.filter((run) => groups.some(({ kept }) => kept.some((one) => one.run === run)))
  const indexOf = new Map(used.map((run, index) => [run, index]))
  const changed = groups.flatMap(({ dropped }) => dropped)
  return {
    runs: used.map(({ runId, startedAt, complete, environment }) => ({
      runId,
      startedAt,
      complete,
      environment,
    })),
    series: groups.map(({ id, kept }) => ({
      case: id,
      scenario: kept[0]?.arm.scenario ?? id,
      machines: machinesOf(kept, indexOf),
    })),
    excluded: [
      ...excluded,
      ...exclusion('case-not-measured', failed),
      ...exclusion('other-request', changed),
    ],
    detection,
  }
}

/** One case in one run. */
interface Found {
  readonly run: Run
  readonly id: string
  readonly arm: ArmRecord
  /** What has to be equal for two of them to be compared (DESIGN section 5). */
  readonly digests: string
  readonly values: readonly number[]
}

function collect(
  runs: readonly Run[],
  { defaults, scenarios = [] }: HistoryOptions,
): { readonly found: Found[]; readonly failed: Found[] } {
  const all = runs.flatMap((run): Found[] => {
    // Against itself: every case of the run, its parameters filled in, one arm each.
    const { matches } = matchCases(run, run, defaults)
    const reference = matches.find(isReference)
    if (reference === undefined) return []
    return matches
      .filter((match) => !isReference(match))
      .filter(({ after }) => scenarios.length === 0 || scenarios.includes(after.scenario))
      .map(({ id, after: arm }) => ({
        run,
        id,
        arm,
        digests: [reference.id, digestsOf(reference.after), digestsOf(arm)].join(),
        values:
          arm.outcome === 'measured'
            ? onReferenceScale(run, arm, reference.after, PRIMARY_METRIC)
            : [],
      }))
  })
  return {
    found: all.filter(({ values }) => values.length > 0),
    failed: all.filter(({ values }) => values.length === 0),
  }
}

/** The newest run says what the request and the response of a case are. */
function groupByCase(
  found: readonly Found[],
): { readonly id: string; readonly kept: Found[]; readonly dropped: Found[] }[] {
  const ids = [...new Set(found.map(({ id }) => id))].sort()
  return ids.map((id) => {
    const own = found.filter((one) => one.id === id)
    const current = own.at(-1)?.digests
    return {
      id,
      kept: own.filter(({ digests }) => digests === current),
      dropped: own.filter(({ digests }) => digests !== current),
    }
  })
}

function machinesOf(kept: readonly Found[], indexOf: ReadonlyMap<Run, number>): MachineSeries[] {
  const groups = Map.groupBy(kept, ({ run }) => run.environment.machineId)
  return [...groups].map(([machineId, own]) => {
    const points = own.flatMap(({ run, arm, values }): HistoryPoint[] => {
      const interval = signedRankInterval(values, detection.level)
      if (interval === null) return []
      const { commit, dirty } = arm.source
      const ratio = mapEstimate(interval, Math.exp)
      return [{ run: indexOf.get(run) ?? 0, commit, dirty, ratio }]
    })
    const environments = own.map(({ run }) => run.environment)
    const cpuModel = environments.at(-1)?.cpuModel ?? ''
    return { machineId, cpuModel, points, ...splitUp(points, environments) }
  })
}

function splitUp(
  points: readonly HistoryPoint[],
  environments: readonly Environment[],
): Pick<MachineSeries, 'segments' | 'changes'> {
  const logs = points.map(({ ratio }) => Math.log(ratio.estimate))
  // A seed of its own for each series: another case changes nothing here.
  const found = findChangePoints(logs, { ...detection, random: createRandom(SEED) })
  const bounds = [0, ...found.map(({ index }) => index), points.length]
  const parts = bounds.slice(1).map((end, part) => ({ start: bounds[part] ?? 0, end }))
  return {
    segments: parts.map(({ start, end }) => ({
      first: start,
      last: end - 1,
      ratio: Math.exp(mean(logs.slice(start, end))),
    })),
    changes: found.map(({ index, pValue }, part) => {
      const size = sizeOf(
        logs.slice(bounds[part], index),
        logs.slice(index, bounds[part + 2] ?? logs.length),
        detection.level,
      )
      return {
        before: index - 1,
        after: index,
        pValue,
        size,
        verdict: verdictOf(size),
        sameCommit: isSameCommit(points[index - 1], points[index]),
        alsoChanged: differences(environments[index - 1], environments[index]),
      }
    }),
  }
}

function verdictOf({ runsBefore, runsAfter, ...interval }: ChangeSize): Verdict {
  const blocks = Math.min(runsBefore, runsAfter)
  return judge({ ...interval, blocks }, metrics[PRIMARY_METRIC], defaultThresholds).verdict
}

function isSameCommit(before?: HistoryPoint, after?: HistoryPoint): boolean {
  return (
    before?.commit != null &&
    before.commit === after?.commit &&
    before.dirty === false &&
    after.dirty === false
  )
}

/** What a change may come from besides the code; packages are part of a commit. */
function differences(before?: Environment, after?: Environment): string[] {
  if (before === undefined || after === undefined) return []
  return (['node', 'openssl', 'os', 'pinned'] as const)
    .filter((key) => before[key] !== after[key])
    .map((key) => `${key} ${before[key]} to ${after[key]}`)
}

function exclusion(reason: Exclusion['reason'], found: readonly Found[]): Exclusion[] {
  const names = found.map(({ id, run }) => `${id} of ${run.runId}`)
  return names.length === 0 ? [] : [{ reason, unit: 'case', count: names.length, names }]
}

function digestsOf({ requestDigest, responseDigest }: ArmRecord): string {
  return `${requestDigest} ${responseDigest ?? 'unknown'}`
}

const detection: Detection = {
  ...divisiveDefaults,
  fewestRuns: fewestValues(divisiveDefaults),
  level: defaultThresholds.level,
}
/** Any; fixed, so that a history is the same each time it is asked for. */
const SEED = 1
