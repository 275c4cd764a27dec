import type { Estimate } from '../analysis/stats.ts'
import { html, type Markup } from './html.ts'

/** How an interval narrowed, block by block: bands from its low to its high end around the estimate, `inner` within `outer`. */
export function funnel(
  outer: readonly Estimate[],
  inner: readonly Estimate[],
  words: string,
): Markup | null {
  const known = outer.filter(({ low }) => low !== null)
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined || first === last) return null
  const lows = known.map(({ low, estimate }) => low ?? estimate)
  const highs = known.map(({ high, estimate }) => high ?? estimate)
  const { x, y } = scales(
    { from: first.blocks, to: last.blocks },
    { from: Math.min(...lows), to: Math.max(...highs) },
  )
  const bandOf = (estimates: readonly Estimate[]) => [
    ...estimates.map(({ blocks, high, estimate }) => [x(blocks), y(high ?? estimate)] as const),
    ...estimates
      .map(({ blocks, low, estimate }) => [x(blocks), y(low ?? estimate)] as const)
      .reverse(),
  ]
  const middle = known.map(({ blocks, estimate }) => [x(blocks), y(estimate)] as const)
  return frame(
    words,
    html`<polygon class="band" points="${pointsOf(bandOf(known))}" />
      <polygon class="band" points="${pointsOf(bandOf(inner))}" />
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
  const { x, y } = scales(
    { from: 0, to: known.length - 1 },
    { from: 0, to: Math.max(most, ...known) },
  )
  const line = known.map((value, index) => [x(index), y(Math.max(0, value))] as const)
  return frame(words, html`<polyline class="line" points="${pointsOf(line)}" />`)
}

function frame(words: string, content: Markup): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}">
    ${content}
  </svg>`
}

interface Range {
  readonly from: number
  readonly to: number
}

function scales(across: Range, up: Range) {
  const share = (value: number, { from, to }: Range) => (value - from) / (to - from || 1)
  return {
    x: (value: number) => margin + share(value, across) * (width - 2 * margin),
    y: (value: number) => height - margin - share(value, up) * (height - 2 * margin),
  }
}

function pointsOf(points: readonly (readonly [number, number])[]): string {
  return points.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' ')
}

// In CSS px: as high as a row of the table may get.
const width = 160
const height = 36
const margin = 2
