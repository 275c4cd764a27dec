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
  quick: { ...slices(), minBlocks: 8, maxBlocks: 8, budgetMs: 60_000, precision: null },
  smoke: {
    minBlocks: 1,
    maxBlocks: 1,
    budgetMs: null,
    precision: null,
    slices: 2,
    warmupRequests: 40,
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
    // After so many requests the CPU per request of the slowest server no longer falls from slice
    // to slice: below 1,000 the first third of the slices is visibly dearer than the last.
    warmupRequests: 1_500,
    saturationRequests: 1_200,
    singleConnectionSlices: 2,
    sliceMs: 50,
    minSliceRequests: 200,
    maxSliceRequests: 500,
  } as const
}
