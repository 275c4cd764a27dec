import { BenchError } from '../errors.ts'
import { createRandom, type Random } from '../random.ts'

/** An access token as an authorization server gave it. */
export interface FetchedToken {
  readonly value: string
  /** From the moment that it was asked for, on the safe side; null: it does not say when it ends. */
  readonly lifetimeMs: number | null
}

/** How often tokens were fetched, and why not. */
export interface TokenStats {
  readonly fetched: number
  /** Failed refreshes by reason. */
  readonly failures: Readonly<Record<string, number>>
  /** Of the newest token. */
  readonly lifetimeMs: number | null
  /** Of many clients, those whose token was sent; with the very same token they are one. */
  readonly sent?: number
}

/** The token of the next request, renewed in the background. */
export interface TokenSource extends Disposable {
  /** Of one of many clients by its place from 0; empty once the last has expired: an expired one is never sent. */
  current(client?: number): string
  /** Aborted, with the reason, when the last token has expired and there is no other. */
  readonly lost: AbortSignal
  /** On the clock of `performance.now()`; null: the token does not say when it ends. */
  expiresAtMs(): number | null
  /** Calls back with each next token in place; returns what ends that. */
  onRenewed(tell: () => void): () => void
  stats(): TokenStats
  /** Of many clients: a mark of each token that was sent, as a witness has them. */
  readonly marks?: () => Buffer
}

/** Clock, timers and chance, so that tests need not wait. */
export interface TokenWorld {
  readonly nowMs: () => number
  /** Calls back later; returns what calls that off. */
  readonly after: (delayMs: number, then: () => void) => () => void
  readonly random: Random
}

/** What the tokens of many clients share. */
export interface TokenShare {
  /** How each is named where there are several, with a colon. */
  readonly who: string
  /** Aborted with the first that is lost: the run is over for all. */
  readonly lost: AbortController
  /** Share of the lifetime over which refreshes are spread. */
  readonly jitterShare: number
}

/**
 * Fetches a first token, and each next one well ahead of the expiry of the one before, at a moment that is
 * not the same for all clients. Whoever sends meanwhile uses the old one, so that no request waits. Only
 * one fetch is under way at a time; one that fails is repeated, later each time, until the token expires:
 * then the source is lost, and the run with it. Rejects when the first fetch fails.
 */
export async function openTokens(
  fetch: () => Promise<FetchedToken>,
  world: TokenWorld = realWorld(),
  { who, lost, jitterShare }: TokenShare = { ...alone, lost: new AbortController() },
): Promise<TokenSource> {
  const failures: Record<string, number> = {}
  const listeners = new Set<() => void>()
  let fetched = 0
  let failedInARow = 0
  let token: FetchedToken = { value: '', lifetimeMs: null }
  let expiresAtMs = Infinity
  let callOffRefresh = nothing
  let callOffExpiry = nothing

  const take = async (): Promise<void> => {
    // From before the request: where the answer is slow, the token is older than it seems.
    const askedMs = world.nowMs()
    const next = await fetch()
    if (lost.signal.aborted) return
    token = next
    fetched += 1
    failedInARow = 0
    callOffExpiry()
    expiresAtMs = token.lifetimeMs === null ? Infinity : askedMs + token.lifetimeMs
    if (token.lifetimeMs !== null) plan(token.lifetimeMs)
    for (const tell of listeners) tell()
  }

  function plan(lifetimeMs: number): void {
    callOffExpiry = world.after(expiresAtMs - world.nowMs(), lose)
    const shareLeft = leastShareLeft + jitterShare * world.random()
    callOffRefresh = world.after(expiresAtMs - lifetimeMs * shareLeft - world.nowMs(), refresh)
  }

  function refresh(): void {
    take().catch((error: unknown) => {
      if (lost.signal.aborted) return
      const why = error instanceof Error ? error.message : String(error)
      failures[why] = (failures[why] ?? 0) + 1
      const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** failedInARow)
      failedInARow += 1
      callOffRefresh = world.after(waitMs * (0.5 + world.random()), refresh)
    })
  }

  function lose(): void {
    callOffRefresh()
    const told = Object.entries(failures).map(([why, count]) => `${count} × ${why}`)
    lost.abort(
      new BenchError(
        'measurement-failed',
        `${who}the access token expired and there is no other: ${told.join(', ') || 'it is not renewed'}`,
      ),
    )
  }

  await take()
  return {
    current() {
      // Timers may be late: it is the clock that decides.
      if (world.nowMs() < expiresAtMs) return token.value
      if (!lost.signal.aborted) lose()
      return ''
    },
    lost: lost.signal,
    expiresAtMs: () => (expiresAtMs === Infinity ? null : expiresAtMs),
    onRenewed(tell) {
      listeners.add(tell)
      return () => {
        listeners.delete(tell)
      }
    },
    stats: () => ({ fetched, failures: { ...failures }, lifetimeMs: token.lifetimeMs }),
    [Symbol.dispose]() {
      callOffRefresh()
      callOffExpiry()
      // A fetch that is under way comes to nothing.
      lost.abort(new BenchError('measurement-failed', 'the run is over'))
    },
  }
}

/** Clock and timers of this process. */
export function realWorld(random: Random = createRandom(process.pid)): TokenWorld {
  return {
    nowMs: () => performance.now(),
    after(delayMs, then) {
      const timer = setTimeout(then, Math.min(Math.max(0, delayMs), longestTimerMs))
      timer.unref()
      return () => {
        clearTimeout(timer)
      }
    },
    random,
  }
}

const nothing = (): void => undefined
/** A refresh begins when a quarter to a third of the lifetime is left. */
const leastShareLeft = 0.25
const alone = { who: '', jitterShare: 0.1 } as const
const firstWaitMs = 100
const longestWaitMs = 5_000
/** Beyond this Node's timers fire at once. */
const longestTimerMs = 2 ** 31 - 1
