import { BenchError } from '../errors.ts'
import { createLimit, inParallel } from '../load/parallel.ts'
import { createRandom, type Random } from '../random.ts'
import { clientName, namedAfter, type ClientList } from './clients.ts'
import type { Watched } from './crowd.ts'
import {
  openTokens,
  realWorld,
  type FetchedToken,
  type TokenShare,
  type TokenSource,
  type TokenStats,
  type TokenWorld,
} from './tokens.ts'
import { createWitness } from './witness.ts'

/** Whose tokens they are, and how their refreshes are spread. */
export interface ManyTokens extends Watched {
  readonly clients: Pick<ClientList, 'first' | 'count'>
  /** Of the moments at which tokens are renewed. */
  readonly seed: number
  /** Clock and timers with the chance of one client, so that tests need not wait. */
  readonly worldOf?: (random: Random) => TokenWorld
}

/**
 * Fetches a token for each of many clients, a few at a time, and renews each ahead of its own end, spread over
 * half of its life: tokens that were fetched together would else be asked for together ever after. Rejects with
 * the first that is refused, and names its client. When a token expires and there is no other, all are lost.
 */
export async function openTokensOfMany(
  fetch: (client: number) => Promise<FetchedToken>,
  { clients, seed, signal, tell, worldOf = realWorld }: ManyTokens,
): Promise<TokenSource> {
  const { first, count } = clients
  const limit = createLimit(mostAtOnce)
  const lost = new AbortController()
  const sources: TokenSource[] = []
  let done = 0
  const open = async (client: number) => {
    signal.throwIfAborted()
    const who = clientName(clients, client)
    const share: TokenShare = { who: `${who}: `, lost, jitterShare }
    const world = worldOf(createRandom(seedOf(seed, first + client)))
    try {
      // Refreshes do not wait for first tokens: those of a thousand may take longer than one lives.
      let isFirst = true
      const next = () => {
        if (!isFirst) return limit(() => fetch(client))
        isFirst = false
        return fetch(client)
      }
      sources[client] = await openTokens(next, world, share)
    } catch (error) {
      throw namedAfter(who, error)
    }
    done += 1
    tell('tokens fetched', done, count)
  }
  const close = () => {
    // What is still being fetched comes to nothing, too.
    lost.abort(new BenchError('measurement-failed', 'the run is over'))
    sources.forEach((source) => {
      source[Symbol.dispose]()
    })
  }
  try {
    await inParallel(count, mostAtOnce, open)
    lost.signal.throwIfAborted()
  } catch (error) {
    close()
    throw error
  }
  const sent = createWitness(sources.map((source) => source.current()))
  return {
    current(client = 0) {
      sent.saw(client)
      return sources[client]?.current() ?? ''
    },
    lost: lost.signal,
    // Each token has an end of its own, and nobody asks for that of all.
    expiresAtMs: () => null,
    onRenewed: () => () => undefined,
    stats: () => ({ ...sumOf(sources), sent: sent.count() }),
    marks: () => sent.marks(),
    [Symbol.dispose]: close,
  }
}

function sumOf(sources: readonly TokenSource[]): TokenStats {
  const failures: Record<string, number> = {}
  let fetched = 0
  let lifetimeMs: number | null = null
  for (const source of sources) {
    const stats = source.stats()
    fetched += stats.fetched
    lifetimeMs = stats.lifetimeMs ?? lifetimeMs
    for (const [why, count] of Object.entries(stats.failures))
      failures[why] = (failures[why] ?? 0) + count
  }
  return { fetched, failures, lifetimeMs }
}

/** Of each client its own, whatever the order in which answers come. */
function seedOf(seed: number, client: number): number {
  return Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(client + 1, 0x85ebca6b)
}

/** First tokens at a time, and refreshes: more keep an authorization server no busier, only its answers waiting. */
const mostAtOnce = 16
/** Refreshes begin when a quarter to three quarters of the lifetime are left. */
const jitterShare = 0.5
