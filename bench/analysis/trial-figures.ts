import type { Trials } from './claim.ts'
import type { Values } from './claim-figures.ts'

/** A series of a trial by repetition; empty where there is none. */
export function seriesOf(trials: Trials, trial: string, series: string): Values {
  const found = trials.get(trial)?.series.find(({ name }) => name === series)
  return new Map((found?.values ?? []).map((value, index) => [index, value]))
}

/** A count of a trial; null where there is none. */
export function countOf(trials: Trials, trial: string, series: string): number | null {
  return seriesOf(trials, trial, series).get(0) ?? null
}
