import { createHistogram, encodeHistogram, recordUs } from '../load/histogram.ts'
import type { Block, Run, Slice } from '../results.ts'
import { idOf, syntheticRun, type SyntheticArm } from './testdata.ts'

/** The arm that has hops. */
export const hopArm: SyntheticArm = { scenario: 'mtls-gateway', cpuUs: 100 }

/** A run of so many blocks in which the gateway has 60 % of the CPU, and 70 µs of a request. */
export function hopRun(blocks: number): Run {
  const run = syntheticRun({ arms: [hopArm], blocks })
  return { ...run, blocks: run.blocks.map(withHops) }
}

function withHops(block: Block): Block {
  const shared = (slice: Slice): Slice => ({
    ...slice,
    hops: [
      { hop: 'gateway', cpuUs: (slice.cpuUs ?? 0) * 0.6 },
      { hop: 'service', cpuUs: (slice.cpuUs ?? 0) * 0.4 },
    ],
  })
  const span = (hop: string, connections: number, own: number, whole: number) => ({
    ...{ arm: idOf(hopArm), connections, hop },
    ...{ own: histogramOf(own), whole: histogramOf(whole) },
  })
  return {
    ...block,
    slices: block.slices.map(shared),
    spans: [span('gateway', 8, 70, 130), span('service', 8, 50, 50), span('gateway', 1, 40, 90)],
  }
}

function histogramOf(valueUs: number): string {
  const one = createHistogram()
  recordUs(one, valueUs)
  return encodeHistogram(one)
}
