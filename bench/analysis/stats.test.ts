import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { createRandom, shuffle } from '../random.ts'
import {
  excludes,
  hodgesLehmann,
  mapEstimate,
  margin,
  median,
  quantile,
  signedRankInterval,
  walshAverages,
  type Estimate,
} from './stats.ts'
import { normal } from './testdata.ts'

suite('the signed-rank interval against R', () => {
  // R 4.2.2: wilcox.test(x, conf.int = TRUE, conf.level = level, exact = TRUE), and for the level that
  // is reached: 1 - 2 * psignrank(qsignrank((1 - level) / 2, n) - 1, n).
  const oracle = [
    {
      name: 'depression scores of Hollander and Wolfe, 95 %',
      values: [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01],
      level: 0.95,
      expected: { estimate: 0.46, low: 0.01, high: 0.786, level: 0.9609375, blocks: 9 },
    },
    {
      name: 'the same, 99 %',
      values: [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01],
      level: 0.99,
      expected: { estimate: 0.46, low: -0.1135, high: 0.987, level: 0.9921875, blocks: 9 },
    },
    {
      name: 'Darwin’s maize, its ties parted by thousandths',
      values: [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48].map(
        (value, index) => value + (index + 1) / 1000,
      ),
      level: 0.99,
      expected: { estimate: 25.006, low: -12.995, high: 49.001, level: 0.991638183594, blocks: 15 },
    },
    {
      name: '8 blocks',
      values: [0.012, -0.004, 0.021, 0.009, 0.033, -0.011, 0.017, 0.006],
      level: 0.99,
      expected: { estimate: 0.01075, low: -0.011, high: 0.033, level: 0.9921875, blocks: 8 },
    },
    {
      name: '12 blocks',
      values: [
        0.052, 0.047, 0.061, 0.039, 0.0505, 0.0445, 0.0585, 0.0495, 0.0635, 0.0415, 0.0555, 0.0465,
      ],
      level: 0.99,
      expected: { estimate: 0.050625, low: 0.044, high: 0.05825, level: 0.99072265625, blocks: 12 },
    },
    {
      name: '20 blocks',
      values: [
        0.014316, 0.018908, 0.019324, 0.022239, 0.024876, 0.024341, 0.026693, 0.02897, 0.0282,
        0.030403, 0.032597, 0.0318, 0.03403, 0.036307, 0.035659, 0.038124, 0.040761, 0.040676,
        0.044092, 0.048684,
      ],
      level: 0.99,
      expected: {
        estimate: 0.0311455,
        low: 0.0249875,
        high: 0.0368915,
        level: 0.990564346313,
        blocks: 20,
      },
    },
    {
      name: '40 blocks, skewed',
      values: [
        0.010813, 0.011652, 0.012518, 0.013414, 0.01434, 0.015299, 0.014191, 0.015218, 0.016283,
        0.017387, 0.018533, 0.019721, 0.020955, 0.020138, 0.02147, 0.022855, 0.024296, 0.025796,
        0.027357, 0.028983, 0.028577, 0.030342, 0.032182, 0.034101, 0.036103, 0.038193, 0.040374,
        0.040552, 0.042931, 0.045417, 0.048015, 0.05073, 0.05357, 0.056539, 0.057546, 0.060796,
        0.064198, 0.067759, 0.071487, 0.075391,
      ],
      level: 0.99,
      expected: {
        estimate: 0.03244225,
        low: 0.0237405,
        high: 0.041805,
        level: 0.990218002346,
        blocks: 40,
      },
    },
  ]
  for (const { name, values, level, expected } of oracle) {
    test(name, () => {
      assertNear(signedRankInterval(values, level), expected, 1e-12)
    })
  }

  test('60 blocks', () => {
    const values = Array.from(
      { length: 60 },
      (_, index) => Math.round((Math.sin(index + 1) * 0.01 + 0.02 + (index + 1) / 1e5) * 1e7) / 1e7,
    )
    const interval = signedRankInterval(values)
    assertNear(
      interval,
      { estimate: 0.0204733, low: 0.01816175, high: 0.0231124, level: 0.990181199, blocks: 60 },
      1e-9,
    )
  })
})

suite('what n blocks can reach', () => {
  test('below 8 blocks the interval is the whole range and says so', () => {
    for (let n = 2; n < 8; n++) {
      const values = Array.from({ length: n }, (_, index) => index ** 2)
      const interval = signedRankInterval(values)
      assert.deepEqual(
        [interval?.low, interval?.high, interval?.level],
        [0, (n - 1) ** 2, 1 - 2 / 2 ** n],
      )
    }
  })

  test('one block has no interval, none no estimate', () => {
    assert.deepEqual(signedRankInterval([3]), {
      estimate: 3,
      low: null,
      high: null,
      level: null,
      blocks: 1,
    })
    assert.equal(signedRankInterval([]), null)
  })

  test('the level reached is the smallest attainable that is at least the one asked for', () => {
    for (let n = 8; n <= 50; n++) {
      const { level } = signedRankInterval(Array.from({ length: n }, (_, index) => index)) ?? {}
      assert.ok(level != null && level >= 0.99 && level < 0.9975, `n=${n}: ${level}`)
    }
  })
})

