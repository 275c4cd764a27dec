import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import type { Histogram as HdrHistogram } from 'hdr-histogram-js'

/** Latencies in whole µs, three significant digits (HdrHistogram): merged, never averaged. */
export type Histogram = HdrHistogram

/**
 * An empty histogram of µs. Its range is fixed, so that equal samples give equal bytes whatever the
 * order they came in; an hour is far above every timeout, and a value beyond it throws.
 */
export function createHistogram(): Histogram {
  return empty(32)
}

function empty(bitBucketSize: 32 | 64): Histogram {
  return build({
    bitBucketSize,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  })
}

/** Records a latency in µs, rounded to a whole one; below 1 µs counts as 1, so that no sample is lost. */
export function recordUs(histogram: Histogram, latencyUs: number): void {
  histogram.recordValue(Math.max(1, Math.round(latencyUs)))
}

/** Records latencies in µs. */
export function recordAll(histogram: Histogram, latenciesUs: Float64Array): void {
  for (const latencyUs of latenciesUs) recordUs(histogram, latencyUs)
}

/** One histogram with the samples of all: of a thousand generators one count may be more than 32 bits hold. */
export function mergeHistograms(histograms: Iterable<Histogram>): Histogram {
  const merged = empty(64)
  for (const histogram of histograms) merged.add(histogram)
  return merged
}

/** Compressed V2 encoding in base64, readable by every HdrHistogram implementation. */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram)
}

/** Inverse of `encodeHistogram`; throws on anything else. */
export function decodeHistogram(encoded: string): Histogram {
  return decodeFromCompressedBase64(encoded, 64, false)
}

/** Number of samples. */
export function sampleCount(histogram: Histogram): number {
  return histogram.totalCount
}

/** Latency in µs at a percentile between 0 and 100; null without samples. */
export function percentileUs(histogram: Histogram, percentile: number): number | null {
  return histogram.totalCount === 0 ? null : histogram.getValueAtPercentile(percentile)
}

/** Exact median in µs of a few samples; a histogram's rounding would blur slices of some hundred. */
export function medianUs(latenciesUs: Float64Array): number {
  const sorted = latenciesUs.toSorted()
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper
}
