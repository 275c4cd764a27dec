import type { Run } from '../results.ts'
import type { Attributes, Identify } from './readings.ts'

/** Who measures what, as far as the run has told. */
export interface Identity {
  /** Of the run alone. */
  readonly run: () => Attributes
  readonly who: Identify
  /** Takes what a run tells; returns attributes of the whole process when it is the first time, else null. */
  readonly learn: (run: Run) => Attributes | null
}

/** An identity that knows nothing yet. */
export function createIdentity(): Identity {
  let runId: string | null = null
  let scenarios = new Map<string, string>()
  const run = () => ({ 'trustbench.run.id': runId ?? '' })
  return {
    run,
    who: (arm) => ({
      ...run(),
      'trustbench.scenario': scenarios.get(arm) ?? '',
      // Its case is the beginning of it.
      'trustbench.arm': arm,
    }),
    learn(told) {
      if (runId === told.runId) return null
      runId = told.runId
      scenarios = new Map(told.arms.map(({ id, scenario }) => [id, scenario]))
      return { 'service.instance.id': told.runId }
    },
  }
}
