import { createHistogram, encodeHistogram, recordAll, type Histogram } from './load/histogram.ts'
import { createSpanRecorder, type HopSpans } from './hop-spans.ts'
import type { Block, Slice } from './results.ts'

/** What one slice measured, without its place in the block. */
export type SliceReading = Omit<Slice, 'arm' | 'position'> & {
  readonly latenciesUs: Float64Array
  /** Of each hop that takes them; default: none. */
  readonly spans?: readonly HopSpans[]
}

/** How far a block is. */
export interface SliceProgress {
  readonly slice: Slice
  readonly done: number
  readonly of: number
}

/** Collects the slices of one block in their order, and their latencies by arm, load and connections. */
export interface Recorder {
  expect(slices: number): void
  slice(arm: string, reading: SliceReading): void
  finish(): Pick<Block, 'slices' | 'histograms' | 'spans'>
}

/** An empty recorder; tells of every slice. */
export function createRecorder(onSlice: (progress: SliceProgress) => void): Recorder {
  const slices: Slice[] = []
  const histograms = new Map<
    string,
    { arm: string; load: Slice['load']; connections: number; histogram: Histogram }
  >()
  const spansOf = createSpanRecorder()
  let expected = 0
  return {
    expect(count) {
      expected = count
    },
    slice(arm, { latenciesUs, spans = [], ...reading }) {
      spansOf.add({ arm, connections: reading.connections }, spans)
      const slice = { arm, position: slices.length, ...reading }
      slices.push(slice)
      const key = JSON.stringify([arm, reading.load, reading.connections])
      const entry = histograms.get(key) ?? {
        arm,
        load: reading.load,
        connections: reading.connections,
        histogram: createHistogram(),
      }
      recordAll(entry.histogram, latenciesUs)
      histograms.set(key, entry)
      onSlice({ slice, done: slices.length, of: expected })
    },
    finish: () => ({
      slices,
      histograms: [...histograms.values()].map(({ histogram, ...entry }) => ({
        ...entry,
        histogram: encodeHistogram(histogram),
      })),
      ...spansOf.finish(),
    }),
  }
}
