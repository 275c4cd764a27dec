import assert from 'node:assert/strict'
import test from 'node:test'
import type { Snapshot } from '../servers/telemetry.ts'
import { measureChurnSlice, type ChurnScene } from './churn-slices.ts'
import { emptyHistograms, type ChurnRequest } from './measure-churn.ts'

const zero: Snapshot = {
  handlerCalls: 0,
  requests: 0,
  responses: {},
  handshakesFull: 0,
  handshakesResumed: 0,
  handshakesFailed: 0,
  connectionsOpen: 0,
  refusals: {},
  cpuUs: 0,
  eventLoopActiveUs: 0,
  eventLoopIdleUs: 0,
  gcUs: 0,
  rssBytes: 0,
  heapUsedBytes: 0,
  counters: {},
}

/** A server that counted `counts`, whatever the client did; a client that was refused so often. */
function scene(counts: Partial<Snapshot>, refused: Record<string, number> = {}): ChurnScene {
  let asked = 0
  return {
    client: {
      run: ({ connections, requestsPerConnection }) =>
        Promise.resolve({
          ...emptyHistograms(),
          connections,
          requests: connections * requestsPerConnection,
          refused,
          resumed: 0,
          wallUs: 1,
          bytesReceived: 1,
        }),
    },
    pool: { run: () => Promise.reject(new Error('not asked')) } as never,
    concurrency: 8,
    tls: true,
    server: {
      snapshot: () => Promise.resolve((asked += 1) === 1 ? zero : { ...zero, ...counts }),
    } as never,
    sensors: {
      start: () => Promise.resolve({}),
      end: () => Promise.resolve({}),
      between: () => ({}),
    } as never,
  }
}

const request = (policy: 'full' | 'resumed'): ChurnRequest => ({
  policy,
  requestsPerConnection: 2,
  connections: 200,
  requests: 400,
})
const answered = { requests: 400, handlerCalls: 400, responses: { 200: 400 } }

const right: [string, ChurnRequest, Partial<Snapshot>][] = [
  ['full', request('full'), { ...answered, handshakesFull: 200 }],
  ['all resumed', request('resumed'), { ...answered, handshakesResumed: 200 }],
  ['99 % resumed', request('resumed'), { ...answered, handshakesResumed: 198, handshakesFull: 2 }],
]
for (const [name, asked, counts] of right) {
  test(`is a slice: ${name}`, async () => {
    const { slice } = await measureChurnSlice(scene(counts), asked)
    assert.deepEqual([slice.connections, slice.requests], [200, 400])
    assert.deepEqual([slice.connectionsRefused, slice.handshakesFailed], [0, 0])
  })
}

const wrong: [string, ChurnRequest, Partial<Snapshot>, RegExp, Record<string, number>?][] = [
  [
    'a full handshake that was resumed',
    request('full'),
    { ...answered, handshakesFull: 199, handshakesResumed: 1 },
    /\(full, 2 requests each\).*counted 1 resumed handshakes where none was to be/,
  ],
  [
    'fewer than 99 % resumed',
    request('resumed'),
    { ...answered, handshakesResumed: 197, handshakesFull: 3 },
    /resumed 197 of 200 sessions, 198 at least were to be/,
  ],
  [
    'a connection that the server has not seen',
    request('full'),
    { ...answered, handshakesFull: 199 },
    /counted 199 handshakes instead of 200/,
  ],
  [
    'a request that the server has not seen',
    request('full'),
    { ...answered, requests: 399, handshakesFull: 200 },
    /counted 399 requests instead of 400/,
  ],
  [
    'a handler that ran too often',
    request('full'),
    { ...answered, handlerCalls: 401, handshakesFull: 200 },
    /counted 401 handler calls instead of 400/,
  ],
  [
    'refusals, on both sides',
    request('full'),
    { ...answered, handshakesFull: 200, handshakesFailed: 3 },
    /refused, 3 by the server's count and 2 by the client's \(alert certificate required\)/,
    { 'alert certificate required': 2 },
  ],
]
for (const [name, asked, counts, message, refused] of wrong) {
  test(`is no slice: ${name}`, async () => {
    await assert.rejects(measureChurnSlice(scene(counts, refused), asked), {
      code: 'measurement-failed',
      message,
    })
  })
}
