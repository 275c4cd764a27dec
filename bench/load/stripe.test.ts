import assert from 'node:assert/strict'
import test from 'node:test'
import { replay, samplesOf, type Sample } from '../seats/seats-testdata.ts'
import { encodeHistogram } from './histogram.ts'
import { createSchedule, createStripe } from './schedule.ts'
import { localMs, mergeStripes, shareOf } from './stripe.ts'

for (const count of [2, 3, 7]) {
  test(`the merge of ${count} stripes is bit-equal to one process that replays the same samples`, () => {
    const samples = samplesOf(20_000, count)
    const whole = replay(samples)
    // Sent and back as the process boundary would: text and numbers only.
    const stripes = Array.from({ length: count }, (_, index) =>
      structuredClone(replay(samples.filter((_sample, request) => request % count === index))),
    )
    const merged = mergeStripes(stripes)
    for (const kind of ['lateness', 'queueWait', 'service', 'response'] as const)
      assert.equal(encodeHistogram(merged[kind]), whole.histograms[kind], kind)
    const { requests, answered, timeouts, errors, bytesReceived } = merged
    assert.deepEqual(
      { requests, answered, timeouts, errors, bytesReceived },
      {
        requests: 20_000,
        answered: whole.answered,
        timeouts: whole.timeouts,
        errors: whole.errors,
        bytesReceived: whole.bytesReceived,
      },
    )
    assert.ok(whole.timeouts > 100 && Object.keys(whole.errors).length === 2)
  })
}

test('a merge that lost or doubled one sample would not be equal', () => {
  const samples = samplesOf(5_000, 1)
  const whole = replay(samples).histograms.response
  const half = (index: number) => samples.filter((_, request) => request % 2 === index)
  const lost = mergeStripes([replay(half(0)), replay(half(1).slice(1))])
  const doubled = mergeStripes([replay(half(0)), replay([...half(1), samples[1] as Sample])])
  assert.notEqual(encodeHistogram(lost.response), whole)
  assert.notEqual(encodeHistogram(doubled.response), whole)
})

test('stripes of a schedule are all of it, each request once', () => {
  const plan = { ratePerSecond: 2_000, arrivals: 'poisson', durationMs: 1_000, seed: 9 } as const
  const stripes = [0, 1, 2].map((index) => createStripe(plan, index, 3).timesMs)
  assert.deepEqual(
    stripes.flatMap((stripe) => [...stripe]).sort((a, b) => a - b),
    [...createSchedule(plan)],
  )
})

test('shares of connections add up, and differ by one at most', () => {
  for (const [total, of] of [
    [8, 3],
    [64, 7],
    [5, 5],
  ] as const) {
    const shares = Array.from({ length: of }, (_, index) => shareOf(total, index, of))
    assert.equal(
      shares.reduce((sum, share) => sum + share, 0),
      total,
    )
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1)
  }
})

test('an instant of the shared clock is the same instant on the local one', () => {
  const before = performance.now()
  const local = localMs(process.hrtime.bigint() + 1_000_000_000n)
  const after = performance.now()
  assert.ok(local >= before + 999 && local <= after + 1_001, `${local} of ${before} to ${after}`)
})
