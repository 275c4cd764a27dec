import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { encodeHistogram } from '../load/histogram.ts'
import { mergeSeats, missingReason, seatWarnings } from './merge.ts'
import { encodeResult, parseResult, type SeatResult } from './seat-result.ts'
import { planOf, replay, resultOf, samplesOf } from './seats-testdata.ts'

/** The stripes of samples, each through the wire and back, as a coordinator gets them. */
function throughTheWire(samples: ReturnType<typeof samplesOf>, of: number): SeatResult[] {
  const { schedule } = planOf(of)
  const plan = planOf(of, { schedule: { ...schedule, ratePerSecond: samples.length } })
  return Array.from({ length: of }, (_, index) => {
    const own = samples.filter((_sample, request) => request % of === index)
    const sent = encodeResult(resultOf(index, replay(own, samples.length)))
    return parseResult(sent, index, plan)
  })
}

test('seats merge to what one process would have seen, bit by bit, in whatever order they come', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 3_000 }),
      fc.nat(),
      (of, count, seed) => {
        const samples = samplesOf(count, seed)
        const whole = replay(samples)
        const results = throughTheWire(samples, of)
        const merged = mergeSeats(planOf(of), results.toReversed(), [])
        for (const kind of ['lateness', 'queueWait', 'service', 'response'] as const)
          assert.equal(encodeHistogram(merged[kind]), whole.histograms[kind], kind)
        const { requests, answered, timeouts, errors, bytesReceived } = whole
        assert.deepEqual(
          [merged.requests, merged.answered, merged.timeouts, merged.errors, merged.bytesReceived],
          [requests, answered, timeouts, errors, bytesReceived],
        )
        assert.deepEqual(
          merged.seats.each.map(({ index }) => index),
          results.map(({ index }) => index),
        )
        assert.deepEqual([merged.seats.planned, merged.seats.missing], [of, []])
      },
    ),
    { numRuns: 30 },
  )
})

test('a seat that is missing is missing: its requests are not made up, and the share says so', () => {
  const results = throughTheWire(samplesOf(4_000, 3), 4)
  const present = results.filter(({ index }) => index !== 2)
  const merged = mergeSeats(planOf(4), present, [{ index: 2, why: 'not started' }])
  assert.deepEqual([merged.requests, merged.seats.offeredShare], [3_000, 0.75])
  const [warning] = seatWarnings(merged)
  assert.equal(
    warning?.message,
    '1 of 4 seats is not in these figures: seat 2 (not started); 75.0 % of the schedule was offered, and nothing is extrapolated',
  )
  assert.equal(missingReason(merged, 1), null)
  assert.equal(
    missingReason(merged, 0),
    '1 of 4 seats handed over no result: seat 2 (not started); 75.0 % of the schedule was offered, --tolerate-missing 1 tells what the others saw',
  )
})

test('of no result at all nothing is told, and of two schedules neither', () => {
  const none = [{ index: 0, why: 'not started' }]
  assert.throws(() => mergeSeats(planOf(1), [], none), {
    message: 'no seat handed over a result: seat 0 (not started)',
  })
  const results = [resultOf(0, replay([], 0)), resultOf(1, replay([], 1))]
  assert.throws(() => mergeSeats(planOf(2), results, []), {
    message: 'seats 0 and 1 made different schedules of one plan: 0 and 1 requests',
  })
})

test('a seat that was the limit is named; one that was not is not', () => {
  // Late by up to 10 ms where answers take 0.01 to 1,000: the generator saw itself.
  const late = samplesOf(2_000, 5).map((sample) => ({ ...sample, serviceMs: 0.01, queuedMs: 0.01 }))
  const fine = late.map((sample) => ({ ...sample, lateMs: 0.01, serviceMs: 3 }))
  const results = [fine, late].map((samples, index) => resultOf(index, replay(samples, 4_000)))
  const merged = mergeSeats(planOf(2), results, [])
  assert.deepEqual(
    merged.seats.each.map(({ limits }) => limits.length > 0),
    [false, true],
  )
  const [warning, ...others] = seatWarnings(merged)
  assert.match(
    warning?.message ?? '',
    /^1 seat was the limit, not the target: seat 1 \(the generator was late by \d+ µs/,
  )
  assert.deepEqual(others, [])
})

const good = () => resultOf(1, replay(samplesOf(500, 1), 1_000))
const garbage: [string, () => string, RegExp][] = [
  ['no JSON', () => 'hello', /^its result is not one/],
  ['JSON of something else', () => '{"a":1}', /^its result is not one/],
  ['another format', () => JSON.stringify({ ...good(), format: 2 }), /\/format/],
  ['another run', () => encodeResult({ ...good(), runId: 'x' }), /of another run or seat/],
  [
    'clients that are counted and not marked',
    () =>
      encodeResult({
        ...good(),
        clients: { configured: 2, first: 0, certificates: 2, tokens: null },
      }),
    /no marks of 2 certificates/,
  ],
  ['another plan', () => encodeResult({ ...good(), nonce: 'x' }), /of another run or seat/],
  [
    'a schedule of another rate',
    () => encodeResult(resultOf(1, replay(samplesOf(250, 1), 500))),
    /a schedule of 500 requests where about 1000 were planned/,
  ],
  ['another seat', () => encodeResult({ ...good(), index: 0 }), /of another run or seat/],
  [
    'a negative count',
    () => encodeResult({ ...good(), reading: { ...good().reading, answered: -1 } }),
    /answered must be >= 0/,
  ],
  [
    'more requests than its share',
    () => encodeResult({ ...good(), reading: { ...good().reading, requests: 501 } }),
    /501 requests where 500 were its share/,
  ],
  [
    'a histogram of other requests',
    () => {
      const { reading } = good()
      const { response } = replay(samplesOf(499, 1)).histograms
      return encodeResult({
        ...good(),
        reading: { ...reading, histograms: { ...reading.histograms, response } },
      })
    },
    /response holds 499 of 500 samples/,
  ],
  [
    'a histogram that is none',
    () => {
      const { reading } = good()
      const histograms = { ...reading.histograms, queueWait: 'QUJD' }
      return encodeResult({ ...good(), reading: { ...reading, histograms } })
    },
    /queueWait is no histogram/,
  ],
  ['more than any result has', () => 'x'.repeat(5_000_000), /^its result is not one/],
]
const planned = planOf(2, { schedule: { ...planOf(2).schedule, ratePerSecond: 1_000 } })
for (const [what, written, message] of garbage) {
  test(`a result of garbage is refused: ${what}`, () => {
    assert.throws(() => parseResult(written(), 1, planned), { name: 'BenchError', message })
  })
}
