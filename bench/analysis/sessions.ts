import type { ArmRecord, Run } from '../results.ts'
import { isMeasured, isReference, matchCases, objectionsTo, type DefaultsOf } from './comparable.ts'
import { blockLogRatios } from './contrasts.ts'
import type { MetricName } from './metrics.ts'
import { blockValues, measuredBlocks, ownConnections, readArm } from './reading.ts'
import { hodgesLehmann, variance } from './stats.ts'

/** How far the ratio to the reference wanders from one session to the next, as sd of its ln. */
export interface SessionSpread {
  readonly sd: number
  /** Degrees of freedom it was estimated with; null: not measured, `PRIOR_SESSION_SD`. */
  readonly degrees: number | null
}

/**
 * Spread between sessions of a metric, from stored runs that measured the same clean commit at least
 * three times on this machine; the assumed one until there are any. It still holds what blocks
 * within a session add, which is small beside it and errs to the wide side.
 */
export function sessionSpread(
  metric: MetricName,
  sessions: readonly Run[],
  defaults: DefaultsOf,
): SessionSpread {
  const groups = groupSessions(sessions, defaults).filter(({ length }) => length >= MIN_SESSIONS)
  const spreads = groups.flatMap((runs) => {
    const variances = caseVariances(runs, metric, defaults)
    const sum = variances.reduce((total, variance) => total + variance, 0)
    // Cases of a session share what it did to them: they add no degrees of freedom.
    return variances.length === 0
      ? []
      : [{ variance: sum / variances.length, degrees: runs.length - 1 }]
  })
  const degrees = spreads.reduce((total, group) => total + group.degrees, 0)
  if (degrees === 0) return { sd: PRIOR_SESSION_SD, degrees: null }
  const weighted = spreads.reduce((total, group) => total + group.variance * group.degrees, 0)
  return { sd: Math.sqrt(weighted / degrees), degrees }
}

/** Per block ln(case/reference) of one run: its place on the scale that all runs share; without reference ln(case). */
export function onReferenceScale(
  run: Run,
  arm: ArmRecord,
  reference: ArmRecord | null,
  metric: MetricName,
): number[] {
  const blocks = measuredBlocks(run.blocks)
  if (reference === null) {
    const values = blockValues(readArm(blocks, arm.id, ownConnections(arm)), metric)
    return [...values.values()].filter((value) => value > 0).map(Math.log)
  }
  const [own, scale] = [arm, reference].map((one) => readArm(blocks, one.id, ownConnections(one)))
  return own === undefined || scale === undefined ? [] : blockLogRatios(scale, own, metric).values
}

/** Runs of one clean commit that could be compared with each other. */
function groupSessions(sessions: readonly Run[], defaults: DefaultsOf): Run[][] {
  const groups: Run[][] = []
  for (const run of new Map(sessions.map((one) => [one.runId, one])).values()) {
    if (run.environment.commit === null || run.environment.dirty !== false) continue
    const group = groups.find(([first]) => first !== undefined && isRepeat(first, run, defaults))
    if (group === undefined) groups.push([run])
    else group.push(run)
  }
  return groups
}

function isRepeat(first: Run, run: Run, defaults: DefaultsOf): boolean {
  return (
    first.environment.commit === run.environment.commit &&
    objectionsTo(first, run, matchCases(first, run, defaults)).length === 0
  )
}

/** Of every case that all runs of the group measured, the variance of its place on the scale. */
function caseVariances(runs: readonly Run[], metric: MetricName, defaults: DefaultsOf): number[] {
  const [first, ...others] = runs
  if (first === undefined) return []
  const matchings = [first, ...others].map((run) => ({
    run,
    matches: matchCases(first, run, defaults).matches.filter(isMeasured),
  }))
  const ids = matchings[0]?.matches.filter((match) => !isReference(match)).map(({ id }) => id) ?? []
  return ids.flatMap((id) => {
    const centres = matchings.flatMap(({ run, matches }) => {
      const own = matches.find((match) => match.id === id)
      const reference = matches.find(isReference)
      if (own === undefined || reference === undefined) return []
      const values = onReferenceScale(run, own.after, reference.after, metric)
      return values.length === 0 ? [] : [hodgesLehmann(values)]
    })
    return centres.length === runs.length ? (variance(centres) ?? []) : []
  })
}

/** Two sessions have a difference, three a spread. */
const MIN_SESSIONS = 3

/**
 * Assumed, not measured: a session has everything anew that a block has, and the state of the
 * machine besides, so it is taken to wander at least as far as the blocks of the noisiest
 * interleaved runs (sd up to 1.7 %, DESIGN section 5), rounded up.
 */
export const PRIOR_SESSION_SD = 0.02

/**
 * Of figures that stand on no common scale, as those of targets: what runs one after the other were seen to
 * scatter by on a shared machine (DESIGN section 5), at its upper end, since here is a network too.
 */
export const UNSCALED_SESSION_SD = 0.15
