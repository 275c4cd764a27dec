import { percentileUs, type Histogram } from '../load/histogram.ts'
import type { ArmRecord, Block, Slice } from '../results.ts'
import { loadParameters } from '../scenario.ts'
import { metrics, PRIMARY_METRIC, type MetricName } from './metrics.ts'
import { histogramOf } from './percentiles.ts'

/** What the measured blocks hold of one arm at one number of connections. */
export interface Reading {
  readonly arm: string
  readonly connections: number
  /** Slices by index of the block, in the order of the block; only blocks in which the arm has any. */
  readonly duet: ReadonlyMap<number, readonly Slice[]>
  readonly saturation: ReadonlyMap<number, readonly Slice[]>
  /** CPU in µs per request by index of the block, of targets of which it is known no finer. */
  readonly counted: ReadonlyMap<number, number>
  /** Duet histograms by index of the block, decoded when first asked for. */
  readonly histograms: () => ReadonlyMap<number, Histogram>
}

/** The blocks that count: a failed one is named in the warnings and enters no figure. */
export function measuredBlocks(blocks: readonly Block[]): Block[] {
  return blocks.filter(({ outcome }) => outcome === 'measured')
}

/** Connections of the arm's own case; older runs that lack the parameter had its default. */
export function ownConnections({ parameters }: ArmRecord): number {
  return Number(parameters['connections'] ?? loadParameters.connections.default)
}

/** Reads one arm out of measured blocks. */
export function readArm(blocks: readonly Block[], arm: string, connections: number): Reading {
  const slicesOf = (load: Slice['load']) =>
    new Map(
      blocks.flatMap(({ index, slices }): [number, Slice[]][] => {
        const own = slices.filter(
          (slice) => slice.arm === arm && slice.load === load && slice.connections === connections,
        )
        return own.length === 0 ? [] : [[index, own]]
      }),
    )
  let decoded: ReadonlyMap<number, Histogram> | null = null
  return {
    arm,
    connections,
    duet: slicesOf('duet'),
    saturation: slicesOf('saturation'),
    counted: countedOf(blocks, arm),
    histograms: () => (decoded ??= decodeAll(blocks, arm, connections)),
  }
}

/** Value of a metric in each block that has one; none for metrics that are not read block by block. */
export function blockValues(reading: Reading, name: MetricName): Map<number, number> {
  const values = new Map<number, number>()
  const { source } = metrics[name]
  if (source.kind === 'slices') {
    for (const [index, slices] of reading[source.load]) {
      const value =
        source.perBlock(slices) ?? (name === PRIMARY_METRIC ? reading.counted.get(index) : null)
      if (value != null) values.set(index, value)
    }
  }
  if (source.kind === 'block-percentile') {
    for (const [index, histogram] of reading.histograms()) {
      const value = percentileUs(histogram, source.percentile)
      if (value !== null) values.set(index, value)
    }
  }
  return values
}

/** Values of both where both have the block, in the order of the first. */
export function inBoth<A, B>(
  first: ReadonlyMap<number, A>,
  second: ReadonlyMap<number, B>,
): { readonly block: number; readonly first: A; readonly second: B }[] {
  return [...first].flatMap(([block, value]) => {
    const other = second.get(block)
    return other === undefined ? [] : [{ block, first: value, second: other }]
  })
}

function countedOf(blocks: readonly Block[], arm: string): Map<number, number> {
  return new Map(
    blocks.flatMap(({ index, counted = [] }): [number, number][] => {
      const own = counted.find((one) => one.arm === arm)
      return own?.cpuUs == null ? [] : [[index, own.cpuUs / own.requests]]
    }),
  )
}

function decodeAll(
  blocks: readonly Block[],
  arm: string,
  connections: number,
): Map<number, Histogram> {
  const histograms = new Map<number, Histogram>()
  for (const block of blocks) {
    const histogram = histogramOf(block, { arm, load: 'duet', connections })
    if (histogram !== null) histograms.set(block.index, histogram)
  }
  return histograms
}
