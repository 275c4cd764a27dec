import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sizeOf } from './history-size.ts'

test('the size of a change has Welch’s interval, at the next lower whole degrees of freedom', () => {
  const before = [0.181, 0.183, 0.179, 0.184, 0.18]
  const after = [0.231, 0.226, 0.235, 0.222]
  const size = sizeOf(before, after, 0.99)
  // R: t.test(after, before, conf.level = 0.99) has 3.64 degrees; with 3:
  // mean(after) - mean(before) + c(-1, 1) * qt(0.995, 3) * sqrt(var(before) / 5 + var(after) / 4)
  for (const [value, expected] of [
    [size.estimate, 0.0471],
    [size.low, 0.0296325233212],
    [size.high, 0.0645674766788],
  ] as const) {
    assert.ok(Math.abs(Math.log(value) - expected) < 1e-9, `${Math.log(value)}`)
  }
  assert.deepEqual([size.level, size.runsBefore, size.runsAfter], [0.99, 5, 4])
})

test('segments without any spread have an interval without width', () => {
  const size = sizeOf([0, 0, 0], [Math.log(2), Math.log(2), Math.log(2)], 0.99)
  assert.deepEqual([size.low, size.high].map(Math.round), [2, 2])
})
