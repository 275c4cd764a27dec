import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createRandom } from '../random.ts'
import { bootstrapInterval } from './bootstrap.ts'
import { margin, variance, type Estimate } from './stats.ts'

suite('the bootstrap over blocks', () => {
  const mean = (values: readonly number[]) => (weights: readonly number[]) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return values.reduce((sum, value, index) => sum + value * (weights[index] ?? 0), 0) / total
  }

  test('of a mean it is the t interval', () => {
    const values = Array.from({ length: 12 }, (_, index) => Math.sin(index * 7))
    const interval = bootstrapInterval({
      blocks: 12,
      statistic: mean(values),
      random: createRandom(1),
    })
    // 3.10580651554 = qt(0.995, 11) in R.
    const half = 3.10580651554 * Math.sqrt((variance(values) ?? 0) / 12)
    const ratioOfHalves = (margin(interval ?? unknown) ?? 0) / half
    assert.ok(Math.abs(ratioOfHalves - 1) < 0.07, String(ratioOfHalves))
  })

  test('the same seed gives the same interval', () => {
    const run = () =>
      bootstrapInterval({
        blocks: 9,
        statistic: mean([3, 1, 4, 1, 5, 9, 2, 6, 5]),
        random: createRandom(7),
      })
    assert.deepEqual(run(), run())
  })

  test('it claims no level that its blocks could not have', () => {
    const levelOf = (blocks: number) =>
      bootstrapInterval({
        blocks,
        statistic: (weights) => weights[0] ?? 0,
        random: createRandom(1),
      })?.level
    assert.deepEqual([0, 1, 2, 5, 8, 30].map(levelOf), [undefined, null, 0.5, 0.9375, 0.99, 0.99])
  })
})

const unknown: Estimate = { estimate: 0, low: null, high: null, level: null, blocks: 0 }
