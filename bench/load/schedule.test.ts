import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createSchedule, createStripe, type OpenPlan } from './schedule.ts'

const plan: OpenPlan = { ratePerSecond: 1_000, arrivals: 'constant', durationMs: 10_000, seed: 1 }

test('constant: one every 1 ÷ rate, from 0 to the last before the end, with no drift', () => {
  const schedule = createSchedule(plan)
  assert.equal(schedule.length, 10_000)
  assert.deepEqual([...schedule.slice(0, 3)], [0, 1, 2])
  assert.equal(schedule.at(-1), 9_999)
  const odd = createSchedule({ ...plan, ratePerSecond: 333 })
  assert.equal(odd.length, 3_330)
  assert.equal(odd.at(-1), (3_329 * 1_000) / 333)
})

test('Poisson: gaps are exponential and counts disperse as they must', () => {
  const schedule = createSchedule({ ...plan, arrivals: 'poisson', durationMs: 100_000 })
  // Number of arrivals: mean 100,000, sd 316; five sd.
  assert.ok(Math.abs(schedule.length - 100_000) < 1_581, `${schedule.length} arrivals`)
  const counts = bucketCounts(schedule, 100, 1_000)
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const dispersion = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / mean
  // χ² with 999 degrees of freedom: its 0.0005 and 0.9995 quantiles (R's qchisq).
  assert.ok(dispersion > 857.2 && dispersion < 1_153.7, `dispersion ${dispersion}`)
  const gaps = [...schedule].slice(1).map((atMs, index) => atMs - (schedule[index] ?? 0))
  const longerThan = (ms: number) => gaps.filter((gap) => gap > ms).length / gaps.length
  for (const ms of [0.5, 1, 2, 4]) assert.ok(Math.abs(longerThan(ms) - Math.exp(-ms)) < 0.008)
})

test('constant arrivals are not Poisson: the same dispersion test refuses them', () => {
  const counts = bucketCounts(createSchedule({ ...plan, durationMs: 100_000 }), 100, 1_000)
  const dispersion = counts.reduce((sum, count) => sum + (count - 100) ** 2, 0) / 100
  assert.ok(dispersion < 857.2)
})

const plans = fc.record({
  ratePerSecond: fc.double({ min: 0.5, max: 50_000, noNaN: true }),
  arrivals: fc.constantFrom('constant' as const, 'poisson' as const),
  durationMs: fc.integer({ min: 1, max: 2_000 }),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
})

test('ascending, within the duration, the same for the same seed', () => {
  fc.assert(
    fc.property(plans, (drawn) => {
      const schedule = createSchedule(drawn)
      assert.deepEqual(schedule, createSchedule(drawn))
      assert.ok(schedule.every((atMs, index) => atMs >= (schedule[index - 1] ?? 0)))
      // A constant schedule rounds its number, and so may end half a gap late.
      const lateMs = drawn.arrivals === 'constant' ? 500 / drawn.ratePerSecond : 0
      assert.ok((schedule.at(-1) ?? 0) <= drawn.durationMs + lateMs)
    }),
    { numRuns: 200 },
  )
})

test('stripes are every nth request of the schedule, bit by bit, and so hold each once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), plans, (of, drawn) => {
      const schedule = createSchedule(drawn)
      for (let index = 0; index < of; index++) {
        const { timesMs, scheduled } = createStripe(drawn, index, of)
        assert.deepEqual(
          timesMs,
          schedule.filter((_, request) => request % of === index),
        )
        assert.equal(scheduled, schedule.length)
      }
    }),
    { numRuns: 100 },
  )
})

function bucketCounts(schedule: Float64Array, bucketMs: number, buckets: number): number[] {
  const counts = new Array<number>(buckets).fill(0)
  for (const atMs of schedule) {
    const bucket = Math.floor(atMs / bucketMs)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}
