import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createRandom, type Random } from '../random.ts'
import { simultaneousIntervals, type Cell } from './simultaneous.ts'
import { criticalRank, excludes, intervalAtRank, signedRankInterval } from './stats.ts'
import { normal } from './testdata.ts'

suite('simultaneous intervals', () => {
  test('one cell has its own interval', () => {
    const cell = cellOf([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
    assert.deepEqual(simultaneousIntervals([cell], createRandom(1)), [
      signedRankInterval(cell.values),
    ])
  })

  test('cells that always go together cost nothing: the family is as one cell', () => {
    const values = [3, 1, 4, 1.5, 5, 9, 2, 6, 5.3, 3.5, 5.8, 8]
    const family = [cellOf(values), cellOf(values.map((value) => value * 10))]
    const [first, second] = simultaneousIntervals(family, createRandom(1))
    assert.deepEqual(first, signedRankInterval(values))
    assert.equal(second?.level, first?.level)
  })

  test('they are never wider than Bonferroni’s, and reach the level', () => {
    const random = createRandom(3)
    for (const [blocks, cells] of [
      [11, 6],
      [12, 12],
      [16, 8],
      [30, 4],
    ] as const) {
      const family = correlated({ blocks, cells, shared: 0.5, random })
      for (const [index, interval] of simultaneousIntervals(family, random).entries()) {
        const values = family[index]?.values ?? []
        const bonferroni = intervalAtRank(values, criticalRank(blocks, 0.01 / cells), 0.99)
        assert.ok(interval?.low != null && interval.high !== null && interval.level !== null)
        assert.ok(
          interval.low >= (bonferroni?.low ?? 0) && interval.high <= (bonferroni?.high ?? 0),
        )
        assert.ok(interval.level >= 0.99, `${blocks} blocks, ${cells} cells: ${interval.level}`)
      }
    }
  })

  test('8 blocks cannot give 99 % to several cells, and no more is claimed', () => {
    // 6 cells, each of which misses in 2 of 256 flips: between 1 - 12/256 and 1 - 2/256.
    const family = correlated({ blocks: 8, cells: 6, shared: 0, random: createRandom(4) })
    for (const interval of simultaneousIntervals(family, createRandom(1))) {
      const { level } = interval ?? {}
      assert.ok(level != null && level >= 1 - 12 / 256 && level < 0.99, String(level))
    }
  })

  test('a cell of few blocks does not take the level from the others', () => {
    const long = correlated({ blocks: 12, cells: 2, shared: 0.5, random: createRandom(5) })
    const [first, second, short] = simultaneousIntervals(
      [...long, cellOf([1, 2, 3])],
      createRandom(1),
    )
    assert.deepEqual([first, second], simultaneousIntervals(long, createRandom(1)))
    assert.deepEqual([short?.low, short?.high, short?.level], [1, 3, 0.75])
  })

  test('one value has no interval, none no estimate', () => {
    const intervals = simultaneousIntervals([cellOf([]), cellOf([2])], createRandom(1))
    assert.deepEqual(intervals, [
      null,
      { estimate: 2, low: null, high: null, level: null, blocks: 1 },
    ])
  })

  for (const { blocks, cells, shared } of [
    { blocks: 12, cells: 6, shared: 0.5 },
    { blocks: 12, cells: 6, shared: 0.9 },
  ]) {
    test(`${cells} of ${blocks} blocks, correlated ${shared}, cover all at once in 98.0 to 99.8 %`, () => {
      const random = createRandom(6)
      const trials = 400
      let hits = 0
      for (let trial = 0; trial < trials; trial++) {
        const family = correlated({ blocks, cells, shared, random })
        const intervals = simultaneousIntervals(family, random)
        if (intervals.every((interval) => interval !== null && !excludes(interval, 0))) hits++
      }
      const share = hits / trials
      assert.ok(share >= 0.98 && share <= 0.998, String(share))
    })
  }
})

function cellOf(values: readonly number[]): Cell {
  return { blocks: values.map((_, index) => index), values }
}

/** Cells about 0 whose values share a part of their variance block by block. */
function correlated({
  blocks,
  cells,
  shared,
  random,
}: {
  readonly blocks: number
  readonly cells: number
  readonly shared: number
  readonly random: Random
}): Cell[] {
  const common = Array.from({ length: blocks }, () => normal(random))
  return Array.from({ length: cells }, () =>
    cellOf(common.map((one) => Math.sqrt(shared) * one + Math.sqrt(1 - shared) * normal(random))),
  )
}
