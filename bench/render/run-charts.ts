import {
  hasChurn,
  hasCurves,
  hasPrimitives,
  hasTargets,
  hasWindows,
  type ArmSummary,
  type Summary,
} from '../analysis/summary.ts'
import { ownConnections } from '../analysis/reading.ts'
import type { Run } from '../results.ts'
import { cpuChart, throughputChart } from './charts.ts'
import type { BarChart } from './charts-bars.ts'
import { churnChart } from './charts-churn.ts'
import { curveChart } from './charts-curve.ts'
import { hopCpuChart, hopLatencyChart } from './charts-hops.ts'
import { ledgerChart } from './charts-ledger.ts'
import { breakEvenSentences } from './churn-text.ts'
import { curveSentences } from './curve-text.ts'
import { labelArms } from './labels.ts'
import { countsIssuer } from './sentence.ts'
import { spectrumChart, type LineChart } from './charts-spectrum.ts'
import { closedSeries, offeredSeries } from './run-spectra.ts'

/** A chart, ready for `renderPng`. */
export type Chart = BarChart | LineChart

/** Draws all that a run measured, by the name that the files get: nothing of what it has no figures for. */
export function chartsOf(run: Run, summary: Summary): Readonly<Record<string, Chart>> {
  const drawn = Object.entries(drawnOf(run, summary))
  return Object.fromEntries(drawn.flatMap(([name, chart]) => (chart ? [[name, chart]] : [])))
}

function drawnOf(run: Run, summary: Summary): Readonly<Record<string, Chart | null>> {
  if (hasPrimitives(summary)) return { ledger: ledgerRunChart(run, summary) }
  if (hasChurn(summary)) return { churn: churnRunChart(run, summary) }
  if (hasCurves(summary)) return { curve: curveRunChart(run, summary) }
  if (hasWindows(summary)) return { latency: offeredRunChart(run, summary) }
  const charts = runCharts(run, summary)
  return hasTargets(summary) ? { latency: charts.latency } : { ...charts }
}

/** Charts of closed loops. */
export interface RunCharts {
  readonly cpu: BarChart
  readonly latency: LineChart
  readonly throughput: BarChart
  /** Null where no case has several hops. */
  readonly hops: BarChart | null
  /** Null where no hop took the time of its requests. */
  readonly 'hop-latency': BarChart | null
}

/** Draws closed loops: CPU per request, latency spectrum, throughput, and its hops. The same run gives the same charts. */
export function runCharts(run: Run, summary: Summary): RunCharts {
  const footer = footerOf(run, summary)
  const interval = intervalNote(summary)
  return {
    cpu: cpuChart({
      title: 'What trust costs: server CPU per request',
      subtitle:
        'keep-alive connections, interleaved slices; the authorization server’s CPU stands apart',
      footer,
      interval,
      rows: summary.arms.map((arm) => ({
        ...rowOf(arm),
        cpuUs: arm.figures?.metrics.cpuUsPerRequest ?? null,
        // An authorization server that only stands by would show as + 0.0.
        issuerCpuUs: countsIssuer(arm.figures)
          ? (arm.figures?.metrics.issuerCpuUsPerRequest ?? null)
          : null,
      })),
    }),
    latency: spectrumChart({
      title: 'Latency by percentile',
      subtitle: 'every request of the interleaved slices; compare only lines of one panel',
      footer,
      series: summary.arms.flatMap((arm) => closedSeries(run, arm)),
    }),
    throughput: throughputChart({
      title: 'Throughput: requests per server-core-second',
      subtitle: '1,000,000 ÷ server CPU µs per request, and the requests/s that one client saw',
      footer,
      interval,
      rows: summary.arms.map((arm) => ({
        ...rowOf(arm),
        perCoreSecond: arm.figures?.metrics.requestsPerCoreSecond ?? null,
        observedPerSecond: arm.figures?.metrics.requestsPerSecond?.estimate ?? null,
        clientLimited: arm.figures?.clientLimited ?? false,
      })),
    }),
    ...hopCharts(run, summary),
  }
}

function hopCharts(run: Run, summary: Summary): Pick<RunCharts, 'hops' | 'hop-latency'> {
  const several = summary.arms.filter(({ hops }) => hops.length > 0)
  const shared = { footer: footerOf(run, summary), interval: intervalNote(summary) }
  const rows = several.map((arm) => ({
    ...rowOf(arm),
    hops: arm.hops,
    product: arm.record.preflight?.product ?? null,
    connections: ownConnections(arm.record),
    cpuUs: arm.figures?.metrics.cpuUsPerRequest ?? null,
  }))
  const isTimed = rows.some(({ hops }) =>
    hops.some(({ singleOwnP50Us }) => singleOwnP50Us !== null),
  )
  return {
    hops:
      rows.length === 0
        ? null
        : hopCpuChart({
            ...shared,
            title: 'What each hop costs: CPU per request',
            subtitle:
              'all threads of each process on the way, from the client’s side to the service',
            rows,
          }),
    'hop-latency': isTimed
      ? hopLatencyChart({
          ...shared,
          title: 'How long each hop takes: p50 in its own process',
          subtitle:
            'without the hops behind it; bars: at one connection, where no request waits for another',
          rows,
        })
      : null,
  }
}

