import type { ArmRecord, Run } from '../results.ts'
import { ownRatio, pairsOf, type Comparison } from './contrasts.ts'
import { gatedMetrics, metrics } from './metrics.ts'
import { measuredBlocks } from './reading.ts'
import type { Change, Missing, RunComparison, Side } from './sides.ts'
import { readRun, type ArmSummary, type Summary } from './summary.ts'
import { defaultThresholds, judge, type Thresholds } from './verdict.ts'

/**
 * A run whose arms are the same cases out of two source trees, told as a comparison: before is the
 * tree of the arms that others are told against.
 */
export function liveComparison(run: Run, summary: Summary): RunComparison {
  const arms = new Map(summary.arms.map((arm) => [arm.record.id, arm]))
  const compared = summary.comparisons.flatMap((comparison) => {
    const after = arms.get(comparison.case)
    const before = arms.get(comparison.against)
    if (after === undefined || before === undefined || !isSameCase(after, before)) return []
    return [{ comparison, before, after }]
  })
  const [first] = compared
  return {
    kind: 'live',
    before: sideOfTree(run, first?.before.record.source),
    after: sideOfTree(run, first?.after.record.source),
    changes: compared.map(changeOf),
    missing: missingOf(
      summary,
      new Set(compared.flatMap(({ before, after }) => [before.record, after.record])),
    ),
    forced: [],
    thresholds: summary.thresholds,
    warnings: summary.warnings,
  }
}

/**
 * The changes that a second measurement bears out. It asks one question in one direction of cells that
 * were already found `worse` at the simultaneous level, so each is judged by itself, at 95 % to the one
 * side: a false alarm has to come twice, the second time by another 1 in 20.
 */
export function worseAgain(
  run: Run,
  thresholds: Thresholds = defaultThresholds,
): Pick<Change, 'case' | 'metric'>[] {
  const pairs = pairsOf(run.arms, readRun(run.arms, measuredBlocks(run.blocks)))
  return pairs.flatMap(({ record, one, other }) =>
    gatedMetrics.flatMap((metric) => {
      const ratio = ownRatio(one, other, metric, CONFIRMATION_LEVEL)
      const { verdict } = judge(ratio, metrics[metric], {
        ...thresholds,
        minimumLevel: CONFIRMATION_LEVEL,
      })
      return verdict === 'worse' ? [{ case: record.caseId, metric }] : []
    }),
  )
}

function changeOf({
  comparison,
  before,
  after,
}: {
  readonly comparison: Comparison
  readonly before: ArmSummary
  readonly after: ArmSummary
}): Change {
  const { metric, ratio, verdict, rulesOutMoreThan, clientLimited } = comparison
  return {
    case: after.record.caseId,
    metric,
    before: before.figures?.metrics[metric] ?? null,
    after: after.figures?.metrics[metric] ?? null,
    ratio,
    verdict,
    rulesOutMoreThan,
    clientLimited,
  }
}

function isSameCase({ record: a }: ArmSummary, { record: b }: ArmSummary): boolean {
  return a.caseId === b.caseId
}

function sideOfTree(
  { runId, startedAt, complete }: Run,
  source: ArmRecord['source'] | undefined,
): Side {
  const commit = source?.commit ?? null
  const dirty = source?.dirty ?? null
  const name = source?.label ?? 'nothing measured'
  const label = `${name}${dirty === true ? ', uncommitted changes' : ''}`
  return { runId, label, commit, dirty, startedAt, complete }
}

/** Every arm but the reference that is in no comparison; never dropped. */
function missingOf({ arms }: Summary, compared: ReadonlySet<ArmRecord>): Missing[] {
  return arms.flatMap(({ record }) => {
    if (record.role === 'reference' || compared.has(record)) return []
    const { caseId, outcome, reason, source } = record
    const why =
      outcome === 'measured'
        ? `only in ${source.label}`
        : `${outcome} in ${source.label}: ${reason ?? 'no reason stored'}`
    return [{ case: caseId, reason: why }]
  })
}

/** Of an interval with two sides: 95 % to each. */
const CONFIRMATION_LEVEL = 0.9
