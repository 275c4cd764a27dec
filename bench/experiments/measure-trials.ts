import type { Pinning } from '../pinning.ts'
import { createServerStarter } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import type { TrialRecord } from '../trials.ts'
import type { Trial } from './trial.ts'

/** How many times, and over how much. */
export interface TrialPlan {
  readonly repetitions: number
  readonly share: number
}

/** Measures trials, one after the other, each on processes of its own that end with it. */
export async function measureTrials(
  chosen: readonly Trial[],
  { repetitions, share }: TrialPlan,
  context: {
    readonly scenarios: readonly Scenario[]
    readonly pinning: Pinning | null
    readonly signal: AbortSignal
    readonly onTrial: (record: TrialRecord, done: number) => void
  },
): Promise<TrialRecord[]> {
  const { scenarios, pinning, signal, onTrial } = context
  const records: TrialRecord[] = []
  for (const { name, what, run } of chosen) {
    signal.throwIfAborted()
    await using starter = createServerStarter(signal)
    const start = starter.server
    const series = await run({
      scenarios,
      signal,
      repetitions,
      share,
      start: (options) => start({ cpus: pinning?.serverCpus ?? null, ...options }),
    })
    const record = { name, what, series }
    records.push(record)
    onTrial(record, records.length)
  }
  return records
}
