import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FetchedToken } from '../own-token-fetch.ts'
import { createOwnTokenFeed } from './own-token-feed.ts'

/** A clock that goes on when it is told to; timers fire on its way. */
function createClock() {
  const timers = new Set<{ readonly atMs: number; readonly call: () => void }>()
  let nowMs = 0
  return {
    nowMs: () => nowMs,
    after(delayMs: number, call: () => void) {
      const timer = { atMs: nowMs + delayMs, call }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async goTo(timeMs: number) {
      for (;;) {
        const [next] = [...timers].sort((a, b) => a.atMs - b.atMs)
        if (next === undefined || next.atMs > timeMs) break
        timers.delete(next)
        nowMs = Math.max(nowMs, next.atMs)
        next.call()
        await settled()
      }
      nowMs = timeMs
    },
    waiting: () => timers.size,
  }
}

/** All that follows from what has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A feed of tokens `t1`, `t2` … that live 10 s each; `answers` replaces some of them. */
async function start(answers: Readonly<Record<number, FetchedToken | Error>> = {}) {
  const clock = createClock()
  let fetched = 0
  const fetch = (): Promise<FetchedToken> => {
    fetched += 1
    const answer = answers[fetched] ?? { token: `t${fetched}`, lifetimeSeconds: 10 }
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  const feed = await createOwnTokenFeed({ orgIds: ['acme'], fetch, ...clock })
  const told: (string | undefined)[] = []
  feed.feed((tokens) => {
    told.push(tokens.get('acme'))
    return Promise.resolve()
  })
  return { clock, feed, told, held: () => feed.held().get('acme') }
}

const away = new Error('the issuer is away')

test('a token is there from the start, and renewed when 0.8 of its life is over', async () => {
  const { clock, feed, told, held } = await start()
  assert.equal(held(), 't1')
  await clock.goTo(7_999)
  assert.deepEqual([held(), told], ['t1', []])
  await clock.goTo(8_000)
  assert.deepEqual([held(), told], ['t2', ['t2']])
  // 8 + 8 s; the end of the first, at 10 s, changes nothing.
  await clock.goTo(16_000)
  assert.deepEqual(told, ['t2', 't3'])
  assert.deepEqual(feed.counts(), { ownTokenFetches: 3, ownTokenFailures: 0 })
})

test('while the issuer is away it is asked every second, and the old token ends with its life', async () => {
  const { clock, feed, told, held } = await start({ 2: away, 3: away, 4: away, 5: away })
  // At 8, 9, 10 and 11 s.
  await clock.goTo(9_999)
  assert.deepEqual([held(), told], ['t1', []])
  await clock.goTo(10_000)
  assert.deepEqual([held(), told], [undefined, [undefined]])
  await clock.goTo(12_000)
  assert.deepEqual([held(), told], ['t6', [undefined, 't6']])
  assert.deepEqual(feed.counts(), { ownTokenFetches: 2, ownTokenFailures: 4 })
})

test('what could mean something in a configuration, or has no life, is no token', async () => {
  for (const bad of [
    { token: 'a"; return 200', lifetimeSeconds: 10 },
    { token: 'a\nb', lifetimeSeconds: 10 },
    { token: '', lifetimeSeconds: 10 },
    { token: 'good', lifetimeSeconds: 0 },
  ]) {
    const { clock, held } = await start({ 1: bad })
    assert.equal(held(), undefined)
    await clock.goTo(1_000)
    assert.equal(held(), 't2')
  }
})

test('one change at a time: those that come meanwhile are told together', async () => {
  const clock = createClock()
  let fetched = 0
  const feed = await createOwnTokenFeed({
    orgIds: ['acme', 'globex', 'initech'],
    fetch: () => Promise.resolve({ token: `t${++fetched}`, lifetimeSeconds: 10 }),
    ...clock,
  })
  const told: string[][] = []
  const busy = Promise.withResolvers<undefined>()
  feed.feed((tokens) => {
    told.push([...tokens.values()])
    return busy.promise
  })
  await clock.goTo(8_000)
  assert.deepEqual(told, [['t4', 't2', 't3']])
  busy.resolve(undefined)
  await settled()
  assert.deepEqual(told[1], ['t4', 't5', 't6'])
  assert.equal(told.length, 2)
})

test('nothing is asked or told after it has stopped', async () => {
  const { clock, feed, told } = await start()
  feed.stop()
  assert.equal(clock.waiting(), 0)
  await clock.goTo(20_000)
  assert.deepEqual([told, feed.counts().ownTokenFetches], [[], 1])
})
