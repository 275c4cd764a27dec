import type { ScaleOptions } from 'chart.js'
import { axisColour, fontFamily, gridColour, ink, mutedInk } from './palette.ts'

/** Options of every chart: drawn once, at its own size; the frame draws title and legend. */
export const stillOptions = {
  animation: false,
  responsive: false,
  maintainAspectRatio: false,
} as const

/** chart.js's own title and legend are off. */
export const silentPlugins = {
  legend: { display: false },
  title: { display: false },
  subtitle: { display: false },
} as const

/** Title of an axis, with its unit. */
export function axisTitle(text: string): {
  display: true
  text: string
  color: string
  font: AxisFont
} {
  return { display: true, text, color: ink, font: axisFont(12.5, 600) }
}

/** Font, colour and distance of tick labels. */
export const tickStyle = {
  color: mutedInk,
  font: axisFont(12),
  padding: 6,
  maxRotation: 0,
} as const

/** Grid lines behind the plot, without stubs at the ticks. */
export const gridStyle = { color: gridColour, drawTicks: false } as const

/** The line of an axis itself. */
export const borderStyle = { color: axisColour } as const

/** Axis of amounts, from 0 to the highest, ticks through the formatter. */
export function amountAxis(
  title: string,
  highest: number,
  format: (value: number) => string,
): ScaleOptions<'linear'> {
  return {
    type: 'linear',
    min: 0,
    max: highest > 0 ? highest : 1,
    stacked: true,
    title: axisTitle(title),
    grid: gridStyle,
    border: { display: false },
    ticks: {
      ...tickStyle,
      display: highest > 0,
      maxTicksLimit: 8,
      includeBounds: false,
      callback: (value) => format(Number(value)),
    },
  }
}

/** Axis of rows whose names a plugin draws into a column of the given width, CSS px. */
export function nameAxis(columnPx: number): ScaleOptions<'category'> {
  return {
    type: 'category',
    stacked: true,
    grid: { display: false },
    border: borderStyle,
    ticks: { display: false },
    afterFit: (axis) => {
      axis.width = columnPx
    },
  }
}

interface AxisFont {
  family: string
  size: number
  weight: number
}

function axisFont(size: number, weight: 400 | 600 = 400): AxisFont {
  return { family: fontFamily, size, weight }
}

/** Log axis with ticks at 1, 2 and 5 of each power of ten, from the last below the values to the first above. */
export function ladderAxis(
  title: string,
  values: readonly number[],
  format: (value: number) => string,
): ScaleOptions<'logarithmic'> {
  const ladder = Array.from({ length: 10 }, (_, power) =>
    [1, 2, 5].map((step) => step * 10 ** power),
  ).flat()
  const lowest = Math.min(...values)
  const highest = Math.max(...values)
  const min = ladder.findLast((step) => step <= lowest) ?? 1
  const max = ladder.find((step) => step >= highest && step > min) ?? 10
  return {
    type: 'logarithmic',
    display: values.length > 0,
    min,
    max,
    title: axisTitle(title),
    grid: gridStyle,
    border: borderStyle,
    afterBuildTicks: (axis) => {
      axis.ticks = ladder.filter((step) => step >= min && step <= max).map((value) => ({ value }))
    },
    ticks: { ...tickStyle, autoSkip: false, callback: (value) => format(Number(value)) },
  }
}
