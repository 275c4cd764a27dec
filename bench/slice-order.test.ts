import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createRandom } from './random.ts'
import { sliceOrder, type SliceGroup } from './slice-order.ts'

const alone = (...ids: string[]): SliceGroup[] => ids.map((id) => ({ ids: [id], repeats: 1 }))

test('arms of different cases come in rounds of a random order and its reverse, so drift cancels', () => {
  const order = sliceOrder(alone('a', 'b', 'c'), 4, createRandom(1))
  assert.equal(order.length, 12)
  for (const round of [order.slice(0, 6), order.slice(6)]) {
    assert.deepEqual(round.slice(0, 3), round.slice(3).reverse())
    assert.deepEqual(round.slice(0, 3).sort(), ['a', 'b', 'c'])
  }
})

test('arms of one case come as ABBA, twice in a block, with nothing between them', () => {
  const groups = [
    { ids: ['a1', 'a2'], repeats: 2 },
    { ids: ['b1', 'b2'], repeats: 1 },
    { ids: ['c'], repeats: 1 },
  ]
  const order = sliceOrder(groups, 8, createRandom(2))
  const visits = order
    .map((id) => id.charAt(0))
    .join('')
    .match(/(.)\1*/g)
  // The group that ends the way there begins the way back.
  assert.deepEqual(visits?.length, 5)
  assert.deepEqual(visits, [...visits].reverse())
  for (const [first, second] of [
    ['a1', 'a2'],
    ['b1', 'b2'],
  ]) {
    const pair = order.filter((id) => id === first || id === second)
    for (let start = 0; start < pair.length; start += 4) {
      const [a, b, c, d] = pair.slice(start, start + 4)
      assert.deepEqual([a, b], [d, c])
      assert.notEqual(a, b)
    }
    assert.doesNotMatch(pair.join(' '), /(\w+) \1 \1/)
  }
})

test('each arm gets its slices: times its repeats, and half where it is alone beside pairs', () => {
  const repeats = fc.integer({ min: 1, max: 3 })
  const group = fc.record({ size: fc.integer({ min: 1, max: 2 }), repeats })
  fc.assert(
    fc.property(
      fc.array(group, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer(),
      (drawn, quarter, seed) => {
        const groups = drawn.map(({ size, repeats }, index) => ({
          ids: Array.from({ length: size }, (_, arm) => `${index}.${arm}`),
          repeats,
        }))
        const slices = 4 * quarter
        const counts = Map.groupBy(sliceOrder(groups, slices, createRandom(seed)), (id) => id)
        const hasPairs = groups.some(({ ids }) => ids.length > 1)
        for (const { ids, repeats } of groups) {
          for (const id of ids) {
            const share = hasPairs && ids.length === 1 ? 1 / 2 : 1
            assert.equal(counts.get(id)?.length, slices * repeats * share)
          }
        }
      },
    ),
  )
})
