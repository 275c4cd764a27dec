import assert from 'node:assert/strict'
import test from 'node:test'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Run } from '../results.ts'
import { wholeSample } from './capacity-draw.ts'
import { fitCase, fitConnections } from './capacity-fit.ts'
import { closedRun, connectionRun } from './capacity-testdata.ts'

const near = (seen: number, expected: number, share = 0.01) => {
  assert.ok(Math.abs(seen / expected - 1) <= share, `${seen}, expected ${expected}`)
}

/** A run whose requests cost more alone, and whose latencies are given by the number of connections. */
function shaped(alone: number, latencies: (connections: number) => Float64Array): Run {
  const run = closedRun([{ scenario: 'tls', cpuUs: 20 }], { blockSd: 0, sliceSd: 0 })
  const encoded = (connections: number) => {
    const histogram = createHistogram()
    recordAll(histogram, latencies(connections))
    return encodeHistogram(histogram)
  }
  return {
    ...run,
    blocks: run.blocks.map((block) => ({
      ...block,
      slices: block.slices.map((slice) =>
        slice.connections === 1 ? { ...slice, cpuUs: alone * slice.requests } : slice,
      ),
      histograms: block.histograms.map((entry) => ({
        ...entry,
        histogram: encoded(entry.connections),
      })),
    })),
  }
}

function fitted(run: Run) {
  const [arm] = run.arms
  assert.ok(arm)
  const fit = fitCase(run, arm)
  assert.ok(fit)
  return fit
}

test('what waking up costs is taken out of requests in batches: Dₙ = a + w ÷ n, D₁ = a + w', () => {
  // D₈ = 20 and D₁ = 62: w = 42 × 8 ÷ 7 = 48, a = 14.
  const fit = fitted(shaped(62, () => new Float64Array(100).fill(100)))
  near(wholeSample.value(fit.awakeUs), 14)
  near(wholeSample.value(fit.asleepUs), 62)
  // 100 µs alone, of which 62 are CPU.
  near(wholeSample.value(fit.delayUs), 38)
})

test('a wrong reading of requests alone does not make others free', () => {
  // D₁ = 1,000: a would be 20 − 980 ÷ 7 < 0.
  near(wholeSample.value(fitted(shaped(1_000, () => new Float64Array(9).fill(1_200))).awakeUs), 8)
})

test('the shape has mean 1, whatever the delay; stalls are what lies far above the median of many', () => {
  const stalled = Float64Array.from({ length: 1_000 }, (_, sample) =>
    sample < 992 ? 1_000 : 11_000,
  )
  const alone = Float64Array.from({ length: 100 }, (_, sample) => (sample < 90 ? 100 : 190))
  const fit = fitted(shaped(62, (connections) => (connections === 1 ? alone : stalled)))
  const shape = wholeSample.shape(fit)
  near(shape.reduce((sum, value) => sum + value, 0) / shape.length, 1)
  // Mean 109, delay 47: 53 and 143 over 62.
  near(Math.max(...shape) / Math.min(...shape), 143 / 53, 0.03)
  const { perRequest, lengthsUs } = wholeSample.stalls(fit)
  // Eight samples of eight connections: one stall in a thousand requests.
  near(perRequest, 0.001)
  assert.equal(lengthsUs.length, 8 * 12)
  near(lengthsUs[0] ?? 0, 10_000)
})

test('what a connection costs is taken at the fewest requests that were measured', () => {
  const run = connectionRun([{ scenario: 'mtls', requestUs: 36, fullUs: 1_580 }])
  const [arm] = run.arms
  assert.ok(arm)
  const { full, resumed } = fitConnections(run, arm)
  assert.ok(full && resumed)
  near(wholeSample.value(full), 1_580)
  near(wholeSample.value(resumed), 1_580)
})

test('a run without requests alone says nothing of a case', () => {
  const run = closedRun([{ scenario: 'tls', cpuUs: 20 }])
  const [arm] = run.arms
  assert.ok(arm)
  const blocks = run.blocks.map((block) => ({
    ...block,
    slices: block.slices.filter(({ connections }) => connections !== 1),
  }))
  assert.equal(fitCase({ ...run, blocks }, arm), null)
})
