import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Estimate } from '../analysis/stats.ts'
import {
  atMost,
  atMostPercent,
  bare,
  factor,
  levelPercent,
  signedPercent,
  signedWithMargin,
  withMargin,
} from './numbers.ts'

const about = (estimate: number, half: number): Estimate => ({
  estimate,
  low: estimate - half,
  high: estimate + half,
  level: 0.99,
  blocks: 12,
})
const lone = (estimate: number): Estimate => ({
  ...about(estimate, 0),
  low: null,
  high: null,
  level: null,
})

test('the interval says how many digits are shown, and is never rounded down', () => {
  const rows: [Estimate, string][] = [
    [about(197.234, 2.04), '197 ± 3'],
    [about(197.234, 1.31), '197.2 ± 1.4'],
    [about(34.951, 0.18), '34.95 ± 0.18'],
    [about(34.951, 0.3), '35.0 ± 0.3'],
    [about(9_757.4, 253.6), '9,760 ± 260'],
    [about(1_187, 27), '1,187 ± 27'],
    [about(0.38512, 0.0011), '0.385 ± 0.002'],
    // An interval never looks like none.
    [about(0.38512, 0.00001), '0.385 ± 0.001'],
    [about(5, 0), '5.0 ± 0.0'],
    [about(-2.04, 0.62), '-2.0 ± 0.7'],
    [about(-0.01, 0.62), '0.0 ± 0.7'],
  ]
  for (const [estimate, expected] of rows) assert.equal(withMargin(estimate), expected)
  assert.equal(withMargin(about(0.9534, 0.031), 100), '95 ± 4')
})

test('± is the farther end of a skewed interval', () => {
  assert.equal(withMargin({ estimate: 10, low: 9, high: 15, level: 0.99, blocks: 12 }), '10 ± 5')
})

test('without interval there are three digits and no ±', () => {
  const rows: [number, string][] = [
    [197.234, '197'],
    [34.951, '35.0'],
    [1.8301, '1.83'],
    [0.0123, '0.012'],
    [12_345, '12,345'],
    [0, '0'],
  ]
  for (const [value, expected] of rows) assert.equal(withMargin(lone(value)), expected)
})

test('differences have their sign', () => {
  assert.equal(signedWithMargin(about(162, 9)), '+162 ± 9')
  assert.equal(signedWithMargin(about(-162, 9)), '-162 ± 9')
  assert.equal(signedWithMargin(about(-0.001, 0.5)), '+0.0 ± 0.5')
})

test('a figure without its interval is rounded by it', () => {
  assert.equal(bare(about(5_071.3, 54)), '5,071')
  assert.equal(bare(about(28_613.2, 412)), '28,610')
  assert.equal(bare(lone(5_071.3)), '5,071')
})

test('percentages, bounds, levels and factors', () => {
  assert.equal(signedPercent(0.0351), '+3.5 %')
  assert.equal(signedPercent(-0.0351), '-3.5 %')
  assert.equal(signedPercent(-0.0001), '+0.0 %')
  // A bound is rounded up.
  assert.equal(atMostPercent(0.0341), '3.5 %')
  assert.equal(atMostPercent(0.03), '3.0 %')
  assert.equal(atMost(1.41), '1.5')
  assert.equal(atMost(0.544), '0.55')
  assert.equal(atMost(162.1), '163')
  // A level is rounded down.
  assert.equal(levelPercent(0.9896), '98.9 %')
  assert.equal(levelPercent(0.9921875), '99.2 %')
  assert.equal(levelPercent(0.99), '99 %')
  assert.equal(levelPercent(0.992), '99.2 %')
  assert.deepEqual(
    [factor(5.63), factor(1.056), factor(35.2), factor(0.5)],
    ['×5.6', '×1.06', '×35', '×0.50'],
  )
})
