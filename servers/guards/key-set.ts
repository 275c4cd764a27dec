import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors } from 'jose'
import type { FetchImplementation, JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import type { IssuerConfig } from '../config.ts'
import type { Telemetry } from '../telemetry.ts'
import { createIssuerClient } from './issuer-client.ts'

/** The keys of an issuer, fetched when they are needed and kept. */
export interface KeySet {
  /** The key for a token; rejects by jose's errors where it is not in the set, by others without a set. */
  readonly keyOf: JWTVerifyGetKey
  /** Fetches now; rejects where that fails. */
  readonly load: () => Promise<void>
}

/**
 * The key set of an issuer (RFC 7517 section 5). Without `staleIfErrorMs` it fails closed: keys that have
 * reached their age are used no longer, whether or not there are new ones.
 */
export function createKeySet(issuer: IssuerConfig, telemetry: Pick<Telemetry, 'count'>): KeySet {
  const { staleIfErrorMs } = issuer
  const kept = staleIfErrorMs === 0 ? null : createKept(issuer, telemetry)
  const ask = createIssuerClient(issuer.caFile)
  const fetchKeySet: FetchImplementation = async (url) => {
    telemetry.count('keySetFetches')
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const answer = await ask({ url, method: 'GET', headers, timeoutMs: keySetTimeoutMs })
    if (answer.status === 200) kept?.keep(answer.body)
    return new Response(answer.body, { status: answer.status })
  }
  const remote = createRemoteJWKSet(new URL(issuer.jwksUri), {
    cooldownDuration: issuer.keySetCooldownMs,
    cacheMaxAge: issuer.keySetMaxAgeMs,
    timeoutDuration: keySetTimeoutMs,
    [customFetch]: fetchKeySet,
  })
  const load = () => remote.reload()
  if (kept === null) return { keyOf: remote, load }
  return {
    load,
    keyOf: async (header, token) => {
      if (kept.isInUse()) return kept.use(header, token)
      try {
        return await remote(header, token)
      } catch (error) {
        if (isAboutToken(error) || !kept.isGood()) throw error
        return kept.use(header, token)
      }
    },
  }
}

/** The last key set that could be fetched, for as long as it may be used when there is no other. */
function createKept(
  { keySetMaxAgeMs, staleIfErrorMs }: IssuerConfig,
  telemetry: Pick<Telemetry, 'count'>,
) {
  let keys: JWTVerifyGetKey | null = null
  let [endMs, retryMs] = [0, 0]
  const isGood = () => keys !== null && Date.now() < endMs
  return {
    isGood,
    /** Between two attempts to fetch: not every request waits for one that fails. */
    isInUse: () => isGood() && Date.now() < retryMs,
    keep(body: string): void {
      const set = parseKeySet(body)
      if (set === null) return
      keys = createLocalJWKSet(set)
      ;[endMs, retryMs] = [Date.now() + keySetMaxAgeMs + staleIfErrorMs, 0]
    },
    use: ((header, token) => {
      if (keys === null) throw new Error('no key set was ever fetched')
      if (Date.now() >= retryMs) retryMs = Date.now() + staleRetryMs
      telemetry.count('staleKeySetUses')
      return keys(header, token)
    }) satisfies JWTVerifyGetKey,
  }
}

function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}

function parseKeySet(body: string): JSONWebKeySet | null {
  try {
    const value: unknown = JSON.parse(body)
    return isKeySet(value) ? value : null
  } catch {
    // jose tells of it.
    return null
  }
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  return (
    typeof value === 'object' &&
    value !== null &&
    'keys' in value &&
    Array.isArray(value.keys) &&
    value.keys.every((key: unknown) => typeof key === 'object' && key !== null)
  )
}

const keySetTimeoutMs = 5_000
/** While old keys are used: how often a new set is asked for. */
const staleRetryMs = 1_000
