import { windowP99Us } from '../analysis/curve.ts'
import type { PlannedArm } from '../arms.ts'
import { warmGenerator } from '../load/warm-up.ts'
import { blocksOf, measureCurve, type CurvePlan } from '../measure-curve.ts'
import type { Run } from '../results.ts'
import { runBench } from '../run.ts'
import { measureAndShow, type Shown } from './measuring.ts'

/** `bench --curve`: latency against offered rate. */
export function benchCurve(
  { name, arms }: { readonly name: string; readonly arms: readonly PlannedArm[] },
  plan: CurvePlan,
  shown: Shown,
): Promise<Run> {
  const total = blocksOf(plan)
  const limits = { minBlocks: total, maxBlocks: total, budgetMs: null }
  return measureAndShow(shown, { subject: `curve-${name}`, limits }, async (common) => {
    await warmGenerator()
    return runBench({
      ...common,
      arms,
      seed: plan.request.seed,
      procedure: (sources, context) =>
        measureCurve(sources, plan, { ...context, p99Of: windowP99Us }),
    })
  })
}
