import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Slice } from '../results.ts'
import { gatedMetrics, metricNames, metrics, PRIMARY_METRIC, type MetricName } from './metrics.ts'

const slice: Slice = {
  arm: 'tls',
  position: 0,
  load: 'duet',
  connections: 8,
  requests: 100,
  wallUs: 5_000,
  cpuUs: 4_000,
  issuerCpuUs: 1_000,
  clientCpuUs: 3_000,
  runQueueUs: null,
  stealUs: null,
  foreignCpuUs: null,
  clientRunQueueUs: null,
  eventLoopUtilization: 0.8,
  clientEventLoopUtilization: 0.6,
  gcUs: 0,
  rssBytes: 70,
  handshakesFull: 3,
  handshakesResumed: 1,
  statuses: { 200: 100 },
  latencyP50Us: 400,
  bytesReceived: 40_000,
}
/** Twice the requests at one and a half times the cost, and more memory. */
const dearer: Slice = { ...slice, requests: 200, cpuUs: 12_000, wallUs: 10_000, rssBytes: 90 }

test('a block’s value is read from totals of its slices, memory as the most seen', () => {
  const expected: Partial<Record<MetricName, number>> = {
    // 16,000 / 300, not the mean of 40 and 60.
    cpuUsPerRequest: 16_000 / 300,
    issuerCpuUsPerRequest: 2_000 / 300,
    clientCpuUsPerRequest: 20,
    // 300 requests in 15 ms.
    requestsPerSecond: 20_000,
    rssBytes: 90,
    bytesPerRequest: 80_000 / 300,
    handshakesFull: 6,
    handshakesResumed: 2,
    resumedShare: 0.25,
  }
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(perBlock(name, [slice, dearer]), value, name)
  }
})

test('unknown is null, never 0, and a share of nothing is unknown', () => {
  const unknown = { ...slice, issuerCpuUs: null }
  assert.equal(perBlock('issuerCpuUsPerRequest', [slice, unknown]), null)
  const quiet = { ...slice, handshakesFull: 0, handshakesResumed: 0 }
  assert.equal(perBlock('resumedShare', [quiet]), null)
  assert.equal(perBlock('handshakesFull', [quiet]), 0)
  for (const name of metricNames) {
    if (metrics[name].source.kind === 'slices') assert.equal(perBlock(name, []), null, name)
  }
})

test('the gated metrics are CPU and p50: what is paired, with a noise floor', () => {
  assert.deepEqual(gatedMetrics, ['cpuUsPerRequest', 'latencyP50Us'])
  assert.equal(PRIMARY_METRIC, 'cpuUsPerRequest')
  assert.deepEqual(
    gatedMetrics.map((name) => metrics[name].perSlice?.(slice)),
    [40, 400],
  )
  for (const name of metricNames) {
    assert.equal(metrics[name].noiseFloor === null, !gatedMetrics.includes(name), name)
  }
})

test('requests/s come from the saturating load, costs and latencies from the paired slices', () => {
  const loads = metricNames.flatMap((name) => {
    const { source } = metrics[name]
    return source.kind === 'slices' && source.load === 'saturation' ? [name] : []
  })
  assert.deepEqual(loads, ['requestsPerSecond'])
})

test('percentiles need samples: p99 1,000 and p99.9 10,000', () => {
  const minimum = (name: MetricName) => {
    const { source } = metrics[name]
    return source.kind === 'merged-percentile' ? source.minimumSamples : null
  }
  assert.deepEqual(
    [minimum('latencyP90Us'), minimum('latencyP99Us'), minimum('latencyP999Us')],
    [100, 1_000, 10_000],
  )
})

function perBlock(name: string, slices: readonly Slice[]): number | null | undefined {
  const found = metricNames.find((known) => known === name)
  const source = found === undefined ? null : metrics[found].source
  return source?.kind === 'slices' ? source.perBlock(slices) : undefined
}
