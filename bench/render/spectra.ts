import { histogramOf, percentilesOf, tabulate } from '../analysis/percentiles.ts'
import { measuredBlocks, ownConnections } from '../analysis/reading.ts'
import { encodeHistogram, mergeHistograms, type Histogram } from '../load/histogram.ts'
import type { ArmRecord, Run } from '../results.ts'

/** Latencies merged over blocks, by percentile. */
export interface Spectrum {
  readonly samples: number
  /** Percentile and latency in µs; ends where fewer than ten requests lie beyond. */
  readonly points: readonly (readonly [percentile: number, latencyUs: number])[]
}

/** Spectra of an arm at one connection and at its own number; empty where none was measured. */
export function spectraOf(
  run: Run,
  arm: ArmRecord,
): (Spectrum & { readonly connections: number })[] {
  return histogramsOf(run, arm).map(({ connections, histograms }) => ({
    connections,
    ...spectrumOf(histograms),
  }))
}

/** The spectrum of histograms, one a block. */
export function spectrumOf(histograms: readonly Histogram[]): Spectrum {
  const table = tabulate(histograms)
  const at = percentilesOf(table)
  const { samples } = table
  return {
    samples,
    points: percentiles
      .filter((percentile) => ((100 - percentile) / 100) * samples >= FEWEST_BEYOND)
      .flatMap((percentile) => {
        const latencyUs = at(percentile)
        return latencyUs === null ? [] : [[percentile, latencyUs] as const]
      }),
  }
}

/** Numbers of connections that a run has spectra of, ascending. */
export function connectionCounts({ arms, blocks }: Run): number[] {
  const wanted = new Set([1, ...arms.map(ownConnections)])
  const measured = measuredBlocks(blocks).flatMap(({ histograms }) =>
    histograms.filter(({ load }) => load === 'duet').map(({ connections }) => connections),
  )
  return [...new Set(measured)].filter((count) => wanted.has(count)).sort((a, b) => a - b)
}

/** The merged histograms themselves, compressed V2 in base64, whole µs. */
export function encodedOf(run: Run, arm: ArmRecord) {
  return histogramsOf(run, arm).map(({ connections, histograms }) => ({
    connections,
    histogram: encodeHistogram(mergeHistograms(histograms)),
  }))
}

function histogramsOf(run: Run, arm: ArmRecord) {
  const counts = [...new Set([1, ownConnections(arm)])]
  return counts.flatMap((connections) => {
    const histograms = measuredBlocks(run.blocks).flatMap(
      (block) => histogramOf(block, { arm: arm.id, load: 'duet', connections }) ?? [],
    )
    return histograms.length === 0 ? [] : [{ connections, histograms }]
  })
}

/** Fewer requests beyond a percentile, and a single one of them moves it. */
const FEWEST_BEYOND = 10
/** Ten points a decade on an axis of log10(1 / (1 - p)). */
const percentiles = [
  ...new Set([
    ...[0, 50, 90, 99, 99.9, 99.99],
    ...Array.from({ length: 41 }, (_, step) => Number((100 * (1 - 10 ** (-step / 10))).toFixed(4))),
  ]),
].sort((a, b) => a - b)
