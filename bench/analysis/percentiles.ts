import { JsHistogram } from 'hdr-histogram-js'
import { decodeHistogram, type Histogram } from '../load/histogram.ts'
import type { Random } from '../random.ts'
import type { Block, Slice } from '../results.ts'
import { bootstrapInterval } from './bootstrap.ts'
import { mapEstimate, type Estimate } from './stats.ts'

/** Which of a run's histograms: those of one arm under one load with so many connections. */
export interface HistogramKey {
  readonly arm: string
  readonly load: Slice['load']
  readonly connections: number
}

/** The histogram of one arm in one block, to read and not to add to; null where there is none. */
export function histogramOf({ histograms }: Block, key: HistogramKey): Histogram | null {
  const found = histograms.find(
    ({ arm, load, connections }) =>
      arm === key.arm && load === key.load && connections === key.connections,
  )
  if (found === undefined) return null
  const known = decoded.get(found)
  if (known !== undefined) return known
  const histogram = decodeHistogram(found.histogram)
  decoded.set(found, histogram)
  return histogram
}

/** Samples of blocks, as numbers of samples up to each latency that occurs in any of them. */
export interface LatencyTable {
  /** Ascending. */
  readonly valuesUs: readonly number[]
  /** One list a block. */
  readonly cumulative: readonly Float64Array[]
  readonly samples: number
}

/** Tabulates histograms, one a block: resampling blocks then needs no merging of histograms. */
export function tabulate(histograms: readonly Histogram[]): LatencyTable {
  const counts = histograms.map(countsOf)
  // A typed array sorts numbers without asking anybody, and its own `from` is several times slower than a loop.
  const valuesUs = [...Float64Array.from(new Set(counts.flatMap((one) => one.valuesUs))).toSorted()]
  const cumulative = counts.map((one) => cumulate(one, valuesUs))
  const samples = cumulative.reduce((sum, block) => sum + (block.at(-1) ?? 0), 0)
  return { valuesUs, cumulative, samples }
}

function cumulate(one: Counts, valuesUs: readonly number[]): Float64Array {
  const upTo = new Float64Array(valuesUs.length)
  // Both ascend, so one walk over either does.
  let place = 0
  let sum = 0
  for (let bin = 0; bin < valuesUs.length; bin++) {
    if (one.valuesUs[place] === valuesUs[bin]) sum += one.counts[place++] ?? 0
    upTo[bin] = sum
  }
  return upTo
}

/** Percentiles in µs of the histogram merged over blocks, as HdrHistogram tells them; null without samples. */
export function percentilesOf({
  valuesUs,
  cumulative,
  samples,
}: LatencyTable): (percentile: number) => number | null {
  const upTo = new Float64Array(valuesUs.length)
  for (const block of cumulative) {
    for (let bin = 0; bin < upTo.length; bin++) upTo[bin] = (upTo[bin] ?? 0) + (block[bin] ?? 0)
  }
  return (percentile) =>
    samples === 0
      ? null
      : (valuesUs[
          firstReaching(
            rankOf(samples, percentile),
            0,
            valuesUs.length - 1,
            (bin) => upTo[bin] ?? 0,
          )
        ] ?? null)
}

/** Percentile in µs of the histogram merged over blocks, with its bootstrap interval over blocks, on the log scale since latencies are skewed; null without samples. */
export function mergedPercentile(
  { valuesUs, cumulative, samples }: LatencyTable,
  percentile: number,
  options: { readonly random: Random; readonly level: number },
): Estimate | null {
  if (samples === 0) return null
  const last = valuesUs.length - 1
  const ends = cumulative.map((counts) => {
    const rank = rankOf(counts[last] ?? 0, percentile)
    return firstReaching(rank, 0, last, (bin) => counts[bin] ?? 0)
  })
  // However blocks are weighted, the whole lies between the lowest and the highest of them.
  const [lowest, highest] = [Math.min(...ends), Math.max(...ends)]
  // Side by side by bin: a thousand resamples read these and nothing else.
  const blocks = cumulative.length
  const flat = new Float64Array((highest - lowest + 1) * blocks)
  for (const [block, counts] of cumulative.entries()) {
    for (let bin = lowest; bin <= highest; bin++) {
      flat[(bin - lowest) * blocks + block] = counts[bin] ?? 0
    }
  }
  const totals = Float64Array.from(cumulative, (counts) => counts[last] ?? 0)
  const statistic = (weights: readonly number[]): number => {
    const upTo = (bin: number) =>
      bin === last ? weightedSum(totals, weights, 0) : weightedSum(flat, weights, bin - lowest)
    const bin = firstReaching(rankOf(upTo(last), percentile), lowest, highest, upTo)
    return Math.log(valuesUs[bin] ?? Number.NaN)
  }
  const interval = bootstrapInterval({ ...options, blocks: cumulative.length, statistic })
  return interval === null ? null : mapEstimate(interval, Math.exp)
}

/** The sum of one row of as many values as there are weights. */
function weightedSum(rows: Float64Array, weights: readonly number[], row: number): number {
  const start = row * weights.length
  let sum = 0
  for (let block = 0; block < weights.length; block++) {
    sum += (weights[block] ?? 0) * (rows[start + block] ?? 0)
  }
  return sum
}

/** HdrHistogram's own rounding, up but for the error of the product, so that both say the same. */
function rankOf(samples: number, percentile: number): number {
  return Math.max(Math.ceil((percentile / 100) * samples * (1 - Number.EPSILON)), 1)
}

/** The first bin, from low to high, up to which there are so many samples. */
function firstReaching(
  rank: number,
  low: number,
  high: number,
  upTo: (bin: number) => number,
): number {
  let [first, last] = [low, high]
  while (first < last) {
    const middle = (first + last) >> 1
    if (upTo(middle) >= rank) last = middle
    else first = middle + 1
  }
  return first
}

/** Latencies that occur, ascending, and how often. */
export interface Counts {
  readonly samples: number
  readonly valuesUs: readonly number[]
  readonly counts: readonly number[]
}

/** What a histogram holds, read once: it must not change any more. */
export function countsOf(histogram: Histogram): Counts {
  const known = counted.get(histogram)
  if (known?.samples === histogram.totalCount) return known
  const counts = readCounts(histogram)
  counted.set(histogram, counts)
  return counts
}

function readCounts(histogram: Histogram): Counts {
  if (!(histogram instanceof JsHistogram)) throw new TypeError('not a histogram of our own making')
  const valuesUs: number[] = []
  const counts: number[] = []
  // Beyond the largest value all is empty: most of an hour's worth of counts.
  const last = histogram.countsArrayIndex(histogram.maxValue)
  for (let index = 0; index <= last; index++) {
    const count = histogram.getCountAtIndex(index)
    if (count === 0) continue
    valuesUs.push(histogram.highestEquivalentValue(histogram.valueFromIndex(index)))
    counts.push(count)
  }
  return { samples: histogram.totalCount, valuesUs, counts }
}

// A page asks for the same few histograms in several places, and reading them is most of its work.
const decoded = new WeakMap<Block['histograms'][number], Histogram>()
const counted = new WeakMap<Histogram, Counts>()
