import type { ScaleOptions } from 'chart.js'
import type { History, HistorySeries } from '../analysis/history.ts'
import { borderStyle, gridStyle, silentPlugins, stillOptions, tickStyle } from './charts-axes.ts'
import { createFramePlugin, framePadding, layOutFrame } from './charts-frame.ts'
import {
  createHistoryPlugin,
  historyLegendPx,
  labelLanes,
  type HistoryFacts,
  type HistoryPanel,
} from './charts-history-plot.ts'
import { historyText, legendOf, quietNotes, type Styles } from './charts-history-texts.ts'
import type { LineChart } from './charts-spectrum.ts'
import { plainText, shortenCaseIds } from './charts-text.ts'
import {
  machineLabel,
  machineSwitches,
  pointsInOrder,
  sourceLabel,
  startedText,
} from './history-words.ts'
import { signedPercent } from './numbers.ts'
import { lineStyle, paper } from './palette.ts'

/** A history as a chart: one panel a case, one after another, over the same runs. */
export type HistoryChart = LineChart & { readonly history: HistoryFacts }

/** Ratio to the reference over runs: points with whiskers, means of segments, change points by commit. */
export function historyChart(history: History): HistoryChart {
  const { rows, common } = shortenCaseIds(history.series.map((series) => series.case))
  const styles = stylesOf(history)
  const sketches = history.series.map((series, index) =>
    sketchOf(series, history, {
      short: rows[index] ?? { name: plainText(series.case), detail: '' },
      styles,
    }),
  )
  const legend = legendOf(
    history,
    styles,
    sketches.map(({ panel }) => panel),
  )
  const legendPx = historyLegendPx(legend)
  const wantedPx = sketches.reduce((sum, sketch) => sum + heightOf(sketch), 0)
  const frame = layOutFrame({
    text: { ...historyText(history), interval: null },
    common,
    legend: [],
    notes: quietNotes(history, rows),
    plotHeightPx: wantedPx + legendPx + AXIS_PX,
  })
  const padding = framePadding(frame)
  const free = frame.heightPx - padding.top - padding.bottom - legendPx - AXIS_PX
  const stretch = Math.max(1, free / wantedPx)
  const facts = {
    panels: sketches.map(({ panel }) => panel),
    legend,
    legendTop: padding.top,
    dense: isDense(history),
  }
  return {
    facts: { frame },
    history: facts,
    type: 'line',
    data: {
      datasets: history.series.flatMap((series, index) =>
        datasetsOf(series, { index, styles, dense: isDense(history) }),
      ),
    },
    plugins: [createFramePlugin(frame), createHistoryPlugin(facts)],
    options: {
      ...stillOptions,
      layout: { padding: { ...padding, top: padding.top + legendPx, right: RIGHT_PX } },
      plugins: silentPlugins,
      scales: {
        x: runScale(history),
        // chart.js stacks axes from the bottom up.
        ...Object.fromEntries(
          sketches
            .toReversed()
            .map((sketch) => [sketch.panel.axis, ratioScale(sketch, heightOf(sketch) * stretch)]),
        ),
      },
    },
  }
}

/** A panel, and what its axis must hold. */
interface Sketch {
  readonly panel: HistoryPanel
  readonly low: number
  readonly high: number
  /** Height above the highest point, for the title and the labels of changes. */
  readonly roomPx: number
}

function sketchOf(
  series: HistorySeries,
  { runs, series: all }: History,
  { short, styles }: { readonly short: HistoryPanel['title']; readonly styles: Styles },
): Sketch {
  const placed = pointsInOrder(series)
  const changes = series.machines.flatMap(({ changes: own, points, machineId }) =>
    own.map(({ after, size }) => ({
      x: place(points[after]?.run) - 0.5,
      text: [
        sourceLabel(points[after]),
        signedPercent(size.estimate - 1),
        ...(series.machines.length > 1 ? [`on ${machineLabel({ machineId })}`] : []),
      ].join(' '),
    })),
  )
  const lanes = labelLanes(changes, runs.length)
  const switches = machineSwitches(placed)
  const whiskers = placed.flatMap(({ point: { run, ratio }, machine }) =>
    ratio.low === null || ratio.high === null
      ? []
      : [{ x: place(run), low: ratio.low, high: ratio.high, colour: colourOf(machine, styles) }],
  )
  const values = placed.map(({ point }) => point.ratio.estimate)
  return {
    low: Math.min(...values, ...whiskers.map(({ low }) => low)),
    high: Math.max(...values, ...whiskers.map(({ high }) => high)),
    roomPx: TITLE_PX + Math.max(0, ...lanes.map((lane) => lane + 1)) * LANE_PX,
    panel: {
      axis: `y${all.indexOf(series)}`,
      title: short,
      whiskers,
      means: series.machines.flatMap((machine) =>
        machine.segments.map(({ first, last, ratio }) => ({
          from: place(machine.points[first]?.run) - 0.4,
          to: place(machine.points[last]?.run) + 0.4,
          y: ratio,
          colour: colourOf(machine, styles),
        })),
      ),
      changes: changes.map((change, index) => ({ ...change, lane: lanes[index] ?? 0 })),
      switches:
        switches.length > MOST_SWITCHES
          ? []
          : switches.map(({ at }) => place(placed[at]?.point.run) - 0.5),
    },
  }
}

