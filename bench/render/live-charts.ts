import type { Estimate } from '../analysis/stats.ts'
import { html, type Markup } from './html.ts'

/** How an interval narrowed, block by block: a band from its low to its high end around the estimate. */
export function funnel(after: readonly Estimate[], words: string): Markup | null {
  const known = after.filter(({ low, high }) => low !== null && high !== null)
  if (known.length < 2) return null
  const lows = known.map(({ low, estimate }) => low ?? estimate)
  const highs = known.map(({ high, estimate }) => high ?? estimate)
  const { x, y } = scales(known.length, Math.min(...lows), Math.max(...highs))
  const band = [
    ...highs.map((value, index) => [x(index), y(value)] as const),
    ...lows.map((value, index) => [x(index), y(value)] as const).reverse(),
  ]
  const middle = known.map(({ estimate }, index) => [x(index), y(estimate)] as const)
  return frame(
    words,
    html`<polygon class="band" points="${pointsOf(band)}" />
      <polyline class="line" points="${pointsOf(middle)}" />`,
  )
}

/** A share in every block, from 0 up to the largest, at least `most`. */
export function sparkline(
  values: readonly (number | null)[],
  most: number,
  words: string,
): Markup | null {
  const known = values.filter((value) => value !== null)
  if (known.length < 2) return null
  const { x, y } = scales(known.length, 0, Math.max(most, ...known))
  const line = known.map((value, index) => [x(index), y(Math.max(0, value))] as const)
  return frame(words, html`<polyline class="line" points="${pointsOf(line)}" />`)
}

function frame(words: string, content: Markup): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">
    ${content}
  </svg>`
}

function scales(count: number, low: number, high: number) {
  const span = high - low || 1
  return {
    x: (index: number) => margin + (index / (count - 1)) * (width - 2 * margin),
    y: (value: number) => height - margin - ((value - low) / span) * (height - 2 * margin),
  }
}

function pointsOf(points: readonly (readonly [number, number])[]): string {
  return points.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' ')
}

// In CSS px: as high as a row of the table may get.
const width = 160
const height = 36
const margin = 2
