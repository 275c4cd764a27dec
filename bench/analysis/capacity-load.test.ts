import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  cpuUsPerRequestAt,
  demandUs,
  rateAt,
  utilisation,
  utilisationsOnOneCore,
} from './capacity-load.ts'
import { percentileOf, simulateQueue } from './capacity-queue.ts'

const load = fc.record({
  awakeUs: fc.double({ min: 1, max: 5_000, noNaN: true }),
  wakingUs: fc.double({ min: 0, max: 500, noNaN: true }),
  coldUs: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 500, noNaN: true })),
})
const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })

test('without a cost of waking up it is the utilisation law: rate × demand', () => {
  assert.equal(utilisation({ awakeUs: 200, wakingUs: 0, coldUs: 0 }, 2_500), 0.5)
  assert.equal(rateAt({ awakeUs: 200, wakingUs: 0, coldUs: 0 }, 1), 5_000)
})

test('a request alone pays for waking up, one of a full process does not', () => {
  const one = { awakeUs: 20, wakingUs: 60, coldUs: 0 }
  assert.ok(Math.abs(cpuUsPerRequestAt(one, 0.001) - 80) < 0.01)
  assert.ok(Math.abs(cpuUsPerRequestAt(one, rateAt(one, 1)) - 20) < 1e-9)
  // ρ = λ(a + w(1−ρ)): at half use a request costs 20 + 30 µs, so that λ = 0.5 / 50 µs.
  assert.ok(Math.abs(rateAt(one, 0.5) - 10_000) < 1e-6)
})

test('rate and utilisation are inverse, and more of one is more of the other', () => {
  fc.assert(
    fc.property(load, share, (one, used) => {
      const rate = rateAt(one, used)
      assert.ok(Math.abs(utilisation(one, rate) - used) < 1e-9)
      assert.ok(utilisation(one, rate * 1.01) > used)
      assert.ok(used < 0.98 || rateAt(one, used) <= rateAt(one, 1))
    }),
  )
})

test('scaling all times by a factor divides all rates by it; how a process cools down stays', () => {
  fc.assert(
    fc.property(load, share, fc.double({ min: 0.1, max: 10, noNaN: true }), (any, used, factor) => {
      const one = { ...any, coldUs: 0 }
      const slower = { ...one, awakeUs: one.awakeUs * factor, wakingUs: one.wakingUs * factor }
      assert.ok(Math.abs((rateAt(slower, used) * factor) / rateAt(one, used) - 1) < 1e-9)
    }),
  )
})

test('the longer a process has been idle the more a request costs, up to what a cold one does', () => {
  const one = { awakeUs: 20, wakingUs: 60, coldUs: 100 }
  assert.ok(Math.abs(cpuUsPerRequestAt(one, 0.001) - 180) < 0.01)
  // Idle for 1/λ = 1,000 µs on average, as long as cooling takes: half of the warmth is lost.
  const used = utilisation(one, 1_000)
  assert.ok(Math.abs(used - 0.001 * (20 + (1 - used) * (60 + 50))) < 1e-12)
  assert.ok(Math.abs(cpuUsPerRequestAt(one, rateAt(one, 1)) - 20) < 1e-9)
  // A request of one kind beside others: idle times are those of the process.
  assert.ok(Math.abs(demandUs(one, { ratePerSecond: 1_000, used: 0.4 }) - 86) < 1e-9)
})

test('the utilisation that is computed is the one that a simulated process has', () => {
  const one = { awakeUs: 20, wakingUs: 60, coldUs: 0 }
  const rate = rateAt(one, 0.6)
  // A request that finds the process asleep has latency 80, in a share of 1 − ρ = 0.4.
  const latencies = simulateQueue({
    classes: [
      {
        share: 1,
        asleepUs: 80,
        awakeUs: 20,
        shape: Float64Array.of(1),
        delayUs: 0,
        coldUs: 0,
        isRequest: true,
      },
    ],
    arrivalsPerSecond: rate,
    processes: 1,
    requests: 100_000,
    seed: 1,
  })
  const asleep = latencies.filter((us) => Math.abs(us - 80) < 1e-6).length / latencies.length
  assert.ok(Math.abs(asleep - 0.4) < 0.01, `${asleep}`)
  assert.ok(percentileOf(latencies, 50) > 20)
})

test('processes on one core: alone as alone, together a little more than the sum', () => {
  const [a, b] = [
    { load: { awakeUs: 200, wakingUs: 60, coldUs: 0 }, ratePerSecond: 1_000 },
    { load: { awakeUs: 20, wakingUs: 60, coldUs: 0 }, ratePerSecond: 4_000 },
  ]
  const [alone = 0] = utilisationsOnOneCore([a])
  assert.ok(Math.abs(alone - utilisation(a.load, a.ratePerSecond)) < 1e-6)
  const together = utilisationsOnOneCore([a, b])
  const apart = [a, b].map((one) => utilisation(one.load, one.ratePerSecond))
  // Each waits for the other, so that it has work at hand more often, and is woken up less.
  for (const [index, used] of together.entries()) assert.ok(used <= (apart[index] ?? 0) + 1e-9)
  assert.ok(together.every((used) => used > 0))
})
