import type { ScaleOptions } from 'chart.js'
import { metrics } from '../analysis/metrics.ts'
import type { Change, RunComparison } from '../analysis/sides.ts'
import type { Environment } from '../results.ts'
import {
  changeCoverage,
  changeWords,
  inTellingOrder,
  machineWords,
  percent,
  shortCases,
  verdictWords,
} from './changes.ts'
import {
  axisTitle,
  gridStyle,
  nameAxis,
  silentPlugins,
  stillOptions,
  tickStyle,
} from './charts-axes.ts'
import type { BarChart } from './charts-bars.ts'
import type { BarRow, LabelRun, LegendEntry, Whisker } from './charts-facts.ts'
import {
  bandColours,
  createForestPlugin,
  verdictStyles,
  type ForestFacts,
} from './charts-forest-plugin.ts'
import { createFramePlugin, framePadding, layOutFrame } from './charts-frame.ts'
import {
  createRowsPlugin,
  labelPx,
  nameColumnPx,
  rowDetail,
  rowName,
  rowPitchPx,
} from './charts-rows.ts'
import { clipText, plainText } from './charts-text.ts'
import { ink, paper } from './palette.ts'

/** A forest plot, for `new Chart(canvas, it)` and `renderPng(it)`; its x axis is in per cent. */
export type ForestChart = BarChart & { readonly forest: ForestFacts }

/** One row: a case in one gated metric, or a case that is not compared. */
interface ForestRow {
  readonly id: string
  /** Second rank, below the name. */
  readonly metric: string
  readonly change: Change | null
  /** Why there is nothing to draw, where there is not. */
  readonly reason: string | null
}

/**
 * Draws a comparison: each figure's change with its interval, its verdict by colour, shape and word,
 * over the bands of what is no effect and of what is the same. Cases that are not compared have a
 * row that says so.
 */
export function forestChart(
  comparison: RunComparison,
  { environment }: { readonly environment: Environment },
): ForestChart {
  const all = forestRows(comparison)
  const shown = all.slice(0, MOST_ROWS)
  const { shortOf, common } = shortCases(all.map(({ id }) => id))
  const forest = forestFacts(comparison, shown)
  const rows = shown.map((row): BarRow => {
    const { name, detail } = shortOf(row.id)
    return {
      name: rowName(name),
      detail: rowDetail('', [detail, row.metric].filter((part) => part !== '').join(' · ')),
      label: labelOf(row),
      labelAt: row.reason === null ? forest.max : forest.min,
    }
  })
  const frame = layOutFrame({
    text: forestText(comparison, forest, environment),
    common,
    legend: legendOf(comparison, forest),
    notes: [...cutReasons(shown), ...cutRows(all)],
    plotHeightPx: Math.max(1, rows.length) * (rowPitchPx(rows) + ROW_GAP_PX) + AXIS_HEIGHT_PX,
  })
  const bars = { rows, whiskers: whiskersOf(shown, forest), hatched: [] }
  const labelsPx = rows
    .filter((_, row) => shown[row]?.reason === null)
    .map(({ label }) => labelPx(label))
  return {
    facts: { frame, bars },
    forest,
    type: 'bar',
    data: {
      labels: shown.map(({ id, metric }) => plainText(`${id} ${metric}`)),
      datasets: datasetsOf(shown),
    },
    plugins: [createFramePlugin(frame), createForestPlugin(forest), createRowsPlugin(bars)],
    options: {
      ...stillOptions,
      indexAxis: 'y',
      layout: { padding: { ...framePadding(frame), right: Math.max(RIGHT_PX, ...labelsPx) } },
      plugins: silentPlugins,
      scales: { x: changeAxis(forest), y: nameAxis(nameColumnPx(rows)) },
    },
  }
}

function forestRows({ changes, missing }: RunComparison): ForestRow[] {
  return [
    ...inTellingOrder(changes).map((change) => ({
      id: change.case,
      metric: metrics[change.metric].label,
      change,
      reason: change.ratio === null ? 'nothing was measured in both' : null,
    })),
    ...missing.map(({ case: id, reason }) => ({ id, metric: '', change: null, reason })),
  ]
}

/** Range of the axis and what of the intervals it cuts: a single wide one must not hide the bands. */
function forestFacts({ thresholds }: RunComparison, rows: readonly ForestRow[]): ForestFacts {
  const ratios = rows.flatMap(({ change }) => change?.ratio ?? [])
  const effect = thresholds.effect * 100
  const equivalence = thresholds.equivalence * 100
  const estimates = ratios.map(({ estimate }) => changePercent(estimate))
  const widest = Math.max(5 * equivalence, ...estimates.map((change) => 1.5 * Math.abs(change)))
  const lows = ratios.flatMap(({ low }) => (low === null ? [] : changePercent(low)))
  const highs = ratios.flatMap(({ high }) => (high === null ? [] : changePercent(high)))
  const min = -Math.min(
    widest,
    1.1 * Math.max(1.5 * equivalence, -Math.min(0, ...lows, ...estimates)),
  )
  const max = Math.min(widest, 1.1 * Math.max(1.5 * equivalence, ...highs, ...estimates))
  return {
    min,
    max,
    // Ratios both ways, as the verdict has them: 1.03 and 1/1.03.
    bands:
      ratios.length === 0
        ? []
        : [
            {
              low: changePercent(1 / (1 + equivalence / 100)),
              high: equivalence,
              colour: bandColours.same,
            },
            {
              low: changePercent(1 / (1 + effect / 100)),
              high: effect,
              colour: bandColours.effect,
            },
          ],
    clipped: rows.flatMap(({ change }, row) => {
      const { low, high } = change?.ratio ?? { low: null, high: null }
      return [
        ...(low !== null && changePercent(low) < min ? [{ row, side: 'low' } as const] : []),
        ...(high !== null && changePercent(high) > max ? [{ row, side: 'high' } as const] : []),
      ]
    }),
  }
}

