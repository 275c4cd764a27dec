import type { HopFigures } from '../analysis/hops.ts'
import { barChart, barDataset, whiskersOf } from './charts-bars.ts'
import type { BarChart, Interval, RowInput } from './charts-bars.ts'
import type { LabelRun, LegendEntry } from './charts-facts.ts'
import type { ChartText } from './charts-frame.ts'
import { formatInterval } from './charts-text.ts'
import { hopNames } from './hop-names.ts'
import { hopColour } from './palette.ts'

/** Cases of several hops. */
export interface HopChartInput extends ChartText {
  readonly rows: readonly HopRow[]
}

/** One case, its hops from the client's side. */
export interface HopRow extends RowInput {
  readonly hops: readonly HopFigures[]
  /** Of all hops together, µs per request. */
  readonly cpuUs: Interval | null
  /** Product that clients call, which tells nothing of its latency; null where that is a server of ours. */
  readonly product: string | null
  readonly connections: number
}

/** CPU per request in stacked bars, one a case, one colour a hop; a case with a hop that is not known has none. */
export function hopCpuChart(input: HopChartInput): BarChart {
  const { rows } = input
  const names = hopNames(rows)
  const whole = rows.map(wholeCpu)
  return barChart({
    text: input,
    rows,
    labels: rows.map((row, index) => cpuLabel(row, whole[index] ?? null)),
    whiskers: whiskersOf(whole),
    hatched: [],
    legend: legendOf(names),
    datasets: names.map((name, index) => {
      const costs = rows.map((row) => (wholeCpu(row) === null ? null : cpuOf(row, name)))
      return barDataset(name, costs, hopColour(index))
    }),
    xTitle: 'CPU time per request, µs',
  })
}

/** Time in each hop's own process: a row a hop, medians at one connection, those at the case's own beside them. */
export function hopLatencyChart(input: HopChartInput): BarChart {
  const names = hopNames(input.rows)
  const rows = input.rows.flatMap((row) =>
    row.hops.map((hop, index) => ({
      ...row,
      // As a case id, so that what all rows share is told once.
      label: row.label.replace(/^[^/]*/, (scenario) => `${scenario}/hop ${hop.hop}`),
      reason: reasonOf(row, index),
      hop,
    })),
  )
  const alone = rows.map(({ hop }) => hop.singleOwnP50Us)
  return barChart({
    text: input,
    rows,
    labels: rows.map(({ hop, connections }) => latencyLabel(hop, connections)),
    whiskers: whiskersOf(alone),
    hatched: [],
    legend: legendOf(names),
    datasets: [
      barDataset(
        'own p50 at one connection',
        alone.map((interval) => interval?.estimate ?? null),
        rows.map(({ hop }) => hopColour(names.indexOf(hop.hop))),
      ),
    ],
    xTitle: 'p50 in the hop itself at one connection, µs',
  })
}

function legendOf(names: readonly string[]): LegendEntry[] {
  return names.map((label, index) => ({ label, sign: 'bar', colour: hopColour(index) }))
}

function reasonOf({ product, reason }: HopRow, index: number): string | null {
  return index === 0 && product !== null ? `${product} does not tell` : reason
}

/** A stack that lacks a hop would pass for all of them. */
function wholeCpu({ cpuUs, hops }: HopRow): Interval | null {
  return hops.every(({ cpuUsPerRequest }) => cpuUsPerRequest !== null) ? cpuUs : null
}

function cpuOf({ hops }: HopRow, name: string): number | null {
  return hops.find(({ hop }) => hop === name)?.cpuUsPerRequest?.estimate ?? null
}

function cpuLabel({ hops }: HopRow, whole: Interval | null): LabelRun[] | null {
  if (whole === null) return null
  const parts = hops.flatMap(({ cpuUsPerRequest }) => cpuUsPerRequest ?? []).map(valueOf)
  return [...runs(whole), { text: ` µs = ${parts.join(' + ')}`, strong: false }]
}

function latencyLabel(
  { singleOwnP50Us, ownP50Us }: HopFigures,
  connections: number,
): LabelRun[] | null {
  if (singleOwnP50Us === null) return null
  const label = [...runs(singleOwnP50Us), { text: ' µs', strong: false }]
  if (ownP50Us === null || connections === 1) return label
  return [...label, { text: `, ${valueOf(ownP50Us)} at ${connections} connections`, strong: false }]
}

function runs(interval: Interval): LabelRun[] {
  const { value, half } = formatInterval(interval.estimate, interval.low, interval.high)
  const strong = { text: value, strong: true }
  return half === null ? [strong] : [strong, { text: ` ± ${half}`, strong: false }]
}

function valueOf({ estimate, low, high }: Interval): string {
  return formatInterval(estimate, low, high).value
}