suite('coverage', () => {
  const covers = (draw: () => number, n: number, trials: number): number => {
    let hits = 0
    for (let trial = 0; trial < trials; trial++) {
      const interval = signedRankInterval(Array.from({ length: n }, draw))
      if (interval !== null && !excludes(interval, 0)) hits++
    }
    return hits / trials
  }
  const random = createRandom(20)
  const laws = {
    normal: () => normal(random),
    uniform: () => random() - 0.5,
    'heavy-tailed': () => normal(random) / Math.abs(normal(random) * 0.5 + 0.5),
    'two humps': () => normal(random) * 0.2 + (random() < 0.5 ? 1 : -1),
  }
  for (const [name, draw] of Object.entries(laws)) {
    for (const n of [8, 12, 24]) {
      test(`99 % intervals of ${n} ${name} blocks cover 98.0 to 99.8 %`, () => {
        const share = covers(draw, n, 3_000)
        assert.ok(share >= 0.98 && share <= 0.998, String(share))
      })
    }
  }

  test('ties and zeros do not take coverage away: every sample of 8 from -1, 0, 1', () => {
    // All 3^8 samples of a law that is symmetric about 0, weighted by it.
    const law = [
      [-1, 0.3],
      [0, 0.4],
      [1, 0.3],
    ] as const
    let covered = 0
    for (let sample = 0; sample < 3 ** 8; sample++) {
      const drawn = Array.from(
        { length: 8 },
        (_, place) => law[Math.floor(sample / 3 ** place) % 3],
      )
      const interval = signedRankInterval(drawn.map((one) => one?.[0] ?? 0))
      const weight = drawn.reduce((product, one) => product * (one?.[1] ?? 0), 1)
      if (interval !== null && !excludes(interval, 0)) covered += weight
    }
    assert.ok(covered >= 1 - 2 / 2 ** 8, String(covered))
  })
})

suite('properties of the signed-rank interval', () => {
  const value = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((whole) => whole / 1024)
  const sample = fc.array(value, { minLength: 1, maxLength: 24 })

  test('it moves with a shift and grows with a scale', () => {
    fc.assert(
      fc.property(sample, value, fc.constantFrom(0.5, 2, 1024), (values, shift, scale) => {
        const [plain, moved] = [
          signedRankInterval(values),
          signedRankInterval(values.map((one) => one * scale + shift)),
        ]
        assert.ok(plain !== null)
        assert.deepEqual(
          moved,
          mapEstimate(plain, (one) => one * scale + shift),
        )
      }),
    )
  })

  test('of negated values it is the negated interval', () => {
    fc.assert(
      fc.property(sample, (values) => {
        const plain = signedRankInterval(values)
        assert.ok(plain !== null)
        const negated = signedRankInterval(values.map((one) => 0 - one))
        assert.deepEqual(
          negated,
          mapEstimate(plain, (one) => 0 - one),
        )
      }),
    )
  })

  test('it contains its estimate and stays in the range', () => {
    fc.assert(
      fc.property(sample, (values) => {
        const { estimate, low, high } = signedRankInterval(values) ?? {}
        assert.ok(estimate !== undefined)
        if (low == null || high == null) return
        assert.ok(low <= estimate && estimate <= high)
        assert.ok(Math.min(...values) <= low && high <= Math.max(...values))
      }),
    )
  })

  test('the order of blocks does not matter', () => {
    fc.assert(
      fc.property(sample, fc.nat(), (values, seed) => {
        assert.deepEqual(
          signedRankInterval(shuffle(values, createRandom(seed))),
          signedRankInterval(values),
        )
      }),
    )
  })
})

test('Walsh averages are the means of all pairs, each value with itself', () => {
  assert.deepEqual(walshAverages([4, 1]), [1, 2.5, 4])
  // 1, 1.5, 2, 5.5, 6, 10: the middle two are 2 and 5.5.
  assert.equal(hodgesLehmann([1, 2, 10]), 3.75)
})

test('quantiles are those of R’s default', () => {
  // R 4.2.2: quantile(c(3, 1, 4, 1, 5, 9, 2, 6), c(0, .1, .25, .5, .9, 1))
  const values = [3, 1, 4, 1, 5, 9, 2, 6]
  const expected = [1, 1, 1.75, 3.5, 6.9, 9]
  for (const [index, probability] of [0, 0.1, 0.25, 0.5, 0.9, 1].entries()) {
    assert.ok(Math.abs(quantile(values, probability) - (expected[index] ?? 0)) < 1e-12)
  }
  assert.deepEqual(values, [3, 1, 4, 1, 5, 9, 2, 6])
  assert.equal(median([5, 1, 3]), 3)
  assert.throws(() => median([]), RangeError)
})

test('a falling function swaps the ends of an interval', () => {
  assert.deepEqual(
    mapEstimate({ estimate: 4, low: 2, high: 5, level: 0.99, blocks: 9 }, (cost) => 10 / cost),
    { estimate: 2.5, low: 2, high: 5, level: 0.99, blocks: 9 },
  )
})

test('± is the farther end, so that it never says too little', () => {
  assert.equal(margin({ estimate: 4, low: 3, high: 9, level: 0.99, blocks: 9 }), 5)
  assert.equal(margin({ estimate: 4, low: null, high: null, level: null, blocks: 1 }), null)
})

function assertNear(actual: Estimate | null, expected: Estimate, within: number): void {
  assert.ok(actual !== null)
  assert.equal(actual.blocks, expected.blocks)
  for (const key of ['estimate', 'low', 'high', 'level'] as const) {
    const value: number | null = actual[key]
    const wanted: number | null = expected[key]
    assert.ok(
      value !== null && wanted !== null && Math.abs(value - wanted) <= within,
      `${key}: ${value}, expected ${wanted}`,
    )
  }
}
