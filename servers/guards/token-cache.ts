import { hash } from 'node:crypto'
import type { Telemetry } from '../telemetry.ts'
import { invalidToken } from './bearer.ts'
import type { AccessToken, Refusal } from './guard.ts'
import type { RevokedTokens } from './revoked-tokens.ts'

/** A token that was found good, and until when it is. */
export interface ActiveToken {
  readonly token: AccessToken
  /** `jti`; absent where the token has none. */
  readonly id?: string
  readonly expiresAtMs: number
}

/** Checks a token: asks the issuer, or verifies it here. */
export type TokenCheck = (token: string) => Promise<ActiveToken | Refusal>

/** Answers for a token, from memory or from the check; `key` stands for the whole token. */
export type TokenCache = (key: string, token: string) => Promise<ActiveToken | Refusal>

/** What the cache asks, how long it remembers, and where it counts. */
export interface CacheOptions {
  readonly check: TokenCheck
  /** How long a token that is revoked, or whose key is withdrawn, may still be taken. */
  readonly ttlMs: number
  readonly telemetry: Pick<Telemetry, 'count'>
  readonly hitCounter: 'introspectionCacheHits' | 'tokenCacheHits'
  readonly maxEntries: number
  /** Consulted at each request, remembered tokens included; default: none is known to be revoked. */
  readonly revoked?: RevokedTokens
}

/** The check itself where `ttlMs` is 0, else with a memory in front of it. */
export function rememberTokens(
  options: CacheOptions,
): (token: string) => Promise<AccessToken | Refusal> {
  const { check, ttlMs, revoked } = options
  const tokenOf = (answer: ActiveToken | Refusal): AccessToken | Refusal => {
    if ('reason' in answer) return answer
    const { id, token } = answer
    if (id !== undefined && revoked?.has(id) === true) return invalidToken('token_revoked')
    return token
  }
  if (ttlMs === 0) return async (token) => tokenOf(await check(token))
  const cache = createTokenCache(options)
  return async (token) => {
    // The whole token, hashed: no prefix, no truncation, and no token in a heap dump's keys.
    const key = hash('sha256', token, 'base64url')
    return tokenOf(await cache(key, token))
  }
}

/**
 * Remembers positive answers up to `ttlMs`, never past `exp` (RFC 7662 section 4). Requests that come
 * while their token is being checked share that one check. A changed list of revoked tokens empties it.
 */
export function createTokenCache({
  check,
  ttlMs,
  telemetry,
  hitCounter,
  maxEntries,
  revoked,
}: CacheOptions): TokenCache {
  const cached = new Map<string, { answer: ActiveToken; untilMs: number }>()
  const underWay = new Map<string, Promise<ActiveToken | Refusal>>()

  let generation = 0
  revoked?.onReplace(() => {
    generation += 1
    cached.clear()
    // Their answers may be from before the revocation: whoever comes now asks anew.
    underWay.clear()
  })

  const ask = async (key: string, token: string): Promise<ActiveToken | Refusal> => {
    const askedIn = generation
    const answer = await check(token)
    if ('reason' in answer || askedIn !== generation) return answer
    const untilMs = Math.min(Date.now() + ttlMs, answer.expiresAtMs)
    cached.set(key, { answer, untilMs })
    const [oldest] = cached.keys()
    if (cached.size > maxEntries && oldest !== undefined) cached.delete(oldest)
    return answer
  }
  return (key, token) => {
    const entry = cached.get(key)
    cached.delete(key)
    if (entry !== undefined && entry.untilMs > Date.now()) {
      // Back at the young end of the map: its order is that of last use.
      cached.set(key, entry)
      telemetry.count(hitCounter)
      return Promise.resolve(entry.answer)
    }
    let answer = underWay.get(key)
    if (answer === undefined) {
      const asked = ask(key, token).finally(() => {
        if (underWay.get(key) === asked) underWay.delete(key)
      })
      answer = asked
      underWay.set(key, asked)
    }
    return answer
  }
}
