import { countsOf } from '../analysis/percentiles.ts'
import { decodeHistogram } from '../load/histogram.ts'
import { instruments, type InstrumentName } from './instruments.ts'
import type { Attributes, Reading } from './readings.ts'

/** A histogram of explicit buckets: `counts` has one more than there are bounds. */
export interface Buckets {
  readonly boundsSeconds: readonly number[]
  readonly counts: readonly number[]
  readonly count: number
  readonly sumSeconds: number
}

/** One series of an instrument as it stands. */
export interface Point {
  readonly attributes: Attributes
  readonly value: number | Buckets
}

/** All series of this session so far; counters begin with it. */
export interface SeriesStore {
  readonly add: (readings: readonly Reading[]) => void
  readonly read: () => ReadonlyMap<InstrumentName, readonly Point[]>
}

/** An empty store; of each instrument it keeps at most so many series, and what is beyond goes into one. */
export function createSeriesStore(mostSeries = usualMost): SeriesStore {
  const byInstrument = new Map<InstrumentName, Map<string, Series>>()
  const seriesOf = ({ instrument, attributes }: Reading) => {
    const all = byInstrument.get(instrument) ?? new Map<string, Series>()
    byInstrument.set(instrument, all)
    const isFull = all.size >= mostSeries && !all.has(keyOf(attributes))
    const own = isFull ? overflow : attributes
    const series = all.get(keyOf(own)) ?? emptySeries(own)
    all.set(keyOf(own), series)
    return series
  }
  return {
    add(readings) {
      for (const reading of readings) record(seriesOf(reading), reading)
    },
    read: () =>
      new Map(
        [...byInstrument].map(([name, all]) => [
          name,
          [...all.values()].map((series) => pointOf(name, series)),
        ]),
      ),
  }
}

/** Upper bounds of all buckets: ten a decade, from 10 µs to 100 s. */
export const boundsUs: readonly number[] = Array.from({ length: 7 }, (_, decade) =>
  [10, 12.5, 16, 20, 25, 31.5, 40, 50, 63, 80].map((us) => us * 10 ** decade),
)
  .flat()
  .concat(100_000_000)

interface Series {
  readonly attributes: Attributes
  value: number
  readonly counts: number[]
  sumUs: number
}

function emptySeries(attributes: Attributes): Series {
  return { attributes, value: 0, counts: [], sumUs: 0 }
}

function record(series: Series, reading: Reading): void {
  switch (reading.kind) {
    case 'begin':
      return
    case 'add':
      series.value += reading.amount
      return
    case 'set':
      series.value = reading.value
      return
    case 'merge':
      mergeInto(series, reading.histogram)
  }
}

/** Each value goes where its upper end belongs; the sum is as exact as three digits are. */
function mergeInto(series: Series, encoded: string): void {
  const { valuesUs, counts } = countsOf(decodeHistogram(encoded))
  let bucket = 0
  for (const [at, valueUs] of valuesUs.entries()) {
    while (bucket < boundsUs.length && valueUs > (boundsUs[bucket] ?? Infinity)) bucket += 1
    const count = counts[at] ?? 0
    series.counts[bucket] = (series.counts[bucket] ?? 0) + count
    series.value += count
    series.sumUs += count * valueUs
  }
}

function pointOf(name: InstrumentName, { attributes, value, counts, sumUs }: Series): Point {
  if (instruments[name].kind !== 'histogram') return { attributes, value }
  return {
    attributes,
    value: {
      boundsSeconds,
      counts: Array.from({ length: boundsUs.length + 1 }, (_, bucket) => counts[bucket] ?? 0),
      count: value,
      sumSeconds: sumUs / usPerSecond,
    },
  }
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(attributes)
}

const usPerSecond = 1_000_000
const boundsSeconds = boundsUs.map((us) => us / usPerSecond)
/** The limit of the SDK for its own instruments, and its name for what is beyond. */
const usualMost = 2_000
const overflow = { 'otel.metric.overflow': 'true' } as const
