import { BenchError } from '../errors.ts'
import type { Endpoint } from '../load/target.ts'
import { askTarget } from '../targets/preflight.ts'
import { seenOf } from '../targets/record.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { endpointsOf, resolveTarget } from '../targets/target.ts'
import type { Tell } from '../targets/teller.ts'
import type { SeatPlan } from './plan.ts'
import { withOwnClients } from './clients.ts'
import { seatTarget } from './references.ts'
import type { SeatResult } from './seat-result.ts'

/** What a seat sends, with credentials of its own. */
export interface SeatLoad extends AsyncDisposable {
  /** Of many clients one after the other. */
  readonly endpoints: readonly Endpoint[]
  /** Aborted when the last token has expired. */
  readonly lost: AbortSignal
  /** Those that have taken part by now; null where it is one, without a number. */
  readonly clients: () => SeatResult['clients']
}

/** Whose load it is, and what ends its preparation. */
export interface SeatPlace {
  readonly index: number
  readonly signal: AbortSignal
  /** Told of long work as it goes on. */
  readonly tell?: Tell
}

/**
 * Finds the credentials that the plan names, fetches a token, and asks the target once. Throws usage errors,
 * and `preflight-failed` where the target does not answer this seat as expected.
 */
export async function prepareLoad(
  plan: SeatPlan,
  given: readonly TargetSettings[],
  { index, signal, tell = () => undefined }: SeatPlace,
): Promise<SeatLoad> {
  const { timeoutMs, schedule } = plan
  const place = { index, of: plan.seats }
  const settings = withOwnClients(seatTarget(plan, given), plan.clients, place)
  const target = await resolveTarget(settings, { timeoutMs, signal, tell })
  if (target.requestDigest !== plan.target.requestDigest) {
    throw new BenchError(
      'usage',
      'the request of this seat is not that of the plan: give it the same --body-file and headers as the coordinator',
    )
  }
  const tokens = (await target.token?.open({ seed: schedule.seed, signal, tell })) ?? null
  try {
    await askTarget(target, tokens, { timeoutMs, signal })
  } catch (error) {
    await tokens?.[Symbol.asyncDispose]()
    throw error
  }
  return {
    endpoints: endpointsOf(target, tokens),
    lost: tokens?.lost ?? new AbortController().signal,
    clients: () => seenOf(target, tokens),
    async [Symbol.asyncDispose]() {
      await tokens?.[Symbol.asyncDispose]()
    },
  }
}
