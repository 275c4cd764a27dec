/** One thing that a server does for a request or a connection, alone: where the microseconds go. */
export interface Primitive {
  /** What it is, in the words of the table; the first word is its group. */
  readonly id: string
  /** How often `run` does it: quick ones are done many times for one reading of the clock. */
  readonly callsPerRun: number
  readonly run: () => unknown
}

/** One primitive measured in one block: CPU of all threads of its process, and the median time it took. */
export interface PrimitiveReading {
  readonly id: string
  readonly calls: number
  readonly cpuUsPerCall: number
  readonly wallP50UsPerCall: number
}

/** What the process of primitives is told; arguments would be visible to all users of the machine. */
export type PrimitivesOrder =
  | { readonly kind: 'list' }
  /** Measure these in this order, each for so long. */
  | { readonly kind: 'measure'; readonly ids: readonly string[]; readonly timeMs: number }

/** What it answers. */
export type PrimitivesReport =
  | { readonly kind: 'listed'; readonly ids: readonly string[] }
  | { readonly kind: 'measured'; readonly reading: PrimitiveReading }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly why: string }

/** The same thing done many times in one run; its results are kept, so that no compiler leaves it out. */
export function repeated(id: string, callsPerRun: number, call: () => unknown): Primitive {
  let kept: unknown
  return {
    id,
    callsPerRun,
    run: () => {
      for (let index = 0; index < callsPerRun; index++) kept = call()
      return kept
    },
  }
}
