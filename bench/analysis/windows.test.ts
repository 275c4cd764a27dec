import assert from 'node:assert/strict'
import test from 'node:test'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Block, Window } from '../results.ts'
import { invalidity, windowFigures } from './windows.ts'

const encoded = (valuesUs: readonly number[]) => {
  const histogram = createHistogram()
  recordAll(histogram, Float64Array.from(valuesUs))
  return encodeHistogram(histogram)
}

/** 1,000 requests at 1,000/s: latencies of 1 to 1,000 ms, a generator that is 2 µs late. */
function window(changes: Partial<Window> = {}): Window {
  const ramp = Array.from({ length: 1_000 }, (_, index) => (index + 1) * 1_000)
  return {
    arm: 'tls',
    plan: {
      ratePerSecond: 1_000,
      arrivals: 'constant',
      durationMs: 1_000,
      seed: 1,
      connections: 8,
      maxConnections: 64,
      timeoutMs: 10_000,
    },
    requests: 1_000,
    answered: 1_000,
    errors: {},
    timeouts: 0,
    wallUs: 2_000_000,
    scheduleUs: 999_000,
    sendingUs: 999_002,
    bytesReceived: 50_000,
    connectionsOpened: 8,
    maxOutstanding: 40,
    cpuUs: 20_000,
    issuerCpuUs: null,
    clientCpuUs: 1_900_000,
    spinUs: 1_800_000,
    runQueueUs: 0,
    stealUs: 0,
    foreignCpuUs: 0,
    clientRunQueueUs: 0,
    clientEventLoopUtilization: 1,
    handshakesFull: 0,
    handshakesResumed: 0,
    gcUs: 0,
    rssBytes: 1,
    histograms: {
      response: encoded(ramp),
      service: encoded(ramp),
      queueWait: encoded(ramp.map(() => 2)),
      lateness: encoded(ramp.map(() => 2)),
    },
    ...changes,
  }
}

const block = (index: number, windows: Window[]): Block => ({
  index,
  startedAt: '2026-01-01T00:00:00.000Z',
  startOrder: ['tls'],
  outcome: 'measured',
  reason: null,
  slices: [],
  histograms: [],
  windows,
})

const options = { level: 0.99, seed: 1 }

test('one window: percentiles without an interval, CPU per answer, the spin taken out of the client', () => {
  const [figures] = windowFigures([block(0, [window()])], ['tls', 'jwt'], options)
  assert.ok(figures !== undefined)
  const { metrics } = figures
  // Three significant digits.
  assert.equal(Math.round((metrics.latencyP50Us?.estimate ?? 0) / 1_000), 500)
  assert.equal(Math.round((metrics.latencyP99Us?.estimate ?? 0) / 1_000), 990)
  assert.deepEqual(
    [metrics.latencyP99Us?.low, metrics.latencyP99Us?.level, metrics.latencyP99Us?.blocks],
    [null, null, 1],
  )
  // 10,000 samples are needed, and there are 1,000.
  assert.equal(metrics.latencyP999Us, null)
  assert.equal(metrics.cpuUsPerRequest?.estimate, 20)
  assert.equal(metrics.issuerCpuUsPerRequest, null)
  assert.equal(metrics.clientCpuUsPerRequest?.estimate, 100)
  assert.equal(metrics.requestsPerSecond?.estimate, 500)
  assert.equal(metrics.sendLatenessP50Us?.estimate, 2)
  assert.equal(figures.clientBusyShare, 0.05)
  assert.deepEqual(figures.invalid, [])
})

test('several windows: intervals over blocks, counts added up, failed blocks left out', () => {
  const blocks = Array.from({ length: 8 }, (_, index) =>
    block(index, [window({ cpuUs: 20_000 + index * 100, errors: { reset: 1 }, answered: 999 })]),
  )
  const bad = { ...block(8, [window({ answered: 1 })]), outcome: 'failed' as const }
  const [figures] = windowFigures([...blocks, bad], ['tls'], options)
  assert.equal(figures?.windows, 8)
  assert.deepEqual(
    [figures.requests, figures.answered, figures.errors],
    [8_000, 7_992, { reset: 8 }],
  )
  const cpu = figures.metrics.cpuUsPerRequest
  assert.deepEqual([cpu?.blocks, cpu?.level], [8, 1 - 2 / 2 ** 8])
  assert.equal(figures.metrics.latencyP99Us?.level, 0.99)
})

test('a server that is slow, full or failing is a figure and not an invalid one', () => {
  assert.deepEqual(invalidity(window({ answered: 0, timeouts: 1_000, maxOutstanding: 1_000 })), [])
})

const invalid: [string, Partial<Window>, RegExp][] = [
  ['fell behind', { sendingUs: 1_020_000 }, /^the generator sent 97.9 % of 1000 requests\/s/],
  [
    'was late by more than a tenth of what it measures',
    {
      histograms: {
        ...window().histograms,
        response: encoded([500, 600, 700]),
        lateness: encoded([1, 1, 200]),
      },
    },
    /^the generator was late by 200 µs at p99, where the response is 700 µs/,
  ],
  ['had no time to look', { spinUs: 0 }, /^the client's thread was busy 95.0 % of the time/],
]
for (const [name, changes, reason] of invalid) {
  test(`a window whose generator ${name} is invalid`, () => {
    const reasons = invalidity(window(changes))
    assert.equal(reasons.length, 1)
    assert.match(reasons[0] ?? '', reason)
    const [figures] = windowFigures([block(0, [window(changes)])], ['tls'], options)
    assert.deepEqual(figures?.invalid, reasons)
  })
}

test('just within the bounds is valid: 99 % sent, and no fault of a schedule that ends early', () => {
  assert.deepEqual(invalidity(window({ sendingUs: 1_008_000 })), [])
  // Poisson: the last intended send may be far from requests ÷ rate.
  assert.deepEqual(invalidity(window({ scheduleUs: 900_000, sendingUs: 900_003 })), [])
})
