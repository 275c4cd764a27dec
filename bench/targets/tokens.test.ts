import assert from 'node:assert/strict'
import test from 'node:test'
import { createTokenWorld, settle } from './tokens-testbed.ts'
import { openTokens, type FetchedToken, type TokenWorld } from './tokens.ts'

/** An issuer of tokens t1, t2, … that live a second; `answers` may hold failures. */
function createIssuer(answers: readonly (Error | Promise<FetchedToken>)[] = []) {
  let asked = 0
  return {
    asked: () => asked,
    fetch: (): Promise<FetchedToken> => {
      const answer = answers[asked]
      asked += 1
      if (answer instanceof Error) return Promise.reject(answer)
      return answer ?? Promise.resolve({ value: `t${asked}`, lifetimeMs: 1_000 })
    },
  }
}

test('each token is fetched while the one before is good, over many lifetimes', async () => {
  const [world, issuer] = [createTokenWorld(), createIssuer()]
  using tokens = await openTokens(issuer.fetch, world)
  const seen: string[] = []
  for (let step = 0; step < 100; step++) {
    seen.push(tokens.current())
    await world.advance(100)
  }
  // 10 s in lifetimes of 1 s, of which the last quarter is not used: 750 ms each.
  assert.equal(issuer.asked(), 1 + Math.floor(10_000 / 750))
  assert.ok(!seen.includes(''))
  const distinct = [...new Set(seen)]
  assert.deepEqual(
    distinct,
    Array.from({ length: distinct.length }, (_, index) => `t${index + 1}`),
  )
  assert.deepEqual(tokens.stats(), {
    fetched: issuer.asked(),
    failures: {},
    lifetimeMs: 1_000,
  })
})

test('whoever listens is told of each next token, with when it ends, until it is tired of it', async () => {
  const [world, issuer] = [createTokenWorld(), createIssuer()]
  using tokens = await openTokens(issuer.fetch, world)
  const told: [string, number | null][] = []
  const end = tokens.onRenewed(() => told.push([tokens.current(), tokens.expiresAtMs()]))
  assert.equal(tokens.expiresAtMs(), 2_000)
  // Renewed at 1,750 and 2,500 ms of a clock that began at 1,000, each for a second.
  await world.advance(1_600)
  end()
  await world.advance(1_000)
  assert.deepEqual(told, [
    ['t2', 2_750],
    ['t3', 3_500],
  ])
  assert.equal(tokens.current(), 't4')
})

test('while a token is fetched the old one is sent, and nobody asks for a second', async () => {
  const slow = Promise.withResolvers<FetchedToken>()
  const first = Promise.resolve({ value: 'first', lifetimeMs: 1_000 })
  const [world, issuer] = [createTokenWorld(), createIssuer([first, slow.promise])]
  using tokens = await openTokens(issuer.fetch, world)
  await world.advance(900)
  assert.deepEqual([tokens.current(), issuer.asked()], ['first', 2])
  slow.resolve({ value: 'second', lifetimeMs: 1_000 })
  await settle()
  assert.deepEqual([tokens.current(), issuer.asked()], ['second', 2])
})

test('a lifetime counts from the question, not from the answer', async () => {
  const slow = Promise.withResolvers<FetchedToken>()
  const never = new Promise<FetchedToken>(() => undefined)
  const [world, issuer] = [createTokenWorld(), createIssuer([slow.promise, never])]
  const opening = openTokens(issuer.fetch, world)
  await world.advance(400)
  slow.resolve({ value: 'slow', lifetimeMs: 1_000 })
  using tokens = await opening
  // 400 of 1,000 ms went by in asking.
  await world.advance(599)
  assert.deepEqual([tokens.current(), issuer.asked()], ['slow', 2])
  await world.advance(1)
  assert.deepEqual([tokens.current(), tokens.lost.aborted], ['', true])
})

test('a failed refresh is counted by its reason and repeated, later each time', async () => {
  const first = Promise.resolve({ value: 'first', lifetimeMs: 10_000 })
  const failures = [new Error('answers 503'), new Error('answers 503'), new Error('answers 500')]
  // Half of the wait is by chance: 0.5 + 0.5 makes it 100, 200, 400 ms.
  const [world, issuer] = [createTokenWorld(0.5), createIssuer([first, ...failures])]
  using tokens = await openTokens(issuer.fetch, world)
  // A quarter and half a tenth of 10 s are left at 7,000 ms.
  const asked: number[] = []
  for (const ms of [6_999, 1, 99, 1, 199, 1, 399, 1]) {
    await world.advance(ms)
    asked.push(issuer.asked())
  }
  assert.deepEqual(asked, [1, 2, 2, 3, 3, 4, 4, 5])
  assert.equal(tokens.current(), 't5')
  assert.deepEqual(tokens.stats().failures, { 'answers 503': 2, 'answers 500': 1 })
  assert.equal(tokens.lost.aborted, false)
})

test('when the last token expires the source is lost, and an expired one is never sent', async () => {
  const first = Promise.resolve({ value: 'first', lifetimeMs: 1_000 })
  const failures = Array.from({ length: 50 }, () => new Error('answers 503'))
  const [world, issuer] = [createTokenWorld(), createIssuer([first, ...failures])]
  using tokens = await openTokens(issuer.fetch, world)
  await world.advance(999)
  assert.deepEqual([tokens.current(), tokens.lost.aborted], ['first', false])
  await world.advance(1)
  assert.deepEqual([tokens.current(), tokens.lost.aborted], ['', true])
  const { message } = tokens.lost.reason as Error
  assert.match(message, /the access token expired and there is no other: \d+ × answers 503$/)
  const asked = issuer.asked()
  await world.advance(60_000)
  assert.equal(issuer.asked(), asked)
})

test('it is the clock that decides, also where a timer is late', async () => {
  const first = Promise.resolve({ value: 'first', lifetimeMs: 1_000 })
  let nowMs = 0
  const world: TokenWorld = { nowMs: () => nowMs, random: () => 0, after: () => () => undefined }
  using tokens = await openTokens(createIssuer([first]).fetch, world)
  nowMs = 1_000
  assert.deepEqual([tokens.current(), tokens.lost.aborted], ['', true])
})

test('a token that does not say when it ends is never renewed', async () => {
  const first = Promise.resolve({ value: 'first', lifetimeMs: null })
  const [world, issuer] = [createTokenWorld(), createIssuer([first])]
  using tokens = await openTokens(issuer.fetch, world)
  await world.advance(1e9)
  assert.deepEqual([tokens.current(), issuer.asked()], ['first', 1])
})

test('without a first token there is no source', async () => {
  const issuer = createIssuer([new Error('answers 401 invalid_client')])
  await assert.rejects(openTokens(issuer.fetch, createTokenWorld()), /invalid_client/)
})
