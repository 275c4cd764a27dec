import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { percentileOf, shareBeyond, simulateQueue, type WorkClass } from './capacity-queue.ts'

// The simulation against closed forms. Rates are in requests per second, times in µs.

/** Quantiles of the exponential distribution of mean 1, at the middle of even steps. */
const exponential = normalised(
  Float64Array.from({ length: 20_000 }, (_, step) => -Math.log(1 - (step + 0.5) / 20_000)),
)
const constant = Float64Array.of(1)

function normalised(shape: Float64Array): Float64Array {
  const mean = shape.reduce((sum, value) => sum + value, 0) / shape.length
  return shape.map((value) => value / mean)
}

function work(serviceUs: number, shape: Float64Array, changes: Partial<WorkClass> = {}): WorkClass {
  return {
    share: 1,
    asleepUs: serviceUs,
    awakeUs: serviceUs,
    shape,
    delayUs: 0,
    coldUs: 0,
    isRequest: true,
    ...changes,
  }
}

function simulate(
  classes: readonly WorkClass[],
  arrivalsPerSecond: number,
  { processes = 1, requests = 400_000, seed = 1 } = {},
) {
  const latencies = simulateQueue({ classes, arrivalsPerSecond, processes, requests, seed })
  const mean = latencies.reduce((sum, value) => sum + value, 0) / latencies.length
  return { latencies, mean, p50: percentileOf(latencies, 50), p99: percentileOf(latencies, 99) }
}

function assertWithin(seen: number, expected: number, share: number): void {
  assert.ok(
    Math.abs(seen / expected - 1) <= share,
    `${seen} is not within ${share * 100} % of ${expected}`,
  )
}

for (const used of [0.3, 0.5, 0.7]) {
  test(`M/M/1 at ρ = ${used}: mean 1/(μ−λ), p50 ln 2/(μ−λ), p99 ln 100/(μ−λ)`, () => {
    // μ = 1,000/s: mean service 1,000 µs; λ = ρμ.
    const { mean, p50, p99 } = simulate([work(1_000, exponential)], used * 1_000)
    const sojournUs = 1e6 / (1_000 - used * 1_000)
    assertWithin(mean, sojournUs, 0.02)
    assertWithin(p50, Math.log(2) * sojournUs, 0.02)
    assertWithin(p99, Math.log(100) * sojournUs, 0.04)
  })

  test(`M/D/1 at ρ = ${used}: the mean of Pollaczek and Khinchine, S + ρS/2(1−ρ)`, () => {
    const { mean } = simulate([work(1_000, constant)], used * 1_000)
    assertWithin(mean, 1_000 + (used * 1_000) / (2 * (1 - used)), 0.02)
  })
}

test('M/G/1 of two classes: the mean of Pollaczek and Khinchine, S + λE[S²]/2(1−ρ)', () => {
  // Half of the requests take 100 µs, half 900: E[S] = 500, E[S²] = 410,000; λ = 1,200/s, ρ = 0.6.
  const classes = [work(100, constant, { share: 0.5 }), work(900, constant, { share: 0.5 })]
  const { mean } = simulate(classes, 1_200)
  assertWithin(mean, 500 + (0.0012 * 410_000) / (2 * 0.4), 0.02)
})

test('M/M/c: the mean wait of Erlang C', () => {
  // c = 4, μ = 1,000/s, λ = 2,800/s: a = 2.8, ρ = 0.7.
  const [servers, offered] = [4, 2.8]
  const term = (n: number): number => (n === 0 ? 1 : (term(n - 1) * offered) / n)
  const waiting = term(servers) / (1 - offered / servers)
  const below = [0, 1, 2, 3].reduce((sum, n) => sum + term(n), 0)
  const erlangC = waiting / (below + waiting)
  const { mean } = simulate([work(1_000, exponential)], 2_800, { processes: servers })
  assertWithin(mean, 1_000 + (erlangC * 1e6) / (4_000 - 2_800), 0.02)
})

test('exceptional first service: the mean of Welch 1964', () => {
  // Work that waits takes b = 100 µs, work that finds the process asleep f = 300, both constant; λ = 5,000/s.
  const [b, f, perUs] = [100, 300, 0.005]
  const { mean } = simulate([work(b, constant, { asleepUs: f })], perUs * 1e6)
  // p0 = (1−λb)/(1−λ(b−f)); E[T] = f/(1−λ(b−f)) + λ(f²−b²)/2(1−λ(b−f)) + λb²/2(1−λb)
  const d = 1 - perUs * (b - f)
  const expected =
    f / d + (perUs * (f * f - b * b)) / (2 * d) + (perUs * b * b) / (2 * (1 - perUs * b))
  assertWithin(mean, expected, 0.02)
})

test('work that finds its process cold takes longer, the longer it was idle', () => {
  const cooled = work(100, constant, { delayUs: 10, coldUs: 300 })
  // Idle for 1,000 s at a time, all warmth is lost: 100 + 300, and the delay.
  assertWithin(simulate([cooled], 0.001, { requests: 2_000 }).mean, 410, 0.001)
  // Idle for 1 ms at a time before Poisson arrivals, half is lost: u = λ(100 + (1−u)·150) = 0.217, of which a
  // share of 1−u finds it idle, and waiting adds what M/G/1 adds: less than u·300/(1−u) / 2 = 42 µs.
  const { mean } = simulate([cooled], 1_000)
  const alone = 110 + (1 - 0.217) * 150
  assert.ok(mean > alone && mean < alone + 42, `${mean} of ${alone}`)
})

test('what is no request makes others wait and is in no latency; a delay is in it and keeps nobody', () => {
  const handshakes = work(2_000, constant, { share: 0.1, isRequest: false })
  const requests = work(100, constant, { share: 0.9, delayUs: 5_000 })
  const { latencies } = simulate([requests, handshakes], 1_000, { requests: 20_000 })
  assert.equal(latencies.length, 20_000)
  // ρ = 0.001·(0.9·100 + 0.1·2,000) = 0.29: most find the process idle, some wait for a handshake.
  assert.equal(Math.round(latencies[0] ?? 0), 5_100)
  assert.equal(Math.round(percentileOf(latencies, 50)), 5_100)
  assert.ok(percentileOf(latencies, 99) > 6_500 && percentileOf(latencies, 99) < 9_000)
})

test('the same seed gives the same latencies, another one others; longer service is never faster', () => {
  const of = (serviceUs: number, seed: number) =>
    simulate([work(serviceUs, exponential)], 500, { requests: 2_000, seed }).latencies
  assert.deepEqual(of(1_000, 7), of(1_000, 7))
  assert.notDeepEqual(of(1_000, 7), of(1_000, 8))
  fc.assert(
    fc.property(
      fc.double({ min: 1.001, max: 1.5, noNaN: true }),
      fc.integer({ min: 1, max: 99 }),
      (factor, percentile) =>
        percentileOf(of(1_000 * factor, 3), percentile) >= percentileOf(of(1_000, 3), percentile),
    ),
    { numRuns: 25 },
  )
})

test('percentiles and the share beyond a limit of few latencies', () => {
  const latencies = Float64Array.of(1, 2, 3, 4)
  for (const [percentile, expected] of [
    [25, 1],
    [50, 2],
    [51, 3],
    [99, 4],
    [100, 4],
  ] as const)
    assert.equal(percentileOf(latencies, percentile), expected)
  for (const [limitUs, expected] of [
    [0, 1],
    [2, 0.5],
    [4, 0],
  ] as const)
    assert.equal(shareBeyond(latencies, limitUs), expected)
})
