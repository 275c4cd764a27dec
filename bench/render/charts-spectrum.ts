import type { ChartConfiguration, ScaleOptions } from 'chart.js'
import {
  axisTitle,
  borderStyle,
  gridStyle,
  ladderAxis,
  silentPlugins,
  stillOptions,
  tickStyle,
} from './charts-axes.ts'
import type { ChartFacts, LineName } from './charts-facts.ts'
import type { ChartText } from './charts-frame.ts'
import { createFramePlugin, framePadding, layOutFrame } from './charts-frame.ts'
import { createLinesPlugin, marginName, nameMarginPx, namesHeightPx } from './charts-lines.ts'
import type { ShortId } from './charts-text.ts'
import { formatCount, formatLatency, plainText, shortenCaseIds } from './charts-text.ts'
import type { LineStyle } from './palette.ts'
import { lineStyle, paper } from './palette.ts'

/** A chart.js configuration of ours with lines, for `new Chart(canvas, it)` and `renderPng(it)`. */
export type LineChart = ChartConfiguration<'line', SpectrumPoint[], string> & {
  readonly facts: ChartFacts
}

/** A point on the percentile axis: `x` is log10(1 / (1 - p)). */
export interface SpectrumPoint {
  readonly x: number
  readonly y: number
}

/** Latency by percentile: one panel for each load, all of one kind. */
export interface SpectrumChartInput extends Omit<ChartText, 'interval'> {
  readonly series: readonly SpectrumSeries[]
}

/** What latencies are of: a closed loop over so many connections, or an open one at a rate. */
export type SpectrumLoad = { readonly connections: number } | { readonly ratePerSecond: number }

/** One line: a case under a load. No points means not measured, with the reason. */
export interface SpectrumSeries {
  /** Case id, or any name; its own `connections` parameter is not shown. */
  readonly label: string
  readonly load: SpectrumLoad
  /** Requests in the histogram. */
  readonly samples: number
  /** Percentiles from 0 to below 100, rising; those of `markedPercentiles` get markers. */
  readonly points: readonly { readonly percentile: number; readonly latencyUs: number }[]
  readonly reason: string | null
}

/** Percentiles that are ticks of the axis, and markers where a line has a point there. */
export const markedPercentiles: readonly number[] = [0, 50, 90, 99, 99.9, 99.99]

/** Latency percentile spectrum on HdrHistogram's axis, panels beside each other, lightest load first. */
export function spectrumChart(input: SpectrumChartInput): LineChart {
  const ids = [...new Set(input.series.map(({ label }) => idOf(label)))]
  const { rows, common } = shortenCaseIds(ids)
  const all = input.series.map((series) => lineOf(series, ids, rows))
  const lines = all.filter(({ points }) => points.length > 0)
  const panels = panelsOf(lines)
  const names = lineNames(lines, panels.at(-1)?.size)
  const frame = layOutFrame({
    text: { ...input, interval: null },
    common,
    legend: [],
    notes: [...all.flatMap(missingNote), ...panelNotes(panels)],
    plotHeightPx: namesHeightPx(names) + AXES_HEIGHT_PX,
  })
  const padding = framePadding(frame)
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x))
  const last = Math.max(percentileAxis(99), ...xs)
  const facts = { panels: panels.map(panelFacts), names }
  return {
    facts: { frame, lines: facts },
    type: 'line',
    data: { datasets: lines.map((line) => lineDataset(line, panels)) },
    plugins: [createFramePlugin(frame), createLinesPlugin(facts)],
    options: {
      ...stillOptions,
      layout: {
        padding: { ...padding, top: padding.top + PANEL_TITLE_PX, right: nameMarginPx(names) },
      },
      plugins: silentPlugins,
      scales: {
        ...Object.fromEntries(panels.map((_, index) => [axisId(index), percentileScale(last)])),
        y: ladderAxis(
          'latency, log scale',
          lines.flatMap(({ points }) => points.map(({ y }) => y)),
          formatLatency,
        ),
      },
    },
  }
}

/** Place of a percentile on the axis of HdrHistogram's plots: 90 at 1, 99 at 2, 99.9 at 3. */
export function percentileAxis(percentile: number): number {
  return Math.log10(1 / (1 - percentile / 100))
}

/** A series as it is drawn. */
interface Line {
  readonly load: SpectrumLoad
  readonly samples: number
  readonly reason: string | null
  readonly points: readonly SpectrumPoint[]
  readonly short: ShortId
  /** The same in every panel. */
  readonly style: LineStyle
}

function lineOf(series: SpectrumSeries, ids: readonly string[], rows: readonly ShortId[]): Line {
  const index = ids.indexOf(idOf(series.label))
  const short = rows[index] ?? { name: series.label, detail: '' }
  return { ...series, points: supportedPoints(series), short, style: lineStyle(index) }
}

