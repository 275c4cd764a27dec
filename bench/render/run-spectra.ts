import type { ArmSummary } from '../analysis/summary.ts'
import { histogramOf } from '../analysis/percentiles.ts'
import { measuredBlocks, ownConnections } from '../analysis/reading.ts'
import type { WindowFigures } from '../analysis/windows.ts'
import {
  decodeHistogram,
  mergeHistograms,
  percentileUs,
  sampleCount,
  type Histogram,
} from '../load/histogram.ts'
import type { Run } from '../results.ts'
import type { SpectrumSeries } from './charts-spectrum.ts'

/** Latencies of a case in closed loops, at one connection and at its own number. */
export function closedSeries(run: Run, { record }: ArmSummary): SpectrumSeries[] {
  const connections = [...new Set([1, ownConnections(record)])]
  return connections.map((count) => {
    const histograms = measuredBlocks(run.blocks).flatMap(
      (block) => histogramOf(block, { arm: record.id, load: 'duet', connections: count }) ?? [],
    )
    const merged = mergeHistograms(histograms)
    return {
      label: record.id,
      load: { connections: count },
      ...pointsOf(merged),
      reason: sampleCount(merged) === 0 ? (record.reason ?? 'no block was measured whole') : null,
    }
  })
}

/** Latencies of a case under an offered load, of all windows together. */
export function offeredSeries(
  run: Run,
  label: string,
  { plan, invalid }: WindowFigures,
): SpectrumSeries {
  const histograms = measuredBlocks(run.blocks)
    .flatMap(({ windows = [] }) => windows)
    .filter(({ arm }) => arm === label)
    .map(({ histograms: { response } }) => decodeHistogram(response))
  const measured = pointsOf(mergeHistograms(histograms))
  const [reason = null] = invalid
  return {
    label,
    load: { ratePerSecond: plan.ratePerSecond },
    ...measured,
    // Of what the generator could not offer no line would be true.
    ...(reason === null ? {} : { points: [] }),
    reason: reason === null ? null : `INVALID, ${reason}`,
  }
}

function pointsOf(histogram: Histogram): Pick<SpectrumSeries, 'samples' | 'points'> {
  return {
    samples: sampleCount(histogram),
    points: spectrumPercentiles.flatMap((percentile) => {
      const latencyUs = percentileUs(histogram, percentile)
      return latencyUs === null ? [] : [{ percentile, latencyUs }]
    }),
  }
}

/** Dense enough for a smooth line on an axis of log10(1 / (1 - p)): 20 points a decade, and the marked ones. */
const spectrumPercentiles: readonly number[] = [
  ...new Set([
    0,
    50,
    90,
    99,
    99.9,
    99.99,
    ...Array.from({ length: 81 }, (_, index) => 100 * (1 - 10 ** (-index / 20))),
  ]),
].sort((a, b) => a - b)
