import assert from 'node:assert/strict'
import test from 'node:test'
import { holdCredential } from './renewal.ts'

const credential = (name: string, goodUntilNs: bigint | null) => ({
  headers: { authorization: `Bearer ${name}` },
  goodUntilNs,
})

test('a credential is sent until it ends, and another from the moment that it is told', () => {
  let nowNs = 0n
  const held = holdCredential(credential('a', 10n), () => nowNs)
  const seen: (string | undefined)[] = []
  const ask = (atNs: bigint) => {
    nowNs = atNs
    seen.push(held.headers()['authorization'])
  }
  ask(9n)
  held.swap(credential('b', 20n))
  ask(9n)
  ask(19n)
  assert.throws(() => {
    ask(20n)
  }, /^Error: the access token has expired$/)
  // What does not say when it ends never does.
  held.swap(credential('c', null))
  ask(10n ** 18n)
  assert.deepEqual(seen, ['Bearer a', 'Bearer b', 'Bearer b', 'Bearer c'])
})
