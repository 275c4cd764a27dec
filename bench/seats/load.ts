import { BenchError } from '../errors.ts'
import type { Endpoint } from '../load/target.ts'
import { assertWithin, type Cap } from '../targets/caps.ts'
import { askTarget } from '../targets/preflight.ts'
import { seenOf } from '../targets/record.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { endpointsOf, resolveTarget, type UserTarget } from '../targets/target.ts'
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
  /** What tells what was sent of them from what other seats have sent. */
  readonly marks: () => SeatResult['marks']
}

/** Whose load it is, and what ends its preparation. */
export interface SeatPlace {
  readonly index: number
  readonly signal: AbortSignal
  /** What this seat's own user allows, all seats together; null: anything. */
  readonly capOf: (target: UserTarget) => Cap | null
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
  { index, signal, capOf, tell = () => undefined }: SeatPlace,
): Promise<SeatLoad> {
  const { timeoutMs, schedule } = plan
  const place = { index, of: plan.seats }
  const settings = withOwnClients(seatTarget(plan, given), plan.clients, place)
  const target = await resolveTarget(settings, { timeoutMs, signal, tell })
  assertCapped(plan, target, capOf(target))
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
    marks: () => ({
      certificates: encoded(target.crowd?.presented?.marks()),
      tokens: encoded(target.token?.ofMany === true ? tokens?.marks?.() : undefined),
    }),
    async [Symbol.asyncDispose]() {
      await tokens?.[Symbol.asyncDispose]()
    },
  }
}

function assertCapped(
  { schedule, maxConnections, trial }: SeatPlan,
  { host }: UserTarget,
  cap: Cap | null,
): void {
  if (cap === null) return
  const trialMs = trial === null ? 0 : trial.ratesPerSecond.length * trial.stageMs
  const { ratePerSecond, durationMs } = schedule
  const wanted = { ratePerSecond, durationMs: durationMs + trialMs, connections: maxConnections }
  assertWithin(cap, wanted, host)
}

function encoded(marks: Buffer | undefined): string | null {
  return marks?.toString('base64') ?? null
}
