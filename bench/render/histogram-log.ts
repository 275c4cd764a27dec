import { decodeHistogram } from '../load/histogram.ts'
import type { Block, Run } from '../results.ts'

/**
 * Every histogram of a run as an HdrHistogram log of format 1.3 (HdrHistogram, HistogramLogWriter): one
 * line a block, arm and number of connections, tagged with the two. Values are whole µs; times are in
 * seconds since the run began. The same run gives the same bytes.
 */
export function renderHistogramLog(run: Run): string {
  const startMs = Date.parse(run.startedAt)
  const lines = run.blocks
    .filter(({ outcome }) => outcome === 'measured')
    .flatMap((block) => linesOf(block, startMs))
  return [
    '#[Latencies in whole microseconds: the maximum below is in milliseconds]',
    `#[Run: ${run.runId.replaceAll(/[^\w.-]/g, '_')}]`,
    '#[Histogram log format version 1.3]',
    `#[StartTime: ${(startMs / 1_000).toFixed(3)} (seconds since epoch), ${new Date(startMs).toISOString()}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ...lines,
  ]
    .join('\n')
    .concat('\n')
}

function linesOf(
  { startedAt, histograms, slices, windows = [], churn = [] }: Block,
  startMs: number,
) {
  const start = ((Date.parse(startedAt) - startMs) / 1_000).toFixed(3)
  const line = (tag: string, wallUs: number, encoded: string) => {
    const maxMs = decodeHistogram(encoded).maxValue / 1_000
    return `Tag=${tagOf(tag)},${start},${(wallUs / 1e6).toFixed(3)},${maxMs.toFixed(3)},${encoded}`
  }
  return [
    ...histograms.map(({ arm, load, connections, histogram }) => {
      const own = slices.filter(
        (slice) => slice.arm === arm && slice.load === load && slice.connections === connections,
      )
      const wallUs = own.reduce((sum, slice) => sum + slice.wallUs, 0)
      return line(`${arm}|${load}|${connections}`, wallUs, histogram)
    }),
    ...windows.map(({ arm, plan, wallUs, histograms: own }) =>
      line(`${arm}|${plan.ratePerSecond}/s`, wallUs, own.response),
    ),
    ...churn.map(({ arm, policy, requestsPerConnection, slices: own, histograms: all }) => {
      const wallUs = own.reduce((sum, slice) => sum + slice.wallUs, 0)
      return line(`${arm}|${policy}|${requestsPerConnection ?? 'inf'}`, wallUs, all.response)
    }),
  ]
}

/** A tag ends at a comma, and a line at its end. */
function tagOf(text: string): string {
  return text.replaceAll(/[\s,\p{C}]+/gu, '_')
}
