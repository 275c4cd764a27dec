import type { RunComparison } from '../analysis/sides.ts'
import type { History } from '../analysis/history.ts'
import type { EventRecord } from '../events.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import { metrics, type MetricName } from '../analysis/metrics.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { Run } from '../results.ts'
import { hopNames } from './hop-names.ts'
import { labelArms } from './labels.ts'
import { shortenCaseIds } from './charts-text.ts'
import { startedText, sourceLabel } from './history-words.ts'
import { countsIssuer } from './sentence.ts'
import { spectraOf } from './spectra.ts'

/** A run with what it says. */
export interface ReportedRun {
  readonly run: Run
  readonly summary: Summary
}

/** A stored run beside the main one, and how the two compare; a reason where they do not. */
export interface OtherRun extends ReportedRun {
  readonly comparison: RunComparison | string
}

/** An estimate as the scripts of the page read it: estimate, low, high, level, blocks. */
export type Figure = readonly [number, number | null, number | null, number | null, number]

/** Cases of a closed run as the page draws them. */
export function pageRun({ run, summary }: ReportedRun) {
  const { rows } = labelArms(summary.arms.map(({ record }) => record))
  return {
    runId: run.runId,
    label: runLabel(run),
    cases: summary.arms.map((arm, index) => ({
      id: arm.record.caseId,
      name: rows[index] ?? arm.record.id,
      role: arm.record.role,
      reason: arm.figures === null ? (arm.record.reason ?? 'no block was measured whole') : null,
      metrics: metricsOf(arm),
      spectra: spectraOf(run, arm.record),
    })),
  }
}

/** A run beside the main one, with the verdicts of the comparison. */
export function pageOther(other: OtherRun) {
  const { comparison } = other
  return {
    ...pageRun(other),
    refused: typeof comparison === 'string' ? comparison : null,
    changes:
      typeof comparison === 'string'
        ? []
        : comparison.changes.map(({ case: id, metric, ratio, verdict }) => ({
            case: id,
            metric: metrics[metric].label,
            ratio: figure(ratio),
            verdict,
          })),
  }
}

/** What requests are made of. */
export function pageLedgers({ summary }: ReportedRun) {
  const nameOf = namesOf(summary)
  return summary.ledgers.map(({ arm, entries, restCpuUs, totalCpuUs }) => ({
    name: nameOf(arm),
    total: figure(totalCpuUs),
    parts: [
      ...entries.map(({ kind, label, cpuUs }) => ({
        kind,
        label,
        cpuUs: figure(cpuUs),
      })),
      { kind: 'rest', label: 'unexplained', cpuUs: figure(restCpuUs) },
    ],
  }))
}

/** Cost and time of each hop of the cases that have several; hops from the client on. */
export function pageHops({ summary }: ReportedRun) {
  const nameOf = namesOf(summary)
  const several = summary.arms.filter(({ hops }) => hops.length > 0)
  return {
    names: hopNames(several),
    cases: several.map(({ record, hops }) => ({
      name: nameOf(record.id),
      hops: hops.map(({ hop, cpuUsPerRequest, singleOwnP50Us, ownP50Us }) => ({
        hop,
        cpuUsPerRequest: figure(cpuUsPerRequest),
        singleOwnP50Us: figure(singleOwnP50Us),
        ownP50Us: figure(ownP50Us),
      })),
    })),
  }
}

/** Cost of requests by use of connections. */
export function pageChurn({ summary }: ReportedRun) {
  const nameOf = namesOf(summary)
  return summary.arms.map(({ record, churn }) => ({
    name: nameOf(record.id),
    points: churn
      .filter(({ clients }) => clients === undefined)
      .map(({ policy, requestsPerConnection, metrics: own }) => ({
        policy,
        requests: requestsPerConnection,
        cpuUs: figure(own.cpuUsPerRequest),
      })),
  }))
}

/** Latency by offered rate. */
export function pageCurves({ summary }: ReportedRun) {
  const nameOf = namesOf(summary)
  const curves = summary.arms.flatMap(({ curve }) => curve ?? [])
  return {
    sloP99Us: curves[0]?.objective?.sloP99Us ?? null,
    series: curves.map(({ arm, points }) => ({
      name: nameOf(arm),
      points: points.map(({ plan, metrics: own, invalid }) => ({
        rate: plan.ratePerSecond,
        invalid: invalid.length > 0,
        latency: Object.fromEntries(
          percentileMetrics.map((name) => [name, figure(own[name])] as const),
        ),
      })),
    })),
  }
}

