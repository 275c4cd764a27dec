import type { Run } from '../results.ts'
import type { CompareEnvelope, RunEnvelope } from './envelope-schema.ts'
import type { Figures } from './figures.ts'
import { mapMetrics } from './metrics.ts'
import type { RunComparison } from './sides.ts'
import type { ArmSummary, Summary } from './summary.ts'
import type { WindowFigures } from './windows.ts'

/** The one object that `--json` prints of a run. */
export function runEnvelope(
  run: Run,
  summary: Summary,
  context: {
    readonly command?: RunEnvelope['command']
    /** Where the run is stored; null if it could not be. */
    readonly file: string | null
    readonly charts: readonly string[]
  },
): RunEnvelope {
  return {
    schema: 1,
    command: context.command ?? 'run',
    runId: run.runId,
    file: context.file,
    mode: run.mode,
    complete: run.complete,
    incompleteReason: run.incompleteReason,
    blocksMeasured: summary.blocksMeasured,
    blocksFailed: summary.blocksFailed,
    environment: run.environment,
    cases: summary.arms.map(caseOf),
    comparisons: summary.comparisons.map((comparison) => ({ ...comparison })),
    decompositions: summary.decompositions.map(
      ({ case: id, against, total, parts, interaction }) => ({
        case: id,
        against,
        totalCpuUsPerRequest: total,
        parts: parts.map(({ arm, difference, share }) => ({
          arm,
          cpuUsPerRequest: difference,
          share,
        })),
        interactionCpuUsPerRequest: interaction,
      }),
    ),
    thresholds: { ...summary.thresholds },
    charts: [...context.charts],
    warnings: [...summary.warnings],
  }
}

/** The one object that `--json` prints of a comparison of stored runs. */
export function compareEnvelope(comparison: RunComparison): CompareEnvelope {
  return {
    schema: 1,
    command: 'compare',
    before: { ...comparison.before },
    after: { ...comparison.after },
    comparisons: comparison.changes.map(({ before, after, ...change }) => ({
      ...change,
      against: comparison.before.runId,
      beforeOverReference: before,
      afterOverReference: after,
    })),
    missing: comparison.missing.map((missing) => ({ ...missing })),
    forced: [...comparison.forced],
    thresholds: { ...comparison.thresholds },
    warnings: [...comparison.warnings],
  }
}

function caseOf({
  record,
  figures,
  singleConnection,
  window,
  warnings,
}: ArmSummary): RunEnvelope['cases'][number] {
  return {
    id: record.id,
    scenario: record.scenario,
    role: record.role,
    baseline: record.against,
    source: record.source,
    outcome: record.outcome,
    reason: record.reason,
    parameters: record.parameters,
    preflight: record.preflight === null ? null : countsOf(record.preflight),
    metrics: metricsOf(figures),
    singleConnection: singleConnection === null ? null : metricsOf(singleConnection),
    clientLimited: figures?.clientLimited ?? null,
    latencyClientLimited: figures?.latencyClientLimited ?? null,
    openLoop: window === null ? null : openLoopOf(window),
    warnings: [...warnings],
  }
}

function openLoopOf(window: WindowFigures) {
  return {
    ...window.plan,
    windows: window.windows,
    requests: window.requests,
    answered: window.answered,
    timeouts: window.timeouts,
    errors: { ...window.errors },
    answeredShare: window.answeredShare,
    queueWaitP99Us: window.queueWaitP99Us,
    serviceP99Us: window.serviceP99Us,
    maxOutstanding: window.maxOutstanding,
    clientBusyShare: window.clientBusyShare,
    valid: window.invalid.length === 0,
    invalid: [...window.invalid],
  }
}

function metricsOf(figures: Figures | null) {
  return mapMetrics((_, name) => figures?.metrics[name] ?? null)
}

function countsOf({
  controlsPassed,
  tried,
  refused,
  recorded,
  handlerCalls,
}: NonNullable<ArmSummary['record']['preflight']>) {
  return { controlsPassed, tried, refused, recorded, handlerCalls }
}
