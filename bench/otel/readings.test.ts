import assert from 'node:assert/strict'
import test from 'node:test'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Block, ChurnCell, Window } from '../results.ts'
import { createIdentity } from './identity.ts'
import { beginningReadings, blockReadings, windowReadings, type Reading } from './readings.ts'

const run = syntheticRun({ arms: combinedArms(), blocks: 1 })
const identity = createIdentity()
identity.learn(run)
const { who } = identity
const [first] = run.blocks
assert.ok(first !== undefined)
const empty: Block = { ...first, slices: [], histograms: [] }

/** Sum of what is added to an instrument, where the attributes have these values. */
function added(
  readings: readonly Reading[],
  instrument: Reading['instrument'],
  attributes: Readonly<Record<string, string | number>> = {},
): number | null {
  const found = readings.filter(
    (one) =>
      one.instrument === instrument &&
      Object.entries(attributes).every(([key, value]) => one.attributes[key] === value),
  )
  return found.length === 0
    ? null
    : found.reduce((sum, one) => sum + (one.kind === 'add' ? one.amount : 0), 0)
}

const sensed = {
  clientCpuUs: 500_000,
  clientEventLoopUtilization: 0,
  clientRunQueueUs: null,
  cpuUs: 250_000,
  foreignCpuUs: null,
  gcUs: null,
  handshakesFull: 3,
  handshakesResumed: 2,
  issuerCpuUs: null,
  rssBytes: null,
  runQueueUs: null,
  stealUs: null,
  wallUs: 2_000_000,
}

const [recorded] = [createHistogram()].map((histogram) => {
  recordAll(histogram, Float64Array.from([100, 200]))
  return encodeHistogram(histogram)
})
const histogram = recorded ?? ''

const window: Window = {
  ...sensed,
  arm: 'tls',
  plan: {
    ratePerSecond: 50,
    arrivals: 'constant',
    durationMs: 2_000,
    seed: 1,
    connections: 8,
    maxConnections: 64,
    timeoutMs: 1_000,
  },
  requests: 100,
  answered: 90,
  timeouts: 3,
  errors: { 'wrong status: 503 instead of 200': 5, 'connect ECONNREFUSED 127.0.0.1:1': 2 },
  scheduleUs: 1,
  sendingUs: 1,
  bytesReceived: 1,
  connectionsOpened: 8,
  maxOutstanding: 1,
  spinUs: 0,
  histograms: {
    response: histogram,
    service: histogram,
    queueWait: histogram,
    lateness: histogram,
  },
}

test('a block of slices: requests, CPU and handshakes add up to those of the slices', () => {
  const readings = blockReadings(first, identity.run(), who)
  const sum = (figure: (slice: Block['slices'][number]) => number) =>
    first.slices.reduce((total, slice) => total + figure(slice), 0)
  assert.equal(added(readings, 'blocks', { 'trustbench.outcome': 'measured' }), 1)
  assert.equal(
    added(readings, 'requests'),
    sum(({ requests }) => requests),
  )
  const cpuSeconds = added(readings, 'cpuTime', { 'trustbench.role': 'server' }) ?? 0
  assert.ok(Math.abs(cpuSeconds * 1e6 - sum(({ cpuUs }) => cpuUs ?? 0)) < 1)
  assert.equal(
    added(readings, 'handshakes', { 'trustbench.handshake.kind': 'full' }),
    sum(({ handshakesFull }) => handshakesFull),
  )
  // One histogram for each that the block has: nothing is counted by the request.
  assert.equal(readings.filter(({ kind }) => kind === 'merge').length, first.histograms.length)
})

test('who: run, scenario and arm, and nothing that a request could change', () => {
  const keys = new Set(
    blockReadings(first, identity.run(), who).flatMap(({ attributes }) => Object.keys(attributes)),
  )
  assert.deepEqual([...keys].sort(), [
    'http.response.status_code',
    'trustbench.arm',
    'trustbench.connections',
    'trustbench.handshake.kind',
    'trustbench.load',
    'trustbench.outcome',
    'trustbench.role',
    'trustbench.run.id',
    'trustbench.scenario',
  ])
})

test('a window: outcomes add up to its requests, errors are told by kind', () => {
  const readings = windowReadings(window, who)
  const outcomes = ['answered', 'timeout', 'failed'].map((name) =>
    added(readings, 'requests', { 'trustbench.outcome': name }),
  )
  assert.deepEqual(outcomes, [90, 3, 7])
  const kinds = ['503', 'ECONNREFUSED', 'timeout'].map((kind) =>
    added(readings, 'errors', { 'error.type': kind }),
  )
  assert.deepEqual(kinds, [5, 2, 3])
  assert.deepEqual([added(readings, 'loadTime'), added(readings, 'errors')], [2, 10])
  // Null is no figure.
  assert.equal(added(readings, 'cpuTime', { 'trustbench.role': 'issuer' }), null)
})

test('a window that begins has the series that it will move, and its rate', () => {
  const begun = beginningReadings(window, who)
  assert.deepEqual(
    begun.filter(({ kind }) => kind === 'set').map((one) => 'value' in one && one.value),
    [50],
  )
  const series = ({ instrument, attributes }: Reading) => JSON.stringify([instrument, attributes])
  const later = new Set(windowReadings(window, who).map(series))
  const early = begun.filter(({ kind }) => kind !== 'set').map(series)
  assert.deepEqual(
    early.filter((one) => !later.has(one)),
    [],
  )
})

test('new connections: by policy, with handshakes of both kinds and those refused', () => {
  const cell: ChurnCell = {
    arm: 'tls',
    policy: 'resumed',
    requestsPerConnection: 1,
    slices: [0, 1].map((position) => ({
      ...sensed,
      position,
      connections: 5,
      concurrency: 1,
      requests: 5,
      eventLoopUtilization: null,
      handshakesFull: 3,
      handshakesResumed: 2,
      connectionsRefused: position,
      handshakesFailed: null,
      bytesReceived: 1,
    })),
    histograms: { tcp: null, tls: null, firstByte: null, response: histogram },
  }
  const readings = blockReadings({ ...empty, churn: [cell] }, identity.run(), who)
  const use = { 'trustbench.policy': 'resumed', 'trustbench.requests_per_connection': 1 }
  assert.deepEqual(
    [
      added(readings, 'requests', use),
      added(readings, 'handshakes', { ...use, 'trustbench.handshake.kind': 'resumed' }),
      added(readings, 'errors', { ...use, 'error.type': 'connection_refused' }),
    ],
    [10, 4, 1],
  )
})

test('a target whose CPU is known by the block', () => {
  const counted = [{ arm: 'a', cpuUs: 1e6, requests: 1, wallUs: 1, resolutionMs: null }]
  const readings = blockReadings({ ...empty, counted }, identity.run(), who)
  assert.equal(added(readings, 'cpuTime', { 'trustbench.role': 'server' }), 1)
})
