import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mapEstimate, type Estimate } from './stats.ts'
import { defaultThresholds, judge, type Verdict } from './verdict.ts'

const metric = { better: 'lower', noiseFloor: 0.005 } as const
const ratio = (low: number, high: number, level = 0.99): Estimate => ({
  estimate: Math.sqrt(low * high),
  low,
  high,
  level,
  blocks: 12,
})

test('two thresholds: beyond ±1 % as a whole, else within ±3 % as a whole, else undecided', () => {
  const rows: [number, number, Verdict][] = [
    [1.011, 1.05, 'worse'],
    [1.0101, 9, 'worse'],
    [1.01, 1.02, 'same'],
    [0.98, 1.02, 'same'],
    [1 / 1.0299, 1.0299, 'same'],
    [0.99, 1.031, 'undecided'],
    [0.97, 1, 'undecided'],
    [1.009, 1.05, 'undecided'],
    [0.5, 2, 'undecided'],
    [0.95, 0.99, 'better'],
    [0.2, 1 / 1.011, 'better'],
  ]
  for (const [low, high, expected] of rows) {
    assert.equal(
      judge(ratio(low, high), metric, defaultThresholds).verdict,
      expected,
      `${low}, ${high}`,
    )
  }
})

test('nothing is claimed without interval, or from one that reaches less than 95 %', () => {
  const none = { verdict: 'undecided', rulesOutMoreThan: null }
  assert.deepEqual(judge(null, metric, defaultThresholds), none)
  assert.deepEqual(judge(ratio(5, 6, 0.9375), metric, defaultThresholds), none)
  const short = { estimate: 5, low: null, high: null, level: null, blocks: 1 }
  assert.deepEqual(judge(short, metric, defaultThresholds), none)
  assert.equal(judge(ratio(5, 6, 0.96875), metric, defaultThresholds).verdict, 'worse')
})

test('where nothing is found it says what is ruled out, in either direction', () => {
  const rulesOut = (low: number, high: number) =>
    judge(ratio(low, high), metric, defaultThresholds).rulesOutMoreThan
  assert.ok(Math.abs((rulesOut(0.99, 1.04) ?? 0) - 0.04) < 1e-12)
  assert.ok(Math.abs((rulesOut(0.8, 1.04) ?? 0) - 0.25) < 1e-12)
  assert.equal(rulesOut(1.02, 1.04), null)
})

test('a threshold below the noise floor of the metric is raised to it', () => {
  const strict = { ...defaultThresholds, effect: 0.001 }
  assert.equal(judge(ratio(1.004, 1.02), metric, strict).verdict, 'same')
  assert.equal(judge(ratio(1.0051, 1.02), metric, strict).verdict, 'worse')
})

test('swapping the sides swaps worse and better and nothing else', () => {
  const bound = fc.double({ min: 0.5, max: 2, noNaN: true })
  const swapped = {
    worse: 'better',
    better: 'worse',
    same: 'same',
    undecided: 'undecided',
  } as const
  fc.assert(
    fc.property(bound, bound, (a, b) => {
      const interval = ratio(Math.min(a, b), Math.max(a, b))
      const inverse = mapEstimate(interval, (value) => 1 / value)
      const { verdict } = judge(interval, metric, defaultThresholds)
      assert.equal(judge(inverse, metric, defaultThresholds).verdict, swapped[verdict])
      const higher = { ...metric, better: 'higher' } as const
      assert.equal(judge(interval, higher, defaultThresholds).verdict, swapped[verdict])
    }),
  )
})
