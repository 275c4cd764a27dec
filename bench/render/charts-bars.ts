import type { ChartConfiguration } from 'chart.js'
import { amountAxis, nameAxis, silentPlugins, stillOptions } from './charts-axes.ts'
import type {
  BarFacts,
  BarRow,
  ChartFacts,
  LabelRun,
  LegendEntry,
  Whisker,
} from './charts-facts.ts'
import type { ChartText } from './charts-frame.ts'
import { createFramePlugin, framePadding, layOutFrame } from './charts-frame.ts'
import {
  createRowsPlugin,
  labelPx,
  missingLabel,
  nameColumnPx,
  rowDetail,
  rowName,
  rowPitchPx,
} from './charts-rows.ts'
import { formatAmount, plainText, shortenCaseIds } from './charts-text.ts'
import type { Role } from './palette.ts'
import { ink, paper } from './palette.ts'

/** A chart.js configuration of ours with horizontal bars, for `new Chart(canvas, it)` and `renderPng(it)`. */
export type BarChart = ChartConfiguration<'bar' | 'line', (number | null)[], string> & {
  readonly facts: ChartFacts
}

/** An estimate; its bounds are null where there were too few blocks for any. */
export interface Interval {
  readonly estimate: number
  readonly low: number | null
  readonly high: number | null
}

/** What every row of a bar chart has. */
export interface RowInput {
  /** Case id, or any name. */
  readonly label: string
  readonly role: Role
  /** Why the value is null, where it is. */
  readonly reason: string | null
}

/** A bar chart before it is laid out. */
export interface BarChartParts {
  readonly text: ChartText
  readonly rows: readonly RowInput[]
  /** Label of each row; null where it was not measured. */
  readonly labels: readonly (LabelRun[] | null)[]
  readonly whiskers: readonly Whisker[]
  readonly hatched: BarFacts['hatched']
  readonly legend: readonly LegendEntry[]
  readonly datasets: BarChart['data']['datasets']
  readonly xTitle: string
}

/** Lays out horizontal bars, one row a case: names to the left, values behind the bars. */
export function barChart(parts: BarChartParts): BarChart {
  const { rows, common } = barRows(parts)
  const frame = layOutFrame({
    text: parts.text,
    common,
    legend: [...parts.legend, ...whiskerEntries(parts)],
    notes: cutReasons(parts, rows),
    plotHeightPx: rows.length * rowPitchPx(rows) + AXIS_HEIGHT_PX,
  })
  // chart.js knows of the bars only, not of the whiskers beyond their ends.
  const highest = Math.max(0, ...rows.map(({ labelAt }) => labelAt))
  const labelsPx = rows
    .filter((_, row) => parts.labels[row] !== null)
    .map(({ label }) => labelPx(label))
  const bars = { rows, whiskers: parts.whiskers, hatched: parts.hatched }
  return {
    facts: { frame, bars },
    type: 'bar',
    data: { labels: parts.rows.map(({ label }) => plainText(label)), datasets: parts.datasets },
    plugins: [createFramePlugin(frame), createRowsPlugin(bars)],
    options: {
      ...stillOptions,
      indexAxis: 'y',
      layout: { padding: { ...framePadding(frame), right: Math.max(RIGHT_PX, ...labelsPx) } },
      plugins: silentPlugins,
      scales: {
        x: amountAxis(parts.xTitle, highest, formatAmount),
        y: nameAxis(nameColumnPx(rows)),
      },
    },
  }
}

/** Bars of one kind; null leaves the row empty. */
export function barDataset(
  label: string,
  data: (number | null)[],
  colours: string | string[],
): BarChart['data']['datasets'][number] {
  return {
    type: 'bar',
    label,
    data,
    backgroundColor: colours,
    maxBarThickness: 40,
    categoryPercentage: 0.78,
    barPercentage: 0.9,
    order: 1,
  }
}

/** Diamonds, in front of the bars. */
export function diamondDataset(
  label: string,
  data: (number | null)[],
  colour: string,
): BarChart['data']['datasets'][number] {
  return {
    type: 'line',
    label,
    data,
    showLine: false,
    pointStyle: 'rectRot',
    pointRadius: 7,
    backgroundColor: colour,
    borderColor: paper,
    pointBorderWidth: 1,
    clip: false,
    order: 0,
  }
}

/** Whiskers of a column of intervals, each moved by what its bar stands on. */
export function whiskersOf(
  intervals: readonly (Interval | null)[],
  offsets: readonly number[] = [],
): Whisker[] {
  return intervals.flatMap((interval, row) => {
    if (interval === null || interval.low === null || interval.high === null) return []
    const offset = offsets[row] ?? 0
    return [{ row, low: offset + interval.low, high: offset + interval.high }]
  })
}

function barRows(parts: BarChartParts): { rows: BarRow[]; common: string[] } {
  const ids = shortenCaseIds(parts.rows.map(({ label }) => label))
  const rows = ids.rows.map(({ name, detail }, row): BarRow => {
    const { role = 'case', reason = null } = parts.rows[row] ?? {}
    const label = parts.labels[row] ?? null
    return {
      name: rowName(name),
      detail: rowDetail(role === name ? '' : role, detail),
      label: label ?? missingLabel(reason),
      labelAt: label === null ? 0 : endOfRow(parts, row),
    }
  })
  return { rows, common: ids.common }
}

/** Right end of all that is drawn in a row: bars end to end, diamond or whisker. */
function endOfRow({ datasets, whiskers }: BarChartParts, row: number): number {
  const sum = (type: 'bar' | 'line'): number =>
    datasets
      .filter((dataset) => dataset.type === type)
      .reduce((total, { data }) => total + (data[row] ?? 0), 0)
  const highs = whiskers.filter((whisker) => whisker.row === row).map(({ high }) => high)
  return Math.max(sum('bar'), sum('line'), ...highs)
}

/** Reasons too long for their row, in full. */
function cutReasons(parts: BarChartParts, rows: readonly BarRow[]): string[] {
  return parts.rows.flatMap(({ label, reason }, row) => {
    const shown = rows[row]?.label[0]?.text ?? ''
    const cut = parts.labels[row] === null && reason !== null && !shown.endsWith(plainText(reason))
    return cut ? [`${label}: ${reason}`] : []
  })
}

function whiskerEntries({ text, whiskers }: BarChartParts): LegendEntry[] {
  if (text.interval === null || whiskers.length === 0) return []
  return [{ label: text.interval, sign: 'whisker', colour: ink }]
}

/** Tick labels and title of the x axis. */
const AXIS_HEIGHT_PX = 48
const RIGHT_PX = 24
