import type { ServerReport } from './server.ts'

/** One accuracy that was asked for, and what was seen. */
export interface AccuracyRow {
  readonly asked: string
  readonly ours: string
  readonly autocannon: string
  readonly wrk: string
  readonly holds: boolean
}

/** Smallest and largest share that a 100 ms bucket has of the arrivals of its second, whole seconds only. */
export function bucketShares({ arrivalsMs }: Pick<ServerReport, 'arrivalsMs'>): {
  readonly least: number
  readonly most: number
} {
  const seconds = Math.floor((arrivalsMs.at(-1) ?? 0) / 1_000)
  const counts = countsOf(arrivalsMs, 100, seconds * 10)
  const shares = Array.from({ length: seconds }, (_, second) => {
    const own = counts.slice(second * 10, second * 10 + 10)
    const all = own.reduce((sum, count) => sum + count, 0)
    return own.map((count) => count / all)
  }).flat()
  return { least: Math.min(...shares), most: Math.max(...shares) }
}

/**
 * Index of dispersion of arrivals in buckets of 100 ms as a standard normal deviate (χ² with n − 1
 * degrees of freedom, Wilson and Hilferty 1931): Poisson arrivals lie within ±3.3 but for 1 in 1,000.
 */
export function dispersionDeviate({ arrivalsMs }: Pick<ServerReport, 'arrivalsMs'>): number {
  const counts = countsOf(arrivalsMs, 100, Math.floor((arrivalsMs.at(-1) ?? 0) / 100))
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const chiSquared = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / mean
  const degrees = counts.length - 1
  const spread = 2 / (9 * degrees)
  return (Math.cbrt(chiSquared / degrees) - (1 - spread)) / Math.sqrt(spread)
}

function countsOf(arrivalsMs: readonly number[], bucketMs: number, buckets: number): number[] {
  const counts = new Array<number>(buckets).fill(0)
  for (const atMs of arrivalsMs) {
    const bucket = Math.floor(atMs / bucketMs)
    if (bucket < buckets) counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}
