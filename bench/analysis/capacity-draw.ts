import { createRandom, type Random } from '../random.ts'
import type { CaseFit, Series, Stalls } from './capacity-fit.ts'
import type { Fit } from './capacity-gather.ts'
import { measuredBlocks } from './reading.ts'
import { hodgesLehmann } from './stats.ts'

/** One look at everything measured: as it is, or as another sample of blocks and sessions would have been. */
export interface Draw {
  readonly value: (series: Series) => number
  /** Times of requests over their mean. */
  readonly shape: (fit: CaseFit) => Float64Array
  /** Stalls of a server; lengths of all of them. */
  readonly stalls: (fit: CaseFit) => Stalls
  /** What was drawn of anything that a run has by block. */
  readonly blocks: <T>(runId: string, values: ReadonlyMap<number, T>) => T[]
}

/** All blocks of each run, once. */
export const wholeSample: Draw = {
  value: ({ values }) => hodgesLehmann([...values.values()]),
  shape: ({ shapes }) => joined([...shapes.values()]),
  stalls: ({ stalls }) => merged([...stalls.values()]),
  blocks: (_, values) => [...values.values()],
}

/**
 * A bootstrap sample: of each run as many blocks as it has, with replacement, the same for all of its arms and
 * figures, which lie in the same seconds; and a factor for its session, since what is sized is another one.
 */
export function bootstrapSample({ runs, sessionSd }: Fit, random: Random): Draw {
  const samples = new Map(
    [...runs].map(([runId, run]) => {
      const indexes = measuredBlocks(run.blocks).map(({ index }) => index)
      const drawn = indexes.map(() => indexes[Math.floor(random() * indexes.length)] ?? 0)
      return [runId, { drawn, factor: Math.exp(sessionSd.sd * normal(random)) }] as const
    }),
  )
  return {
    value({ runId, values }) {
      const { drawn, factor } = samples.get(runId) ?? { drawn: [], factor: 1 }
      const chosen = drawn.flatMap((index) => values.get(index) ?? [])
      return factor * hodgesLehmann(chosen.length > 0 ? chosen : [...values.values()])
    },
    shape({ runId, shapes }) {
      const chosen = (samples.get(runId)?.drawn ?? []).flatMap((index) => shapes.get(index) ?? [])
      return joined(chosen.length > 0 ? chosen : [...shapes.values()])
    },
    stalls({ runId, stalls }) {
      return merged((samples.get(runId)?.drawn ?? []).flatMap((index) => stalls.get(index) ?? []))
    },
    blocks(runId, values) {
      const chosen = (samples.get(runId)?.drawn ?? []).flatMap((index) => values.get(index) ?? [])
      return chosen.length > 0 ? chosen : [...values.values()]
    },
  }
}

/** Bootstrap samples of a seed, always the same. */
export function bootstrapSamples(fit: Fit, count: number, seed: number): Draw[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => bootstrapSample(fit, random))
}

/** Blocks of the run that has fewest. */
export function fewestBlocks({ runs }: Fit): number {
  return Math.min(...[...runs.values()].map(({ blocks }) => measuredBlocks(blocks).length))
}

/** Blocks count alike: each has about as many requests. */
function merged(blocks: readonly Stalls[]): Stalls {
  const sum = blocks.reduce((total, { perRequest }) => total + perRequest, 0)
  return {
    perRequest: blocks.length === 0 ? 0 : sum / blocks.length,
    lengthsUs: joined(blocks.map(({ lengthsUs }) => lengthsUs)),
  }
}

function joined(shapes: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(shapes.reduce((sum, { length }) => sum + length, 0))
  let place = 0
  for (const shape of shapes) {
    whole.set(shape, place)
    place += shape.length
  }
  return whole
}

/** A standard normal number (Box and Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
