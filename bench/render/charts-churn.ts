import type { Chart, Plugin, ScaleOptions } from 'chart.js'
import type { Use } from '../analysis/churn.ts'
import type { Estimate } from '../analysis/stats.ts'
import {
  axisTitle,
  borderStyle,
  gridStyle,
  ladderAxis,
  silentPlugins,
  stillOptions,
  tickStyle,
} from './charts-axes.ts'
import type { LineName } from './charts-facts.ts'
import { createFramePlugin, framePadding, layOutFrame, type ChartText } from './charts-frame.ts'
import { createLinesPlugin, marginName, nameMarginPx, namesHeightPx } from './charts-lines.ts'
import { isolated, penOf } from './charts-pen.ts'
import type { LineChart, SpectrumPoint } from './charts-spectrum.ts'
import { formatAmount, shortenCaseIds } from './charts-text.ts'
import { ink, lineStyle, paper } from './palette.ts'

/** CPU per request over requests per connection: one panel for each kind of handshake. */
export interface ChurnChartInput extends ChartText {
  readonly series: readonly ChurnSeries[]
  /** Where lines cross, in words. */
  readonly sentences: readonly string[]
}

/** One case with all that was measured of it. */
export interface ChurnSeries {
  /** Case id, or any name. */
  readonly label: string
  readonly points: readonly (Use & { readonly cpuUs: Estimate })[]
}

/** Line chart on two log axes; connections that stay stand right of all numbers. */
export function churnChart(input: ChurnChartInput): LineChart {
  const { rows, common } = shortenCaseIds(input.series.map(({ label }) => label))
  const panels = policies.filter((policy) =>
    input.series.some(({ points }) => points.some((point) => point.policy === policy)),
  )
  const counts = countsOf(input.series)
  const lines = panels.flatMap((policy, panel) =>
    input.series.map((series, index) => ({
      panel,
      index,
      points: pointsOf(series, policy, counts),
    })),
  )
  const names = rows.map((row, index): LineName => {
    const dataset = lines.findIndex(
      (line) => line.index === index && line.panel === panels.length - 1,
    )
    return { ...marginName(row), dataset: dataset < 0 ? null : dataset, style: lineStyle(index) }
  })
  const frame = layOutFrame({
    text: input,
    common,
    legend: [
      ...(input.interval === null
        ? []
        : [{ label: input.interval, sign: 'whisker', colour: ink } as const]),
    ],
    notes: input.sentences,
    plotHeightPx: namesHeightPx(names) + PLOT_HEIGHT_PX,
  })
  const padding = framePadding(frame)
  const facts = {
    panels: panels.map((policy, panel) => ({ axis: axisId(panel), title: panelTitles[policy] })),
    names,
  }
  const bounds = lines.flatMap(({ points }) => points.flatMap(({ low, high }) => [low, high]))
  return {
    facts: { frame, lines: facts },
    type: 'line',
    data: {
      datasets: lines.map(({ panel, index, points }) => {
        const { colour, dash, marker } = lineStyle(index)
        return {
          label: [rows[index]?.name, rows[index]?.detail, panelTitles[panels[panel] ?? 'full']]
            .filter((part) => part !== undefined && part !== '')
            .join(' '),
          data: points.map(({ x, y }): SpectrumPoint => ({ x, y })),
          xAxisID: axisId(panel),
          borderColor: colour,
          borderWidth: 2.25,
          borderDash: [...dash],
          pointStyle: marker,
          pointRadius: 4.5,
          pointBackgroundColor: colour,
          pointBorderColor: paper,
          pointBorderWidth: 1,
        }
      }),
    },
    plugins: [
      createFramePlugin(frame),
      createLinesPlugin(facts),
      whiskers(lines.map(({ panel, points }) => ({ axis: axisId(panel), points }))),
    ],
    options: {
      ...stillOptions,
      layout: {
        padding: { ...padding, top: padding.top + PANEL_TITLE_PX, right: nameMarginPx(names) },
      },
      plugins: silentPlugins,
      scales: {
        ...Object.fromEntries(panels.map((_, panel) => [axisId(panel), requestsScale(counts)])),
        y: ladderAxis('server CPU, µs per request, log scale', bounds, formatAmount),
      },
    },
  }
}

