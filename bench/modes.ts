import type { Plan } from './measure.ts'
import type { Mode } from './results.ts'

/** What a mode of `bench` measures; half-width of the 99 % interval at which `full` may stop. */
export interface ModePlan extends Omit<Plan, 'seed'> {
  readonly precision: number | null
}

/**
 * The modes of DESIGN section 5. The default measures 12 blocks or as many as its budget holds;
 * `full` goes on until the figures are precise; `smoke` proves that everything runs, and no more.
 */
export const modes: Readonly<Record<Mode, ModePlan>> = {
  default: { ...slices(), minBlocks: 12, maxBlocks: 12, budgetMs: 75_000, precision: null },
  full: { ...slices(), minBlocks: 12, maxBlocks: 40, budgetMs: null, precision: 0.01 },
  quick: { ...slices(), minBlocks: 8, maxBlocks: 8, budgetMs: 80_000, precision: null },
  smoke: {
    minBlocks: 1,
    maxBlocks: 1,
    budgetMs: null,
    precision: null,
    slices: 4,
    maxRepeats: 1,
    warmupRequests: 40,
    slowRequestUs: 80,
    slowWarmupCpuMs: 600,
    settleSlices: 1,
    saturationRequests: 40,
    singleConnectionSlices: 2,
    sliceMs: 1,
    minSliceRequests: 20,
    maxSliceRequests: 20,
  },
}

function slices() {
  return {
    slices: 20,
    maxRepeats: 2,
    // Seen slice by slice on two cores: up to 20,000 requests V8 compiles once more, in the background
    // but on the servers' core, and a request of tls costs 40 to 140 µs for some slices instead of 17.
    // Slow arms would take seconds to get there, and are steady after 2,000 requests.
    warmupRequests: 20_000,
    slowRequestUs: 80,
    slowWarmupCpuMs: 350,
    settleSlices: 3,
    saturationRequests: 800,
    singleConnectionSlices: 2,
    // Twice as many slices of half the length give the narrower interval, measured on tls with 250 to
    // 2,000 requests: what disturbs a slice lasts longer than it, and a near neighbour shares it.
    sliceMs: 35,
    minSliceRequests: 200,
    maxSliceRequests: 500,
  } as const
}