/** Points with enough requests beyond them, and above 0, which a log axis has no place for. */
function supportedPoints({ points, samples }: SpectrumSeries): SpectrumPoint[] {
  return points
    .filter(({ percentile, latencyUs }) => {
      // Rounded, as 1 - 0.999 is a little more than 0.001 in binary.
      const beyond = Math.round((1 - percentile / 100) * samples * 1e6) / 1e6
      return latencyUs > 0 && percentile <= LAST_PERCENTILE && beyond >= MIN_SAMPLES_BEYOND
    })
    .map(({ percentile, latencyUs }) => ({ x: percentileAxis(percentile), y: latencyUs }))
}

/** A load with lines; `size` orders them. */
interface Panel {
  readonly size: number
  readonly load: SpectrumLoad
}

function panelsOf(lines: readonly Line[]): Panel[] {
  const bySize = new Map(lines.map(({ load }) => [sizeOf(load), load] as const))
  return [...bySize].map(([size, load]) => ({ size, load })).sort((a, b) => a.size - b.size)
}

function sizeOf(load: SpectrumLoad): number {
  return 'connections' in load ? load.connections : load.ratePerSecond
}

function lineNames(lines: readonly Line[], lastSize: number | undefined): LineName[] {
  const firstOfEach = lines.filter(
    ({ short }, index) => lines.findIndex((line) => line.short === short) === index,
  )
  return firstOfEach.map(({ short, style }) => {
    const dataset = lines.findIndex(
      (line) => line.short === short && sizeOf(line.load) === lastSize,
    )
    return { ...marginName(short), dataset: dataset < 0 ? null : dataset, style }
  })
}

function lineDataset(line: Line, panels: readonly Panel[]): LineChart['data']['datasets'][number] {
  const { colour, dash, marker } = line.style
  const marked = markedPercentiles.map(percentileAxis)
  return {
    label: nameOf(line),
    data: [...line.points],
    xAxisID: axisId(panels.findIndex(({ size }) => size === sizeOf(line.load))),
    borderColor: colour,
    borderWidth: 2.25,
    borderDash: [...dash],
    pointStyle: marker,
    pointRadius: line.points.map(({ x }) => (x > 0 && marked.includes(x) ? 4.5 : 0)),
    pointBackgroundColor: colour,
    pointBorderColor: paper,
    pointBorderWidth: 1,
  }
}

function percentileScale(last: number): ScaleOptions<'linear'> {
  const ticks = markedPercentiles.map((percentile) => ({
    percentile,
    value: percentileAxis(percentile),
  }))
  return {
    type: 'linear',
    axis: 'x',
    position: 'bottom',
    stack: 'panels',
    min: 0,
    // Room for the marker on the last point, and between panels.
    max: last + 0.4,
    title: axisTitle('percentile of requests, %'),
    grid: gridStyle,
    border: borderStyle,
    afterBuildTicks: (axis) => {
      axis.ticks = ticks.filter(({ value }) => value <= last + 1e-9)
    },
    ticks: {
      ...tickStyle,
      autoSkip: false,
      callback: (value) => String(ticks.find((tick) => tick.value === value)?.percentile ?? ''),
    },
  }
}

function panelFacts({ load }: Panel, index: number): { axis: string; title: string } {
  const isSaturated = 'connections' in load && load.connections > 1
  return { axis: axisId(index), title: `${loadName(load)}${isSaturated ? ', saturated' : ''}` }
}

function loadName(load: SpectrumLoad): string {
  return 'connections' in load
    ? `connections=${load.connections}`
    : `${formatCount(load.ratePerSecond)}/s offered`
}

function missingNote(line: Line): string[] {
  if (line.points.length > 0) return []
  const tooFew = line.samples > 0 ? `${line.samples} requests are too few` : 'no reason recorded'
  return [`${nameOf(line)}: not measured: ${line.reason ?? tooFew}`]
}

function nameOf({ short: { name, detail }, load }: Line): string {
  return [name, detail, loadName(load)].filter((part) => part !== '').join(' ')
}

function panelNotes(panels: readonly Panel[]): string[] {
  if (panels.length === 0) return []
  const end = `A line ends where fewer than ${MIN_SAMPLES_BEYOND} requests lie beyond it.`
  if (!panels.some(({ load }) => 'connections' in load && load.connections > 1)) return [end]
  return [`${end} Saturated: a closed loop, mean latency is connections ÷ throughput.`]
}

function idOf(label: string): string {
  return plainText(label).replace(/\/connections=\d+/, '')
}

function axisId(panel: number): string {
  return `x${panel}`
}

/** Right end of the axis. */
const LAST_PERCENTILE = 99.99
/** Fewer requests beyond a percentile than this, and a single one of them moves it. */
const MIN_SAMPLES_BEYOND = 10
const AXES_HEIGHT_PX = 70
const PANEL_TITLE_PX = 20