interface Point extends SpectrumPoint {
  readonly low: number
  readonly high: number
}

function pointsOf(
  { points }: ChurnSeries,
  policy: (typeof policies)[number],
  counts: readonly number[],
): Point[] {
  return points
    .filter((point) => point.policy === policy || point.requestsPerConnection === null)
    .map(({ requestsPerConnection, cpuUs: { estimate, low, high } }) => ({
      x:
        requestsPerConnection === null ? placeOfStaying(counts) : Math.log10(requestsPerConnection),
      y: estimate,
      low: low ?? estimate,
      high: high ?? estimate,
    }))
    .filter(({ low }) => low > 0)
    .sort((a, b) => a.x - b.x)
}

/** Numbers of requests per connection that occur, ascending. */
function countsOf(series: readonly ChurnSeries[]): number[] {
  const counts = series.flatMap(({ points }) =>
    points.flatMap(({ requestsPerConnection }) => requestsPerConnection ?? []),
  )
  return [...new Set(counts)].sort((a, b) => a - b)
}

/** Half a decade beyond the largest number. */
function placeOfStaying(counts: readonly number[]): number {
  return Math.log10(counts.at(-1) ?? 1) + 0.5
}

/** Vertical: the bars' whiskers lie. */
function whiskers(
  lines: readonly { readonly axis: string; readonly points: readonly Point[] }[],
): Plugin {
  return {
    id: 'trustbench-vertical-whiskers',
    afterDatasetsDraw(chart: Chart) {
      const pen = penOf(chart)
      const y = chart.scales['y']
      if (y === undefined) return
      isolated(pen, () => {
        pen.strokeStyle = ink
        pen.lineWidth = 1.25
        pen.setLineDash([])
        for (const { axis, points } of lines) {
          const x = chart.scales[axis]
          if (x === undefined) continue
          for (const point of points) {
            if (point.low === point.high) continue
            const [at, top, bottom] = [
              x.getPixelForValue(point.x),
              y.getPixelForValue(point.high),
              y.getPixelForValue(point.low),
            ]
            pen.beginPath()
            pen.moveTo(at, top)
            pen.lineTo(at, bottom)
            for (const end of [top, bottom]) {
              pen.moveTo(at - CAP_PX, end)
              pen.lineTo(at + CAP_PX, end)
            }
            pen.stroke()
          }
        }
      })
    },
  }
}

function requestsScale(counts: readonly number[]): ScaleOptions<'linear'> {
  const staying = placeOfStaying(counts)
  const ticks = [
    ...counts.map((count) => ({ value: Math.log10(count), label: formatAmount(count) })),
    { value: staying, label: 'stays' },
  ]
  return {
    type: 'linear',
    axis: 'x',
    position: 'bottom',
    stack: 'panels',
    min: (ticks[0]?.value ?? 0) - 0.1,
    max: staying + 0.15,
    title: axisTitle('requests per connection'),
    grid: gridStyle,
    border: borderStyle,
    afterBuildTicks: (axis) => {
      axis.ticks = ticks.map(({ value }) => ({ value }))
    },
    ticks: {
      ...tickStyle,
      autoSkip: false,
      callback: (value) => ticks.find((tick) => tick.value === value)?.label ?? '',
    },
  }
}

function axisId(panel: number): string {
  return `x${panel}`
}

const policies = ['full', 'resumed'] as const
const panelTitles = { full: 'full handshakes', resumed: 'resumed handshakes' } as const
const PLOT_HEIGHT_PX = 150
const PANEL_TITLE_PX = 20
const CAP_PX = 3
