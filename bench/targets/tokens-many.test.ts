import assert from 'node:assert/strict'
import test from 'node:test'
import type { Random } from '../random.ts'
import { openTokensOfMany, type ManyTokens } from './tokens-many.ts'
import { createTokenWorld, settle } from './tokens-testbed.ts'
import type { FetchedToken } from './tokens.ts'

const quiet = { signal: new AbortController().signal, tell: () => undefined, seed: 1 }
const count = 200
const lifetimeMs = 100_000

/** Fetches at so many moments of a world, each answered at once. */
async function openNoting(options: Partial<ManyTokens> = {}) {
  const world = createTokenWorld()
  const asked: { client: number; atMs: number }[] = []
  const tokens = await openTokensOfMany(
    (client): Promise<FetchedToken> => {
      asked.push({ client, atMs: world.nowMs() })
      return Promise.resolve({ value: `t${client}-${asked.length}`, lifetimeMs })
    },
    {
      ...quiet,
      clients: { first: 0, count },
      worldOf: (random: Random) => ({ ...world, random }),
      ...options,
    },
  )
  return { world, asked, tokens }
}

test('each client has its own token, and renews it ahead of its end, not with the others', async () => {
  const { world, asked, tokens } = await openNoting()
  using _tokens = tokens
  assert.deepEqual(
    asked.map(({ client }) => client),
    Array.from({ length: count }, (_, client) => client),
  )
  // The last quarter of a lifetime is kept in reserve, the first is never cut short.
  await world.advance(lifetimeMs * 0.25)
  assert.equal(asked.length, count)
  await world.advance(lifetimeMs * 0.5)
  assert.equal(tokens.lost.aborted, false)
  const seconds = Map.groupBy(asked, ({ client }) => client)
  const moments = [...seconds.values()].map(([, renewal]) => renewal?.atMs ?? Infinity)
  assert.ok(moments.every((atMs) => atMs <= 1_000 + lifetimeMs * 0.75))
  // Spread over half of a lifetime: 20 of 200 in each tenth of it, where they are even.
  const tenths = Map.groupBy(moments, (atMs) =>
    Math.floor((atMs - 1_000 - lifetimeMs * 0.25) / (lifetimeMs * 0.05)),
  )
  assert.equal(tenths.size, 10)
  assert.ok([...tenths.values()].every(({ length }) => length < count / 4))
  assert.ok(tokens.current(7).startsWith('t7-'))
})

test('the moments come of the seed and the number of the client, whoever has its neighbours', async () => {
  const momentsOf = async (options: Partial<ManyTokens>) => {
    const { world, asked, tokens } = await openNoting(options)
    using _tokens = tokens
    await world.advance(lifetimeMs * 0.8)
    const [, renewal] = asked.filter(({ client }) => client === asked.at(0)?.client)
    return renewal?.atMs
  }
  const seat = { clients: { first: 40, count: 10 } }
  assert.equal(await momentsOf(seat), await momentsOf({ clients: { first: 40, count: 1 } }))
  assert.notEqual(await momentsOf(seat), await momentsOf({ ...seat, seed: 2 }))
})

test('no more than 16 are asked for at a time, at first and then when they are renewed', async () => {
  const world = createTokenWorld()
  const waiting: ((token: FetchedToken) => void)[] = []
  let most = 0
  const opening = openTokensOfMany(
    () =>
      new Promise<FetchedToken>((resolve) => {
        waiting.push(resolve)
        most = Math.max(most, waiting.length)
      }),
    {
      ...quiet,
      clients: { first: 0, count: 50 },
      worldOf: (random) => ({ ...world, random }),
    },
  )
  const answerAll = async () => {
    while (waiting.length > 0) {
      for (const answer of waiting.splice(0)) answer({ value: 'same', lifetimeMs })
      await settle()
    }
  }
  await settle()
  assert.equal(waiting.length, 16)
  await answerAll()
  using tokens = await opening
  await world.advance(lifetimeMs * 0.76)
  assert.equal(waiting.length, 16)
  await answerAll()
  assert.deepEqual([most, tokens.stats().fetched], [16, 100])
  // All have the very same token: whoever sends it is one client.
  for (let client = 0; client < 50; client++) tokens.current(client)
  assert.equal(tokens.stats().sent, 1)
})

test('a token that is over before those of all are there: the run does not begin', async () => {
  const world = createTokenWorld()
  const last = Promise.withResolvers<FetchedToken>()
  let asked = 0
  const opening = openTokensOfMany(
    () => {
      asked += 1
      return asked === 1 ? Promise.resolve({ value: 't', lifetimeMs: 1_000 }) : last.promise
    },
    { ...quiet, clients: { first: 5, count: 2 }, worldOf: () => world },
  )
  await world.advance(1_000)
  last.resolve({ value: 't', lifetimeMs: null })
  await assert.rejects(opening, { code: 'measurement-failed', message: /^client 5: the access/ })
})

test('a client that is refused ends it with its number, and nobody else is asked for', async () => {
  let asked = 0
  await assert.rejects(
    openTokensOfMany(
      (client) => {
        asked += 1
        return client === 2
          ? Promise.reject(new Error('answers 401'))
          : Promise.resolve({ value: 't', lifetimeMs: null })
      },
      { ...quiet, clients: { first: 0, count: 1_000 } },
    ),
    /answers 401/,
  )
  assert.ok(asked < 50, `${asked} were asked for`)
})

test('refreshes that fail are one reason, and the first token that expires ends the run by its client', async () => {
  const world = createTokenWorld()
  let fails = false
  using tokens = await openTokensOfMany(
    (client) =>
      fails
        ? Promise.reject(new Error('answers 503'))
        : Promise.resolve({ value: `t${client}`, lifetimeMs: lifetimeMs + client }),
    {
      ...quiet,
      clients: { first: 100, count: 3 },
      worldOf: (random) => ({ ...world, random }),
    },
  )
  fails = true
  await world.advance(lifetimeMs - 1)
  assert.deepEqual(Object.keys(tokens.stats().failures), ['answers 503'])
  assert.deepEqual([tokens.lost.aborted, tokens.current(1)], [false, 't1'])
  await world.advance(1)
  assert.equal(tokens.lost.aborted, true)
  assert.match(
    (tokens.lost.reason as Error).message,
    /^client 100: the access token expired and there is no other: \d+ × answers 503$/,
  )
})