function whiskersOf(rows: readonly ForestRow[], { min, max }: ForestFacts): Whisker[] {
  return rows.flatMap(({ change }, row) => {
    const { low, high } = change?.ratio ?? { low: null, high: null }
    if (low === null || high === null) return []
    return [
      { row, low: Math.max(min, changePercent(low)), high: Math.min(max, changePercent(high)) },
    ]
  })
}

/** An empty dataset of bars, before which the rows' plugin draws whiskers, and the markers in front. */
function datasetsOf(rows: readonly ForestRow[]): BarChart['data']['datasets'] {
  const styles = rows.map(({ change }) => verdictStyles[change?.verdict ?? 'undecided'])
  return [
    { type: 'bar', label: 'interval', data: rows.map(() => null), order: 1 },
    {
      type: 'line',
      label: 'change, %',
      data: rows.map(({ change }) =>
        change?.ratio == null ? null : changePercent(change.ratio.estimate),
      ),
      showLine: false,
      pointStyle: styles.map(({ marker }) => marker),
      pointRadius: styles.map(({ radiusPx }) => radiusPx),
      pointBackgroundColor: styles.map(({ colour, isHollow }) => (isHollow ? paper : colour)),
      pointBorderColor: styles.map(({ colour, isHollow }) => (isHollow ? colour : paper)),
      pointBorderWidth: styles.map(({ isHollow }) => (isHollow ? 2.5 : 1)),
      clip: false,
      order: 0,
    },
  ]
}

function labelOf({ change, reason }: ForestRow): LabelRun[] {
  if (change === null || reason !== null) {
    const text = `not compared: ${reason ?? 'no reason recorded'}`
    return [{ text: clipText(text, MISSING_WIDTH_PX, LABEL_PX), strong: false }]
  }
  const words = change.verdict === 'undecided' ? verdictWords(change) : changeWords(change)
  return [
    { text: change.verdict, strong: true },
    { text: ` ${words}${change.clientLimited ? ' *' : ''}`, strong: false },
  ]
}

function legendOf(comparison: RunComparison, { bands }: ForestFacts): LegendEntry[] {
  if (bands.length === 0) return []
  const { effect, equivalence } = comparison.thresholds
  const interval = changeCoverage(comparison)
  return [
    { label: `within ±${percent(effect)}: no effect`, sign: 'bar', colour: bandColours.effect },
    { label: `within ±${percent(equivalence)}: same`, sign: 'bar', colour: bandColours.same },
    ...(interval === null ? [] : [{ label: interval, sign: 'whisker', colour: ink } as const]),
  ]
}

function forestText(
  { kind, before, after, changes }: RunComparison,
  { clipped }: ForestFacts,
  environment: Environment,
) {
  const limited = changes.some(({ clientLimited }) => clientLimited)
  const runs = [...new Set([before.runId, after.runId])].join(' and ')
  return {
    title: `What changed: ${after.label} against ${before.label}`,
    subtitle: [
      'cost after ÷ cost before − 1',
      ...(kind === 'stored' ? ['each divided by the reference of its own run'] : []),
      ...(clipped.length > 0 ? ['an arrow: the interval goes on'] : []),
      ...(limited ? ['* the client was the limit'] : []),
    ].join('; '),
    footer: `${machineWords(environment)} · ${commitsOf(before, after)}run ${runs}${before.complete && after.complete ? '' : ' · INCOMPLETE RUN'}`,
    interval: null,
  }
}

function commitsOf(...sides: readonly RunComparison['before'][]): string {
  const commits = sides.map(({ commit }) => commit?.slice(0, 8) ?? 'none')
  return `commits ${commits.join(' and ')} · `
}

function changeAxis({ min, max, bands }: ForestFacts): ScaleOptions<'linear'> {
  return {
    type: 'linear',
    min,
    max,
    title: axisTitle('change of cost: to the right costs more'),
    grid: gridStyle,
    border: { display: false },
    ticks: {
      ...tickStyle,
      display: bands.length > 0,
      maxTicksLimit: 7,
      includeBounds: false,
      callback: (value) =>
        `${Number(value) > 0 ? '+' : ''}${Number(Number(value).toPrecision(3))} %`,
    },
  }
}

/** Reasons too long for their row, in full. */
function cutReasons(rows: readonly ForestRow[]): string[] {
  return rows.flatMap((row) => {
    const [shown] = labelOf(row)
    const isCut = row.reason !== null && shown?.text.endsWith(plainText(row.reason)) === false
    return isCut ? [`${row.id}: ${row.reason}`] : []
  })
}

function cutRows(rows: readonly ForestRow[]): string[] {
  const cut = rows.length - MOST_ROWS
  return cut > 0 ? [`${cut} more rows are in the table only.`] : []
}

function changePercent(ratio: number): number {
  return (ratio - 1) * 100
}

/** Beyond these nobody reads a picture; they make one of about 2,500 CSS px. */
const MOST_ROWS = 60
const AXIS_HEIGHT_PX = 48
const ROW_GAP_PX = 4
const RIGHT_PX = 24
const LABEL_PX = 12.5
/** Fits beside the widest column of names. */
const MISSING_WIDTH_PX = 480
