import * as oauth from 'openid-client'
import { Agent } from 'undici'
import type { UpstreamConfig } from './config.ts'
import { fetchBy } from './issuer-fetch.ts'
import { readConfigured, required } from './process.ts'
import type { Telemetry } from './telemetry.ts'

/** A token as the issuer gave it, and how long it lives from then on. */
export interface FetchedToken {
  readonly token: string
  readonly lifetimeSeconds: number
}

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

/** Fetches tokens as the client of each tenant, with this hop's certificate as proof (RFC 8705 section 2.1.2). */
export function createTokenFetch({
  identity,
  ownTokens,
}: UpstreamConfig): (orgId: string) => Promise<FetchedToken> {
  const { issuer, caFile, clientIds, resource, scope } = required('upstream.ownTokens', ownTokens)
  const { certificateFile, keyFile } = required('upstream.identity', identity)
  const agent = new Agent({
    connect: {
      ca: readConfigured('upstream.ownTokens.caFile', caFile),
      cert: readConfigured('upstream.identity.certificateFile', certificateFile),
      key: readConfigured('upstream.identity.keyFile', keyFile),
    },
  })
  return async (orgId) => {
    const configuration = await oauth.discovery(
      new URL(issuer),
      clientIds[orgId] ?? '',
      {},
      oauth.TlsClientAuth(),
      { [oauth.customFetch]: (url, options) => fetchBy(agent, url, options) },
    )
    const answer = await oauth.clientCredentialsGrant(configuration, { resource, scope })
    return { token: answer.access_token, lifetimeSeconds: answer.expiresIn() ?? 0 }
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
const renewAtShare = 0.8
/** While the issuer fails and the old token is good: how often it is asked again. */
const retryMs = 1_000
