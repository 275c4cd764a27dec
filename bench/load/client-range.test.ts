import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { clientRange } from './client-range.ts'

test('seats of ten clients: in order, and none larger than another by more than one', () => {
  const parts = (of: number) =>
    Array.from({ length: of }, (_, index) => clientRange(10, index, of)).map(({ first, count }) => [
      first,
      count,
    ])
  assert.deepEqual(parts(1), [[0, 10]])
  assert.deepEqual(parts(3), [
    [0, 4],
    [4, 3],
    [7, 3],
  ])
  // More seats than clients: some have none.
  assert.deepEqual(
    parts(12).map(([, count]) => count),
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
  )
})

test('the parts of any number of seats are disjoint, cover all, and are in order', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 1_000 }), (total, of) => {
      let next = 0
      for (let index = 0; index < of; index++) {
        const { first, count } = clientRange(total, index, of)
        assert.equal(first, next)
        assert.ok(count === Math.floor(total / of) || count === Math.ceil(total / of))
        next += count
      }
      assert.equal(next, total)
    }),
  )
})
