import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { generateKeyPair, exportJWK } from 'jose'
import type { FlattenedJWSInput, JWTHeaderParameters } from 'jose'
import { startIssuer } from '../issuer-testbed.ts'
import type { IssuerConfig } from '../config.ts'
import { createTestbed } from '../server-testbed.ts'
import { createKeySet } from './key-set.ts'

const [maxAgeMs, staleMs] = [10_000, 60_000]
const header: JWTHeaderParameters = { alg: 'ES256', kid: 'key-1' }
const token: FlattenedJWSInput = { payload: '', signature: '' }

/** A key set of an issuer that can be stopped, and a clock that can be moved. */
async function create(t: TestContext, changes: Partial<IssuerConfig> = {}) {
  const bed = await createTestbed()
  const issuer = await startIssuer(bed)
  t.after(async () => {
    await issuer[Symbol.asyncDispose]()
    await bed[Symbol.asyncDispose]()
  })
  const counted: string[] = []
  const config = { ...issuer.config, keySetMaxAgeMs: maxAgeMs, ...changes }
  const keySet = createKeySet(config, { count: (counter) => counted.push(counter) })
  const startMs = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: startMs })
  await keySet.load()
  return {
    issuer,
    fetches: () => counted.filter((counter) => counter === 'keySetFetches').length,
    uses: () => counted.filter((counter) => counter === 'staleKeySetUses').length,
    /** Whether the key is given, so long after the start. */
    ask: async (afterMs: number, kid = 'key-1') => {
      t.mock.timers.setTime(startMs + afterMs)
      return keySet.keyOf({ ...header, kid }, token)
    },
  }
}

describe('createKeySet', () => {
  it('fails closed when its keys are old and there are no new ones', async (t) => {
    const { issuer, ask } = await create(t)
    assert.ok(await ask(0))
    await issuer[Symbol.asyncDispose]()
    assert.ok(await ask(maxAgeMs - 1))
    await assert.rejects(ask(maxAgeMs), isUnreachable)
  })

  it('recovers with the issuer', async (t) => {
    const { issuer, ask, fetches } = await create(t)
    const good = issuer.keySet.keys
    issuer.keySet.keys = []
    await assert.rejects(ask(maxAgeMs), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
    issuer.keySet.keys = good
    assert.ok(await ask(maxAgeMs + 30_000))
    assert.equal(fetches(), 3)
  })

  it('asks for an unknown key once in each cool-down', async (t) => {
    const { ask, fetches } = await create(t, { keySetCooldownMs: 1_000 })
    for (const afterMs of [0, 999, 1_000, 1_500, 2_000])
      await assert.rejects(ask(afterMs, 'key-2'), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
    // At the start, at 1 s, at 2 s.
    assert.equal(fetches(), 3)
  })
})

describe('createKeySet with stale-if-error', () => {
  it('takes old keys while there are no new ones, and not for ever', async (t) => {
    const { issuer, ask, uses } = await create(t, { staleIfErrorMs: staleMs })
    await issuer[Symbol.asyncDispose]()
    assert.ok(await ask(maxAgeMs - 1))
    assert.equal(uses(), 0)
    assert.ok(await ask(maxAgeMs))
    assert.ok(await ask(maxAgeMs + staleMs - 1))
    assert.equal(uses(), 2)
    await assert.rejects(ask(maxAgeMs + staleMs), isUnreachable)
  })

  it('asks again once a second, not at each request', async (t) => {
    const { issuer, ask, fetches } = await create(t, { staleIfErrorMs: staleMs })
    await issuer[Symbol.asyncDispose]()
    for (const afterMs of [0, 1, 999, 1_000, 1_001]) assert.ok(await ask(maxAgeMs + afterMs))
    assert.equal(fetches(), 3)
  })

  it('lets go of a withdrawn key as soon as it can know', async (t) => {
    const { issuer, ask } = await create(t, { staleIfErrorMs: staleMs })
    const { publicKey } = await generateKeyPair('ES256')
    issuer.keySet.keys = [
      { ...(await exportJWK(publicKey)), kid: 'key-2', alg: 'ES256', use: 'sig' },
    ]
    await assert.rejects(ask(maxAgeMs), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
    assert.ok(await ask(maxAgeMs, 'key-2'))
    await issuer[Symbol.asyncDispose]()
    await assert.rejects(ask(2 * maxAgeMs), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })

  it('knows no key that it was never given', async (t) => {
    const { issuer, ask } = await create(t, { staleIfErrorMs: staleMs })
    await issuer[Symbol.asyncDispose]()
    await assert.rejects(ask(maxAgeMs, 'key-2'), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })

  for (const [name, broken] of [
    ['no list', 'keys'],
    ['keys that are none', ['x']],
  ] as const) {
    it(`keeps no set that is malformed: ${name}`, async (t) => {
      const { issuer, ask } = await create(t, { staleIfErrorMs: staleMs })
      Object.assign(issuer.keySet, { keys: broken })
      // An error like any other: the last good set is used, and ends when it would have.
      assert.ok(await ask(maxAgeMs))
      await assert.rejects(ask(maxAgeMs + staleMs))
    })
  }
})

/** Of the connection that was kept, or of a new one. */
function isUnreachable(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ECONNRESET' || error.code === 'ECONNREFUSED')
  )
}
