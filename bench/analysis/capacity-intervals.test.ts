import assert from 'node:assert/strict'
import test from 'node:test'
import { countInterval, normalCdf, ratioInterval } from './capacity-intervals.ts'

test('the normal distribution function, by tables', () => {
  for (const [z, expected] of [
    [0, 0.5],
    [1, 0.841345],
    [-1.644854, 0.05],
    [2.575829, 0.995],
    [-6, 0],
  ] as const)
    assert.ok(Math.abs(normalCdf(z) - expected) < 1e-6, `${z}`)
})

/** 1 to 1,000: the quantile of probability p is 1 + 999p. */
const samples = Array.from({ length: 1_000 }, (_, index) => index + 1)

test('few blocks get wider percentiles than many: Student’s t for the normal, and n over n − 1', () => {
  const of = (blocks: number) => ratioInterval(500, { samples, centre: 500, level: 0.9, blocks })
  // Of very many blocks the plain percentiles: 1 + 999 × 0.05 and 1 + 999 × 0.95.
  assert.ok(Math.abs((of(2_000).low ?? 0) - 51) < 0.5)
  assert.ok(Math.abs((of(2_000).high ?? 0) - 950) < 0.5)
  // Of 8: t = 1.895 for 7 degrees, × √(8 ÷ 7) = 2.026, whose tail is 0.0214.
  assert.ok(Math.abs((of(8).low ?? 0) - (1 + 999 * 0.0214)) < 0.5)
})

test('an estimate that was found with more care keeps the ratio of its samples', () => {
  const { low, high } = ratioInterval(50, { samples, centre: 500, level: 0.9, blocks: 2_000 })
  assert.ok(Math.abs((low ?? 0) - 5.1) < 0.1 && Math.abs((high ?? 0) - 95) < 0.1)
})

test('an interval holds its estimate, a count stays whole and above zero, what is zero has no width', () => {
  const count = countInterval(4, { samples: [3, 4, 4, 5, 6], centre: 4, level: 0.9, blocks: 12 })
  assert.deepEqual([count.low, count.estimate, count.high], [3, 4, 6])
  const lone = countInterval(1, { samples: [1, 1, 1], centre: 1, level: 0.9, blocks: 12 })
  assert.deepEqual([lone.low, lone.high], [1, 1])
  const beside = ratioInterval(9, { samples: [1, 2], centre: 1, level: 0.9, blocks: 12 })
  assert.ok((beside.low ?? 0) <= 9 && (beside.high ?? 0) >= 9)
  const zero = ratioInterval(0, { samples: [0, 0], centre: 0, level: 0.9, blocks: 12 })
  assert.deepEqual([zero.low, zero.high], [0, 0])
})
