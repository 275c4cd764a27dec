import assert from 'node:assert/strict'
import test from 'node:test'
import type { ValidationErrors } from '../validations.ts'
import { targetsOf } from './validation-text.ts'

const good: ValidationErrors = {
  cpuMean: 0.05,
  cpuWorst: 0.1,
  saturationWorst: 0.05,
  p50Worst: 0.15,
  p99Worst: 0.3,
  coverage: 0.9,
  predictions: 20,
}

test('each target is met, missed or not judged, whether or not that is welcome', () => {
  const metOf = (changes: Partial<ValidationErrors>) =>
    targetsOf({ errors: { ...good, ...changes } }).map(({ met }) => met)
  assert.deepEqual(metOf({}), [true, true, true, true, true, true])
  assert.deepEqual(metOf({ cpuMean: 0.051, p99Worst: 0.31 }), [
    ...[false, true, true, true],
    ...[false, true],
  ])
  // Intervals that hold everything are too wide, and that is a miss as well.
  for (const coverage of [0.84, 0.96, 1]) assert.equal(metOf({ coverage }).at(-1), false)
  assert.deepEqual(metOf({ saturationWorst: null, coverage: null }).slice(2), [
    ...[null, true],
    ...[true, null],
  ])
})
