import assert from 'node:assert/strict'
import test from 'node:test'
import { syntheticRun } from '../bench/analysis/testdata.ts'
import { DEFAULT_LEVEL } from '../bench/analysis/stats.ts'
import {
  addsNothing,
  describeEffects,
  followerEffects,
  type TrialPair,
} from './follower-benchmark/report.ts'

const words = { process: 'the page’s process', seen: 'events read' }

/** Pairs of runs of two blocks in which the page makes requests dearer by a known factor. */
function pairsOf(count: number, factor: number): TrialPair[] {
  const runOf = (cpuUs: number, seed: number) =>
    syntheticRun({ arms: [{ scenario: 'tls', cpuUs }], blocks: 2, blockSd: 0.005, seed })
  return Array.from({ length: count }, (_, index) => ({
    followed: {
      run: runOf(20 * factor, 2 * index),
      follower: { inBlocksUs: 900, betweenBlocksUs: 30_000 },
      seen: 3,
    },
    without: { run: runOf(20, 2 * index + 1), follower: null, seen: 0 },
  }))
}

test('a page that costs nothing: the interval holds 1, and that is enough', () => {
  const pairs = pairsOf(12, 1)
  const effects = followerEffects(pairs, DEFAULT_LEVEL)
  const [{ ratio } = { ratio: null }] = effects
  assert.ok(ratio?.low != null && ratio.high !== null && ratio.low < 1 && ratio.high > 1)
  assert.equal(ratio.blocks, 12)
  assert.ok(addsNothing(effects))
  const text = describeEffects(pairs, effects, words).join('\n')
  assert.match(text, /12 pairs of runs/)
  assert.match(text, /tls .* same, rules out more than/)
  assert.match(text, /most in any run: 0\.9 ms of CPU while blocks ran, 30\.0 ms between them/)
})

test('a page that costs 5 % is found', () => {
  const effects = followerEffects(pairsOf(12, 1.05), DEFAULT_LEVEL)
  assert.ok(!addsNothing(effects))
  assert.ok(Math.abs((effects[0]?.ratio?.estimate ?? 0) - 1.05) < 0.01)
})

test('one pair claims nothing', () => {
  const pairs = pairsOf(1, 1.05)
  const effects = followerEffects(pairs, DEFAULT_LEVEL)
  assert.match(describeEffects(pairs, effects, words).join('\n'), /no interval +too few pairs/)
})
