import type { PlannedArm } from '../arms.ts'
import { measureChurn, type ChurnPlan } from '../measure-churn.ts'
import type { Run } from '../results.ts'
import { runBench } from '../run.ts'
import { measureAndShow, type Shown } from './measuring.ts'

/** `bench --load churn`: new connections, and so many requests on each. */
export function benchChurn(
  { name, arms }: { readonly name: string; readonly arms: readonly PlannedArm[] },
  plan: ChurnPlan,
  shown: Shown,
): Promise<Run> {
  return measureAndShow(shown, { subject: `churn-${name}`, limits: plan }, (common) =>
    runBench({
      ...common,
      arms,
      seed: plan.seed,
      procedure: (sources, context) => measureChurn(sources, plan, context),
    }),
  )
}
