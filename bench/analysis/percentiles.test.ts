import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  createHistogram,
  encodeHistogram,
  mergeHistograms,
  percentileUs,
  recordAll,
  type Histogram,
} from '../load/histogram.ts'
import { createRandom, type Random } from '../random.ts'
import { histogramOf, mergedPercentile, tabulate } from './percentiles.ts'
import { excludes } from './stats.ts'
import { normal, syntheticRun } from './testdata.ts'

suite('percentiles merged over blocks', () => {
  test('are those of the merged histogram, to the digit', () => {
    const random = createRandom(2)
    const histograms = Array.from({ length: 5 }, (_, block) =>
      latencies(random, 1_000 + block, block / 3),
    )
    const merged = mergeHistograms(histograms)
    const table = tabulate(histograms)
    assert.equal(table.samples, merged.totalCount)
    for (const percentile of [0.01, 1, 50, 90, 99, 99.9, 99.99, 100]) {
      const estimate = mergedPercentile(table, percentile, options)?.estimate
      // exp(ln x) is x but for the last bits.
      assert.equal(Math.round(estimate ?? 0), percentileUs(merged, percentile), `p${percentile}`)
    }
  })

  test('weigh every sample, not every block: percentiles are not averaged', () => {
    // 900 samples of 100 µs and 100 of 1,000 µs: p90 is 100 µs, the mean of both blocks' p90 is 550.
    const blocks = [constant(100, 900), constant(1_000, 100)]
    assert.equal(Math.round(mergedPercentile(tabulate(blocks), 90, options)?.estimate ?? 0), 100)
  })

  test('are null without samples, and without interval from one block', () => {
    assert.equal(mergedPercentile(tabulate([]), 99, options), null)
    const one = mergedPercentile(tabulate([constant(100, 2_000)]), 99, options)
    assert.deepEqual([one?.low, one?.high, one?.level, one?.blocks], [null, null, null, 1])
  })

  test('have 99 % intervals that cover p99 in at least 95 %, nominal as they are', () => {
    // ln latency = block + sample, sd 0.1 and 0.3: normal with sd √0.1; z(0.99) = 2.326347874.
    const truthUs = 1_000 * Math.exp(2.326347874 * Math.sqrt(0.1))
    const random = createRandom(9)
    const trials = 100
    let hits = 0
    for (let trial = 0; trial < trials; trial++) {
      const blocks = Array.from({ length: 12 }, () => latencies(random, 600, 0.1 * normal(random)))
      const interval = mergedPercentile(tabulate(blocks), 99, options)
      if (interval !== null && !excludes(interval, truthUs)) hits++
    }
    assert.ok(hits / trials >= 0.95 && hits < trials, String(hits / trials))
  })
})

test('a histogram is found by arm, load and connections', () => {
  const [block] = syntheticRun({ arms: [{ scenario: 'tls', cpuUs: 30 }], blocks: 1 }).blocks
  assert.ok(block !== undefined)
  const arm = 'tls/connections=8'
  const samples = (key: { load: 'duet' | 'saturation'; connections: number }) =>
    histogramOf(block, { arm, ...key })?.totalCount
  // 10 rounds of 200 requests, one of 200 at one connection, one saturating of 1,000.
  assert.equal(samples({ load: 'duet', connections: 8 }), 2_000)
  assert.equal(samples({ load: 'duet', connections: 1 }), 200)
  assert.equal(samples({ load: 'saturation', connections: 8 }), 1_000)
  assert.equal(samples({ load: 'saturation', connections: 1 }), undefined)
  assert.equal(histogramOf(block, { arm: 'jwt', load: 'duet', connections: 8 }), null)
  const histogram = histogramOf(block, { arm, load: 'duet', connections: 1 })
  const stored = block.histograms.find(({ connections }) => connections === 1)
  assert.equal(histogram === null ? '' : encodeHistogram(histogram), stored?.histogram)
})

const options = { random: createRandom(1), level: 0.99 }

function latencies(random: Random, samples: number, shift: number): Histogram {
  const histogram = createHistogram()
  recordAll(
    histogram,
    Float64Array.from({ length: samples }, () => 1_000 * Math.exp(shift + 0.3 * normal(random))),
  )
  return histogram
}

function constant(valueUs: number, samples: number): Histogram {
  const histogram = createHistogram()
  recordAll(histogram, new Float64Array(samples).fill(valueUs))
  return histogram
}
