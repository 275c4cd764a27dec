import { BenchError } from '../errors.ts'
import type { ArmRecord, Run } from '../results.ts'
import {
  isMeasured,
  isOfTargets,
  isReference,
  matchCases,
  matchLoneCases,
  objectionsTo,
  type DefaultsOf,
  type Match,
  type Matching,
} from './comparable.ts'
import { hidesBehindClient, isKnown } from './contrasts.ts'
import { studentQuantile } from './distributions.ts'
import { gatedMetrics, metrics, type MetricName } from './metrics.ts'
import { measuredBlocks, ownConnections, readArm } from './reading.ts'
import {
  onReferenceScale,
  sessionSpread,
  UNSCALED_SESSION_SD,
  type SessionSpread,
} from './sessions.ts'
import { hodgesLehmann, mapEstimate, signedRankInterval, variance, type Estimate } from './stats.ts'
import { sideOf, type Change, type Missing, type RunComparison } from './sides.ts'
import { liveAdvice, oneRunAdvice, storedWarnings } from './stored-warnings.ts'
import { defaultThresholds, judge, type Thresholds } from './verdict.ts'

/** How two stored runs are compared. */
export interface CompareOptions {
  readonly defaults: DefaultsOf
  /** Compare what should not be compared, and say so. */
  readonly force?: boolean
  /** Other stored runs: those of one commit tell how far sessions wander. */
  readonly sessions?: readonly Run[]
  readonly thresholds?: Thresholds
}

/**
 * Compares two stored runs through their ratios to the reference. The difference of the two
 * Hodges-Lehmann estimates of ln(case/reference) has the variance of both and, twice, that between
 * sessions; its interval is Welch's, at a level that all changes keep together (Bonferroni: the
 * changes share the spread between sessions, so there are no signs of blocks to flip). Throws
 * `not-comparable` with every objection at once.
 */
export function compareRuns(before: Run, after: Run, options: CompareOptions): RunComparison {
  const { defaults, force = false, thresholds = defaultThresholds } = options
  const strict = matchCases(before, after, defaults)
  const matching = force ? matchLoneCases(strict) : strict
  const objections = objectionsTo(before, after, matching)
  const reference = matching.matches.find((match) => isReference(match) && isMeasured(match))
  const refused = objections.some(({ forcible }) => !force || !forcible)
  const isDirect = isOfTargets(before) && isOfTargets(after)
  if (refused || (reference === undefined && !isDirect)) throw notComparable(before, after, strict)
  const cases = matching.matches.filter((match) => isMeasured(match) && !isReference(match))
  const sessions = [...(options.sessions ?? []), before, after].filter(
    ({ environment }) => environment.machineId === before.environment.machineId,
  )
  const known = gatedMetrics.filter(
    (metric) => !isDirect || cases.some((match) => isKnownOf(match, metric, { before, after })),
  )
  const spreads = new Map(
    known.map((metric) => [
      metric,
      isDirect ? unscaledSpread : sessionSpread(metric, sessions, defaults),
    ]),
  )
  const context = {
    before,
    after,
    reference: reference ?? null,
    thresholds,
    cells: cases.length * known.length,
  }
  return {
    kind: isDirect ? 'targets' : 'stored',
    before: sideOf(before),
    after: sideOf(after),
    changes: cases.flatMap((match) =>
      [...spreads].map(([metric, spread]) => changeOf(match, metric, spread, context)),
    ),
    missing: missingOf(matching),
    forced: [
      ...objections.map(({ message }) => message),
      ...(force ? loneMessages(strict, matching) : []),
    ],
    thresholds,
    warnings: storedWarnings(before, after, {
      spreads: [...spreads.values()],
      isOfTargets: isDirect,
    }),
  }
}

interface Context {
  readonly before: Run
  readonly after: Run
  /** Null: figures are compared as they were measured. */
  readonly reference: Match | null
  readonly thresholds: Thresholds
  readonly cells: number
}

