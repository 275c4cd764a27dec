import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FetchedToken } from './own-token-fetch.ts'
import { createOwnTokens } from './own-tokens.ts'

/** Tokens out of an issuer that a test drives, on a clock that it sets. */
function build(orgIds = ['acme']) {
  const calls: { orgId: string; flight: PromiseWithResolvers<FetchedToken> }[] = []
  const counts: string[] = []
  const clock = { ms: 0 }
  const tokens = createOwnTokens({
    orgIds,
    fetch: (orgId) => {
      const flight = Promise.withResolvers<FetchedToken>()
      calls.push({ orgId, flight })
      return flight.promise
    },
    telemetry: { count: (name) => counts.push(name) },
    nowMs: () => clock.ms,
  })
  const answer = async (call: number, token: string, lifetimeSeconds = 100) => {
    calls[call]?.flight.resolve({ token, lifetimeSeconds })
    await settle()
  }
  const fail = async (call: number) => {
    calls[call]?.flight.reject(new Error('issuer away'))
    await settle()
  }
  return { tokens, calls, counts, clock, answer, fail }
}

/** Lets what was resolved be seen by who waits for it. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('own tokens', () => {
  it('fetch once, however many wait, and then answer at once', async () => {
    const { tokens, calls, answer } = build()
    const ask = async () => tokens.of('acme')
    const waiting = [ask(), ask(), ask()]
    assert.equal(calls.length, 1)
    await answer(0, 'first')
    assert.deepEqual(await Promise.all(waiting), ['first', 'first', 'first'])
    assert.equal(tokens.of('acme'), 'first')
    assert.equal(calls.length, 1)
  })

  it('are renewed in the background when four fifths of their life are over', async () => {
    const { tokens, calls, clock, answer } = build()
    void tokens.of('acme')
    await answer(0, 'first')
    clock.ms = 79_999
    assert.equal(tokens.of('acme'), 'first')
    assert.equal(calls.length, 1)
    clock.ms = 80_000
    // The old one, while the new one is on its way; and one call for both.
    assert.deepEqual([tokens.of('acme'), tokens.of('acme')], ['first', 'first'])
    assert.equal(calls.length, 2)
    await answer(1, 'second')
    assert.equal(tokens.of('acme'), 'second')
  })

  it('count their life from when they were asked for', async () => {
    const { tokens, clock, answer } = build()
    void tokens.of('acme')
    clock.ms = 30_000
    await answer(0, 'first')
    clock.ms = 99_999
    assert.equal(tokens.of('acme'), 'first')
    clock.ms = 100_000
    assert.notEqual(tokens.of('acme'), 'first')
  })

  it('are kept apart by tenant', async () => {
    const { tokens, calls, answer } = build(['acme', 'globex'])
    const loaded = tokens.load()
    assert.deepEqual(
      calls.map(({ orgId }) => orgId),
      ['acme', 'globex'],
    )
    await answer(1, 'of globex')
    await answer(0, 'of acme')
    await loaded
    assert.deepEqual([tokens.of('acme'), tokens.of('globex')], ['of acme', 'of globex'])
  })

  it('outlive an issuer that is away, but not their end: then they fail closed', async () => {
    const { tokens, calls, counts, clock, answer, fail } = build()
    void tokens.of('acme')
    await answer(0, 'first')
    clock.ms = 80_000
    assert.equal(tokens.of('acme'), 'first')
    await fail(1)
    // Not asked again at every request.
    clock.ms = 80_999
    assert.equal(tokens.of('acme'), 'first')
    assert.equal(calls.length, 2)
    clock.ms = 100_000
    const late = tokens.of('acme')
    await fail(2)
    await assert.rejects(Promise.resolve(late), /issuer away/)
    assert.deepEqual(counts, ['ownTokenFetches', 'ownTokenFailures', 'ownTokenFailures'])
  })

  it('of a tenant that this hop is no client for: none', async () => {
    const { tokens, calls } = build()
    await assert.rejects(Promise.resolve(tokens.of('globex')), /no client for this tenant/)
    assert.equal(calls.length, 0)
  })

  it('that cannot be loaded at the start are fetched when they are needed', async () => {
    const { tokens, answer, fail } = build()
    const loaded = tokens.load()
    await fail(0)
    await loaded
    const waiting = tokens.of('acme')
    await answer(1, 'later')
    assert.equal(await waiting, 'later')
  })
})
