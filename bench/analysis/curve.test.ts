import assert from 'node:assert/strict'
import test from 'node:test'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Block, Window } from '../results.ts'
import { curveFigures, windowP99Us } from './curve.ts'

/** A window whose requests all took so long. */
function window(
  ratePerSecond: number,
  latencyUs: number,
  stage: NonNullable<Window['stage']>,
  changes: Partial<Window> = {},
): Window {
  const requests = 1_200
  const encoded = (us: number) => {
    const histogram = createHistogram()
    recordAll(histogram, new Float64Array(requests).fill(us))
    return encodeHistogram(histogram)
  }
  const scheduleUs = (requests / ratePerSecond) * 1e6
  return {
    arm: 'tls',
    plan: {
      ratePerSecond,
      arrivals: 'poisson',
      durationMs: scheduleUs / 1_000,
      seed: 1,
      connections: 8,
      maxConnections: 64,
      timeoutMs: 10_000,
    },
    stage,
    requests,
    answered: requests,
    errors: {},
    timeouts: 0,
    wallUs: scheduleUs,
    scheduleUs,
    sendingUs: scheduleUs,
    bytesReceived: 1,
    connectionsOpened: 8,
    maxOutstanding: 1,
    cpuUs: 1,
    issuerCpuUs: null,
    clientCpuUs: 1,
    spinUs: 0,
    runQueueUs: 0,
    stealUs: 0,
    foreignCpuUs: 0,
    clientRunQueueUs: 0,
    clientEventLoopUtilization: 0,
    handshakesFull: 0,
    handshakesResumed: 0,
    gcUs: 0,
    rssBytes: 1,
    histograms: {
      response: encoded(latencyUs),
      service: encoded(latencyUs),
      queueWait: encoded(1),
      lateness: encoded(1),
    },
    ...changes,
  }
}

const block = (index: number, windows: Window[]): Block => ({
  index,
  startedAt: '2025-01-01T00:00:00.000Z',
  startOrder: ['tls'],
  outcome: 'measured',
  reason: null,
  slices: [],
  histograms: [],
  windows,
})

/** Mean response of an M/M/1 queue that serves 1,000/s: 10⁶ ÷ (1000 − rate) µs. */
const meanUs = (rate: number) => 1e6 / (1_000 - rate)
const rates = [100, 250, 400, 500, 625, 800, 900]
const options = { level: 0.99, seed: 1 }
const grid = (slo: Partial<Window> = {}) =>
  rates.map((rate) => window(rate, meanUs(rate), 'grid', slo))

test('the knee of an M/M/1 queue is at half of what it can do (Kleinrock 1979)', () => {
  const blocks = Array.from({ length: 4 }, (_, index) => block(index, grid()))
  const [curve] = curveFigures(blocks, ['tls'], options)
  const knee = curve?.kneePerSecond
  // rate × (1000 − rate) is highest at 500; between rates 25 % apart the parabola is near.
  assert.ok(knee != null && Math.abs(knee.estimate / 500 - 1) < 0.04, String(knee?.estimate))
  assert.deepEqual([knee.blocks, knee.level], [4, 0.875])
  assert.deepEqual(
    curve?.points.map(({ plan }) => plan.ratePerSecond),
    rates,
  )
  assert.equal(curve.objective, null)
})

test('a knee at the end of the grid is none, and so is one between points of the generator', () => {
  const low = [100, 200, 300].map((rate) => window(rate, meanUs(rate), 'grid'))
  assert.equal(curveFigures([block(0, low)], ['tls'], options)[0]?.kneePerSecond, null)
  const late = grid().map((one) => ({ ...one, sendingUs: one.scheduleUs * 2 }))
  assert.equal(curveFigures([block(0, late)], ['tls'], options)[0]?.kneePerSecond, null)
})

test('the objective is met by what confirms it, never by what the search saw', () => {
  const slo = { sloP99Us: 5_000 }
  const search = block(1, [window(790, 4_900, 'search', slo)])
  const confirmed = (latencyUs: number) => [
    block(0, grid(slo)),
    search,
    ...[2, 3].map((index) => block(index, [window(790, latencyUs, 'confirm', slo)])),
  ]
  const objectiveOf = (latencyUs: number) =>
    curveFigures(confirmed(latencyUs), ['tls'], options)[0]?.objective
  assert.deepEqual(
    [objectiveOf(4_800)?.highest?.ratePerSecond, objectiveOf(4_800)?.highest?.meets],
    [790, true],
  )
  assert.equal(objectiveOf(5_200)?.highest?.meets, false)
  assert.equal(objectiveOf(4_800)?.isBeyondGrid, false)
  const none = curveFigures([block(0, grid(slo))], ['tls'], options)[0]?.objective
  assert.deepEqual([none?.sloP99Us, none?.highest], [5_000, null])
})

test('a p99 of too few samples is none', () => {
  assert.equal(windowP99Us(window(100, 1_000, 'grid', { requests: 999 })), null)
  assert.equal(windowP99Us(window(100, 1_000, 'grid')), 1_000)
})

test('runs of one rate have no curve', () => {
  const { stage: _, ...plain } = window(100, 1_000, 'grid')
  assert.deepEqual(curveFigures([block(0, [plain])], ['tls'], options), [])
})
