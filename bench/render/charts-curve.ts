import type { Chart, Plugin, ScaleOptions } from 'chart.js'
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
import { isolated, penOf, write } from './charts-pen.ts'
import type { LineChart, SpectrumPoint } from './charts-spectrum.ts'
import { formatCount, formatLatency, shortenCaseIds } from './charts-text.ts'
import { ink, lineStyle, mutedInk, paper } from './palette.ts'

/** Latency over offered rate: one panel for p50, one for p99. */
export interface CurveChartInput extends Omit<ChartText, 'interval'> {
  readonly series: readonly CurveSeries[]
  /** Drawn across the p99 panel. */
  readonly sloP99Us: number | null
  readonly sentences: readonly string[]
}

/** One case; null where a figure is unknown, or the generator's own. */
export interface CurveSeries {
  readonly label: string
  readonly points: readonly {
    readonly ratePerSecond: number
    readonly p50: Estimate | null
    readonly p99: Estimate | null
  }[]
}

/** The hockey stick, cases overlaid; rates on a log axis, as cases differ by ten and more. */
export function curveChart(input: CurveChartInput): LineChart {
  const { rows, common } = shortenCaseIds(input.series.map(({ label }) => label))
  const lines = panels.flatMap((panel, place) =>
    input.series.map(({ points }, index) => ({
      place,
      index,
      points: withoutUntoldEnd(
        points
          .map(({ ratePerSecond, [panel.percentile]: latency }): SpectrumPoint => ({
            x: Math.log10(ratePerSecond),
            // chart.js leaves a gap: a line over it would tell what nobody knows.
            y: latency?.estimate ?? Number.NaN,
          }))
          .sort((a, b) => a.x - b.x),
      ),
    })),
  )
  const names = rows.map((row, index): LineName => {
    const dataset = lines.findLastIndex((line) => line.index === index && line.points.length > 0)
    return { ...marginName(row), dataset: dataset < 0 ? null : dataset, style: lineStyle(index) }
  })
  const frame = layOutFrame({
    text: { ...input, interval: null },
    common,
    legend: [],
    notes: input.sentences,
    plotHeightPx: namesHeightPx(names) + PLOT_HEIGHT_PX,
  })
  const padding = framePadding(frame)
  const facts = {
    panels: panels.map(({ title }, place) => ({ axis: axisId(place), title })),
    names,
  }
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x))
  const latencies = lines.flatMap(({ points }) => points.map(({ y }) => y)).filter(Number.isFinite)
  return {
    facts: { frame, lines: facts },
    type: 'line',
    data: {
      datasets: lines.map(({ place, index, points }) => {
        const { colour, dash, marker } = lineStyle(index)
        return {
          label: `${[rows[index]?.name, rows[index]?.detail].filter(Boolean).join(' ')} ${panels[place]?.title ?? ''}`,
          data: points,
          xAxisID: axisId(place),
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
      ...(input.sloP99Us === null ? [] : [objectiveLine(input.sloP99Us)]),
    ],
    options: {
      ...stillOptions,
      layout: {
        padding: { ...padding, top: padding.top + PANEL_TITLE_PX, right: nameMarginPx(names) },
      },
      plugins: silentPlugins,
      scales: {
        ...Object.fromEntries(panels.map((_, place) => [axisId(place), rateScale(xs)])),
        y: ladderAxis(
          'latency, log scale',
          [...latencies, ...(input.sloP99Us === null ? [] : [input.sloP99Us])],
          formatLatency,
        ),
      },
    },
  }
}

function withoutUntoldEnd(points: readonly SpectrumPoint[]): SpectrumPoint[] {
  return points.slice(0, points.findLastIndex(({ y }) => Number.isFinite(y)) + 1)
}

function rateScale(xs: readonly number[]): ScaleOptions<'linear'> {
  const [from, to] = [Math.min(...xs, 3), Math.max(...xs, 1)]
  const ticks = Array.from({ length: 7 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power))
    .flat()
    .map((rate) => ({ rate, value: Math.log10(rate) }))
    .filter(({ value }) => value >= from - 0.15 && value <= to + 0.15)
  return {
    type: 'linear',
    axis: 'x',
    position: 'bottom',
    stack: 'panels',
    min: from - 0.15,
    max: to + 0.15,
    title: axisTitle('requests offered per second, log scale'),
    grid: gridStyle,
    border: borderStyle,
    afterBuildTicks: (axis) => {
      axis.ticks = ticks.map(({ value }) => ({ value }))
    },
    ticks: {
      ...tickStyle,
      autoSkip: true,
      callback: (value) => {
        const tick = ticks.find((each) => each.value === value)
        return tick === undefined ? '' : formatCount(tick.rate)
      },
    },
  }
}

function objectiveLine(sloP99Us: number): Plugin {
  return {
    id: 'trustbench-objective',
    beforeDatasetsDraw(chart: Chart) {
      const pen = penOf(chart)
      const [x, y] = [chart.scales[axisId(panels.length - 1)], chart.scales['y']]
      if (x === undefined || y === undefined) return
      const at = y.getPixelForValue(sloP99Us)
      isolated(pen, () => {
        pen.strokeStyle = ink
        pen.lineWidth = 1.25
        pen.setLineDash([5, 4])
        pen.beginPath()
        pen.moveTo(x.left, at)
        pen.lineTo(x.right, at)
        pen.stroke()
        write(pen, `p99 within ${formatLatency(sloP99Us)}`, {
          x: x.left + 6,
          y: at - 9,
          sizePx: 11,
          colour: mutedInk,
        })
      })
    },
  }
}

function axisId(place: number): string {
  return `x${place}`
}

const panels = [
  { percentile: 'p50', title: 'p50' },
  { percentile: 'p99', title: 'p99' },
] as const
const PLOT_HEIGHT_PX = 300
const PANEL_TITLE_PX = 20
