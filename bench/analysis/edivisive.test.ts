import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, shuffle } from '../random.ts'
import { bestSplit, divisiveDefaults, fewestValues, findChangePoints } from './edivisive.ts'
import { normal } from './testdata.ts'

const step = [1.02, 0.99, 1.01, 1, 0.98, 1.31, 1.29, 1.3, 1.33, 1.28, 1.32]
const hill = [5, 4, 6, 5, 9, 10, 8, 9, 9, 5, 4, 6, 5, 5]
const ramp = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]

// Oracle: R 4.2.2, package ecp 3.1.6: D <- as.matrix(dist(x)); ecp:::splitPoint(1, length(x), D, min.size)
test('the best split is that of the authors’ own package', () => {
  const table = [
    { values: step, minimum: 2, index: 5, statistic: 1.545454545454545 },
    { values: step, minimum: 3, index: 5, statistic: 1.545454545454546 },
    { values: hill, minimum: 2, index: 4, statistic: 13.77777777777778 },
    { values: hill, minimum: 3, index: 4, statistic: 13.77777777777778 },
    { values: ramp, minimum: 2, index: 11, statistic: 14.31111111111111 },
    { values: ramp, minimum: 3, index: 11, statistic: 14.31111111111111 },
  ]
  for (const { values, minimum, index, statistic } of table) {
    const split = bestSplit(values, minimum)
    assert.equal(split?.index, index)
    assert.ok(Math.abs(split.statistic - statistic) < 1e-12, `${split.statistic}`)
  }
})

test('the statistic is twice the mean distance between, less the means within, weighed by the sizes', () => {
  // Between: 4, 5, 3, 4: mean 4. Within: 1 and 1. (2·2)/(2+2) · (2·4 − 1 − 1) = 6.
  assert.deepEqual(bestSplit([0, 1, 4, 5], 2), { index: 2, statistic: 6 })
})

// Oracle: ecp::e.divisive(matrix(x), sig.lvl = 0.05, R = 4999, min.size = 3) after set.seed(1).
test('change points and their p are those of the authors’ own package', () => {
  const table = [
    { values: step, found: [5], pValues: [0.0034] },
    { values: hill, found: [4, 9], pValues: [0.0304, 0.0096] },
    // p 0.081.
    { values: ramp, found: [], pValues: [] },
  ]
  for (const { values, found, pValues } of table) {
    const changes = findChangePoints(values, {
      random: createRandom(1),
      permutations: 4_999,
      significance: 0.05,
    })
    assert.deepEqual(indices(changes), found)
    for (const [index, { pValue }] of changes.entries()) {
      // Both p wander by their 5,000 permutations: sd at most 0.0024.
      assert.ok(Math.abs(pValue - (pValues[index] ?? 1)) < 0.008, `${pValue}`)
    }
  }
})

test('in white noise a change is found about as often as stated', () => {
  // 400 series at 5 %: 20 expected, sd 4.4.
  const found = Array.from({ length: 400 }, (_, seed) =>
    findChangePoints(noise(20, seed), {
      random: createRandom(seed + 10_000),
      permutations: 199,
      significance: 0.05,
    }),
  ).filter(({ length }) => length > 0)
  assert.ok(found.length >= 9 && found.length <= 33, `${found.length} of 400`)
})

test('by default white noise shows next to none, whatever its distribution', () => {
  // 300 series at 1 %: 3 expected, more than 9 in 0.1 % of tries. Squared twice, tails are heavy.
  for (const shape of [(value: number) => value, (value: number) => Math.exp(2 * value)]) {
    const found = Array.from({ length: 300 }, (_, seed) =>
      search(noise(24, seed + 500).map(shape), seed),
    ).filter(({ length }) => length > 0)
    assert.ok(found.length <= 9, `${found.length} of 300`)
  }
})

test('a step of 3 % in 10 runs of 1 % on either side is found, where it is', () => {
  const places = Array.from({ length: 40 }, (_, seed) => {
    const values = noise(20, seed).map((value, run) => 0.01 * value + (run < 10 ? 0 : 0.03))
    const changes = search(values, seed)
    assert.equal(changes.length, 1, `seed ${seed}: ${indices(changes).join()}`)
    return changes[0]?.index ?? NaN
  })
  assert.ok(
    places.every((place) => Math.abs(place - 10) <= 2),
    places.join(),
  )
  assert.ok(places.filter((place) => place === 10).length >= 30, places.join())
})

