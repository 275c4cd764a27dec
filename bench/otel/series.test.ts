import assert from 'node:assert/strict'
import test from 'node:test'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Reading } from './readings.ts'
import { boundsUs, createSeriesStore, type Buckets } from './series.ts'

const merge = (latenciesUs: readonly number[]): Reading => {
  const histogram = createHistogram()
  recordAll(histogram, Float64Array.from(latenciesUs))
  return {
    kind: 'merge',
    instrument: 'duration',
    attributes: { arm: 'tls' },
    histogram: encodeHistogram(histogram),
  }
}

function bucketsOf(readings: readonly Reading[]): Buckets {
  const store = createSeriesStore()
  store.add(readings)
  const value = store.read().get('duration')?.[0]?.value
  assert.ok(value !== undefined && typeof value !== 'number')
  return value
}

test('bounds: ten a decade, ascending, from 10 µs to 100 s', () => {
  assert.deepEqual([boundsUs[0], boundsUs.at(-1), boundsUs.length], [10, 100_000_000, 71])
  assert.deepEqual(
    boundsUs,
    boundsUs.toSorted((a, b) => a - b),
  )
})

test('each sample is in the bucket whose bound it does not exceed, and in no other', () => {
  // 1 and 10 µs: up to 10; 11: up to 12.5; an hour: beyond the last bound.
  const { counts, count, boundsSeconds } = bucketsOf([merge([1, 10, 11, 3_600_000_000])])
  assert.deepEqual([counts[0], counts[1], counts.at(-1)], [2, 1, 1])
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    count,
  )
  assert.deepEqual([count, counts.length, boundsSeconds[1]], [4, 72, 0.0000125])
})

test('two histograms merged are the histogram of all their samples', () => {
  const [a, b] = [
    [12, 900, 30_000],
    [12, 950, 2_000_000],
  ] as const
  assert.deepEqual(bucketsOf([merge(a), merge(b)]), bucketsOf([merge([...a, ...b])]))
})

test('the sum is as exact as HdrHistogram’s three digits', () => {
  const { sumSeconds } = bucketsOf([merge([1_000, 2_000, 3_000_000])])
  assert.ok(Math.abs(sumSeconds / 3.003 - 1) < 0.001)
})

test('counters add up, a gauge is what it was set to, and what begins is 0', () => {
  const store = createSeriesStore()
  const attributes = { arm: 'tls' }
  store.add([
    { kind: 'begin', instrument: 'loadTime', attributes },
    { kind: 'begin', instrument: 'duration', attributes },
    { kind: 'add', instrument: 'requests', attributes, amount: 3 },
    { kind: 'set', instrument: 'offeredRate', attributes, value: 100 },
  ])
  store.add([
    { kind: 'add', instrument: 'requests', attributes, amount: 4 },
    { kind: 'set', instrument: 'offeredRate', attributes, value: 50 },
  ])
  const values = [...store.read()].map(([name, [point]]) => [name, point?.value])
  assert.deepEqual(
    values.filter(([, value]) => typeof value === 'number'),
    [
      ['loadTime', 0],
      ['requests', 7],
      ['offeredRate', 50],
    ],
  )
})

test('beyond the most series of an instrument all goes into one, and none of it is lost', () => {
  const store = createSeriesStore(2)
  for (const arm of ['a', 'b', 'c', 'd', 'a'])
    store.add([{ kind: 'add', instrument: 'requests', attributes: { arm }, amount: 1 }])
  assert.deepEqual(store.read().get('requests'), [
    { attributes: { arm: 'a' }, value: 2 },
    { attributes: { arm: 'b' }, value: 1 },
    { attributes: { 'otel.metric.overflow': 'true' }, value: 2 },
  ])
})
