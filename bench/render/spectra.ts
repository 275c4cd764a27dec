import { histogramOf } from '../analysis/percentiles.ts'
import { measuredBlocks, ownConnections } from '../analysis/reading.ts'
import { encodeHistogram, mergeHistograms, percentileUs, sampleCount } from '../load/histogram.ts'
import type { ArmRecord, Run } from '../results.ts'

/** Latencies of one arm at a number of connections, merged over the measured blocks. */
export interface Spectrum {
  readonly connections: number
  readonly samples: number
  /** Percentile and latency in µs; ends where fewer than ten requests lie beyond. */
  readonly points: readonly (readonly [percentile: number, latencyUs: number])[]
}

/** Spectra of an arm at one connection and at its own number; empty where none was measured. */
export function spectraOf(run: Run, arm: ArmRecord): Spectrum[] {
  return mergedOf(run, arm).map(({ connections, merged }) => {
    const samples = sampleCount(merged)
    return {
      connections,
      samples,
      points: percentiles
        .filter((percentile) => ((100 - percentile) / 100) * samples >= FEWEST_BEYOND)
        .flatMap((percentile) => {
          const latencyUs = percentileUs(merged, percentile)
          return latencyUs === null ? [] : [[percentile, latencyUs] as const]
        }),
    }
  })
}

/** The merged histograms themselves, compressed V2 in base64, whole µs. */
export function encodedOf(run: Run, arm: ArmRecord) {
  return mergedOf(run, arm).map(({ connections, merged }) => ({
    connections,
    histogram: encodeHistogram(merged),
  }))
}

function mergedOf(run: Run, arm: ArmRecord) {
  const counts = [...new Set([1, ownConnections(arm)])]
  return counts.flatMap((connections) => {
    const histograms = measuredBlocks(run.blocks).flatMap(
      (block) => histogramOf(block, { arm: arm.id, load: 'duet', connections }) ?? [],
    )
    return histograms.length === 0 ? [] : [{ connections, merged: mergeHistograms(histograms) }]
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
