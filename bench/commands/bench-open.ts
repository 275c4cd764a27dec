import type { PlannedArm } from '../arms.ts'
import { warmGenerator } from '../load/warm-up.ts'
import { measureOpen, type OpenMeasurePlan } from '../measure-open.ts'
import type { Run } from '../results.ts'
import { runBench } from '../run.ts'
import { measureAndShow, type Shown } from './measuring.ts'

/** What is to be measured under offered load. */
export interface OpenSubject {
  readonly name: string
  readonly arms: readonly PlannedArm[]
}

/** `bench --load open`: windows of a schedule that no answer can move. */
export function benchOpen(
  { name, arms }: OpenSubject,
  plan: OpenMeasurePlan,
  shown: Shown,
): Promise<Run> {
  const limits = { minBlocks: plan.blocks, maxBlocks: plan.blocks, budgetMs: null }
  return measureAndShow(shown, { subject: `open-${name}`, limits }, async (common) => {
    // Generators of their own warm themselves.
    if (plan.request.generators === undefined) await warmGenerator()
    return runBench({
      ...common,
      arms,
      seed: plan.request.seed,
      procedure: (sources, context) => measureOpen(sources, plan, context),
    })
  })
}
