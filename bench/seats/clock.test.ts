import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { driftUs, probeClock, skewBoundUs, toOwnMs, type ClockReading } from './clock.ts'

/** A seat and a Redis whose clocks are a fixed distance apart, with a way between them of so many µs there and back. */
function apart(offsetUs: number, wallAheadUs: number, ways: readonly (readonly number[])[]) {
  let nowUs = 5_000_000
  let probe = 0
  return {
    readTimeUs: () => {
      const [there = 0, back = 0] = ways[probe++ % ways.length] ?? []
      nowUs += there
      const timeUs = Math.floor(nowUs + offsetUs)
      nowUs += back
      return Promise.resolve(timeUs)
    },
    clocks: {
      monotonicUs: () => nowUs,
      wallUs: () => nowUs + offsetUs + wallAheadUs,
    },
  }
}

const way = fc.tuple(
  fc.double({ min: 1, max: 300_000, noNaN: true }),
  fc.double({ min: 1, max: 300_000, noNaN: true }),
)

test('the offset is wrong by no more than it says, however unequal the ways are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -(10 ** 12), max: 2 * 10 ** 15 }),
      fc.integer({ min: -200_000, max: 200_000 }),
      fc.array(way, { minLength: 1, maxLength: 16 }),
      async (offsetUs, wallAheadUs, ways) => {
        const { readTimeUs, clocks } = apart(offsetUs, wallAheadUs, ways)
        const reading = await probeClock(readTimeUs, clocks, ways.length)
        // A double of this size has a grain of a quarter µs.
        assert.ok(Math.abs(reading.offsetUs - offsetUs) <= reading.errorUs + 1)
        assert.equal(
          Math.round(reading.roundTripUs / 10),
          Math.round(Math.min(...ways.map(([there, back]) => there + back)) / 10),
        )
        // The wall clock is told, and told right, but nothing is computed with it.
        assert.ok(Math.abs(reading.wallOffsetUs - wallAheadUs) <= reading.errorUs + 2)
      },
    ),
  )
})

test('an instant of Redis’ clock is the same one on the seat’s', () => {
  const reading = { offsetUs: 7_000_000, errorUs: 50, roundTripUs: 98, wallOffsetUs: 0 }
  assert.equal(toOwnMs(7_500_000, reading), 500)
})

const reading = (offsetUs: number): ClockReading => ({
  offsetUs,
  errorUs: 1,
  roundTripUs: 1,
  wallOffsetUs: 0,
})

test('the bound of all starts: both largest errors, and the largest drift', () => {
  assert.equal(driftUs(reading(5), reading(-3)), 8)
  const clocks = [
    { errorUs: 100, driftUs: 3 },
    { errorUs: 400, driftUs: 1 },
    { errorUs: 300, driftUs: 9 },
  ]
  assert.equal(skewBoundUs(clocks), 400 + 300 + 9)
  // One seat alone is not apart from itself, but where it began is not known any better.
  assert.equal(skewBoundUs(clocks.slice(0, 1)), 103)
})
