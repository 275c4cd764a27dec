import type { Telemetry } from '../telemetry.ts'
import type { AccessToken, Refusal } from './guard.ts'

/** A token that the issuer says is active, and until when. */
export interface ActiveToken {
  readonly token: AccessToken
  readonly expiresAtMs: number
}

/** Answers for a token, from memory or from the issuer; `key` stands for the whole token. */
export type IntrospectionCache = (key: string, token: string) => Promise<ActiveToken | Refusal>

/** What the cache asks, how long it remembers, and where it counts. */
export interface CacheOptions {
  readonly introspect: (token: string) => Promise<ActiveToken | Refusal>
  readonly ttlMs: number
  readonly telemetry: Pick<Telemetry, 'count'>
  /** Default: 10,000 tokens. */
  readonly maxEntries?: number
}

/**
 * Remembers positive answers up to `ttlMs`, never past `exp` (RFC 7662 section 4). Requests that come
 * while the issuer is asked about their token share that one call.
 */
export function createIntrospectionCache({
  introspect,
  ttlMs,
  telemetry,
  maxEntries = maxCachedTokens,
}: CacheOptions): IntrospectionCache {
  const cached = new Map<string, { answer: ActiveToken; untilMs: number }>()
  const underWay = new Map<string, Promise<ActiveToken | Refusal>>()

  const ask = async (key: string, token: string): Promise<ActiveToken | Refusal> => {
    const answer = await introspect(token)
    if ('reason' in answer) return answer
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
      telemetry.count('introspectionCacheHits')
      return Promise.resolve(entry.answer)
    }
    let answer = underWay.get(key)
    if (answer === undefined) {
      answer = ask(key, token).finally(() => underWay.delete(key))
      underWay.set(key, answer)
    }
    return answer
  }
}

/** Some 5 MB at 500 bytes an entry: more clients than one gateway process sees within a TTL of seconds. */
const maxCachedTokens = 10_000
