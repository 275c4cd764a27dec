import { BenchError } from '../errors.ts'
import { clientRange } from '../load/client-range.ts'
import type { Endpoint } from '../load/target.ts'
import { askTarget } from '../targets/preflight.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { endpointsOf, resolveTarget } from '../targets/target.ts'
import type { Tell } from '../targets/teller.ts'
import type { SeatPlan } from './plan.ts'
import { seatTarget } from './references.ts'

/** What a seat sends, with credentials of its own. */
export interface SeatLoad extends AsyncDisposable {
  /** Of many clients one after the other. */
  readonly endpoints: readonly Endpoint[]
  /** Aborted when the last token has expired. */
  readonly lost: AbortSignal
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
  const settings = ownClients(seatTarget(plan, given), index, plan.seats)
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
    async [Symbol.asyncDispose]() {
      await tokens?.[Symbol.asyncDispose]()
    },
  }
}

/** Of many clients, those of this seat: no other has them. Throws a usage error where there are too few. */
function ownClients(settings: TargetSettings, index: number, of: number): TargetSettings {
  const { clients, firstClient = 0 } = settings
  if (clients === undefined) return settings
  if (clients < of) {
    throw new BenchError(
      'usage',
      `--clients ${clients}: each of ${of} seats has clients of its own, give one a seat at least`,
    )
  }
  const { first, count } = clientRange(clients, index, of)
  return { ...settings, clients: count, firstClient: firstClient + first }
}
