import { decodeHistogram, mergeHistograms, percentileUs } from '../load/histogram.ts'
import type { Run, Window } from '../results.ts'
import { html, htmlTable, type Cell, type Markup } from './html.ts'

/** What became of offered load so far, also of a server whose CPU is not known; null where none was offered. */
export function windowsSection(
  { arms, blocks }: Pick<Run, 'arms' | 'blocks'>,
  nameOf: (arm: string) => string,
): Markup | null {
  const windows = blocks
    .filter(({ outcome }) => outcome === 'measured')
    .flatMap((block) => block.windows ?? [])
  if (windows.length === 0) return null
  const rows = arms.flatMap(({ id }) => {
    const byRate = Map.groupBy(
      windows.filter(({ arm }) => arm === id),
      ({ plan }) => plan.ratePerSecond,
    )
    return [...byRate]
      .sort(([a], [b]) => a - b)
      .map(([rate, own]) => rowOf(`${nameOf(id)}, ${rate.toLocaleString('en')}/s`, own))
  })
  return html`<div id="windows">
    ${htmlTable({
      caption: 'Offered load, all windows so far; latency from the intended send',
      heads: ['case', 'windows', 'answered of offered', 'timeouts', 'p50 µs', 'p99 µs'],
      rows,
    })}
  </div>`
}

function rowOf(name: string, windows: readonly Window[]): readonly Cell[] {
  const sum = (valueOf: (window: Window) => number) =>
    windows.reduce((total, window) => total + valueOf(window), 0)
  const response = mergeHistograms(
    windows.map(({ histograms }) => decodeHistogram(histograms.response)),
  )
  const requests = sum((window) => window.requests)
  const percentile = (at: number, least: number) => {
    const us = requests < least ? null : percentileUs(response, at)
    return us === null ? '–' : Math.round(us).toLocaleString('en')
  }
  return [
    name,
    String(windows.length),
    `${sum((window) => window.answered).toLocaleString('en')} of ${requests.toLocaleString('en')}`,
    sum((window) => window.timeouts).toLocaleString('en'),
    percentile(50, 1),
    percentile(99, fewestForP99),
  ]
}

/** DESIGN section 5: p99 needs 1,000 samples. */
const fewestForP99 = 1_000
