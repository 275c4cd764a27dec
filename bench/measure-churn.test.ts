import assert from 'node:assert/strict'
import test from 'node:test'
import type { OutsideWorld } from './blocks.ts'
import { decodeHistogram, recordAll, sampleCount } from './load/histogram.ts'
import {
  churnRequest,
  emptyHistograms,
  measureChurn,
  type ChurnArmSource,
  type ChurnPlan,
  type ChurnRequest,
  type ChurnSliceReading,
} from './measure-churn.ts'

const plan: ChurnPlan = {
  seed: 7,
  minBlocks: 2,
  maxBlocks: 2,
  budgetMs: null,
  warmupRequests: 40,
  slowRequestUs: 80,
  slowWarmupCpuMs: 600,
  maxSliceRequests: 20,
  uses: [
    { policy: 'full', requestsPerConnection: 1 },
    { policy: 'full', requestsPerConnection: 10 },
    { policy: 'keep-alive', requestsPerConnection: null },
  ],
  slices: 4,
  sliceRequests: 100,
  minConnections: 8,
  maxConnections: 40,
  warmupConnections: 6,
}

test('a storm is as many connections as clients, with one request each', () => {
  const storm = { policy: 'full', requestsPerConnection: 1, clients: 500 } as const
  assert.deepEqual(churnRequest(storm, plan), { ...storm, connections: 500, requests: 500 })
})

const world = (events: string[] = [], signal = new AbortController().signal): OutsideWorld => ({
  signal,
  onEvent: (event) => events.push(event.kind),
  nowMs: () => 0,
  timestamp: () => '2025-01-01T00:00:00.000Z',
})

function readingOf({ connections, requests }: ChurnRequest): ChurnSliceReading {
  const histograms = emptyHistograms()
  recordAll(histograms.response, new Float64Array(requests).fill(100))
  recordAll(histograms.tls, new Float64Array(connections ?? 0).fill(900))
  return {
    slice: {
      connections: connections ?? 0,
      concurrency: 8,
      requests,
      wallUs: 1,
      cpuUs: 1,
      issuerCpuUs: null,
      clientCpuUs: 1,
      runQueueUs: null,
      stealUs: null,
      foreignCpuUs: null,
      clientRunQueueUs: null,
      eventLoopUtilization: 0,
      clientEventLoopUtilization: 0,
      gcUs: 0,
      rssBytes: 1,
      handshakesFull: connections ?? 0,
      handshakesResumed: 0,
      connectionsRefused: 0,
      handshakesFailed: 0,
      bytesReceived: 1,
    },
    histograms,
  }
}

function fake(
  id: string,
  steps: string[],
  churn?: (request: ChurnRequest, death: AbortController) => void,
): ChurnArmSource {
  return {
    id,
    start() {
      steps.push(`start ${id}`)
      const death = new AbortController()
      return Promise.resolve({
        id,
        connections: 8,
        died: death.signal,
        pin: () => steps.push(`pin ${id}`),
        slice: ({ requests }: { requests: number }) => {
          steps.push(`warm ${id} ${requests}`)
          return Promise.resolve({ requests, cpuUs: 30 * requests, wallUs: 40 * requests } as never)
        },
        churn(request: ChurnRequest) {
          const { policy, requestsPerConnection, connections } = request
          steps.push(
            `churn ${id} ${policy} ${requestsPerConnection ?? 'inf'} ${connections ?? '-'}`,
          )
          churn?.(request, death)
          return Promise.resolve(readingOf(request))
        },
        [Symbol.asyncDispose]: () => {
          steps.push(`stop ${id}`)
          return Promise.resolve()
        },
      })
    },
  }
}

test('a slice has so many connections as make its requests, within bounds', () => {
  const table = [
    // 100 / 1 is more than 40; 100 / 10; 100 / 100 is fewer than 8.
    [1, 40, 40],
    [10, 10, 100],
    [100, 8, 800],
    [null, null, 100],
  ] as const
  for (const [requestsPerConnection, connections, requests] of table) {
    const request = churnRequest({ policy: 'full', requestsPerConnection }, plan)
    assert.deepEqual([request.connections, request.requests], [connections, requests])
  }
})

test('a block: all start, warm with requests and with handshakes, are pinned, then rounds there and back', async () => {
  const steps: string[] = []
  const events: string[] = []
  const blocks = await measureChurn([fake('a', steps), fake('b', steps)], plan, world(events))
  assert.deepEqual(
    blocks.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['measured', null],
      ['measured', null],
    ],
  )
  const first = steps.slice(
    0,
    steps.findIndex((step) => step.startsWith('stop')),
  )
  assert.deepEqual(
    first.slice(0, 2).map((step) => step.split(' ')[0]),
    ['start', 'start'],
  )
  const pinned = first.findLastIndex((step) => step.startsWith('pin'))
  const warming = first.slice(2, pinned - 1)
  // Each arm on its own: 20 and 20 requests, then 6 connections of each use.
  const own = warming.filter((step) => step.includes(' a '))
  assert.deepEqual(own, [
    'warm a 20',
    'warm a 20',
    'churn a full 1 6',
    'churn a full 1 6',
    'churn a keep-alive inf -',
  ])
  const recorded = first.slice(pinned + 1)
  // Two arms, three uses, four slices; each round of six and its reverse.
  assert.equal(recorded.length, 24)
  for (const start of [0, 12]) {
    const there = recorded.slice(start, start + 6)
    assert.equal(new Set(there).size, 6)
    assert.deepEqual(recorded.slice(start + 6, start + 12), there.toReversed())
  }
  assert.equal(events.filter((kind) => kind === 'slice').length, 48)
})

test('cells hold all slices of an arm in a use, their samples merged', async () => {
  const [block] = await measureChurn(
    [fake('a', [])],
    { ...plan, minBlocks: 1, maxBlocks: 1 },
    world(),
  )
  const cells = block?.churn ?? []
  assert.deepEqual(block?.slices, [])
  const told = cells
    .map(({ policy, requestsPerConnection, slices, histograms }) => [
      policy,
      requestsPerConnection,
      slices.length,
      sampleCount(decodeHistogram(histograms.response)),
      histograms.tls === null ? null : sampleCount(decodeHistogram(histograms.tls)),
    ])
    .sort()
  assert.deepEqual(told, [
    ['full', 1, 4, 160, 160],
    ['full', 10, 4, 400, 40],
    ['keep-alive', null, 4, 400, null],
  ])
  const positions = cells.flatMap(({ slices }) => slices.map(({ position }) => position))
  assert.deepEqual(
    positions.sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index),
  )
})

test('what goes wrong ends the measuring, named, with what was measured before', async () => {
  const steps: string[] = []
  let slices = 0
  const source = fake('a', steps, (_, death) => {
    slices += 1
    if (slices === 20) death.abort(new Error('server a ended with SIGKILL'))
  })
  const blocks = await measureChurn([source], plan, world())
  assert.deepEqual(
    blocks.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['measured', null],
      ['failed', 'server a ended with SIGKILL'],
    ],
  )
  assert.equal(steps.at(-1), 'stop a')
})
