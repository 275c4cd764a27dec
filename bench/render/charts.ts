import type { BarChart, Interval, RowInput } from './charts-bars.ts'
import { barChart, barDataset, diamondDataset, whiskersOf } from './charts-bars.ts'
import type { LabelRun, LegendEntry } from './charts-facts.ts'
import type { ChartText } from './charts-frame.ts'
import { formatCount, formatInterval } from './charts-text.ts'
import { issuerColour, observedColour, roleColours } from './palette.ts'

/** Server CPU per request, and the authorization server's where it took part, in µs. */
export interface CpuChartInput extends ChartText {
  readonly rows: readonly CpuRow[]
}

/** One case of a CPU chart. */
export interface CpuRow extends RowInput {
  readonly cpuUs: Interval | null
  readonly issuerCpuUs: Interval | null
}

/** Requests per server-core-second, and the requests/s that were observed. */
export interface ThroughputChartInput extends ChartText {
  readonly rows: readonly ThroughputRow[]
}

/** One case of a throughput chart. */
export interface ThroughputRow extends RowInput {
  readonly perCoreSecond: Interval | null
  readonly observedPerSecond: number | null
  /** The load client, not the server, set `observedPerSecond`. */
  readonly clientLimited: boolean
}

/** Server CPU per request by case, the authorization server's CPU stacked behind it and hatched. */
export function cpuChart(input: CpuChartInput): BarChart {
  const server = input.rows.map(({ cpuUs }) => cpuUs)
  // Without the server's part there is nothing to stack on.
  const issuer = input.rows.map(({ cpuUs, issuerCpuUs }) => (cpuUs === null ? null : issuerCpuUs))
  const colours = input.rows.map(({ role }) => roleColours[role])
  const hasIssuer = issuer.some((interval) => interval !== null)
  return barChart({
    text: input,
    rows: input.rows,
    labels: server.map((interval, row) => cpuLabel(interval, issuer[row] ?? null)),
    whiskers: [...whiskersOf(server), ...whiskersOf(issuer, server.map(valueOrZero))],
    hatched: issuer.flatMap((interval, row) =>
      interval === null ? [] : [{ dataset: 1, row, colour: issuerColour }],
    ),
    legend: hasIssuer ? issuerLegend : [],
    datasets: [
      barDataset('server', server.map(value), colours),
      ...(hasIssuer ? [barDataset('authorization server', issuer.map(value), issuerColour)] : []),
    ],
    xTitle: 'CPU time per request, µs',
  })
}

/** Requests per server-core-second, hatched where the client was the limit, and the observed requests/s as diamonds. */
export function throughputChart(input: ThroughputChartInput): BarChart {
  const capacity = input.rows.map(({ perCoreSecond }) => perCoreSecond)
  const observed = input.rows.map((row) =>
    row.perCoreSecond === null ? null : row.observedPerSecond,
  )
  const colours = input.rows.map(({ role }) => roleColours[role])
  const hatched = input.rows.flatMap(({ clientLimited, perCoreSecond, role }, row) =>
    clientLimited && perCoreSecond !== null ? [{ dataset: 0, row, colour: roleColours[role] }] : [],
  )
  return barChart({
    text: input,
    rows: input.rows,
    labels: capacity.map((interval, row) => throughputLabel(interval, observed[row] ?? null)),
    whiskers: whiskersOf(capacity),
    hatched,
    legend: [
      ...(hatched.length > 0 ? limitedLegend : []),
      ...(observed.some((rate) => rate !== null) ? observedLegend : []),
    ],
    datasets: [
      barDataset('requests per server-core-second', capacity.map(value), colours),
      diamondDataset('observed requests/s', observed, observedColour),
    ],
    xTitle: 'requests per server-core-second',
  })
}

function cpuLabel(server: Interval | null, issuer: Interval | null): LabelRun[] | null {
  if (server === null) return null
  const unit = { text: ' µs', strong: false }
  if (issuer === null) return [...runs(server), unit]
  return [...runs(server), { text: ' + ', strong: false }, ...runs(issuer), unit]
}

function throughputLabel(capacity: Interval | null, observed: number | null): LabelRun[] | null {
  if (capacity === null || observed === null) return capacity === null ? null : runs(capacity)
  return [...runs(capacity), { text: `, observed ${formatCount(observed)}`, strong: false }]
}

function runs({ estimate, low, high }: Interval): LabelRun[] {
  const shown = formatInterval(estimate, low, high)
  const strong = { text: shown.value, strong: true }
  return shown.half === null ? [strong] : [strong, { text: ` ± ${shown.half}`, strong: false }]
}

function value(interval: Interval | null): number | null {
  return interval?.estimate ?? null
}

/** Only for what stands on a bar that is there. */
function valueOrZero(interval: Interval | null): number {
  return interval?.estimate ?? 0
}

const issuerLegend: readonly LegendEntry[] = [
  { label: 'server', sign: 'bar', colour: roleColours.case },
  { label: 'authorization server, a process of its own', sign: 'hatched', colour: issuerColour },
]
const limitedLegend: readonly LegendEntry[] = [
  {
    label: 'load client was the limit, not the server',
    sign: 'hatched',
    colour: roleColours.case,
  },
]
const observedLegend: readonly LegendEntry[] = [
  { label: 'observed requests/s', sign: 'diamond', colour: observedColour },
]