/** Probes of events: ms since its end, latency in ms, outcome. Of very many each n-th, which is told. */
export function pageEvents(events: readonly EventRecord[]) {
  return events.map(({ name, what, eventStartMs, eventEndMs, probes }) => {
    const step = Math.ceil((probes.length * events.length) / MOST_PROBES)
    return {
      name,
      what,
      step,
      startMs: round(eventStartMs - eventEndMs),
      probes: probes
        .filter((_, index) => index % step === 0)
        .map(({ dueMs, latencyMs, outcome }) => [
          round(dueMs - eventEndMs),
          round(Math.max(latencyMs, LEAST_LATENCY_MS)),
          outcome,
        ]),
    }
  })
}

/** Ratio to the reference by run. */
export function pageHistory({ runs, series }: History) {
  const { rows } = shortenCaseIds(series.map((one) => one.case))
  return {
    runs: runs.map(({ runId, startedAt, environment }) => ({
      runId,
      label: `${startedText(startedAt)} ${sourceLabel(environment)}`,
    })),
    series: series.map((one, index) => ({
      name: [rows[index]?.name, rows[index]?.detail].filter((part) => part !== '').join(' '),
      machines: one.machines.map(({ machineId, points, changes }) => ({
        machine: machineId.slice(0, 6),
        points: points.map(({ run, ratio }) => ({ run, ratio: figure(ratio) })),
        changes: changes.map(({ after }) => points[after]?.run ?? 0),
      })),
    })),
  }
}

/** A run by when, what and of which commit. */
export function runLabel({ startedAt, command, environment, mode, complete }: Run): string {
  const [, ...words] = command
  return [
    startedText(startedAt),
    sourceLabel(environment),
    words.join(' ').slice(0, MOST_CHARACTERS),
    ...(mode === 'smoke' ? ['(smoke)'] : []),
    ...(complete ? [] : ['(incomplete)']),
  ].join(' ')
}

/** Metrics that the page lets one choose from. */
export const pageMetrics: readonly MetricName[] = [
  'cpuUsPerRequest',
  'requestsPerCoreSecond',
  'latencyP50Us',
  'latencyP90Us',
  'latencyP99Us',
  'latencyP999Us',
  'requestsPerSecond',
  'issuerCpuUsPerRequest',
  'clientCpuUsPerRequest',
  'bytesPerRequest',
  'rssBytes',
]

/** Percentiles that the page lets one choose from. */
export const percentileMetrics = [
  'latencyP50Us',
  'latencyP90Us',
  'latencyP99Us',
  'latencyP999Us',
] as const

/** Six digits are more than any interval supports, and half the bytes. */
export function figure(estimate: Estimate | null | undefined): Figure | null {
  if (estimate == null) return null
  const { estimate: value, low, high, level, blocks } = estimate
  return [
    digits(value),
    low === null ? null : digits(low),
    high === null ? null : digits(high),
    level === null ? null : Number(level.toFixed(4)),
    blocks,
  ]
}

/** Names of the arms of a summary by their ids. */
export function namesOf({ arms }: Summary): (id: string) => string {
  const { rows } = labelArms(arms.map(({ record }) => record))
  return (id) => rows[arms.findIndex(({ record }) => record.id === id)] ?? id
}

function metricsOf({ figures }: ArmSummary): Record<string, Figure | null> {
  return Object.fromEntries(
    pageMetrics.flatMap((name) => {
      const known = figure(figures?.metrics[name])
      // An authorization server that only stands by would show as a cost.
      const isIdle = name === 'issuerCpuUsPerRequest' && !countsIssuer(figures)
      return known === null || isIdle ? [] : [[name, known]]
    }),
  )
}

function digits(value: number): number {
  return Number(value.toPrecision(6))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** A log axis has no place for 0. */
const LEAST_LATENCY_MS = 0.01
/** Of all events together: 20 bytes each. */
const MOST_PROBES = 5_000
const MOST_CHARACTERS = 80