function changeOf(
  match: Match,
  metric: MetricName,
  spread: SessionSpread,
  { before, after, reference, thresholds, cells }: Context,
): Change {
  const old = onReferenceScale(before, match.before, reference?.before ?? null, metric)
  const current = onReferenceScale(after, match.after, reference?.after ?? null, metric)
  const difference = differenceOf(old, current, { spread, level: thresholds.level, cells })
  const ratio = difference === null ? null : mapEstimate(difference, Math.exp)
  return {
    case: match.id,
    metric,
    before: onScale(old, thresholds.level),
    after: onScale(current, thresholds.level),
    ratio,
    ...judge(ratio, metrics[metric], thresholds),
    clientLimited: hidesBehindClient(metric, [
      ...[match, ...(reference === null ? [] : [reference])].flatMap((one) => [
        read(before, one.before),
        read(after, one.after),
      ]),
    ]),
  }
}

/** Difference of two centres with Welch's interval; null without values on either side. */
function differenceOf(
  before: readonly number[],
  after: readonly number[],
  {
    spread,
    level,
    cells,
  }: { readonly spread: SessionSpread; readonly level: number; readonly cells: number },
): Estimate | null {
  if (before.length === 0 || after.length === 0) return null
  const estimate = hodgesLehmann(after) - hodgesLehmann(before)
  const blocks = Math.min(before.length, after.length)
  const [old, current] = [before, after].map(centreVariance)
  if (old == null || current == null) {
    return { estimate, low: null, high: null, level: null, blocks }
  }
  const between = 2 * spread.sd ** 2
  const total = old + current + between
  const degrees =
    total ** 2 /
    (old ** 2 / (before.length - 1) +
      current ** 2 / (after.length - 1) +
      (spread.degrees === null ? 0 : between ** 2 / spread.degrees))
  const whole = Math.max(1, Math.floor(Math.min(degrees, MOST_DEGREES)))
  const half = studentQuantile(1 - (1 - level) / (2 * cells), whole) * Math.sqrt(total)
  return { estimate, low: estimate - half, high: estimate + half, level, blocks }
}

/** Variance of a Hodges-Lehmann estimate: that of the mean times π/3, its price under normality. */
function centreVariance(values: readonly number[]): number | null {
  const own = variance(values)
  return own === null ? null : ((Math.PI / 3) * own) / values.length
}

/** Whether both runs of a target have the metric: its CPU may be unknown. */
function isKnownOf(
  match: Match,
  metric: MetricName,
  { before, after }: Pick<Context, 'before' | 'after'>,
): boolean {
  return isKnown(metric, [read(before, match.before), read(after, match.after)])
}

function onScale(values: readonly number[], level: number): Estimate | null {
  const interval = signedRankInterval(values, level)
  return interval === null ? null : mapEstimate(interval, Math.exp)
}

function read(run: Run, arm: ArmRecord) {
  return readArm(measuredBlocks(run.blocks), arm.id, ownConnections(arm))
}

function missingOf({ matches, onlyBefore, onlyAfter }: Matching): Missing[] {
  const failed = ({ outcome, reason }: ArmRecord, which: string) =>
    outcome === 'measured'
      ? []
      : [`${outcome} in the ${which} run: ${reason ?? 'no reason stored'}`]
  return [
    ...matches.flatMap(({ id, before, after }) =>
      [...failed(before, 'first'), ...failed(after, 'second')].map((reason) => ({
        case: id,
        reason,
      })),
    ),
    ...onlyBefore.map(({ id }) => ({ case: id, reason: 'only in the first run' })),
    ...onlyAfter.map(({ id }) => ({ case: id, reason: 'only in the second run' })),
  ]
}

function loneMessages(strict: Matching, forced: Matching): string[] {
  return forced.matches
    .filter((match) => !strict.matches.includes(match))
    .map(({ before, after }) => `parameters differ (${before.caseId} and ${after.caseId})`)
}

function notComparable(before: Run, after: Run, matching: Matching): BenchError {
  const reasons = objectionsTo(before, after, matching).map(({ message }) => message)
  const live =
    isOfTargets(before) && isOfTargets(after) ? oneRunAdvice : liveAdvice(before.environment.commit)
  const canForce = objectionsTo(before, after, matchLoneCases(matching)).every(
    ({ forcible }) => forcible,
  )
  const remedy = canForce ? `--force compares them all the same, marked; better: ${live}` : live
  return new BenchError(
    'not-comparable',
    `${before.runId} and ${after.runId} cannot be compared: ${reasons.join('; ')}; ${remedy}`,
  )
}

const unscaledSpread: SessionSpread = { sd: UNSCALED_SESSION_SD, degrees: null }
/** Above this many degrees of freedom Student's t is the normal distribution to four digits. */
const MOST_DEGREES = 10_000
