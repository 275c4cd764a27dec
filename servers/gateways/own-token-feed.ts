import type { UpstreamConfig } from '../config.ts'
import type { FetchedToken } from '../own-token-fetch.ts'
import { renewAtShare, retryMs } from '../own-tokens.ts'

/** Tokens of a product's own, kept fresh by its supervisor: a product fetches none itself. */
export interface OwnTokenFeed {
  /** Those that are good now, by tenant. */
  readonly held: () => ReadonlyMap<string, string>
  /** From now on whoever brings them hears of every change; a rejection is not caught. */
  readonly feed: (renew: (tokens: ReadonlyMap<string, string>) => Promise<void>) => void
  /** `ownTokenFetches` and `ownTokenFailures`, as in the reference gateway. */
  readonly counts: () => Readonly<Record<string, number>>
  readonly stop: () => void
}

/** What a feed is made of; the last two are for tests. */
export interface FeedParts {
  readonly orgIds: readonly string[]
  readonly fetch: (orgId: string) => Promise<FetchedToken>
  readonly nowMs?: () => number
  /** Calls once, after so many ms, unless it is called off by what it returns. */
  readonly after?: (delayMs: number, call: () => void) => () => void
}

/**
 * Fetches a token of each tenant and fetches it anew when `renewAtShare` of its life is over. A token that
 * has come to its end without a successor is taken away. Resolves when each was tried once.
 */
export async function createOwnTokenFeed({
  orgIds,
  fetch,
  nowMs = () => performance.now(),
  after = afterMs,
}: FeedParts): Promise<OwnTokenFeed> {
  const tokens = new Map<string, string>()
  const timers = new Map<string, () => void>()
  const counters = { ownTokenFetches: 0, ownTokenFailures: 0 }
  let tell = (): void => undefined
  let isStopped = false
  const at = (name: string, timeMs: number, call: () => void) => {
    timers.get(name)?.()
    if (!isStopped) timers.set(name, after(Math.max(0, timeMs - nowMs()), call))
  }
  const renew = async (orgId: string): Promise<void> => {
    // The life of a token begins before its answer is here: it counts from when it was asked for.
    const askedMs = nowMs()
    try {
      const { token, lifetimeSeconds } = checked(await fetch(orgId))
      counters.ownTokenFetches += 1
      const lifeMs = lifetimeSeconds * 1_000
      at(`renew ${orgId}`, askedMs + lifeMs * renewAtShare, () => void renew(orgId))
      at(`end ${orgId}`, askedMs + lifeMs, () => {
        if (tokens.delete(orgId)) tell()
      })
      tokens.set(orgId, token)
      tell()
    } catch {
      counters.ownTokenFailures += 1
      at(`renew ${orgId}`, nowMs() + retryMs, () => void renew(orgId))
    }
  }
  await Promise.all(orgIds.map(renew))
  return {
    held: () => new Map(tokens),
    feed(take) {
      if (!isStopped) tell = createTeller(() => take(new Map(tokens)))
    },
    counts: () => ({ ...counters }),
    stop() {
      isStopped = true
      tell = () => undefined
      for (const callOff of timers.values()) callOff()
    },
  }
}

/** A feed for a hop that brings tokens of its own; null where it brings none. */
export async function feedOf(upstream: UpstreamConfig | null): Promise<OwnTokenFeed | null> {
  if (upstream?.ownTokens == null) return null
  // The client of the authorization server is in no supervisor that has no use for it.
  const { createTokenFetch } = await import('../own-token-fetch.ts')
  const orgIds = Object.keys(upstream.ownTokens.clientIds)
  return createOwnTokenFeed({ orgIds, fetch: createTokenFetch(upstream) })
}

/** One call at a time; however often told meanwhile, one more behind it. */
function createTeller(call: () => Promise<void>): () => void {
  let isBusy = false
  let isDue = false
  const run = async (): Promise<void> => {
    isBusy = true
    while (isDue) {
      isDue = false
      await call()
    }
    isBusy = false
  }
  return () => {
    isDue = true
    if (!isBusy) void run()
  }
}

/** Tokens go into configurations: nothing that could mean anything there (RFC 6750 section 2.1). */
function checked(fetched: FetchedToken): FetchedToken {
  if (!/^[\w.~+/-]+=*$/.test(fetched.token)) throw new Error('not a bearer token')
  if (fetched.lifetimeSeconds <= 0) throw new Error('a token without a life')
  return fetched
}

function afterMs(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, Math.min(delayMs, longestMs))
  return () => {
    clearTimeout(timer)
  }
}

/** What timers can wait at most: 24 days. */
const longestMs = 2 ** 31 - 1
