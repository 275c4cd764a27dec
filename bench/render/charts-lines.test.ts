import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { spread } from './charts-lines.ts'

test('names move no further than they must', () => {
  const table = [
    // Far apart: none moves.
    { wanted: [20, 60], heights: [10, 10], centres: [20, 60] },
    // Too close: the lower one gives way.
    { wanted: [20, 22], heights: [10, 10], centres: [20, 30] },
    // At the bottom the upper one does.
    { wanted: [94, 96], heights: [10, 10], centres: [85, 95] },
    // Above the top.
    { wanted: [-50], heights: [10], centres: [5] },
    { wanted: [], heights: [], centres: [] },
  ]
  for (const { wanted, heights, centres } of table) {
    assert.deepEqual(spread(wanted, heights, 0, 100), centres)
  }
})

test('names that have room never overlap and never leave it', () => {
  const name = fc.record({
    wanted: fc.integer({ min: -50, max: 250 }),
    height: fc.integer({ min: 1, max: 20 }),
  })
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 10 }), (names) => {
      const sorted = names.toSorted((a, b) => a.wanted - b.wanted)
      const heights = sorted.map(({ height }) => height)
      const centres = spread(
        sorted.map(({ wanted }) => wanted),
        heights,
        0,
        200,
      )
      const tops = centres.map((centre, index) => centre - (heights[index] ?? 0) / 2)
      const bottoms = centres.map((centre, index) => centre + (heights[index] ?? 0) / 2)
      return (
        tops.every((top, index) => top >= (bottoms[index - 1] ?? 0)) && (bottoms.at(-1) ?? 0) <= 200
      )
    }),
  )
})
