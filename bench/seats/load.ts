import { BenchError } from '../errors.ts'
import type { Endpoint } from '../load/target.ts'
import { askTarget } from '../targets/preflight.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { resolveTarget, withToken } from '../targets/target.ts'
import type { SeatPlan } from './plan.ts'
import { seatTarget } from './references.ts'

/** What a seat sends, with credentials of its own. */
export interface SeatLoad extends AsyncDisposable {
  readonly endpoint: Endpoint
  /** Aborted when the last token has expired. */
  readonly lost: AbortSignal
}

/**
 * Finds the credentials that the plan names, fetches a token, and asks the target once. Throws usage errors,
 * and `preflight-failed` where the target does not answer this seat as expected.
 */
export async function prepareLoad(
  plan: SeatPlan,
  given: readonly TargetSettings[],
  signal: AbortSignal,
): Promise<SeatLoad> {
  const { timeoutMs } = plan
  const target = await resolveTarget(seatTarget(plan, given), timeoutMs)
  if (target.requestDigest !== plan.target.requestDigest) {
    throw new BenchError(
      'usage',
      'the request of this seat is not that of the plan: give it the same --body-file and headers as the coordinator',
    )
  }
  const tokens = (await target.token?.open(signal)) ?? null
  try {
    await askTarget(target, tokens, { timeoutMs, signal })
  } catch (error) {
    await tokens?.[Symbol.asyncDispose]()
    throw error
  }
  return {
    endpoint: withToken(target, tokens),
    lost: tokens?.lost ?? new AbortController().signal,
    async [Symbol.asyncDispose]() {
      await tokens?.[Symbol.asyncDispose]()
    },
  }
}
