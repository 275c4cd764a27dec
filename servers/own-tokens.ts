import type { FetchedToken } from './own-token-fetch.ts'
import type { Telemetry } from './telemetry.ts'

/** Access tokens that this process holds, by tenant. */
export interface OwnTokens {
  /** A token that is still good; at once where it is at hand. Rejects where there is none to be had. */
  readonly of: (orgId: string) => string | Promise<string>
  /** Fetches all, so that no request pays for the first; what fails is counted and tried again when needed. */
  readonly load: () => Promise<void>
}

/**
 * Keeps a token of each tenant: fetched when first needed, renewed in the background when `renewAtShare`
 * of its life is over, by one call to the issuer however many requests wait, and never used past its end.
 */
export function createOwnTokens({
  orgIds,
  fetch,
  telemetry,
  nowMs = () => performance.now(),
}: {
  readonly orgIds: readonly string[]
  readonly fetch: (orgId: string) => Promise<FetchedToken>
  readonly telemetry: Pick<Telemetry, 'count'>
  readonly nowMs?: () => number
}): OwnTokens {
  const slots = new Map(orgIds.map((orgId) => [orgId, createSlot(() => fetch(orgId), telemetry)]))
  return {
    of(orgId) {
      const slot = slots.get(orgId)
      if (slot === undefined) return Promise.reject(new Error('no client for this tenant'))
      return slot(nowMs())
    },
    async load() {
      await Promise.allSettled([...slots.values()].map(async (slot) => slot(nowMs())))
    },
  }
}

type Slot = (nowMs: number) => string | Promise<string>

/** Of one tenant. */
function createSlot(fetch: () => Promise<FetchedToken>, telemetry: Pick<Telemetry, 'count'>): Slot {
  let held = { token: '', renewAtMs: 0, endMs: -Infinity }
  let flight: Promise<string> | null = null
  // The life of a token begins before its answer is here: it counts from when it was asked for.
  const renew = (nowMs: number): Promise<string> =>
    (flight ??= fetch()
      .then(({ token, lifetimeSeconds }) => {
        const lifeMs = lifetimeSeconds * 1_000
        held = { token, renewAtMs: nowMs + lifeMs * renewAtShare, endMs: nowMs + lifeMs }
        telemetry.count('ownTokenFetches')
        return token
      })
      .catch((error: unknown) => {
        held = { ...held, renewAtMs: nowMs + retryMs }
        telemetry.count('ownTokenFailures')
        throw error
      })
      .finally(() => {
        flight = null
      }))
  return (nowMs) => {
    if (nowMs >= held.endMs) return renew(nowMs)
    if (nowMs >= held.renewAtMs) renew(nowMs).catch(() => undefined)
    return held.token
  }
}

/** Early enough for an issuer that is away for a fifth of a token's life. */
export const renewAtShare = 0.8
/** While the issuer fails and the old token is good: how often it is asked again. */
export const retryMs = 1_000
