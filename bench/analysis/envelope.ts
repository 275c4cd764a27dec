import type { Run } from '../results.ts'
import type { CompareEnvelope, RunEnvelope } from './envelope-schema.ts'
import type { ChurnFigures } from './churn.ts'
import type { CurveFigures } from './curve.ts'
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
    cases: summary.arms.flatMap(casesOf),
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
    breakEvens: summary.breakEvens.map((one) => ({ ...one })),
    primitives: summary.primitives.map((one) => ({ ...one })),
    ledgers: summary.ledgers.map(({ arm, entries, ...ledger }) => ({
      case: arm,
      ...ledger,
      entries: entries.map((entry) => ({ ...entry })),
    })),
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
      ...(comparison.kind === 'targets'
        ? { beforeOverReference: null, afterOverReference: null, before, after }
        : { beforeOverReference: before, afterOverReference: after }),
    })),
    missing: comparison.missing.map((missing) => ({ ...missing })),
    forced: [...comparison.forced],
    thresholds: { ...comparison.thresholds },
    warnings: [...comparison.warnings],
  }
}

/** A case is one cell: with new connections, each use of them is one. */
function casesOf(arm: ArmSummary): RunEnvelope['cases'] {
  const whole = caseOf(arm)
  if (arm.churn.length === 0) return [whole]
  return arm.churn.map((figures) => {
    const use = useParameters(figures)
    return {
      ...whole,
      id: [whole.id, ...Object.entries(use).map((pair) => pair.join('='))].join('/'),
      parameters: { ...whole.parameters, ...use },
      metrics: mapMetrics((_, name) => figures.metrics[name]),
      churn: churnOf(figures),
    }
  })
}

function useParameters({
  policy,
  requestsPerConnection,
  clients,
}: ChurnFigures): Record<string, string> {
  return {
    policy,
    requestsPerConnection: String(requestsPerConnection ?? 'inf'),
    ...(clients === undefined ? {} : { storm: String(clients) }),
  }
}

function churnOf(churn: ChurnFigures) {
  const { arm: _, metrics: __, ...figures } = churn
  return figures
}

function caseOf({
  record,
  figures,
  singleConnection,
  window,
  curve,
  hops,
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
    churn: null,
    curve: curve === null ? null : curveOf(curve),
    hops: hops.map((one) => ({ ...one })),
    warnings: [...warnings],
    ...(record.target === undefined ? {} : { target: record.target }),
  }
}

function curveOf({ points, kneePerSecond, objective }: CurveFigures) {
  return {
    points: points.map(pointOf),
    kneePerSecond,
    objective:
      objective === null
        ? null
        : {
            sloP99Us: objective.sloP99Us,
            isBeyondGrid: objective.isBeyondGrid,
            isGeneratorLimited: objective.isGeneratorLimited,
            highest:
              objective.highest === null
                ? null
                : {
                    ratePerSecond: objective.highest.ratePerSecond,
                    meets: objective.highest.meets,
                    confirmation: pointOf(objective.highest.confirmation),
                  },
          },
  }
}

function pointOf(window: WindowFigures) {
  return { openLoop: openLoopOf(window), metrics: mapMetrics((_, name) => window.metrics[name]) }
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
    ...(window.seats == null ? {} : { seatsRecord: window.seats }),
  }
}

function metricsOf(figures: Figures | null) {
  return mapMetrics((_, name) => figures?.metrics[name] ?? null)
}

function countsOf(preflight: NonNullable<ArmSummary['record']['preflight']>) {
  const { controlsPassed, tried, refused, recorded, handlerCalls, pairs, product, refusals } =
    preflight
  const counts = {
    ...{ controlsPassed, tried, refused, recorded, handlerCalls },
    ...(pairs === undefined ? {} : { pairs }),
  }
  if (product === undefined) return counts
  const gaps = refusals.flatMap(({ id, gap, outcome }) =>
    gap === undefined ? [] : [{ id, gap, outcome }],
  )
  return { ...counts, product, gaps }
}