function datasetsOf(
  { machines }: HistorySeries,
  {
    index,
    styles,
    dense,
  }: { readonly index: number; readonly styles: Styles; readonly dense: boolean },
): LineChart['data']['datasets'] {
  return machines.map((machine) => {
    const { colour, marker } = styles.get(machine.machineId) ?? lineStyle(0)
    const isDirty = machine.points.map(({ dirty }) => dirty === true)
    return {
      label: machineLabel(machine),
      data: machine.points.map(({ run, ratio }) => ({ x: place(run), y: ratio.estimate })),
      yAxisID: `y${index}`,
      borderColor: colour,
      borderWidth: 0.75,
      showLine: !dense,
      pointStyle: marker,
      pointRadius: dense ? 2.25 : 4,
      pointBackgroundColor: isDirty.map((dirty) => (dirty ? paper : colour)),
      pointBorderColor: isDirty.map((dirty) => (dirty ? colour : paper)),
      pointBorderWidth: isDirty.map((dirty) => (dirty ? 1.5 : 0.75)),
      clip: false,
    }
  })
}

function runScale({ runs }: History): ScaleOptions<'linear'> {
  const step = Math.max(1, Math.ceil(runs.length / MOST_TICKS))
  // From the newest back, so that the newest always has its commit below it.
  const ticks = [...runs.keys()].filter((run) => (runs.length - 1 - run) % step === 0)
  return {
    type: 'linear',
    axis: 'x',
    position: 'bottom',
    min: 0.5,
    max: Math.max(1, runs.length) + 0.5,
    grid: { display: false },
    border: borderStyle,
    afterBuildTicks: (axis) => {
      axis.ticks = ticks.map((run) => ({ value: place(run) }))
    },
    ticks: {
      ...tickStyle,
      font: { ...tickStyle.font, size: 10.5 },
      autoSkip: false,
      callback: (value) => {
        const run = runs[Number(value) - 1]
        if (run === undefined) return ''
        const { commit, dirty } = run.environment
        return [startedText(run.startedAt).slice(0, 10), sourceLabel({ commit, dirty })]
      },
    },
  }
}

function ratioScale({ low, high, roomPx }: Sketch, heightPx: number): ScaleOptions<'linear'> {
  const range = Math.max(high - low, high * LEAST_RANGE)
  const perPx = range / (heightPx - roomPx - 2 * GAP_PX)
  const [min, top] = [low - GAP_PX * perPx, low + range + GAP_PX * perPx]
  const ticks = ticksBetween(min, top)
  return {
    type: 'linear',
    axis: 'y',
    position: 'left',
    stack: 'cases',
    stackWeight: heightPx,
    min,
    max: top + roomPx * perPx,
    grid: gridStyle,
    border: borderStyle,
    afterBuildTicks: (axis) => {
      axis.ticks = ticks.map((value) => ({ value }))
    },
    // One width for all panels, whatever their digits.
    afterFit: (axis) => {
      axis.width = AXIS_WIDTH_PX
    },
    ticks: {
      ...tickStyle,
      autoSkip: false,
      callback: (value) => String(Number(Number(value).toPrecision(6))),
    },
  }
}

/** Round numbers between two, 2 to 5 of them. */
function ticksBetween(low: number, high: number): number[] {
  const magnitude = 10 ** Math.floor(Math.log10(high - low))
  const step = [0.2, 0.5, 1, 2]
    .map((part) => part * magnitude)
    .find((one) => (high - low) / one < 5)
  if (step === undefined) return []
  const first = Math.ceil(low / step)
  return Array.from(
    { length: Math.floor(high / step) - first + 1 },
    (_, index) => (first + index) * step,
  )
}

function heightOf({ roomPx }: Sketch): number {
  return roomPx + PLOT_PX
}

function stylesOf({ runs }: History): Styles {
  const ids = [...new Set(runs.map(({ environment }) => environment.machineId))]
  return new Map(ids.map((id, index) => [id, lineStyle(index)]))
}

function colourOf({ machineId }: { readonly machineId: string }, styles: Styles): string {
  return (styles.get(machineId) ?? lineStyle(0)).colour
}

/** Whether points stand too close for lines between them. */
function isDense({ runs }: History): boolean {
  return runs.length > MANY_RUNS
}

/** Place of a run on the x axis: runs count from 1. */
function place(run = 0): number {
  return run + 1
}

const MANY_RUNS = 60
const MOST_TICKS = 8
const MOST_SWITCHES = 12
/** Of the height of a panel, what points and whiskers get at least. */
const PLOT_PX = 96
const TITLE_PX = 20
const LANE_PX = 15
const GAP_PX = 7
const AXIS_PX = 44
const AXIS_WIDTH_PX = 56
const RIGHT_PX = 24
/** A panel never shows less than this share of its level, or noise would look like change. */
const LEAST_RANGE = 0.02