test('two steps are found, also where the second takes the first back', () => {
  for (const [first, second] of [
    [0.03, 0.06],
    [0.03, 0],
    [-0.03, -0.06],
  ] as const) {
    const values = noise(36, 3).map(
      (value, run) => 0.005 * value + (run < 12 ? 0 : run < 24 ? first : second),
    )
    assert.deepEqual(indices(search(values, 1)), [12, 24])
  }
})

test('one outlier is no change point, wherever it stands', () => {
  for (const place of [0, 1, 7, 18, 19]) {
    const values = noise(20, 7).map((value, run) => 0.01 * value + (run === place ? 0.5 : 0))
    assert.deepEqual(search(values, 1), [], `at ${place}`)
  }
})

test('a step beside an outlier is still found', () => {
  const values = noise(24, 5).map(
    (value, run) => 0.005 * value + (run < 12 ? 0 : 0.03) + (run === 4 ? 0.2 : 0),
  )
  assert.deepEqual(indices(search(values, 1)), [12])
})

test('without room for two segments nothing is looked for', () => {
  const values = [0, 0, 0, 9, 9, 9]
  for (let count = 0; count < 6; count++) {
    assert.equal(bestSplit(values.slice(0, count), 3), null)
    assert.deepEqual(search(values.slice(0, count), 1), [])
  }
  assert.equal(bestSplit(values, 3)?.index, 3)
})

test('every segment keeps the minimum length', () => {
  for (const minimumSegment of [2, 3, 5]) {
    const values = noise(40, 11).map((value, run) => value + 20 * Math.floor(run / 4))
    const changes = findChangePoints(values, { random: createRandom(1), minimumSegment })
    assert.ok(changes.length > 0)
    const bounds = [0, ...indices(changes), 40]
    for (const [index, bound] of bounds.slice(1).entries()) {
      assert.ok(bound - (bounds[index] ?? 0) >= minimumSegment, bounds.join())
    }
  }
})

test('below the fewest values even a step without noise is none, from there on it is one', () => {
  const fewest = fewestValues(divisiveDefaults)
  // 2 / (9 over 4) = 0.016, 2 / (10 over 5) = 0.008.
  assert.equal(fewest, 10)
  const stepOf = (count: number) =>
    Array.from({ length: count }, (_, run) => (run < count / 2 ? 0 : 1))
  const found = (count: number) =>
    Array.from({ length: 20 }, (_, seed) => search(stepOf(count), seed)).filter(
      ({ length }) => length > 0,
    ).length
  assert.equal(found(fewest - 2), 0)
  // p 0.0079 of 999 permutations: sd 0.0028, so that some seeds miss it.
  assert.ok(found(fewest) >= 10)
  assert.equal(found(fewest + 4), 20)
})

test('constant series and exact ties show nothing', () => {
  assert.deepEqual(search(new Array<number>(30).fill(1.17), 1), [])
  assert.deepEqual(
    search(
      Array.from({ length: 30 }, (_, run) => run % 2),
      1,
    ),
    [],
  )
})

test('the same values and seed give the same change points; order alone matters', () => {
  const values = noise(40, 2).map((value, run) => value + (run < 15 ? 0 : 4))
  assert.deepEqual(search(values, 5), search(values, 5))
  assert.deepEqual(indices(search(values, 5)), [15])
  assert.deepEqual(search(shuffle(values, createRandom(3)), 5), [])
  // Shifting and scaling change no place.
  assert.deepEqual(
    indices(
      search(
        values.map((value) => 3 - 0.01 * value),
        5,
      ),
    ),
    [15],
  )
})

test('p is never below what the permutations can tell', () => {
  const values = noise(60, 2).map((value, run) => 0.01 * value + (run < 30 ? 0 : 9))
  assert.deepEqual(
    search(values, 1).map(({ pValue }) => pValue),
    [1 / 1_000],
  )
})

function search(values: readonly number[], seed: number) {
  return findChangePoints(values, { random: createRandom(seed) })
}

function indices(changes: readonly { readonly index: number }[]): number[] {
  return changes.map(({ index }) => index)
}

function noise(count: number, seed: number): number[] {
  const random = createRandom(seed + 1)
  return Array.from({ length: count }, () => normal(random))
}
