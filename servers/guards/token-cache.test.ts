import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { goodToken } from './exchange-testbed.ts'
import type { Refusal } from './guard.ts'
import { createRevokedTokens } from './revoked-tokens.ts'
import { createTokenCache, rememberTokens } from './token-cache.ts'
import type { ActiveToken } from './token-cache.ts'

const startMs = 1_000_000
const ttlMs = 5_000
const active = (clientId: string, expiresAtMs = startMs + 60_000): ActiveToken => ({
  token: { ...goodToken, clientId },
  expiresAtMs,
})

/** A cache in front of an issuer that names each token's client after the token. */
function create({
  t,
  maxEntries = 10,
  answer = (token: string) => active(token),
}: {
  t: TestContext
  maxEntries?: number
  answer?: (token: string) => ActiveToken | Refusal
}) {
  t.mock.timers.enable({ apis: ['Date'], now: startMs })
  const asked: string[] = []
  const counted: string[] = []
  const cache = createTokenCache({
    check: (token) => {
      asked.push(token)
      return Promise.resolve(answer(token))
    },
    ttlMs,
    hitCounter: 'introspectionCacheHits',
    telemetry: { count: (counter) => counted.push(counter) },
    maxEntries,
  })
  return { cache, asked, counted }
}

describe('createTokenCache', () => {
  it('asks once within the TTL, and again at its end', async (t) => {
    const { cache, asked, counted } = create({ t })
    assert.deepEqual(await cache('a', 'a'), active('a'))
    t.mock.timers.setTime(startMs + ttlMs - 1)
    assert.deepEqual(await cache('a', 'a'), active('a'))
    assert.deepEqual([asked, counted], [['a'], ['introspectionCacheHits']])
    t.mock.timers.setTime(startMs + ttlMs)
    await cache('a', 'a')
    assert.deepEqual([asked, counted], [['a', 'a'], ['introspectionCacheHits']])
  })

  it('remembers nothing past exp, however long the TTL: I11', async (t) => {
    const { cache, asked } = create({ t, answer: (token) => active(token, startMs + 1_000) })
    await cache('a', 'a')
    t.mock.timers.setTime(startMs + 999)
    await cache('a', 'a')
    assert.equal(asked.length, 1)
    t.mock.timers.setTime(startMs + 1_000)
    await cache('a', 'a')
    assert.equal(asked.length, 2)
  })

  it('gives each token its own answer: I12, I13', async (t) => {
    const { cache } = create({ t })
    for (const key of ['a', 'ab', 'abc', '__proto__', 'a']) {
      assert.deepEqual(await cache(key, key), active(key))
    }
  })

  it('remembers no refusal', async (t) => {
    const refusal: Refusal = { status: 401, reason: 'token_inactive' }
    const { cache, asked } = create({ t, answer: () => refusal })
    assert.equal(await cache('a', 'a'), refusal)
    assert.equal(await cache('a', 'a'), refusal)
    assert.equal(asked.length, 2)
  })

  it('asks once for requests that come together, each token by itself', async (t) => {
    const { cache, asked } = create({ t })
    const answers = await Promise.all([cache('a', 'a'), cache('b', 'b'), cache('a', 'a')])
    assert.deepEqual(answers, [active('a'), active('b'), active('a')])
    assert.deepEqual(asked, ['a', 'b'])
  })

  it('lets go of a call that failed', async (t) => {
    let calls = 0
    t.mock.timers.enable({ apis: ['Date'], now: startMs })
    const cache = createTokenCache({
      check: () => {
        calls += 1
        return calls === 1 ? Promise.reject(new Error('down')) : Promise.resolve(active('a'))
      },
      ttlMs,
      hitCounter: 'introspectionCacheHits',
      telemetry: { count: () => undefined },
      maxEntries: 10,
    })
    await assert.rejects(cache('a', 'a'), /down/)
    assert.deepEqual(await cache('a', 'a'), active('a'))
  })

  it('forgets the token that was used longest ago', async (t) => {
    const { cache, asked } = create({ t, maxEntries: 2 })
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await cache(key, key)
    // c drives out b, which was older than the a used again.
    assert.deepEqual(asked, ['a', 'b', 'c', 'b'])
  })
})

describe('rememberTokens with a list of revoked tokens', () => {
  const remember = (cacheMs: number, answer: (token: string) => Promise<ActiveToken | Refusal>) => {
    const revoked = createRevokedTokens()
    const asked: string[] = []
    const check = rememberTokens({
      check: (token) => {
        asked.push(token)
        return answer(token)
      },
      ttlMs: cacheMs,
      hitCounter: 'tokenCacheHits',
      telemetry: { count: () => undefined },
      maxEntries: 10,
      revoked,
    })
    return { revoked, asked, check }
  }
  const named = (id: string): ActiveToken => ({
    token: { ...goodToken, clientId: id },
    id,
    expiresAtMs: Date.now() + 60_000,
  })
  const refusal = {
    status: 401,
    reason: 'token_revoked',
    challenge: 'Bearer error="invalid_token"',
  }

  for (const cacheMs of [0, ttlMs]) {
    it(`refuses what is on it, and nothing else, with a cache of ${cacheMs} ms`, async () => {
      const { revoked, check } = remember(cacheMs, (token) => Promise.resolve(named(token)))
      assert.equal('reason' in (await check('a')), false)
      revoked.replace(['a'])
      assert.deepEqual(await check('a'), refusal)
      assert.deepEqual(await check('a'), refusal)
      assert.equal('reason' in (await check('ab')), false)
      // The list is the whole.
      revoked.replace(['b'])
      assert.equal('reason' in (await check('a')), false)
      assert.deepEqual(await check('b'), refusal)
    })
  }

  it('forgets every answer when it changes: an opaque token has no id', async () => {
    const { id: _id, ...unnamed } = named('a')
    const { revoked, asked, check } = remember(ttlMs, () => Promise.resolve(unnamed))
    await check('a')
    await check('a')
    assert.deepEqual(asked, ['a'])
    revoked.replace([])
    await check('a')
    assert.deepEqual(asked, ['a', 'a'])
  })

  it('remembers no answer that was asked for before it changed', async () => {
    const old = Promise.withResolvers<ActiveToken>()
    const answers = [
      old.promise,
      Promise.resolve({ status: 401, reason: 'token_inactive' } as const),
    ]
    const { revoked, asked, check } = remember(ttlMs, () => answers.shift() ?? old.promise)
    const first = check('a')
    revoked.replace([])
    // It does not wait for the answer under way, which may be from before.
    const second = await check('a')
    assert.equal('reason' in second && second.reason, 'token_inactive')
    old.resolve(named('a'))
    assert.equal('reason' in (await first), false)
    void check('a')
    assert.deepEqual(asked, ['a', 'a', 'a'])
  })
})
