import assert from 'node:assert/strict'
import test from 'node:test'
import { coldTokens, hitRatioCacheEntries } from './token-pool-sizes.ts'
import { mixed } from './token-pool.ts'

for (const [hitRatio, hits] of [
  [0, 0],
  [0.5, 500],
  [0.9, 900],
  [0.99, 990],
  [1, 1_000],
] as const) {
  test(`a hit ratio of ${hitRatio}: ${hits} of 1,000 requests bring the hot token, evenly`, () => {
    const cold = Array.from({ length: 7 }, (_, index) => `cold ${index}`)
    const next = mixed('hot', cold, hitRatio)
    const sent = Array.from({ length: 1_000 }, next)
    assert.equal(sent.filter((token) => token === 'hot').length, hits)
    // In any hundred as in all.
    const inHundred = sent.slice(300, 400).filter((token) => token === 'hot').length
    assert.ok(Math.abs(inHundred - hits / 10) <= 1)
    // Cold ones in turn: none comes back before all others have been.
    const colds = sent.filter((token) => token !== 'hot').slice(0, 7)
    assert.equal(new Set(colds).size, colds.length)
  })
}

test('a cold token has left the cache before it comes again, and the hot one never does', () => {
  // Least recently used goes first: between two uses of a cold token lie all others.
  assert.ok(coldTokens > hitRatioCacheEntries + 1)
})