/** Draws latency against offered rate. */
export function curveRunChart(run: Run, summary: Summary): LineChart {
  const curves = summary.arms.flatMap(({ record, curve }) =>
    curve === null ? [] : [{ label: record.id, curve }],
  )
  const nameOf = namesOf(summary)
  return curveChart({
    title: 'Latency against offered rate',
    subtitle:
      'open loop, latency from the intended send; no point where the generator was the limit',
    footer: footerOf(run, summary),
    sloP99Us: curves[0]?.curve.objective?.sloP99Us ?? null,
    series: curves.map(({ label, curve }) => ({
      label,
      points: curve.points.map(({ plan, metrics, invalid }) => ({
        ratePerSecond: plan.ratePerSecond,
        p50: invalid.length > 0 ? null : metrics.latencyP50Us,
        p99: invalid.length > 0 ? null : metrics.latencyP99Us,
      })),
    })),
    sentences: curves.flatMap(({ label, curve }) => curveSentences(nameOf(label), curve)),
  })
}

/** Draws latency under an offered load; null where no window was a measurement. */
export function offeredRunChart(run: Run, summary: Summary): LineChart | null {
  const series = summary.arms.flatMap(({ record, window }) =>
    window === null ? [] : offeredSeries(run, record.id, window),
  )
  if (series.every(({ points }) => points.length === 0)) return null
  return spectrumChart({
    title: 'Latency under offered load',
    subtitle: 'open loop, latency from the intended send; timeouts and errors are samples too',
    footer: footerOf(run, summary),
    series,
  })
}

/** Draws a run with new connections; null where there is nothing to draw. */
export function churnRunChart(run: Run, summary: Summary): LineChart | null {
  const nameOf = namesOf(summary)
  const series = summary.arms.map(({ record, churn }) => ({
    label: record.id,
    points: churn.flatMap(({ policy, requestsPerConnection, clients, metrics }) => {
      const cpuUs = metrics.cpuUsPerRequest
      return cpuUs === null || clients !== undefined
        ? []
        : [{ policy, requestsPerConnection, cpuUs }]
    }),
  }))
  const hasNew = series.some(({ points }) =>
    points.some(({ requestsPerConnection }) => requestsPerConnection !== null),
  )
  if (!hasNew) return null
  return churnChart({
    title: 'What a connection costs: server CPU per request',
    subtitle: 'each connection is opened for so many requests; stays: it is open all the time',
    footer: footerOf(run, summary),
    interval: levelNote(
      summary.arms.flatMap(({ churn }) =>
        churn.flatMap(({ metrics }) => metrics.cpuUsPerRequest?.level ?? []),
      ),
    ),
    series,
    sentences: breakEvenSentences(summary.breakEvens, nameOf),
  })
}

/** Draws what requests are made of; null where no ledger could be told. */
export function ledgerRunChart(run: Run, summary: Summary): BarChart | null {
  const rows = summary.arms.flatMap((arm) => {
    const ledger = summary.ledgers.find(({ arm: id }) => id === arm.record.id)
    return ledger === undefined ? [] : [{ ...rowOf(arm), ledger }]
  })
  if (rows.length === 0) return null
  return ledgerChart({
    title: 'Where the microseconds go: the cost ledger',
    subtitle: 'primitives measured alone, stacked against the measured request of the same blocks',
    footer: footerOf(run, summary),
    interval: null,
    rows,
  })
}

function namesOf({ arms }: Summary): (id: string) => string {
  const { rows } = labelArms(arms.map(({ record }) => record))
  return (id) => rows[arms.findIndex(({ record }) => record.id === id)] ?? id
}

function rowOf({ record }: ArmSummary) {
  return {
    label: record.id,
    role: record.role,
    reason: record.reason ?? 'no block was measured whole',
  }
}

function footerOf(
  { environment, mode, complete, runId }: Run,
  { blocksMeasured }: Summary,
): string {
  const { cpuModel, cores, node, openssl, commit, dirty } = environment
  const source =
    commit === null
      ? 'no commit'
      : `commit ${commit.slice(0, 8)}${dirty === true ? ' with changes' : ''}`
  const marks = [
    mode === 'smoke' ? 'SMOKE RUN: no measurement' : null,
    complete ? null : 'INCOMPLETE RUN',
  ]
  return [
    `${cpuModel}, ${cores} cores, Node ${node.replace(/^v/, '')}, OpenSSL ${openssl}`,
    `${source}, ${blocksMeasured} blocks`,
    `run ${runId}`,
    ...marks,
  ]
    .filter((part) => part !== null)
    .join(' · ')
}

/** What the whiskers are, by the levels that were reached. */
function intervalNote({ arms }: Summary): string | null {
  return levelNote(arms.flatMap(({ figures }) => figures?.metrics.cpuUsPerRequest?.level ?? []))
}

function levelNote(levels: readonly number[]): string | null {
  const lowest = Math.min(...levels)
  return levels.length === 0
    ? null
    : `${(Math.floor(lowest * 1_000) / 10).toFixed(1)} % intervals over blocks (Wilcoxon signed rank)`
}
